"""One HTTP request as the API sees it, and its parameters: query, form and headers as one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

Params = dict[str, str]

ACS3 = "ACS3-HMAC-SHA256"


class Incoming(NamedTuple):
    """One HTTP request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def is_acs3(self) -> bool:
        """Whether a newer SDK signed it, in its Authorization header."""
        return self.headers.get("authorization", "").startswith(ACS3)


def parameters(incoming: Incoming) -> Params:
    """Returns query and form as one.

    The older SDK posts every parameter in the query string, with an empty body. Newer SDKs send
    action and version in headers.
    """
    form = incoming.body.decode("utf-8", "replace") if b"=" in incoming.body else ""
    pairs = parse_qsl(incoming.query, keep_blank_values=True)
    params = dict(pairs + parse_qsl(form, keep_blank_values=True))
    for header, name in (("x-acs-action", "Action"), ("x-acs-version", "Version")):
        if incoming.headers.get(header):
            params.setdefault(name, incoming.headers[header])
    if incoming.is_acs3:
        params.setdefault("Format", "JSON")
    return params
