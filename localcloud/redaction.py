"""Removes secrets from what is recorded: keys, signatures, tokens, passwords, user data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

MASK = "***"
# New in every call, and of no use later.
DROPPED = re.compile("(signature.*|accesskeyid|securitytoken|timestamp)", re.IGNORECASE)
MASKED = re.compile("(.*password|.*secret|accesskeyid|securitytoken|.*userdata)", re.IGNORECASE)
HEADERS = ("x-acs-security-token", "x-fc-security-token", "authorization", "x-acs-signature-nonce")


def secrets_of(params: Mapping[str, str], headers: Mapping[str, str]) -> set[str]:
    """Returns the secret values of a request; an answer may repeat them."""
    named = {value for name, value in params.items() if _is_secret(name)}
    authorization = headers.get("authorization", "")
    parts = re.findall("(?:Credential|Signature)=([^, ]+)", authorization)
    parts += re.findall("^FC ([^:]+):(.+)$", authorization)[:1] and authorization[3:].split(":", 1)
    sent = {headers.get(name, "") for name in HEADERS}
    return {value for value in (*named, *parts, *sent) if value}


def redacted_params(params: Mapping[str, str]) -> dict[str, str]:
    """Returns the parameters without those of a signature, and with secrets masked."""
    return {
        name: MASK if MASKED.fullmatch(name) else value
        for name, value in params.items()
        if not DROPPED.fullmatch(name)
    }


def redacted(value: Any, secrets: Iterable[str]) -> Any:
    """Returns an answer, with secrets masked: by the name of the field, and where they recur."""
    if isinstance(value, dict):
        return {
            name: MASK if MASKED.fullmatch(name) and inner else redacted(inner, secrets)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [redacted(inner, secrets) for inner in value]
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            value = value.replace(secret, MASK)
    return value


def _is_secret(name: str) -> bool:
    is_signature = bool(DROPPED.fullmatch(name)) and name.lower() not in (
        *("timestamp", "signaturemethod", "signatureversion", "signaturetype"),
    )
    return is_signature or bool(MASKED.fullmatch(name))
