"""What the answer to an asynchronous invocation means; the same for 2.0 and 3.0."""

from __future__ import annotations

import json
from typing import Any

from scalein.cloud.error_codes import is_label
from scalein.cloud.transport import TransportError
from scalein.errors import TryLater

ACTION = "InvokeFunction"
CONNECT_SECONDS, MAX_CALL_SECONDS = 2.0, 5.0
ACCEPTED = 202  # the answer to an asynchronous invocation; any other success is a proxy's
# How the code of a repeated task id ends (help page "Task deduplication": with 409; an older one
# says 400). Any other 409 is a conflict of the function, or a proxy's: no task was scheduled.
ALREADY_EXISTS = "AlreadyExists"
CREDENTIALS = "Function Compute refuses the credentials: check the function's role."
SENTENCES = {  # by code (help page "Error codes")
    "AccessDenied": "Grant the function's role fc:InvokeFunction on this function.",
    "InvalidAccessKeyID": CREDENTIALS,
    "SignatureNotMatch": CREDENTIALS,
    **dict.fromkeys(
        ("FunctionNotFound", "ServiceNotFound", "VersionNotFound"),
        "Function Compute does not have this function. Set SCALEIN_FC_FUNCTION to FUNCTION"
        " (Function Compute 3.0) or SERVICE/FUNCTION (2.0), and check SCALEIN_FC_ENDPOINT.",
    ),
}
CLOCK = "The clock of this instance and that of Function Compute differ by over 15 minutes."
OTHER = "Function Compute does not accept the invocation."


def is_scheduled(status: int, body: bytes, request_id: object) -> bool:
    """Whether Function Compute took the invocation; False if it has that task id already.

    Raises TryLater.
    """
    if status == ACCEPTED:
        return True
    code = _code_of(body)
    if code.endswith(ALREADY_EXISTS) and 400 <= status < 500:
        return False
    raise TryLater(
        ACTION,
        f"HTTP {status} {code}".rstrip(),
        _sentence_for(code),  # the answer's own may repeat what was sent
        str(request_id) if is_label(request_id) else None,
    )


def _sentence_for(code: str) -> str:
    """What happened, and what to do. The codes of token and time are signature V3's."""
    if code.startswith("InvalidSecurityToken"):
        return CREDENTIALS
    return CLOCK if code.startswith("InvalidTimeStamp") else SENTENCES.get(code, OTHER)


def failure_of(error: Exception) -> TryLater:
    """Returns what to raise for a call without an answer."""
    if isinstance(error, TransportError):
        check = "Check SCALEIN_FC_ENDPOINT, HTTPS_PROXY and REQUESTS_CA_BUNDLE."
        return TryLater(ACTION, error.code, f"{str(error).rstrip('.')}. {check}")
    if isinstance(error, ValueError):
        check = "Check SCALEIN_FC_ENDPOINT and HTTPS_PROXY."
        return TryLater(ACTION, "Misconnected", f"the endpoint or proxy cannot be used. {check}")
    return TryLater(ACTION, type(error).__name__, "Function Compute does not answer.")


def _code_of(body: bytes) -> str:
    """The code of an error body, ErrorCode of 2.0 or Code of 3.0; "" if it is another's."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return ""
    code = document.get("Code", document.get("ErrorCode"))
    return str(code) if is_label(code) else ""
