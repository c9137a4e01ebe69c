"""ACS3-HMAC-SHA256: the newer SDKs' signature, over method, path, query, named headers and the body's hash."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, quote

from localcloud import errors

if TYPE_CHECKING:
    from localcloud.wire import Incoming

ALGORITHM = "ACS3-HMAC-SHA256"


class Authorization(NamedTuple):
    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def signed(headers: Mapping[str, str]) -> bool:
    return headers.get("authorization", "").startswith(ALGORITHM)


def authorization(headers: Mapping[str, str]) -> Authorization:
    """`ACS3-HMAC-SHA256 Credential=key,SignedHeaders=host;x-acs-date,Signature=hex`. Raises ApiError."""
    parts = dict(re.findall("(Credential|SignedHeaders|Signature)=([^, ]+)", headers["authorization"]))
    if len(parts) < 3:
        raise errors.GatewayMissing("Signature")
    return Authorization(parts["Credential"], tuple(parts["SignedHeaders"].split(";")), parts["Signature"])


def string_to_sign(incoming: Incoming, signed_headers: tuple[str, ...]) -> str:
    body_hash = hashlib.sha256(incoming.body).hexdigest()
    query = sorted(parse_qsl(incoming.query, keep_blank_values=True))
    canonical = "\n".join(
        [
            incoming.method,
            quote(incoming.path, safe="/-_.~"),
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query),
            "".join(f"{name}:{incoming.headers.get(name, '').strip()}\n" for name in signed_headers),
            ";".join(signed_headers),
            body_hash,
        ]
    )
    return f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def signature(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
