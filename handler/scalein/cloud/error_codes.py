"""Turns an error code of ESS or of its SDK into an exception of `errors`.

Sources: the RemoveInstances page of the ESS manual, the common error tables of ESS and ECS, and
the codes that the vendor's Terraform provider handles (InvalidOperation.Conflict,
IncorrectInstanceStatus).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from scalein.errors import (
    ConfigurationError,
    Refused,
    ScaleInError,
    StaleSnapshot,
    TokenUsed,
    Transient,
    TryLater,
    service_of,
)


def _misconfigured(
    action: str,
    code: str,
    sentence: str,
    ess_request_id: str | None,  # noqa: ARG001 (as the other errors have it)
) -> ConfigurationError:
    return ConfigurationError(f"{action}: {code}: {sentence}")


_refused_by_state = partial(Refused, is_by_state=True)
_without_effect = partial(Transient, may_have_happened=False)


class Meaning(NamedTuple):
    """What a code means. `sentence` follows action and code; {service} is the service's name."""

    make: Callable[..., ScaleInError]
    sentence: str
    what_to_do: str  # the message of an error that no retry heals has it, docs/operations.md too


GRANT_RIGHTS = (
    "The function's role lacks a right; the message names the action and the ARN. Add a scaling "
    "group's ARN to `ScalingGroupArns` of the template, or allow the action in the role's RAM "
    "policy."
)
CHECK_ACCOUNT = "Not a right of the role: the code says what the account lacks."
CHECK_ENDPOINT = "The endpoint is not ESS: check `SCALEIN_ESS_ENDPOINT`."
REPORT = "Not expected: report it."
GROUP_CHANGED = "Nothing: the group changed while it was read."
CHECK_NETWORK = "If it persists: network (VPC, NAT), or the service itself."
NEW_REQUEST_ID = "A new request needs a new `requestId`."
FIX_CREDENTIALS = "Give the function its RAM role, or fix `ALIBABA_CLOUD_ACCESS_KEY_*`."
FIX_REGION = "Fix `SCALEIN_REGION_ID`, or set `SCALEIN_ESS_ENDPOINT`."

NOT_PERMITTED = Meaning(Refused, "not permitted.", GRANT_RIGHTS)
ACCOUNT_BARRED = Meaning(Refused, "the account may not use {service} for this.", CHECK_ACCOUNT)
PARAMETER_MISSING = Meaning(Refused, "the call lacks a parameter that {service} requires.", REPORT)
ACTION_UNKNOWN = Meaning(Refused, "{service} does not know this action.", CHECK_ENDPOINT)
TOKEN_USED = Meaning(
    TokenUsed, "this message's token was sent before, with other instances.", NEW_REQUEST_ID
)
SECRET_WRONG = Meaning(_misconfigured, "the access key secret is wrong.", FIX_CREDENTIALS)
NO_CONNECTION = Meaning(Transient, "no connection, or no answer in time.", CHECK_NETWORK)
NO_ENDPOINT = Meaning(
    _misconfigured, "the SDK knows no {service} endpoint for this region.", FIX_REGION
)

# Codes match by prefix: Throttling covers Throttling.User; the longest match holds. The sentences
# are not the server's, for its message could repeat a string to sign.
MEANINGS: dict[str, Meaning] = {
    "InvalidScalingGroupId": Meaning(
        Refused,
        "this region and account have no such scaling group.",
        "Check the id, the region (`SCALEIN_REGION_ID`) and the account.",
    ),
    "IncorrectScalingGroupStatus": Meaning(
        _refused_by_state, "the scaling group is not Active.", "Enable it if it is Inactive."
    ),
    "IncorrectLoadBalancerStatus": Meaning(
        _refused_by_state,
        "a load balancer of the group is not in a state that allows it.",
        "Check the group's load balancers: one is stopped, or deleted.",
    ),
    "IncorrectDBInstanceStatus": Meaning(
        _refused_by_state,
        "a database of the group is not in a state that allows it.",
        "Check the group's databases: one is not running.",
    ),
    "InvalidParameter": Meaning(
        Refused,
        "{service} does not accept a parameter.",
        "Usually the group does not support the `removePolicy`.",
    ),
    "ResourceNotAvailable": Meaning(
        Refused,
        "not available in this region or zone.",
        "Check the region (`SCALEIN_REGION_ID`).",
    ),
    "Forbidden": NOT_PERMITTED,
    "NoPermission": NOT_PERMITTED,
    "Forbidden.Unsubscribed": ACCOUNT_BARRED,
    "Forbidden.UserVerification": ACCOUNT_BARRED,
    "Forbidden.RiskControl": ACCOUNT_BARRED,
    "Forbidden.Unauthorized": Meaning(
        Refused,
        "the service role of Auto Scaling lacks a right.",
        "Authorize Auto Scaling itself in RAM (its service role).",
    ),
    "UnsupportedOperation": ACTION_UNKNOWN,
    "InvalidApi": ACTION_UNKNOWN,
    "NoSuchVersion": Meaning(Refused, "{service} does not know this API version.", CHECK_ENDPOINT),
    "MissingParameter": PARAMETER_MISSING,
    "Missing": PARAMETER_MISSING,
    "SDK": Meaning(Refused, "the SDK refuses to send this call.", REPORT),
    "InvalidInstanceId": Meaning(
        StaleSnapshot, "an instance is no longer in the group.", GROUP_CHANGED
    ),
    "IncorrectInstanceStatus": Meaning(
        StaleSnapshot, "an instance is no longer in a state that allows it.", GROUP_CHANGED
    ),
    "IncorrectCapacity.MinSize": Meaning(
        StaleSnapshot, "the group would fall below MinSize.", GROUP_CHANGED
    ),
    "ScalingActivityInProgress": Meaning(
        TryLater, "a scaling activity is in progress.", "Wait for the activity that runs."
    ),
    "InvalidOperation.Conflict": Meaning(
        TryLater, "another operation is in progress.", "Wait for the activity that runs."
    ),
    "Throttling": Meaning(
        _without_effect, "throttled.", "If it persists, something calls ESS too often."
    ),
    "InternalError": Meaning(Transient, "{service} had an internal error.", CHECK_NETWORK),
    "ServiceUnavailable": Meaning(Transient, "{service} is unavailable.", CHECK_NETWORK),
    "SDK.HttpError": NO_CONNECTION,
    "SDK.ServerUnreachable": NO_CONNECTION,
    "SignatureNonceUsed": Meaning(
        Transient,
        "the call arrived twice.",
        "Something before the service repeats calls.",
    ),
    "InvalidTimeStamp": Meaning(
        TryLater,
        "this machine's clock is off by more than 15 minutes.",
        "A clock is off by more than 15 minutes.",
    ),
    "InvalidSecurityToken.Expired": Meaning(
        TryLater,
        "the temporary credentials expired.",
        "Nothing: the next invocation has new credentials.",
    ),
    "IDEMPOTENCE_PROCESSING": Meaning(
        Transient,
        "the call that has this token is still being processed.",
        "Nothing: the instances stay reserved until the result is known.",
    ),
    "IdempotentParameterMismatch": TOKEN_USED,
    "IDEMPOTENCE_SIGNATURE_MISMATCH": TOKEN_USED,
    "InvalidSecurityToken": Meaning(
        _misconfigured,
        "the security token does not belong to the access key.",
        FIX_CREDENTIALS,
    ),
    "InvalidAccessKeyId": Meaning(
        _misconfigured, "the access key does not exist or is disabled.", FIX_CREDENTIALS
    ),
    "SignatureDoesNotMatch": SECRET_WRONG,
    "InvalidAccessKeySecret": SECRET_WRONG,
    "SDK.InvalidCredential": Meaning(
        _misconfigured, "the SDK does not accept these credentials.", FIX_CREDENTIALS
    ),
    "SDK.EndpointResolvingError": NO_ENDPOINT,
    "SDK.EndpointTestability": NO_ENDPOINT,
    "InvalidRegionId": Meaning(_misconfigured, "{service} does not know this region.", FIX_REGION),
    "SDK.InvalidRegionId": Meaning(
        _misconfigured, "the SDK does not know this region.", FIX_REGION
    ),
}
LASTING = (Refused, _refused_by_state, _misconfigured)  # no retry heals them: a person has to act


def error_of(
    action: str, code: str, status: int | None, ess_request_id: str | None = None, arn: str = ""
) -> ScaleInError:
    """Returns the exception for a code of ESS, with the HTTP status, or of the SDK, without one.

    `arn`: of the scaling group that the call would change. It never quotes a server's message.
    """
    meaning = _meaning(code) or _meaning_of_status(status)
    sentence = meaning.sentence.format(service=service_of(action))
    if meaning is NOT_PERMITTED:
        sentence += f" {_missing_right(action, arn)}"
    elif meaning.make in LASTING:
        sentence += f" {meaning.what_to_do.replace('`', '')}"
    return meaning.make(action, printable(code), sentence.rstrip(), ess_request_id)


def scaling_group_arn(region_id: str, account_id: str, scaling_group_id: str) -> str:
    """Returns the ARN of a scaling group, as RAM policies name it. Without an account id it has
    ACCOUNT_ID in its place.
    """
    return f"acs:ess:{region_id}:{account_id or 'ACCOUNT_ID'}:scalinggroup/{scaling_group_id}"


def _missing_right(action: str, arn: str) -> str:
    """What to allow, and where."""
    if arn:
        note = " (ACCOUNT_ID stands for the account's id)" if "ACCOUNT_ID" in arn else ""
        return (
            f"Add {arn}{note} to ScalingGroupArns of the template, or allow ess:{action} and"
            " ess:DetachInstances on this ARN in the RAM policy of the function's role."
        )
    product = "cms" if action.startswith("DescribeMetric") else "ess"
    return (
        f"Allow {product}:{action} on * in the RAM policy of the function's role, as template.yml"
        " does."
    )


def error_without_code(action: str, status: int) -> Transient:
    """Returns the exception for an answer without ESS's own error body, whatever its status: such
    an answer proves nothing about what ESS did.
    """
    if status == 200:
        return Transient(action, "NotJson", "the answer is not a JSON object.")
    sentence = f"a proxy or gateway answered, and not {service_of(action)}."
    return Transient(action, f"HTTP {status}", sentence)


def is_label(value: object) -> bool:
    """Whether this may be an error's code or a request's id: every error body of ESS has both."""
    return isinstance(value, str) and 0 < len(value) <= 128 and value == printable(value, 128)


def printable(text: str, max_length: int = 80) -> str:
    """Returns the printable ASCII characters at the beginning of the text."""
    return "".join(
        character
        for character in text[:max_length]
        if character.isascii() and character.isprintable()
    )


def _meaning(code: str) -> Meaning | None:
    best = max((known for known in MEANINGS if _covers(known, code)), key=len, default=None)
    return MEANINGS[best] if best else None


def _covers(known: str, code: str) -> bool:
    # ESS appends the parameter's name: MissingScalingGroupId, InvalidScalingGroupId.NotFound.
    return (
        code == known
        or code.startswith(f"{known}.")
        or (known == "Missing" and code.startswith("Missing"))
    )


def _meaning_of_status(status: int | None) -> Meaning:
    if status == 429:
        return MEANINGS["Throttling"]
    if status is None or status >= 500:
        return Meaning(Transient, "{service}, or a gateway before it, failed.", CHECK_NETWORK)
    return Meaning(Refused, "{service} does not accept this call.", REPORT)
