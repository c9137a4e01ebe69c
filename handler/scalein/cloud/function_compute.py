"""Sends asynchronous, delayed invocations to Function Compute through fc2, API 2016-08-15.

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

from scalein.cloud.transport import BoundedAdapter, TransportError
from scalein.cold_start import cheap_imports
from scalein.errors import TryLater
from scalein.function_ref import FunctionRef
from scalein.settings import Credentials

with cheap_imports():
    import fc2
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

ACTION = "InvokeFunction"
CONNECT_SECONDS, MAX_CALL_SECONDS = 2.0, 5.0
ACCEPTED = 202  # the answer to an asynchronous invocation; any other success is a proxy's
FC2_FOLDER = Path(fc2.__file__).parent


def _is_not_of_fc2(record: logging.LogRecord) -> bool:
    """Whether a log record comes from another module than those of fc2."""
    return Path(record.pathname).parent != FC2_FOLDER


logging.getLogger().addFilter(_is_not_of_fc2)


def invoke_later(
    function_ref: FunctionRef,
    credentials: Credentials,
    event: bytes,
    task_id: str,
    delay_seconds: int,
    max_seconds: float,
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
    client = _client(function_ref.endpoint, credentials)
    client.timeout = (CONNECT_SECONDS, min(MAX_CALL_SECONDS, max_seconds))
    try:
        client.invoke_function(
            function_ref.service,
            function_ref.function,
            event,
            headers,
            function_ref.qualifier or None,
        )
    except fc2.FcError as error:
        if error.status_code == 409:
            return False
        raise TryLater(
            ACTION, f"HTTP {error.status_code}", "Function Compute does not accept the invocation."
        ) from None
    except TransportError as error:
        check = "Check SCALEIN_FC_ENDPOINT, HTTPS_PROXY and REQUESTS_CA_BUNDLE."
        raise TryLater(ACTION, error.code, f"{str(error).rstrip('.')}. {check}") from None
    except (requests.RequestException, OSError, ValueError) as error:
        raise TryLater(ACTION, type(error).__name__, "Function Compute does not answer.") from None
    return True


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
        with requests.Session() as session:
            # Loopback, which alone may be plain HTTP, is not reached through a proxy.
            session.trust_env = not self.endpoint.startswith("http://")
            for scheme in ("https://", "http://"):
                session.mount(scheme, Transport())
            answer = session.request(
                method,
                f"{self.endpoint}{path}",
                headers=headers,
                params=params,
                data=body,
                timeout=self.timeout,
                allow_redirects=False,
            )
        if answer.status_code not in self.successes:
            raise self.refusal(answer)
        return answer

    def refusal(self, answer: requests.Response) -> Exception:
        """Returns an error without the answer's text, which may repeat what was sent."""
        return fc2.FcError("", answer.status_code)  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def _client(endpoint: str, credentials: Credentials) -> Client:
    return Client(
        endpoint=endpoint,
        accessKeyID=credentials.access_key_id,
        accessKeySecret=credentials.access_key_secret,
        securityToken=credentials.security_token,
    )
