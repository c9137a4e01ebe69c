"""Schedules invocations of a function of Function Compute 3.0, which has no service: API
2023-03-30.

It sends through the copy of requests inside the ESS SDK, which is loaded already where a follow-up
is needed: the official SDK costs 167 ms of processor time and 32 MB of packages, another copy of
requests 24 ms (docs/decisions/0011-function-compute-3.md).
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import Any

from scalein.clock import SystemClock
from scalein.cloud.acs3 import Call, encoded, signed_headers
from scalein.cloud.invocations import (
    ACTION,
    CONNECT_SECONDS,
    MAX_CALL_SECONDS,
    failure_of,
    is_scheduled,
)
from scalein.cloud.transport import BoundedAdapter, TransportError
from scalein.cold_start import cheap_imports, defer_unused_by_sdk
from scalein.function_ref import FunctionRef
from scalein.settings import Credentials

with cheap_imports():
    defer_unused_by_sdk()
    from aliyunsdkcore.vendored.requests import Session
    from aliyunsdkcore.vendored.requests.adapters import HTTPAdapter
    from aliyunsdkcore.vendored.requests.packages.urllib3 import Timeout
    from aliyunsdkcore.vendored.requests.packages.urllib3.exceptions import HTTPError

VERSION = "2023-03-30"
NONCE_BITS = 128


class NativeFunctionScheduler:
    """Schedules invocations of one function."""

    def __init__(self, function_ref: FunctionRef, credentials: Credentials) -> None:
        self._function_ref = function_ref
        self._credentials = credentials

    def invoke_later(
        self, event: bytes, task_id: str, delay_seconds: int, max_seconds: float
    ) -> bool:
        """Has Function Compute invoke the function with the event, `delay_seconds` from now.

        Returns False if Function Compute has that task id already. Takes `max_seconds` at most;
        raises TryLater.
        """
        try:
            answer = self._send(event, task_id, delay_seconds, max_seconds)
        except (TransportError, OSError, ValueError) as error:
            raise failure_of(error) from None
        request_id = answer.headers.get("x-fc-request-id")
        return is_scheduled(answer.status_code, answer.content, request_id)

    def _send(self, event: bytes, task_id: str, delay_seconds: int, max_seconds: float) -> Any:
        function_ref = self._function_ref
        query = {"qualifier": function_ref.qualifier} if function_ref.qualifier else {}
        path = f"/{VERSION}/functions/{encoded(function_ref.function)}/invocations"
        headers = {
            "content-type": "application/octet-stream",
            "x-fc-invocation-type": "Async",
            "x-fc-async-delay": str(delay_seconds),
            "x-fc-async-task-id": task_id,
        }
        signed = signed_headers(
            Call("POST", path, query, ACTION, VERSION, event),
            function_ref.endpoint.partition("://")[2],
            headers,
            self._credentials,
            # Of the operating system: a frozen process may be thawed as several.
            f"{random.SystemRandom().getrandbits(NONCE_BITS):032x}",
            SystemClock().now(),
        )
        session = _session(function_ref.endpoint.startswith("http://"))
        session.cookies.clear()
        return session.request(
            "POST",
            f"{function_ref.endpoint}{path}",
            params=query,
            data=event,
            headers=signed,
            timeout=(CONNECT_SECONDS, min(MAX_CALL_SECONDS, max_seconds)),
            allow_redirects=False,
            auth=_unchanged,
        )


class Transport(BoundedAdapter, HTTPAdapter):  # type: ignore[misc]
    timeout_type = Timeout
    error_type = HTTPError


@lru_cache(maxsize=2)
def _session(is_plain: bool) -> Session:
    """Returns what sends. It keeps its connection: a new one costs a TLS handshake, and an event
    may need as many follow-ups as it has messages.
    """
    session = Session()
    session.headers.clear()  # exactly those that are signed are sent
    session.trust_env = not is_plain  # loopback, which alone may be, is not reached by a proxy
    for scheme in ("https://", "http://"):
        session.mount(scheme, Transport())
    return session


def _unchanged(request: Any) -> Any:
    """Keeps the signature: without this, requests takes a password from a file .netrc instead."""
    return request
