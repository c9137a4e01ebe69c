"""The signature of MNS: `Authorization: MNS KEY:SIGNATURE`, by HMAC-SHA1."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from localcloud import errors as gateway
from localcloud.authenticator import Authenticator, check_time, time_of
from localcloud.queues.errors import error

SCHEME = "MNS "


def check_signature(
    method: str,
    resource: str,
    headers: Mapping[str, str],
    authenticator: Authenticator,
    now: datetime,
) -> None:
    """Raises MnsError where MNS would refuse the request. `headers`: names in lower case.

    `resource`: path and query, as they were sent.
    """
    sent = headers.get("authorization", "")
    if not sent:
        raise error("MissingAuthorizationHeader")
    key, colon, signature = sent.removeprefix(SCHEME).partition(":")
    if not sent.startswith(SCHEME) or not colon:
        raise error("InvalidAuthorizationHeader")
    _check_date(headers, now)
    try:
        secret = authenticator.secret_of(key)
        authenticator.check_token(headers.get("security-token"), key)
    except gateway.ApiError as failure:
        raise error("InvalidAccessKeyId") from failure
    expected = signature_of(method, resource, headers, secret)
    if not hmac.compare_digest(signature.encode(), expected.encode()):
        raise error("SignatureDoesNotMatch")
    identities = authenticator.identities
    try:
        identities.check_session(key, headers.get("security-token"), identities.now())
    except gateway.ApiError as failure:
        raise error("InvalidAccessKeyId") from failure


def signature_of(method: str, resource: str, headers: Mapping[str, str], secret: str) -> str:
    """Returns the signature of a request."""
    own = sorted((name, value) for name, value in headers.items() if name.startswith("x-mns-"))
    lines = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    text = "\n".join([*lines, *(f"{name}:{value}" for name, value in own), resource])
    digest = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def check_digest(headers: Mapping[str, str], body: bytes) -> None:
    """Raises MnsError where Content-MD5 is not the body's.

    SDKs differ: it is the Base64 of the digest, or of its hexadecimal form.
    """
    sent = headers.get("content-md5")
    digest = hashlib.md5(body, usedforsecurity=False)
    known = {base64.b64encode(d).decode() for d in (digest.digest(), digest.hexdigest().encode())}
    if sent and sent not in known:
        raise error("InvalidDegist")


def _check_date(headers: Mapping[str, str], now: datetime) -> None:
    if not headers.get("date"):
        raise error("MissingDateHeader")
    try:
        check_time(time_of(headers["date"]), now)
    except (TypeError, ValueError) as failure:
        raise error("InvalidDateHeader") from failure
    except gateway.ApiError as failure:
        raise error("TimeExpired") from failure
