"""The only module that knows the RPC wire: parameters, signatures, JSON and XML, error bodies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, quote
from xml.sax.saxutils import escape

from localcloud import errors

Params = dict[str, str]
Reply = dict[str, Any]

MOST_SKEW = timedelta(minutes=15)
CONTENT_TYPES = {"JSON": "application/json;charset=utf-8", "XML": "text/xml;charset=utf-8"}


def parameters(query: str, body: str) -> Params:
    """Query and form as one: the SDK posts every parameter in the query string, with an empty body."""
    return dict(parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True))


def string_to_sign(method: str, params: Mapping[str, str]) -> str:
    pairs = sorted((name, value) for name, value in params.items() if name != "Signature")
    canonical = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)
    return f"{method}&{_encoded('/')}&{_encoded(canonical)}"


def signature(secret: str, text: str) -> str:
    """Signature version 1.0 with HMAC-SHA1."""
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


class Gate:
    """Lets a call in, or refuses it as the cloud's gateway does: key, time, nonce, signature, token."""

    def __init__(self, access_key_id: str, access_key_secret: str, security_token: str = "") -> None:
        self.access_key_id = access_key_id
        self.access_key_secret = access_key_secret
        self.security_token = security_token  # empty: any token passes, and none need be sent
        self._nonces: dict[str, datetime] = {}

    def check(self, method: str, params: Params, now: datetime) -> None:
        """`now` is real time, not the clock of activities: clients sign with theirs. Raises ApiError."""
        for name in ("Action", "Version", "AccessKeyId", "Signature", "SignatureNonce"):
            if not params.get(name):
                raise errors.GatewayMissing(name)
        if params["AccessKeyId"] != self.access_key_id:
            raise errors.AccessKeyNotFound()
        self._check_time(params, now)
        text = string_to_sign(method, params)
        if not hmac.compare_digest(params["Signature"].encode(), signature(self.access_key_secret, text).encode()):
            raise errors.SignatureDoesNotMatch(text)
        if self.security_token and params.get("SecurityToken") != self.security_token:
            raise errors.SecurityTokenMalformed()
        self._check_nonce(params["SignatureNonce"], now)

    def _check_time(self, params: Params, now: datetime) -> None:
        text = params.get("Timestamp") or params.get("TimeStamp") or ""  # the ESS manual's sample spells it TimeStamp
        try:
            sent = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
        except ValueError as error:
            raise errors.TimeStampFormat() from error
        if abs(now - sent) > MOST_SKEW:
            raise errors.TimeStampExpired()

    def _check_nonce(self, nonce: str, now: datetime) -> None:
        while self._nonces and now - next(iter(self._nonces.values())) > 2 * MOST_SKEW:
            del self._nonces[next(iter(self._nonces))]  # the oldest: the clock's check refuses it from here on
        if nonce in self._nonces:
            raise errors.SignatureNonceUsed()
        self._nonces[nonce] = now


def answer_format(params: Params, default: str) -> str:
    """JSON or XML. The ESS manual says JSON by default, the ECS manual of the same gateway XML: hence a knob."""
    wanted = (params.get("Format") or default).upper()
    if wanted not in CONTENT_TYPES:
        raise errors.InvalidFormat()
    return wanted


def request_id() -> str:
    return str(uuid.uuid4()).upper()


def answer_body(action: str, reply: Reply, id: str, form: str) -> str:
    whole = {"RequestId": id, **reply}
    return json.dumps(whole) if form == "JSON" else _document(f"{action}Response", whole)


def error_body(error: errors.ApiError, id: str, host: str, form: str) -> str:
    whole = {
        "RequestId": id,
        "HostId": host,
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?q={error.code}&product=Ess&requestId={id}",
    }
    return json.dumps(whole) if form == "JSON" else _document("Error", whole)


def _document(root: str, content: Reply) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>{_element(root, content)}'


def _element(name: str, value: Any) -> str:
    """JSON's {plural: {singular: [..]}} is repeated <singular> inside <plural>."""
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        return f"<{name}>{''.join(_element(inner, item) for inner, item in value.items())}</{name}>"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text)}</{name}>"
