"""The only module that knows the SDK's core: one call, or a read repeated, within the time of one invocation.

The SDK retries nothing for ESS and speaks plain HTTP unless told otherwise, so both are seen to here.
"""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from typing import Any

from scalein.addresses import Endpoint
from scalein.clock import Deadline
from scalein.cold_start import UNREACHED_BY_US, cheap_imports, defer
from scalein.errors import Transient, TryLater
from scalein.ess_errors import error_of
from scalein.settings import Credentials, Settings
from scalein.tally import Tally

with cheap_imports():
    for module in UNREACHED_BY_US:
        defer(module)
    from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
    from aliyunsdkcore.client import AcsClient

# The SDK logs request URLs, string to sign and answers, tokens included; our errors say what may be said. Who looks for
# a fault may undo a level, and not a filter; what is imported later goes no further than the SDK's own logger.
logging.getLogger("aliyunsdkcore").propagate = False
logging.getLogger("aliyunsdkcore").setLevel(logging.CRITICAL + 1)  # nothing is put into words that nobody may read
for name in [name for name in logging.root.manager.loggerDict if name.startswith("aliyunsdkcore.")]:
    logging.getLogger(name).addFilter(lambda record: False)  # noqa: ARG005 (of no record)

CALLS_AT_ONCE = 24  # 2,000 instances are 20 pages; threads are started as they are needed
FIRST_BACKOFF_SECONDS = 0.2
LONGEST_BACKOFF_SECONDS = 5.0
ANSWER_SECONDS = 0.5  # less than this before the deadline, no call is begun
NO_PROXY = {"no-scheme": ""}  # the SDK takes HTTP_PROXY for loopback too, unless it is given a proxy table

Reply = dict[str, Any]


class Sdk:
    """Calls of one invocation; in parallel, as many as `pool` has threads."""

    def __init__(self, settings: Settings, deadline: Deadline, tally: Tally) -> None:
        local = settings.ess_endpoint is not None and not settings.ess_endpoint.secure
        self._client = client(settings.credentials, settings.region_id, local)
        self._settings = settings
        self._deadline = deadline
        self._tally = tally

    def repeated(self, read: Callable[[], Reply]) -> Reply:
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
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** min(attempt, 10))
        pause = random.uniform(0, longest)  # noqa: S311 (spreads load, guards nothing)
        if pause + ANSWER_SECONDS > self._deadline.remaining_seconds():
            return False
        self._deadline.clock.sleep(pause)
        return True

    def call(self, request: Any, endpoint: Endpoint | None) -> Reply:
        """One call. Raises GatewayError, ConfigurationError."""
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
                reply = json.loads(self._client.do_action_with_exception(request))
        except (ClientException, ServerException, ValueError, IndexError) as error:
            # IndexError: the SDK's, on a SignatureDoesNotMatch whose message has no colon.
            raise error_of(action, error) from None  # the SDK's own may quote a string to sign
        if not isinstance(reply, dict):
            raise error_of(action, ValueError("not an object"))
        return reply


@cache
def pool() -> ThreadPoolExecutor:
    """Idle threads, kept for the next invocation: starting and joining them costs 0.4 ms."""
    return ThreadPoolExecutor(CALLS_AT_ONCE, "scalein-read")


@lru_cache(maxsize=2)
def client(credentials: Credentials, region_id: str, local: bool) -> AcsClient:
    """Kept for the next invocation with the same credentials: a new one costs a TLS handshake and 3 ms."""
    return AcsClient(
        credentials.access_key_id,
        credentials.access_key_secret,
        region_id,
        auto_retry=False,
        proxy=NO_PROXY if local else None,
    )
