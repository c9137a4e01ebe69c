"""Security Token Service (2015-04-01): AssumeRole and GetCallerIdentity.

Codes, messages and bounds: help page "AssumeRole" and OSS's page of errors when roles are assumed.
That an account's own key may not assume a role (NoPermission there) does not hold here: this
cloud's first key stands for a RAM user with all rights."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.answers import Reply
from localcloud.authenticator import Authenticator
from localcloud.identities import Role, Session
from localcloud.json_text import parse_json
from localcloud.ram import PolicyError, RolePolicy, statements_of
from localcloud.wire import Params

VERSION = "2015-04-01"
ACTIONS = ("AssumeRole", "GetCallerIdentity")
FREE = ("GetCallerIdentity",)  # needs no right: an assumption
MIN_SECONDS, DEFAULT_SECONDS = 900, 3_600
SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")
ROLE_ARN = re.compile(r"acs:ram::[0-9]+:role/[A-Za-z0-9._-]+")

NoPermission = errors.error_type(
    403,
    "NoPermission",
    "You are not authorized to do this action. You should be authorized by RAM.",
)
RoleNotFound = errors.error_type(404, "EntityNotExist.Role", "The specified Role not exists: {0}.")
WronglyFormed = errors.error_type(
    400, "InvalidParameter.{0}", "The parameter {0} is wrongly formed."
)
PolicyGrammar = errors.error_type(
    400, "InvalidParameter.PolicyGrammar", "The parameter Policy has not passed grammar check."
)
Duration = errors.error_type(
    400,
    "InvalidParameter.DurationSeconds",
    "The Min/Max value of DurationSeconds is 15min/{0}hr.",
)


class Caller(NamedTuple):
    """Whose key signed the call."""

    key_id: str
    account_id: str


def perform(
    authenticator: Authenticator, caller: Caller, params: Params, region_id: str, now: datetime
) -> Reply:
    """Performs the action that the parameters name; returns its reply. Raises ApiError."""
    action = params["Action"]
    if action == "AssumeRole":
        return _assume_role(authenticator, caller, params, region_id, now)
    if action == "GetCallerIdentity":
        return _caller_identity(authenticator, caller)
    raise errors.ApiNotFound()


def _assume_role(
    authenticator: Authenticator, caller: Caller, params: Params, region_id: str, now: datetime
) -> Reply:
    for name in ("RoleArn", "RoleSessionName"):
        if not params.get(name):
            raise errors.GatewayMissing(name)
    name, arn = params["RoleSessionName"], params["RoleArn"]
    if not SESSION_NAME.fullmatch(name):
        raise WronglyFormed("RoleSessionName")
    if not ROLE_ARN.fullmatch(arn):
        raise WronglyFormed("RoleArn")
    narrowing = _session_policies(params.get("Policy", ""))
    identities = authenticator.identities
    role = identities.roles.get(arn.lower())
    if role is None:
        raise RoleNotFound(arn)
    session = identities.sessions.get(caller.key_id)
    if not role.trusts(caller.account_id, session.role.arn if session else _user_arn(caller)):
        raise NoPermission()
    # What a session does is in the role's account, not in the caller's.
    policies = [RolePolicy(statements, role.account_id, region_id) for statements in narrowing]
    seconds = _seconds(params.get("DurationSeconds", ""), role.max_seconds)
    return _session(authenticator, role, name, (role.policy, *policies), now, seconds)


def _session(
    authenticator: Authenticator,
    role: Role,
    name: str,
    policies: tuple[RolePolicy, ...],
    now: datetime,
    seconds: int,
) -> Reply:
    key_id, secret, token = f"STS.{token_hex(10)}", token_hex(16), token_hex(32)
    expires_at = now + timedelta(seconds=seconds)
    identities = authenticator.identities
    authenticator.add_key(key_id, secret, role.account_id)
    identities.policies[key_id] = policies
    identities.sessions[key_id] = Session(role, name, token, expires_at)
    return {
        "AssumedRoleUser": {"Arn": f"{role.arn}/{name}", "AssumedRoleId": _role_id(role, name)},
        "Credentials": {
            "AccessKeyId": key_id,
            "AccessKeySecret": secret,
            "SecurityToken": token,
            "Expiration": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        },
    }


def _caller_identity(authenticator: Authenticator, caller: Caller) -> Reply:
    session = authenticator.identities.sessions.get(caller.key_id)
    if session is None:
        return {
            "IdentityType": "RAMUser",
            "AccountId": caller.account_id,
            "UserId": caller.key_id,
            "PrincipalId": caller.key_id,
            "Arn": _user_arn(caller),
        }
    id = _role_id(session.role, session.name)
    return {
        "IdentityType": "AssumedRoleUser",
        "AccountId": session.role.account_id,
        "RoleId": id.partition(":")[0],
        "PrincipalId": id,
        "Arn": f"{session.role.arn.replace(':role/', ':assumed-role/')}/{session.name}",
    }


def _user_arn(caller: Caller) -> str:
    return f"acs:ram::{caller.account_id}:user/{caller.key_id}"


def _role_id(role: Role, session_name: str) -> str:
    digits = sum(ord(letter) * 31**n for n, letter in enumerate(role.arn)) % 10**15
    return f"3{digits:015}:{session_name}"


def _seconds(text: str, max_seconds: int) -> int:
    """Parses DurationSeconds; a role limits it (MaxSessionDuration). Raises ApiError."""
    hours = str(max_seconds // 3_600)
    if text and not re.fullmatch("[0-9]{1,9}", text):
        raise Duration(hours)
    seconds = int(text or DEFAULT_SECONDS)
    if not MIN_SECONDS <= seconds <= max_seconds:
        raise Duration(hours)
    return seconds


def _session_policies(text: str) -> list[list[dict[str, Any]]]:
    """Returns the statements that narrow a session, if the call has a policy. Raises ApiError."""
    try:
        return [statements_of(dict(parse_json(text)))] if text else []
    except (PolicyError, TypeError, ValueError) as error:
        raise PolicyGrammar() from error
