"""ACS3-HMAC-SHA256, the newer SDKs' signature: over method, path, query, headers and body."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote

from localcloud import errors
from localcloud.wire import ACS3, Incoming


class Authorization(NamedTuple):
    """The parts of an Authorization header."""

    access_key_id: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(headers: Mapping[str, str]) -> Authorization:
    """Parses `ACS3-HMAC-SHA256 Credential=key,SignedHeaders=host;x-acs-date,Signature=hex`.

    Raises ApiError where a part is missing.
    """
    pairs = re.findall("(Credential|SignedHeaders|Signature)=([^, ]+)", headers["authorization"])
    parts = dict(pairs)
    if len(parts) < 3:
        raise errors.GatewayMissing("Signature")
    signed_headers = tuple(parts["SignedHeaders"].split(";"))
    return Authorization(parts["Credential"], signed_headers, parts["Signature"])


def string_to_sign(incoming: Incoming, signed_headers: tuple[str, ...]) -> str:
    """Returns the text that a client signs: algorithm, and hash of the canonical request."""
    headers = (f"{name}:{incoming.headers.get(name, '').strip()}\n" for name in signed_headers)
    canonical = "\n".join(
        [
            incoming.method,
            quote(incoming.path, safe="/-_.~"),
            _canonical_query(incoming.query),
            "".join(headers),
            ";".join(signed_headers),
            hashlib.sha256(incoming.body).hexdigest(),
        ]
    )
    return f"{ACS3}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def unsigned_headers(headers: Mapping[str, str], signed_headers: tuple[str, ...]) -> set[str]:
    """Returns the headers that must be signed and are not: host, and all of the signature itself.

    (Help page "Request syntax and signature method V3": every common header that is sent.)
    """
    required = {name for name in headers if name.startswith("x-acs-") or name == "host"}
    return required - set(signed_headers)


def signature(secret: str, text: str) -> str:
    """Returns the signature of a string to sign, in hex."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _canonical_query(query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
