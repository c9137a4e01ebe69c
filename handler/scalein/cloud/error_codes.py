"""The only module that knows ESS's error codes: each becomes one of ours, once, by code and status.

Sources: the RemoveInstances page of the ESS manual, the common error tables of ESS and ECS, and the codes that the
vendor's Terraform provider handles (InvalidOperation.Conflict, IncorrectInstanceStatus).
"""

from __future__ import annotations

from scalein.errors import (
    ConfigurationError,
    GatewayError,
    Refused,
    ScaleInError,
    StaleSnapshot,
    StateRefused,
    Throttled,
    TokenUsed,
    Transient,
    TryLater,
)

# A code stands for itself and for everything below it (`Throttling` for `Throttling.User`); the longest match holds.
# Sentences are ours where the server's own could repeat a string to sign.
MEANINGS: dict[str, tuple[type[GatewayError] | type[ConfigurationError], str]] = {
    "InvalidScalingGroupId": (
        Refused,
        "there is no such scaling group in this region and account.",
    ),
    "IncorrectScalingGroupStatus": (StateRefused, "the scaling group is not Active."),
    "IncorrectLoadBalancerStatus": (
        StateRefused,
        "a load balancer of the group is not in a state that allows it.",
    ),
    "IncorrectDBInstanceStatus": (
        StateRefused,
        "a database of the group is not in a state that allows it.",
    ),
    "InvalidParameter": (
        Refused,
        "ESS does not take a parameter, such as a removePolicy that the group lacks.",
    ),
    "MissingParameter": (Refused, "ESS misses a parameter."),
    "Missing": (Refused, "ESS misses a parameter."),
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
        "not permitted: see docs/operations.md for the RAM actions that the function's role needs.",
    ),
    "NoPermission": (
        Refused,
        "not permitted: see docs/operations.md for the RAM actions that the role needs.",
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
    "Throttling": (Throttled, "throttled."),
    "InternalError": (Transient, "ESS failed inside."),
    "ServiceUnavailable": (Transient, "ESS is unavailable."),
    "SignatureNonceUsed": (Transient, "the call arrived twice."),
    "InvalidTimeStamp": (TryLater, "this machine's clock is off by more than 15 minutes."),
    "InvalidSecurityToken.Expired": (TryLater, "the temporary credentials expired."),
    "InvalidSecurityToken": (
        ConfigurationError,
        "the security token does not belong to the access key.",
    ),
    "InvalidAccessKeyId": (ConfigurationError, "the access key does not exist or is disabled."),
    "SignatureDoesNotMatch": (ConfigurationError, "the access key secret is wrong."),
    "InvalidAccessKeySecret": (ConfigurationError, "the access key secret is wrong."),
    "SDK.HttpError": (Transient, "no connection, or no answer in time."),
    "SDK.ServerUnreachable": (Transient, "no connection, or no answer in time."),
    "SDK.EndpointResolvingError": (
        ConfigurationError,
        "the SDK knows no ESS endpoint for this region.",
    ),
    "SDK.EndpointTestability": (
        ConfigurationError,
        "the SDK knows no ESS endpoint for this region.",
    ),
    "SDK.InvalidRegionId": (ConfigurationError, "the SDK does not know this region."),
    "SDK.InvalidCredential": (ConfigurationError, "the SDK does not take these credentials."),
    "SDK": (Refused, "the SDK does not send this call."),
}


def error_of(
    action: str, code: str, status: int | None, ess_request_id: str | None = None
) -> ScaleInError:
    """Ours for a code of ESS, with the answer's status, or of the SDK, without. Never quotes a server's message."""
    meaning = _meaning(code)
    if meaning is None:
        kind, sentence = _by_status(status)
        return kind(action, printable(code), sentence, ess_request_id)
    found, sentence = meaning
    if issubclass(found, GatewayError):
        return found(action, printable(code), sentence, ess_request_id)
    return found(f"{action}: {printable(code)}: {sentence}")


def no_answer_of_ess(action: str, status: int) -> Transient:
    """Ours for an answer without ESS's own error body, whatever its status: it says nothing of what ESS did."""
    if status == 200:
        return Transient(action, "NotJson", "the answer is not a JSON object that ESS sends.")
    return Transient(action, f"HTTP {status}", "a proxy or gateway answered, and not ESS.")


def is_label(value: object) -> bool:
    """Whether this may be an error's code or a request's id: every error body of ESS has both."""
    return isinstance(value, str) and 0 < len(value) <= 128 and value == printable(value, 128)


def _meaning(code: str) -> tuple[type[GatewayError] | type[ConfigurationError], str] | None:
    best = max((known for known in MEANINGS if _covers(known, code)), key=len, default=None)
    return MEANINGS[best] if best else None


def _covers(known: str, code: str) -> bool:
    # The gateway glues the parameter's name on: MissingScalingGroupId, InvalidScalingGroupId.NotFound.
    return (
        code == known
        or code.startswith(f"{known}.")
        or (known == "Missing" and code.startswith("Missing"))
    )


def _by_status(status: int | None) -> tuple[type[GatewayError], str]:
    if status == 429:
        return Throttled, "throttled."
    if status is None or status >= 500:
        return Transient, "ESS, or a gateway before it, failed."
    return Refused, "ESS does not take this call."


def printable(text: str, most: int = 80) -> str:
    return "".join(
        character for character in text[:most] if character.isascii() and character.isprintable()
    )
