"""What comes in: parameters, and whether the caller may. Signature v1 of the RPC style; acs3 has the other one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from localcloud import acs3, errors

Params = dict[str, str]

MOST_SKEW = timedelta(minutes=15)
DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


class Incoming(NamedTuple):
    """One HTTP request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


def parameters(incoming: Incoming) -> Params:
    """Query and form as one: the older SDK posts every parameter in the query string, with an empty body.

    Newer SDKs tell action, version and format in headers.
    """
    form = incoming.body.decode("utf-8", "replace") if b"=" in incoming.body else ""
    params = dict(parse_qsl(incoming.query, keep_blank_values=True) + parse_qsl(form, keep_blank_values=True))
    for header, name in (("x-acs-action", "Action"), ("x-acs-version", "Version")):
        if incoming.headers.get(header):
            params.setdefault(name, incoming.headers[header])
    if acs3.signed(incoming.headers):
        params.setdefault("Format", "JSON")
    return params


def string_to_sign(method: str, params: Mapping[str, str]) -> str:
    pairs = sorted((name, value) for name, value in params.items() if name != "Signature")
    canonical = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)
    return f"{method}&{_encoded('/')}&{_encoded(canonical)}"


def signature(secret: str, text: str, method: str = "HMAC-SHA1") -> str:
    """Signature version 1.0."""
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), DIGESTS[method]).digest()).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


class Gate:
    """Lets a call in, or refuses it as the cloud's gateway does: key, time, nonce, signature, token."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str = "") -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token  # empty: any token passes, and none need be sent
        self._nonces: dict[int, datetime] = {}  # by their hash: there are many, and they are kept for half an hour

    def check(self, incoming: Incoming, params: Params, now: datetime) -> None:
        """`now` is real time, not the clock of activities: clients sign with theirs. Raises ApiError."""
        if acs3.signed(incoming.headers):
            self._check_headers(incoming, params, now)
        else:
            self._check_parameters(incoming.method, params, now)

    def _check_parameters(self, method: str, params: Params, now: datetime) -> None:
        for name in ("Action", "Version", "AccessKeyId", "Signature", "SignatureNonce"):
            if not params.get(name):
                raise errors.GatewayMissing(name)
        self._check_key(params["AccessKeyId"])
        time = params.get("Timestamp") or params.get("TimeStamp") or ""  # the ESS manual's sample spells it TimeStamp
        _check_time(time, now)
        text, algorithm = string_to_sign(method, params), params.get("SignatureMethod") or "HMAC-SHA1"
        if algorithm not in DIGESTS:
            raise errors.SignatureMethod()
        right = signature(self.access_key_secret, text, algorithm)
        if not hmac.compare_digest(params["Signature"].encode(), right.encode()):
            raise errors.SignatureDoesNotMatch(text)
        self._check_token(params.get("SecurityToken"))
        self._check_nonce(params["SignatureNonce"], now)

    def _check_headers(self, incoming: Incoming, params: Params, now: datetime) -> None:
        for name in ("Action", "Version"):
            if not params.get(name):
                raise errors.GatewayMissing(name)
        told = acs3.authorization(incoming.headers)
        self._check_key(told.access_key_id)
        _check_time(incoming.headers.get("x-acs-date", ""), now)
        text = acs3.string_to_sign(incoming, told.signed_headers)
        if not hmac.compare_digest(told.signature.encode(), acs3.signature(self.access_key_secret, text).encode()):
            raise errors.SignatureDoesNotMatch(text)
        self._check_token(incoming.headers.get("x-acs-security-token"))
        nonce = incoming.headers.get("x-acs-signature-nonce")
        if not nonce:
            raise errors.GatewayMissing("SignatureNonce")
        self._check_nonce(nonce, now)

    def _check_key(self, access_key_id: str) -> None:
        if access_key_id != self.access_key_id:
            raise errors.AccessKeyNotFound()

    def _check_token(self, token: str | None) -> None:
        if self.security_token and token != self.security_token:
            raise errors.SecurityTokenMalformed()

    def _check_nonce(self, nonce: str, now: datetime) -> None:
        while self._nonces and now - next(iter(self._nonces.values())) > 2 * MOST_SKEW:
            del self._nonces[next(iter(self._nonces))]  # the oldest: the clock's check refuses it from here on
        if hash(nonce) in self._nonces:
            raise errors.SignatureNonceUsed()
        self._nonces[hash(nonce)] = now


def _check_time(text: str, now: datetime) -> None:
    try:
        sent = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise errors.TimeStampFormat() from error
    if abs(now - sent) > MOST_SKEW:
        raise errors.TimeStampExpired()
