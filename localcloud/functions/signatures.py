"""Who may call Function Compute: the signatures of both generations, and what refuses them.

2.0 (API 2016-08-15) has a signature of its own, without a nonce. 3.0 (2023-03-30) has signature V3,
ACS3-HMAC-SHA256. Function Compute publishes the codes of a wrong signature and of an unknown key
(help page "Error codes"), and that each refusal is HTTP 403 (page "Signature authentication"),
also without a signature; the other codes are those of signature V3's gateway. As 2.0 has no nonce,
a request that is sent again within 15 minutes passes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timezone

from localcloud import acs3, errors
from localcloud.authenticator import Authenticator, check_time, time_of
from localcloud.functions.model import FcError
from localcloud.wire import Incoming

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your access key and signing method"
)
ACS3_HEADERS = {"Action": "x-acs-action", "Version": "x-acs-version"}
# What the gateway of signature V3 calls a header that is missing.
HEADER_NAMES = {
    **ACS3_HEADERS,
    "Date": "Date",
    "Signature": "Authorization",
    "SignatureNonce": "x-acs-signature-nonce",
}


def check_signature(incoming: Incoming, authenticator: Authenticator) -> None:
    """Checks key, time, signature, token and, of 3.0, the nonce. Raises FcError."""
    # Real time, not the clock of activities: clients sign with theirs.
    now = datetime.now(timezone.utc)
    try:
        if incoming.is_acs3:
            params = {name: incoming.headers.get(key, "") for name, key in ACS3_HEADERS.items()}
            authenticator.check(incoming, params, now)
        else:
            _check_older(incoming, authenticator, now)
    except errors.SignatureDoesNotMatch as error:  # whose own text has the string to sign
        raise FcError(403, "SignatureNotMatch", MISMATCH) from error
    except errors.AccessKeyNotFound as error:
        message = f"invalid access key ID '{caller_key_id(incoming)}'"
        raise FcError(403, "InvalidAccessKeyID", message) from error
    except errors.ApiError as error:
        if error.code.startswith("Missing"):
            name = error.code.removeprefix("Missing")
            message = f"required HTTP header {HEADER_NAMES.get(name, name)} was not specified"
            raise FcError(400, "MissingRequiredHeader", message) from error
        raise FcError(403, error.code, error.message) from error


def caller_key_id(incoming: Incoming) -> str:
    """Returns the access key id of either signature; empty without one."""
    if incoming.is_acs3:
        return acs3.parse_authorization(incoming.headers).access_key_id
    return incoming.headers.get("authorization", "").removeprefix("FC ").partition(":")[0]


def _check_older(incoming: Incoming, authenticator: Authenticator, now: datetime) -> None:
    headers = incoming.headers
    if not headers.get("date"):
        raise errors.GatewayMissing("Date")
    key_id = caller_key_id(incoming)
    secret = authenticator.secret_of(key_id)
    try:
        check_time(time_of(headers["date"]), now)
    except (TypeError, ValueError) as error:
        raise errors.TimeStampFormat() from error
    expected = authorization(key_id, secret, incoming.method, incoming.path, headers)
    if not hmac.compare_digest(headers.get("authorization", "").encode(), expected.encode()):
        raise errors.SignatureDoesNotMatch("")
    authenticator.check_token(headers.get("x-fc-security-token"), key_id)


def authorization(
    key_id: str, secret: str, method: str, path: str, headers: Mapping[str, str]
) -> str:
    """Returns what the header of API 2016-08-15 must be.

    HMAC-SHA256 over method, content headers, date, x-fc-* headers and path.
    """
    named = sorted(
        (name.lower(), value) for name, value in headers.items() if name.lower().startswith("x-fc-")
    )
    canonical = "".join(f"{name}:{value}\n" for name, value in named)
    content = [headers.get(name, "") for name in ("content-md5", "content-type", "date")]
    text = "\n".join([method, *content, canonical + path])
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"FC {key_id}:{base64.b64encode(digest).decode()}"
