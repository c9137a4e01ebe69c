"""The only module that knows Redis: the ledger that all instances of the function share (Redis, or Tair).

Each step is one round trip, and the same where it is sent again because its answer was lost. A claim and a lease are
deleted only by whoever holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from scalein.cold_start import cheap_imports
from scalein.errors import LedgerGone
from scalein.ledger import TOLD_SECONDS, Claim, Closing, Entry, Terms
from scalein.tally import Tally

with cheap_imports():
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError
    from redis.retry import Retry

PREFIX = "scalein"
ANSWER_SECONDS = 1.0  # a ledger that takes longer is as good as gone
RELEASE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"


class RedisLedger:
    """One invocation's view of it."""

    name = "redis"
    shared = True

    def __init__(self, url: str, terms: Terms, tally: Tally | None = None) -> None:
        self._url = url
        self._terms = terms
        self._tally = tally or Tally(terms.clock)

    def claim(self, message: str) -> Claim:
        def ask(pipe: Any) -> None:
            pipe.get(_key("served", message))
            pipe.set(_key("claim", message), self._terms.holder, nx=True, px=self._lease)
            pipe.mget(*(_key(kind, message) for kind in ("claim", "progress")))

        outcome, _, (holder, progress) = self._together(ask)
        return Claim(outcome is None and holder == self._terms.holder, outcome, progress)

    def enter(self, group: str) -> Entry | None:
        def ask(pipe: Any) -> None:
            pipe.set(_key("lease", group), self._terms.holder, nx=True, px=self._lease)
            pipe.zrangebyscore(_key("told", group), self._terms.clock.now().timestamp(), "+inf")
            pipe.mget(*(_key(kind, group) for kind in ("lease", "newest", "version")))

        _, told, (holder, newest, version) = self._together(ask)
        if holder != self._terms.holder:
            return None
        return Entry(frozenset(told), datetime.fromisoformat(newest) if newest else None, int(version or 0))

    def note(self, message: str, group: str, progress: str, told: tuple[str, ...]) -> bool:
        now = self._terms.clock.now().timestamp()

        def ask(pipe: Any) -> None:
            pipe.zremrangebyscore(_key("told", group), "-inf", now)
            if told:
                pipe.zadd(_key("told", group), dict.fromkeys(told, now + TOLD_SECONDS))
                pipe.expire(_key("told", group), TOLD_SECONDS)
            pipe.incr(_key("version", group))
            pipe.set(_key("progress", message), progress, px=self._memory)
            pipe.mget(_key("claim", message), _key("lease", group))

        return set(self._together(ask)[-1]) == {self._terms.holder}

    def close(self, message: str, group: str, closing: Closing) -> None:
        def ask(pipe: Any) -> None:
            if closing.outcome is not None:
                pipe.set(_key("served", message), closing.outcome, px=self._memory)
                pipe.delete(_key("progress", message))
            if closing.spared:
                pipe.zrem(_key("told", group), *closing.spared)
            if closing.newest is not None:
                pipe.set(_key("newest", group), closing.newest.isoformat(), px=self._memory)
            for key in (_key("claim", message), _key("lease", group)):
                pipe.eval(RELEASE, 1, key, self._terms.holder)

        self._together(ask)

    def remember(self, message: str, outcome: str) -> None:
        self._together(lambda pipe: pipe.set(_key("served", message), outcome, px=self._memory))

    @property
    def _lease(self) -> int:
        return int(self._terms.lease_seconds * 1_000)

    @property
    def _memory(self) -> int:
        return int(self._terms.remember_seconds * 1_000)

    def _together(self, ask: Callable[[Any], object]) -> list[Any]:
        """All of it or nothing, in one round trip."""
        try:
            with self._tally.call(self.name), _client(self._url).pipeline(transaction=True) as pipe:
                ask(pipe)
                return list(pipe.execute())
        except (RedisError, OSError) as error:
            raise LedgerGone(f"the ledger does not answer ({type(error).__name__}).") from None


def _key(kind: str, name: str) -> str:
    return f"{PREFIX}:{kind}:{name}"


@lru_cache(maxsize=1)
def _client(url: str) -> Redis:
    """Kept for the next invocation, and with it the connection."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),  # a connection that the server has closed in the meantime
    )
