"""Signatures of Simple Log Service: versions 1 (`LOG id:...`) and 4 (`SLS4-HMAC-SHA256 ...`).

Version 1 is HMAC-SHA1, or HMAC-SHA256 where x-log-signaturemethod says so, over MD5, type, date,
headers and resource (help page "Request signatures"). Version 4 derives a key for one day and
region, and signs a canonical request with the SHA-256 of the body (its official SDKs)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import quote

V4 = "SLS4-HMAC-SHA256"
CREDENTIAL = r"Credential=([^/,]+)/(\d{8}/[^/,]+/sls/aliyun_v4_request),\s*Signature=([0-9a-f]+)"


class Signed(NamedTuple):
    """What is signed of a request. `headers`: names in lower case."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class Claim(NamedTuple):
    """What an Authorization header says. `scope`: date and region, of version 4."""

    key_id: str
    signature: str
    scope: str = ""


def parse_claim(header: str) -> Claim | None:
    """Returns what the header says, None where it is of neither version."""
    kind, _, rest = header.partition(" ")
    if kind == V4:
        found = re.fullmatch(CREDENTIAL, rest)
        return Claim(found[1], found[3], found[2]) if found else None
    key_id, _, signature = rest.partition(":")
    return Claim(key_id, signature) if kind == "LOG" and signature else None


def sent_at(claim: Claim, headers: Mapping[str, str]) -> datetime:
    """Returns when the request was signed. Raises KeyError, TypeError, ValueError."""
    if not claim.scope:
        return parsedate_to_datetime(headers.get("date") or headers["x-log-date"])
    time = datetime.strptime(headers["x-log-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    date, *_ = claim.scope.split("/")
    if date != f"{time:%Y%m%d}":
        raise ValueError("x-log-date is of another day than the scope")
    return time


def has_body_of_its_hash(claim: Claim, signed: Signed) -> bool:
    """Whether the body is the one that the headers name: by its SHA-256, before by its MD5."""
    if claim.scope:
        return signed.headers.get("x-log-content-sha256") == hashlib.sha256(signed.body).hexdigest()
    md5 = signed.headers.get("content-md5", "")
    return not md5 or md5 == hashlib.md5(signed.body, usedforsecurity=False).hexdigest().upper()


def is_signed_with(secret: str, claim: Claim, signed: Signed) -> bool:
    expected = (
        signature_v4(secret, claim.scope, signed) if claim.scope else signature_v1(secret, signed)
    )
    return hmac.compare_digest(claim.signature.encode(), expected.encode())


def signature_v1(secret: str, signed: Signed) -> str:
    """Returns the signature, version 1."""
    headers = signed.headers
    date = headers.get("date") or headers.get("x-log-date", "")
    names = sorted(name for name in headers if _is_own(name) and name != "x-log-date")
    query = "&".join(f"{name}={value}" for name, value in sorted(signed.params.items()))
    lines = [signed.method, headers.get("content-md5", ""), headers.get("content-type", ""), date]
    lines += [f"{name}:{headers[name]}" for name in names]
    text = "\n".join([*lines, f"{signed.path}?{query}" if query else signed.path])
    is_sha256 = headers.get("x-log-signaturemethod") == "hmac-sha256"
    digest = hmac.digest(secret.encode(), text.encode(), "sha256" if is_sha256 else "sha1")
    return base64.b64encode(digest).decode()


def signature_v4(secret: str, scope: str, signed: Signed) -> str:
    """Returns the signature, version 4."""
    headers = signed.headers
    names = sorted(n for n in headers if _is_own(n) or n in ("host", "content-type"))
    pairs = sorted(signed.params.items())
    canonical = "\n".join(
        [
            signed.method,
            signed.path,
            "&".join(
                f"{name}={quote(value, safe='~')}" if value else name for name, value in pairs
            ),
            "".join(f"{name}:{headers[name].strip()}\n" for name in names),
            ";".join(names),
            headers.get("x-log-content-sha256", ""),
        ]
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join([V4, headers.get("x-log-date", ""), scope, digest])
    key = f"aliyun_v4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _is_own(name: str) -> bool:
    return name.startswith(("x-log-", "x-acs-"))
