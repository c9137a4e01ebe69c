"""The only module that knows fc2, the SDK of Function Compute: one asynchronous, delayed invocation. API 2016-08-15.

fc2 logs what it sends to the root logger, authorization header and token included; tries a refused connection for 30 s;
and fails over an error that is not JSON. So it signs here, and does not send or log.
"""

from __future__ import annotations

import logging
from collections.abc import Container
from functools import lru_cache
from pathlib import Path
from typing import Any

from scalein.cloud.transport import AnswerTooLarge, BoundedAdapter, Misconnected
from scalein.cold_start import cheap_imports
from scalein.errors import TryLater
from scalein.settings import Credentials, FunctionRef

with cheap_imports():
    import fc2
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

CONNECT_SECONDS, WHOLE_SECONDS = 2.0, 5.0
ACCEPTED = 202  # what an asynchronous invocation is answered with; any other success is a proxy's
FC2_FOLDER = Path(fc2.__file__).parent


class Silence(logging.Filter):
    """Of everything that fc2 says."""

    def filter(self, record: logging.LogRecord) -> bool:
        return Path(record.pathname).parent != FC2_FOLDER


logging.getLogger().addFilter(Silence())


def invoke_later(
    caller: FunctionRef,
    credentials: Credentials,
    event: bytes,
    task_id: str,
    delay_seconds: int,
    seconds: float,
) -> bool:
    """Has the function called with the event; False where Function Compute has that task id already.

    Within so many seconds; raises TryLater.
    """
    headers = {
        "x-fc-invocation-type": "Async",
        "x-fc-async-delay": str(delay_seconds),
        "x-fc-stateful-async-invocation-id": task_id,
        "x-fc-stateful-async-invocation-enable": "true",
    }
    client = _client(caller.endpoint, credentials)
    client.timeout = (CONNECT_SECONDS, min(WHOLE_SECONDS, seconds))
    try:
        client.invoke_function(
            caller.service, caller.function, event, headers, caller.qualifier or None
        )
    except fc2.FcError as error:
        if error.status_code == 409:
            return False
        raise TryLater(
            "InvokeFunction", f"HTTP {error.status_code}", "Function Compute does not take it."
        ) from None
    except Misconnected as error:
        wrong = f"{error}. Check SCALEIN_FC_ENDPOINT, HTTPS_PROXY and REQUESTS_CA_BUNDLE."
        raise TryLater("InvokeFunction", "Misconnected", wrong) from None
    except (requests.RequestException, OSError, ValueError, AnswerTooLarge) as error:
        raise TryLater(
            "InvokeFunction", type(error).__name__, "Function Compute does not answer."
        ) from None
    return True


class Transport(BoundedAdapter, HTTPAdapter):  # type: ignore[misc]
    timeout_type = Timeout
    error_type = HTTPError


class Client(fc2.Client):  # type: ignore[misc]
    """fc2's own, that sends once and in silence; `timeout` is of the connection and of the whole call, in seconds."""

    successes: Container[int] = (ACCEPTED,)

    def _do_request(
        self, method: str, path: str, headers: Any, params: Any = None, body: Any = None
    ) -> Any:
        """The answer; raises what `refusal` makes of it."""
        with requests.Session() as session:
            session.trust_env = not self.endpoint.startswith(
                "http://"
            )  # a proxy is not asked for this machine
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
        """Without its text, which may repeat what was sent."""
        return fc2.FcError("", answer.status_code)  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def _client(endpoint: str, credentials: Credentials) -> Client:
    return Client(
        endpoint=endpoint,
        accessKeyID=credentials.access_key_id,
        accessKeySecret=credentials.access_key_secret,
        securityToken=credentials.security_token,
    )
