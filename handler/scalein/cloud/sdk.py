"""The only module that knows the SDK's core: one call, or a read repeated, within the time of one invocation.

The SDK retries nothing for ESS and speaks plain HTTP unless told otherwise, so both are seen to here. It signs and
sends; what an answer means is judged here, for the SDK fails in many ways over one that is not as it expects.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from scalein.addresses import Endpoint
from scalein.clock import Deadline
from scalein.cloud.error_codes import error_of, is_label, no_answer_of_ess
from scalein.cloud.transport import MAX_ANSWER_BYTES, AnswerTooLarge, BoundedAdapter, Misconnected
from scalein.cold_start import UNREACHED_BY_US, cheap_imports, defer
from scalein.errors import ConfigurationError, Transient, TryLater
from scalein.settings import Credentials, Settings
from scalein.timing import CallTimer

with cheap_imports():
    for module in UNREACHED_BY_US:
        defer(module)
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest
    from aliyunsdkcore.vendored.requests.adapters import HTTPAdapter
    from aliyunsdkcore.vendored.requests.packages.urllib3 import Timeout
    from aliyunsdkcore.vendored.requests.packages.urllib3.exceptions import HTTPError

# The SDK logs request URLs, string to sign and answers, tokens included; our errors say what may be said. Who looks for
# a fault may undo a level, and not a filter; what is imported later goes no further than the SDK's own logger.
logging.getLogger("aliyunsdkcore").propagate = False
logging.getLogger("aliyunsdkcore").setLevel(
    logging.CRITICAL + 1
)  # nothing is put into words that nobody may read
for name in [name for name in logging.root.manager.loggerDict if name.startswith("aliyunsdkcore.")]:
    logging.getLogger(name).addFilter(lambda record: False)  # noqa: ARG005 (of no record)

CALLS_AT_ONCE = 24  # 2,000 instances are 20 pages; threads are started as they are needed
FIRST_BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 5.0
ANSWER_SECONDS = 0.5  # less than this before the deadline, no call is begun
NO_PROXY = {
    "no-scheme": ""
}  # the SDK takes HTTP_PROXY for loopback too, unless it is given a proxy table
MAX_VALUES = 100_000  # of one answer; an empty list of 2 bytes takes 64 bytes of memory
MAX_WIDE_BYTES = (
    MAX_ANSWER_BYTES // 4
)  # beside ASCII: one such character may make every other take 4 bytes
MAX_SKEW = timedelta(
    days=1
)  # a Date that is further off is garbled: ESS refuses clocks that differ by 15 minutes

Reply = dict[str, Any]


class Answer(NamedTuple):
    """What a server answered, as it came."""

    status: int
    date: str
    body: bytes


class Answered(NamedTuple):
    """A reply, and the time by the clock of the service; None: the answer does not say it."""

    reply: Reply
    cloud_time: datetime | None


class Transport(BoundedAdapter, HTTPAdapter):  # type: ignore[misc]
    """Has the SDK hand on every answer as it came: of status 200 it reads nothing."""

    timeout_type = Timeout
    error_type = HTTPError

    def send(self, request: Any, **options: Any) -> Any:
        response = super().send(request, **options)
        date = response.headers.get("Date") or ""
        response._content = Answer(response.status_code, date, response.content)
        response.status_code = 200
        return response


class Sdk:
    """Calls of one invocation; in parallel, as many as `pool` has threads."""

    def __init__(self, settings: Settings, deadline: Deadline, tally: CallTimer) -> None:
        local = settings.ess_endpoint is not None and not settings.ess_endpoint.secure
        self._client = client(settings.credentials, settings.region_id, local)
        self._settings = settings
        self._deadline = deadline
        self._tally = tally

    def repeated(self, read: Callable[[], Answered]) -> Answered:
        """A read, tried again with exponential backoff and full jitter while the deadline allows."""
        attempt = 0
        while True:
            try:
                return read()
            except Transient:
                if not self.pause(attempt):
                    raise
            attempt += 1

    def pause(self, attempt: int) -> bool:
        """Waits before another try; False where no time would be left for it."""
        longest = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempt, 10))
        pause = random.uniform(0, longest)  # noqa: S311 (spreads load, guards nothing)
        if pause + ANSWER_SECONDS > self._deadline.remaining_seconds():
            return False
        self._deadline.clock.sleep(pause)
        return True

    def call(self, request: Any, endpoint: Endpoint | None, endpoint_setting: str) -> Answered:
        """One call, sent at most once. Raises GatewayError, ConfigurationError."""
        settings, left = self._settings, self._deadline.remaining_seconds()
        action = request.get_action_name()
        if left < ANSWER_SECONDS:
            raise TryLater(action, "Deadline", "no time is left in this invocation.")
        request.set_protocol_type("https")
        if endpoint is not None:
            request.set_endpoint(endpoint.host)
            request.set_protocol_type("https" if endpoint.secure else "http")
        request.set_connect_timeout(min(settings.connect_timeout_seconds, left))
        request.set_read_timeout(min(settings.read_timeout_seconds, left))
        if settings.credentials.security_token:
            # What the SDK's own STS signer does; that one gives way to ALIYUN_* variables of the environment.
            request.add_query_param("SecurityToken", settings.credentials.security_token)
        try:
            with self._tally.call(action):
                answer = self._client.do_action_with_exception(request)
        except (ClientException, ServerException) as error:
            # Its text may quote a string to sign.
            raise error_of(action, str(error.get_error_code()), None) from None
        except AnswerTooLarge:
            raise Transient(action, "TooLarge", "the answer is larger than any of ESS.") from None
        except (Misconnected, ValueError) as error:
            wrong = (
                error
                if isinstance(error, Misconnected)
                else "the endpoint or a proxy cannot be used"
            )
            raise ConfigurationError(
                f"{action}: {wrong}. Check {endpoint_setting}, HTTPS_PROXY, "
                "and ALIBABA_CLOUD_CA_BUNDLE (a file of certificates in PEM)."
            ) from None
        return self._judge(action, answer)

    def _judge(self, action: str, answer: Answer) -> Answered:
        """Of an answer: only a JSON object of status 200 is a reply, only one with an ESS code is an error of ESS."""
        document = parse(answer.body)
        reply: Reply = document if isinstance(document, dict) else {}
        if answer.status == 200 and isinstance(document, dict):
            return Answered(reply, cloud_time(answer.date, self._deadline.clock.now()))
        code, ess_request_id = reply.get("Code"), reply.get("RequestId")
        if answer.status >= 400 and is_label(code) and is_label(ess_request_id):
            raise error_of(action, str(code), answer.status, str(ess_request_id)) from None
        raise no_answer_of_ess(action, answer.status)


def common_request(product: str, version: str, action: str) -> Any:
    """A request of a product whose own package is not deployed."""
    request = CommonRequest(product=product, version=version, action_name=action)
    request.set_method("POST")
    return request


def parse(body: bytes) -> Any:
    """What the JSON says; None where it is none, or would take more memory than can be borne."""
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_VALUES:
        return None
    if len(body) > MAX_WIDE_BYTES and not body.isascii():
        return None
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        return None


def cloud_time(date: str, now: datetime) -> datetime | None:
    """Of a `Date` header; None where it says nothing that can be."""
    try:
        found = parsedate_to_datetime(date)
        return found if abs(found - now) <= MAX_SKEW else None
    except (TypeError, ValueError, OverflowError):  # of one without a zone, too
        return None


@cache
def pool() -> ThreadPoolExecutor:
    """Idle threads, kept for the next invocation: starting and joining them costs 0.4 ms."""
    return ThreadPoolExecutor(CALLS_AT_ONCE, "scalein-read")


@lru_cache(maxsize=2)
def client(credentials: Credentials, region_id: str, local: bool) -> AcsClient:
    """Kept for the next invocation with the same credentials: a new one costs a TLS handshake and 3 ms."""
    made = AcsClient(
        credentials.access_key_id,
        credentials.access_key_secret,
        region_id,
        auto_retry=False,
        proxy=NO_PROXY if local else None,
    )
    for scheme in ("https://", "http://"):
        made.session.mount(scheme, Transport(pool_maxsize=CALLS_AT_ONCE))
    return made
