"""Turns an error code of ESS or of its SDK into an exception of `errors`.

Sources: the RemoveInstances page of the ESS manual, the common error tables of ESS and ECS, and
the codes that the vendor's Terraform provider handles (InvalidOperation.Conflict,
IncorrectInstanceStatus).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from scalein.errors import (
    ConfigurationError,
    Refused,
    ScaleInError,
    StaleSnapshot,
    TokenUsed,
    Transient,
    TryLater,
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

# Codes match by prefix: Throttling covers Throttling.User; the longest match holds. The sentences
# are not the server's, for its message could repeat a string to sign.
MEANINGS: dict[str, tuple[Callable[..., ScaleInError], str]] = {
    "InvalidScalingGroupId": (
        Refused,
        "this region and account have no such scaling group.",
    ),
    "IncorrectScalingGroupStatus": (_refused_by_state, "the scaling group is not Active."),
    "IncorrectLoadBalancerStatus": (
        _refused_by_state,
        "a load balancer of the group is not in a state that allows it.",
    ),
    "IncorrectDBInstanceStatus": (
        _refused_by_state,
        "a database of the group is not in a state that allows it.",
    ),
    "InvalidParameter": (
        Refused,
        "ESS does not accept a parameter, such as a removePolicy that the group lacks.",
    ),
    "MissingParameter": (Refused, "the call lacks a parameter that ESS requires."),
    "Missing": (Refused, "the call lacks a parameter that ESS requires."),
    "IdempotentParameterMismatch": (
        TokenUsed,
        "this message's token was sent before, with other instances.",
    ),
    "IDEMPOTENCE_SIGNATURE_MISMATCH": (
        TokenUsed,
        "this message's token was sent before, with other instances.",
    ),
    "IDEMPOTENCE_PROCESSING": (Transient, "the call that has this token is still being processed."),
    "UnsupportedOperation": (Refused, "ESS does not know this action."),
    "InvalidApi": (Refused, "ESS does not know this action."),
    "NoSuchVersion": (Refused, "ESS does not know this API version."),
    "ResourceNotAvailable": (Refused, "not available in this region or zone."),
    "Forbidden": (
        Refused,
        "not permitted: docs/operations.md lists the RAM actions that the function's role needs.",
    ),
    "NoPermission": (
        Refused,
        "not permitted: docs/operations.md lists the RAM actions that the function's role needs.",
    ),
    "Forbidden.Unauthorized": (
        Refused,
        "the ESS service role lacks a right: authorize Auto Scaling in RAM.",
    ),
    "InvalidInstanceId": (StaleSnapshot, "an instance is no longer in the group."),
    "IncorrectInstanceStatus": (
        StaleSnapshot,
        "an instance is no longer in a state that allows it.",
    ),
    "IncorrectCapacity.MinSize": (StaleSnapshot, "the group would fall below MinSize."),
    "ScalingActivityInProgress": (TryLater, "a scaling activity is in progress."),
    "InvalidOperation.Conflict": (TryLater, "another operation is in progress."),
    "Throttling": (_without_effect, "throttled."),
    "InternalError": (Transient, "ESS had an internal error."),
    "ServiceUnavailable": (Transient, "ESS is unavailable."),
    "SignatureNonceUsed": (Transient, "the call arrived twice."),
    "InvalidTimeStamp": (TryLater, "this machine's clock is off by more than 15 minutes."),
    "InvalidSecurityToken.Expired": (TryLater, "the temporary credentials expired."),
    "InvalidSecurityToken": (
        _misconfigured,
        "the security token does not belong to the access key.",
    ),
    "InvalidAccessKeyId": (_misconfigured, "the access key does not exist or is disabled."),
    "SignatureDoesNotMatch": (_misconfigured, "the access key secret is wrong."),
    "InvalidAccessKeySecret": (_misconfigured, "the access key secret is wrong."),
    "SDK.HttpError": (Transient, "no connection, or no answer in time."),
    "SDK.ServerUnreachable": (Transient, "no connection, or no answer in time."),
    "SDK.EndpointResolvingError": (
        _misconfigured,
        "the SDK knows no ESS endpoint for this region.",
    ),
    "SDK.EndpointTestability": (
        _misconfigured,
        "the SDK knows no ESS endpoint for this region.",
    ),
    "SDK.InvalidRegionId": (_misconfigured, "the SDK does not know this region."),
    "SDK.InvalidCredential": (_misconfigured, "the SDK does not accept these credentials."),
    "SDK": (Refused, "the SDK refuses to send this call."),
}


def error_of(
    action: str, code: str, status: int | None, ess_request_id: str | None = None
) -> ScaleInError:
    """Returns the exception for a code of ESS, with the HTTP status, or of the SDK, without one.

    It never quotes a server's message.
    """
    make, sentence = _meaning(code) or _meaning_of_status(status)
    return make(action, printable(code), sentence, ess_request_id)


def error_without_code(action: str, status: int) -> Transient:
    """Returns the exception for an answer without ESS's own error body, whatever its status: such
    an answer proves nothing about what ESS did.
    """
    if status == 200:
        return Transient(action, "NotJson", "the answer is not a JSON object that ESS sends.")
    return Transient(action, f"HTTP {status}", "a proxy or gateway answered, and not ESS.")


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


def _meaning(code: str) -> tuple[Callable[..., ScaleInError], str] | None:
    best = max((known for known in MEANINGS if _covers(known, code)), key=len, default=None)
    return MEANINGS[best] if best else None


def _covers(known: str, code: str) -> bool:
    # ESS appends the parameter's name: MissingScalingGroupId, InvalidScalingGroupId.NotFound.
    return (
        code == known
        or code.startswith(f"{known}.")
        or (known == "Missing" and code.startswith("Missing"))
    )


def _meaning_of_status(status: int | None) -> tuple[Callable[..., ScaleInError], str]:
    if status == 429:
        return _without_effect, "throttled."
    if status is None or status >= 500:
        return Transient, "ESS, or a gateway before it, failed."
    return Refused, "ESS does not accept this call."
