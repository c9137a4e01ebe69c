"""The ledger that all instances of the function share: Redis, or Tair.

Each step is one Lua script in one round trip, with the same effect where it is sent again because its answer was lost.
All keys of a scaling group carry the hash tag {GROUP}, so that a cluster keeps them in one slot. Durations and their
ends are by the server's clock.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from scalein.clock import Deadline
from scalein.cold_start import cheap_imports
from scalein.errors import LedgerGone
from scalein.ledger import Claim, Closing, Entry, MessageRef, Record, Terms
from scalein.tally import Tally

with cheap_imports():
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.exceptions import MovedError, RedisError
    from redis.retry import Retry

PREFIX = "scalein"
ANSWER_SECONDS = 1.0  # a ledger that takes longer is as good as gone
LEAST_SECONDS = 0.05
MAX_REDIRECTS = 3
TRIES = 6

CLAIM = """
if redis.call('hsetnx', KEYS[1], 'first', ARGV[1]) == 1 then redis.call('pexpire', KEYS[1], ARGV[3]) end
redis.call('set', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
local known = redis.call('hmget', KEYS[1], 'outcome', 'progress', 'first')
return {redis.call('get', KEYS[2]), known[1], known[2], known[3]}
"""
LEASE = """
redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
local now = redis.call('time')
redis.call('zremrangebyscore', KEYS[2], '-inf', now[1] + now[2] / 1000000)
return {redis.call('get', KEYS[1]), redis.call('zrange', KEYS[2], 0, -1), redis.call('get', KEYS[3]),
        redis.call('hget', KEYS[4], ARGV[3])}
"""
RECORD = """
if redis.call('get', KEYS[1]) ~= ARGV[1] or redis.call('get', KEYS[2]) ~= ARGV[1] then return 0 end
local now = redis.call('time')
now = now[1] + now[2] / 1000000
redis.call('hset', KEYS[3], 'progress', ARGV[2])
redis.call('pexpire', KEYS[3], ARGV[3])
local changes = cjson.decode(ARGV[4])
for _, id in ipairs(changes.freed) do redis.call('zrem', KEYS[4], id) end
for _, one in ipairs(changes.inFlight) do redis.call('zadd', KEYS[4], now + one[2], one[1]) end
for _, id in ipairs(changes.activityIds) do redis.call('zadd', KEYS[5], now + ARGV[3] / 1000, id) end
redis.call('incr', KEYS[6])
redis.call('pexpire', KEYS[4], ARGV[3])
redis.call('pexpire', KEYS[5], ARGV[3])
redis.call('pexpire', KEYS[6], ARGV[3])
return 1
"""
KNOWN = """
local now = redis.call('time')
return redis.call('zrangebyscore', KEYS[1], now[1], '+inf')
"""
CLOSE = """
if redis.call('get', KEYS[1]) == ARGV[1] then
  if ARGV[2] ~= '' then
    redis.call('hset', KEYS[3], 'outcome', ARGV[2])
    redis.call('pexpire', KEYS[3], ARGV[3])
  end
  redis.call('del', KEYS[1])
end
if redis.call('get', KEYS[2]) == ARGV[1] then
  if ARGV[4] ~= '' then
    local newest = redis.call('hget', KEYS[4], ARGV[4])
    if not newest or newest < ARGV[5] then redis.call('hset', KEYS[4], ARGV[4], ARGV[5]) end
    redis.call('pexpire', KEYS[4], ARGV[3])
  end
  redis.call('del', KEYS[2])
end
"""


class RedisLedger:
    """One invocation's view of it."""

    name = "redis"
    shared = True

    def __init__(self, url: str, terms: Terms, tally: Tally | None = None, deadline: Deadline | None = None) -> None:
        """`deadline`: after which no answer is waited for."""
        self._url = url
        self._terms = terms
        self._tally = tally or Tally(terms.clock)
        self._deadline = deadline
        self._silent = False

    def claim_message(self, message: MessageRef) -> Claim:
        keys = [_key(message.group, "message", message.key), _key(message.group, "claim", message.key)]
        arguments = [self._terms.holder, self._lease, self._memory]
        holder, outcome, progress, first = self._run(CLAIM, keys, arguments)
        ours = outcome is None and holder == self._terms.holder
        return Claim(ours, outcome, progress, first == self._terms.holder)

    def acquire_lease(self, group: str, observation: str = "") -> Entry | None:
        keys = [_key(group, kind) for kind in ("lease", "inflight", "version", "newest")]
        holder, in_flight, version, newest = self._run(LEASE, keys, [self._terms.holder, self._lease, observation])
        if holder != self._terms.holder:
            return None
        return Entry(frozenset(in_flight), datetime.fromisoformat(newest) if newest else None, int(version or 0))

    def record(self, message: MessageRef, record: Record) -> bool:
        group = message.group
        keys = [
            _key(group, "claim", message.key),
            _key(group, "lease"),
            _key(group, "message", message.key),
            *(_key(group, kind) for kind in ("inflight", "activities", "version")),
        ]
        changes = {
            "freed": record.freed,
            "inFlight": list(record.in_flight.items()),
            "activityIds": record.activity_ids,
        }
        return bool(self._run(RECORD, keys, [self._terms.holder, record.progress, self._memory, json.dumps(changes)]))

    def known_activities(self, group: str) -> frozenset[str]:
        return frozenset(self._run(KNOWN, [_key(group, "activities")], []))

    def close(self, message: MessageRef, closing: Closing) -> None:
        group = message.group
        keys = [
            _key(group, "claim", message.key),
            _key(group, "lease"),
            _key(group, "message", message.key),
            _key(group, "newest"),
        ]
        observed = closing.observation if closing.sent_at else ""
        sent_at = closing.sent_at.isoformat(timespec="microseconds") if closing.sent_at else ""
        self._run(CLOSE, keys, [self._terms.holder, closing.outcome or "", self._memory, observed, sent_at])

    @property
    def _lease(self) -> int:
        return int(self._terms.lease_seconds * 1_000)

    @property
    def _memory(self) -> int:
        return int(self._terms.remember_seconds * 1_000)

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """All of it or nothing, in one round trip; in a cluster, at the node that has the group's slot."""
        if self._silent:
            raise LedgerGone("the ledger did not answer a moment ago.")
        try:
            with self._tally.call(self.name):
                return self._at_its_node(script, keys, arguments)
        except (RedisError, OSError, UnicodeError) as error:
            self._silent = True  # one wait is enough for an invocation
            raise LedgerGone(f"the ledger does not answer ({type(error).__name__}).") from None

    def _at_its_node(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        tag, nodes = keys[0].partition("}")[0], _nodes()
        for _ in range(MAX_REDIRECTS):
            client = _client(self._url, nodes.get(tag, ""))
            self._limit(client.connection_pool)
            try:
                return client.eval(script, len(keys), *keys, *arguments)
            except MovedError as error:
                nodes[tag] = f"{error.host}:{error.port}"
        raise RedisError("the cluster does not say where the slot is")

    def _limit(self, pool: Any) -> None:
        """No answer is waited for beyond the invocation: a call waits six times at most (it sends,
        connects and greets, each tried twice)."""
        left = TRIES * ANSWER_SECONDS if self._deadline is None else self._deadline.remaining_seconds()
        if left < LEAST_SECONDS:
            raise TimeoutError
        seconds = min(ANSWER_SECONDS, left / TRIES)
        pool.connection_kwargs.update(socket_timeout=seconds, socket_connect_timeout=seconds)
        for connection in pool._available_connections:
            connection.socket_timeout = connection.socket_connect_timeout = seconds
            if connection._sock is not None:
                connection._sock.settimeout(seconds)
                connection._parser._buffer.socket_timeout = seconds  # which it goes back to


def _key(group: str, *parts: str) -> str:
    return ":".join((f"{PREFIX}:{{{group}}}", *parts))


@lru_cache(maxsize=1)
def _nodes() -> dict[str, str]:
    """Which node of a cluster has a group's slot, as far as it was told. A cache: it may vanish."""
    return {}


@lru_cache(maxsize=4)
def _client(url: str, node: str = "") -> Redis:
    """Kept for the next invocation, and with it the connection."""
    client = Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),  # a connection that the server has closed in the meantime
    )
    if node:
        host, _, port = node.rpartition(":")
        client.connection_pool.connection_kwargs.update(host=host, port=int(port))
    return client
