"""Signature version 1.0 of the RPC style: HMAC over the method and all parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}


def string_to_sign(method: str, params: Mapping[str, str]) -> str:
    """Returns the text that a client signs: the method, and the sorted parameters."""
    pairs = sorted((name, value) for name, value in params.items() if name != "Signature")
    canonical = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs)
    return f"{method}&{_encoded('/')}&{_encoded(canonical)}"


def signature(secret: str, text: str, method: str = "HMAC-SHA1") -> str:
    """Returns the signature of a string to sign."""
    return base64.b64encode(
        hmac.new(f"{secret}&".encode(), text.encode(), DIGESTS[method]).digest()
    ).decode()


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")
