"""Who a key belongs to, and what it may do: RAM users, roles, and sessions of roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from localcloud import errors
from localcloud.clock import SystemClock
from localcloud.ram import RolePolicy, statements_of
from localcloud.wire import Params


class Role(NamedTuple):
    """A RAM role."""

    arn: str  # acs:ram::ACCOUNT:role/NAME
    account_id: str
    trust: list[dict[str, Any]]  # statements of the trust policy: who may assume it
    policy: RolePolicy
    max_seconds: int = 3_600  # of a session

    def trusts(self, account_id: str, caller_arn: str) -> bool:
        """Whether a RAM user or role of an account may assume the role; a Deny outranks."""
        names = {f"acs:ram::{account_id}:root", caller_arn.lower()}
        effects = {
            statement.get("Effect")
            for statement in self.trust
            for principal in _listed(statement.get("Principal", {}).get("RAM", []))
            if str(principal).lower() in names
        }
        return effects == {"Allow"}


class Session(NamedTuple):
    """A role that was assumed."""

    role: Role
    name: str
    token: str
    expires_at: datetime


@dataclass
class Identities:
    """Roles by ARN; policies and sessions by access key id. A key without a policy may do all."""

    roles: dict[str, Role] = field(default_factory=dict)
    policies: dict[str, tuple[RolePolicy, ...]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    now: Callable[[], datetime] = SystemClock().now  # of the cloud: sessions end by its clock

    def check_session(self, key_id: str, token: str | None, now: datetime) -> None:
        """Raises ApiError where a session's key comes without its token, or too late."""
        session = self.sessions.get(key_id)
        if session is None:
            return
        if not token:
            raise errors.SecurityTokenMissing()
        if token != session.token:
            raise errors.SecurityTokenMalformed()
        if now >= session.expires_at:
            raise errors.SecurityTokenExpired()

    def permits(self, key_id: str, params: Params) -> bool:
        """Whether the key may make the call: each of its policies must permit it."""
        return all(policy.permits(params) for policy in self.policies.get(key_id, ()))

    def permits_in_place(self, key_id: str, product: str, action: str, resource: str) -> bool:
        """As `permits`, of an action that is no RPC; the resource is in the policy's place."""
        for policy in self.policies.get(key_id, ()):
            arn = f"acs:{product}:{policy.region_id}:{policy.account_id}:{resource}"
            if not policy.permits_action(f"{product}:{action}", arn):
                return False
        return True


def role_of(entry: Mapping[str, Any], account_id: str, region_id: str) -> Role:
    """Returns the role that a fleet file describes. Raises PolicyError."""
    account_id = entry.get("accountId", account_id)
    trust = entry.get("assumeRolePolicyDocument", {"Statement": []})["Statement"]
    statements = [s for policy in entry.get("policies", ()) for s in statements_of(policy)]
    arn = f"acs:ram::{account_id}:role/{entry['roleName'].lower()}"
    policy = RolePolicy(statements, account_id, region_id)
    return Role(arn, account_id, trust, policy, entry.get("maxSessionDuration", 3_600))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
