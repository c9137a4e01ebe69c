"""A client of Simple Log Service that signs by itself, for machines without its SDK."""

from __future__ import annotations

import hashlib
import json
from email.utils import formatdate
from typing import Any

import requests

from localcloud.logs.signatures import Signed, signature_v1


def varint(number: int) -> bytes:
    """A number of a protocol buffer."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | str | int) -> bytes:
    """A field of a protocol buffer."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def log_group(logs: list[tuple[int, dict[str, str]]], topic: str, tags: dict[str, str]) -> bytes:
    """The LogGroup of logs: seconds, and contents by key."""
    group = b""
    for time, contents in logs:
        pairs = b"".join(field(2, field(1, k) + field(2, v)) for k, v in contents.items())
        group += field(1, field(1, time) + pairs)
    group += field(3, topic) + field(4, "10.0.0.1")
    return group + b"".join(field(6, field(1, k) + field(2, v)) for k, v in tags.items())


class LogClient:
    """At an endpoint, for one project."""

    def __init__(self, endpoint: str, key: tuple[str, ...], project: str) -> None:
        self._url, self._key, self._project = f"http://{endpoint}", key, project
        self._host = f"{project}.{endpoint.partition(':')[0]}"

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        params: dict[str, Any] | None = None,
        **extra: str,
    ) -> requests.Response:
        """Signs and sends a request."""
        headers = {"x-log-apiversion": "0.6.0", "x-log-signaturemethod": "hmac-sha1"}
        headers |= {"x-log-bodyrawsize": str(len(body)), "date": formatdate(usegmt=True)}
        headers |= {name.replace("_", "-"): value for name, value in extra.items()}
        if body:
            headers["content-md5"] = hashlib.md5(body).hexdigest().upper()
        if len(self._key) == 3:
            headers["x-acs-security-token"] = self._key[2]
        named = {name: str(value) for name, value in (params or {}).items()}
        signature = signature_v1(self._key[1], Signed(method, path, named, headers, body))
        headers |= {"Authorization": f"LOG {self._key[0]}:{signature}", "Host": self._host}
        return requests.request(
            method, self._url + path, params=named, data=body, headers=headers, timeout=10
        )

    def get_logs(self, logstore: str, query: str, **params: Any) -> requests.Response:
        """GetLogs, in its newer form."""
        wanted = {"from": 0, "to": 2_000_000_000, "query": query, **params}
        return self.send("POST", f"/logstores/{logstore}/logs", json.dumps(wanted).encode())
