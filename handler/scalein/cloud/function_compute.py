"""Schedules invocations of a function of Function Compute 2.0 through fc2, API 2016-08-15.

fc2 logs what it sends to the root logger, authorization header and token included; tries a
refused connection for 30 s; and fails at an error that is not JSON. So fc2 only signs here:
`Client` sends, and a filter drops the log records of fc2.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from functools import lru_cache
from pathlib import Path
from typing import Any

from scalein.cloud.invocations import (
    ACCEPTED,
    CONNECT_SECONDS,
    MAX_CALL_SECONDS,
    failure_of,
    is_scheduled,
)
from scalein.cloud.transport import BoundedAdapter, TransportError
from scalein.cold_start import cheap_imports
from scalein.function_ref import FunctionRef
from scalein.settings import Credentials

with cheap_imports():
    import fc2
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

FC2_FOLDER = Path(fc2.__file__).parent


def _is_not_of_fc2(record: logging.LogRecord) -> bool:
    """Whether a log record comes from another module than those of fc2."""
    return Path(record.pathname).parent != FC2_FOLDER


logging.getLogger().addFilter(_is_not_of_fc2)


class ServiceFunctionScheduler:
    """Schedules invocations of one function."""

    def __init__(self, function_ref: FunctionRef, credentials: Credentials) -> None:
        self._function_ref = function_ref
        self._client = _client(function_ref.endpoint, credentials)

    def invoke_later(
        self, event: bytes, task_id: str, delay_seconds: int, max_seconds: float
    ) -> bool:
        """Has Function Compute invoke the function with the event, `delay_seconds` from now.

        Returns False if Function Compute has that task id already. Takes `max_seconds` at most;
        raises TryLater.
        """
        headers = {
            "x-fc-invocation-type": "Async",
            "x-fc-async-delay": str(delay_seconds),
            "x-fc-stateful-async-invocation-id": task_id,
            "x-fc-stateful-async-invocation-enable": "true",
        }
        function_ref = self._function_ref
        self._client.timeout = (CONNECT_SECONDS, min(MAX_CALL_SECONDS, max_seconds))
        try:
            self._client.invoke_function(
                function_ref.service,
                function_ref.function,
                event,
                headers,
                function_ref.qualifier or None,
            )
        except RefusedInvocation as refusal:
            answer = refusal.answer
        except (TransportError, OSError, ValueError) as error:
            raise failure_of(error) from None
        else:
            return True
        request_id = answer.headers.get("x-fc-request-id")
        return is_scheduled(answer.status_code, answer.content, request_id)


class RefusedInvocation(Exception):
    """An answer that accepts nothing. Its text may repeat what was sent, and is not shown."""

    def __init__(self, answer: requests.Response) -> None:
        super().__init__()
        self.answer = answer


class Transport(BoundedAdapter, HTTPAdapter):  # type: ignore[misc]
    timeout_type = Timeout
    error_type = HTTPError


class Client(fc2.Client):  # type: ignore[misc]
    """The client of fc2, which sends once and logs nothing.

    `timeout` is (connect, whole call), in seconds.
    """

    successes: Container[int] = (ACCEPTED,)

    def _do_request(
        self, method: str, path: str, headers: Any, params: Any = None, body: Any = None
    ) -> Any:
        """Returns the answer; raises what `refusal` makes of it."""
        session = _session(self.endpoint.startswith("http://"))
        session.cookies.clear()
        answer = session.request(
            method,
            f"{self.endpoint}{path}",
            headers=headers,
            params=params,
            data=body,
            timeout=self.timeout,
            allow_redirects=False,
            auth=self.auth,  # keeps the signature; else requests looks into a file .netrc
        )
        if answer.status_code not in self.successes:
            raise self.refusal(answer)
        return answer

    def refusal(self, answer: requests.Response) -> Exception:
        """Returns what to raise for an answer that is no success."""
        return RefusedInvocation(answer)


@lru_cache(maxsize=2)
def _client(endpoint: str, credentials: Credentials) -> Client:
    return Client(
        endpoint=endpoint,
        accessKeyID=credentials.access_key_id,
        accessKeySecret=credentials.access_key_secret,
        securityToken=credentials.security_token,
    )


@lru_cache(maxsize=2)
def _session(is_plain: bool) -> requests.Session:
    """Returns what sends. It keeps its connection: a new one costs a TLS handshake, and an event
    may need as many follow-ups as it has messages.
    """
    session = requests.Session()
    session.trust_env = not is_plain  # loopback, which alone may be, is not reached by a proxy
    for scheme in ("https://", "http://"):
        session.mount(scheme, Transport())
    return session
