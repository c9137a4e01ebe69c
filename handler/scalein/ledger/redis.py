"""The ledger that all instances of the function share: Redis, or Tair.

Each step is one Lua script in one round trip, with the same effect where it is sent again because its answer was lost.
All keys of a scaling group carry the hash tag {GROUP}, so that a cluster keeps them in one slot. Durations and their
ends are by the server's clock. How a server is reached, in a cluster too: redis_node.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from scalein.clock import Deadline
from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import (
    Claim,
    Completion,
    GroupLease,
    LeaseOptions,
    MessageRef,
    OtherMessages,
    Record,
)
from scalein.ledger.redis_node import RedisFailed, run_script
from scalein.timing import CallTimer

PREFIX = "scalein"
ANSWER_SECONDS = 1.0  # that a step may take in all; a ledger that takes longer is as good as gone

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
return {redis.call('get', KEYS[1]), redis.call('zrange', KEYS[2], 0, -1), redis.call('hget', KEYS[3], 'count'),
        redis.call('hget', KEYS[4], ARGV[3])}
"""
RECORD = """
if redis.call('get', KEYS[1]) ~= ARGV[1] or redis.call('get', KEYS[2]) ~= ARGV[1] then return 0 end
local now = redis.call('time')
now = now[1] + now[2] / 1000000
redis.call('hset', KEYS[3], 'progress', ARGV[2])
redis.call('pexpire', KEYS[3], ARGV[3])
local changes = cjson.decode(ARGV[4])
for _, id in ipairs(changes.freed) do redis.call('zrem', KEYS[4], ARGV[5] .. ' ' .. id) end
for _, one in ipairs(changes.inFlight) do redis.call('zadd', KEYS[4], now + one[2], ARGV[5] .. ' ' .. one[1]) end
for _, id in ipairs(changes.activityIds) do redis.call('zadd', KEYS[5], now + ARGV[3] / 1000, ARGV[5] .. ' ' .. id) end
if redis.call('hget', KEYS[6], 'last') ~= ARGV[6] then
  redis.call('hincrby', KEYS[6], 'count', 1)
  redis.call('hset', KEYS[6], 'last', ARGV[6])
end
redis.call('pexpire', KEYS[4], ARGV[3])
redis.call('pexpire', KEYS[5], ARGV[3])
redis.call('pexpire', KEYS[6], ARGV[3])
return 1
"""
OTHERS = """
local now = redis.call('time')
return {redis.call('zrangebyscore', KEYS[1], now[1], '+inf'), redis.call('zrangebyscore', KEYS[2], now[1], '+inf')}
"""
# First what frees memory: after it a script may write even where Redis is full.
CLOSE = """
local is_claimed = redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1]) == 1
local is_leased = redis.call('get', KEYS[2]) == ARGV[1] and redis.call('del', KEYS[2]) == 1
if is_claimed and ARGV[2] ~= '' then
  redis.call('hset', KEYS[3], 'outcome', ARGV[2])
  redis.call('pexpire', KEYS[3], ARGV[3])
end
if is_leased and ARGV[4] ~= '' then
  local newest = redis.call('hget', KEYS[4], ARGV[4])
  if not newest or newest < ARGV[5] then redis.call('hset', KEYS[4], ARGV[4], ARGV[5]) end
  redis.call('pexpire', KEYS[4], ARGV[3])
end
"""


class RedisLedger:
    """One invocation's view of it."""

    name = "redis"
    shared = complete = True

    def __init__(
        self,
        url: str,
        terms: LeaseOptions,
        tally: CallTimer | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """`deadline`: after which no answer is waited for."""
        self._url = url
        self._terms = terms
        self._tally = tally or CallTimer(terms.clock)
        self._deadline = deadline
        self._silent = False
        self._writes = 0

    def claim_message(self, message: MessageRef) -> Claim:
        keys = [
            _key(message.group, "message", message.key),
            _key(message.group, "claim", message.key),
        ]
        arguments = [self._terms.owner, self._lease, self._memory]
        owner, outcome, progress, first = self._run(CLAIM, keys, arguments)
        ours = outcome is None and owner == self._terms.owner
        return Claim(ours, outcome, progress, first == self._terms.owner)

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        keys = [_key(group, kind) for kind in ("lease", "inflight", "writes", "newest")]
        owner, in_flight, writes, newest = self._run(
            LEASE, keys, [self._terms.owner, self._lease, observation]
        )
        if owner != self._terms.owner:
            return None
        ids = frozenset(one.partition(" ")[2] for one in in_flight)
        return GroupLease(ids, datetime.fromisoformat(newest) if newest else None, int(writes or 0))

    def record(self, message: MessageRef, record: Record) -> bool:
        group = message.group
        keys = [
            _key(group, "claim", message.key),
            _key(group, "lease"),
            _key(group, "message", message.key),
            *(_key(group, kind) for kind in ("inflight", "activities", "writes")),
        ]
        changes = {
            "freed": record.freed,
            "inFlight": list(record.in_flight.items()),
            "activityIds": record.activity_ids,
        }
        arguments = [self._terms.owner, record.progress, self._memory, json.dumps(changes)]
        self._writes += 1
        return bool(
            self._run(
                RECORD, keys, [*arguments, message.key, f"{self._terms.owner} {self._writes}"]
            )
        )

    def read_others(self, message: MessageRef) -> OtherMessages:
        keys = [_key(message.group, "activities"), _key(message.group, "inflight")]
        activities, in_flight = self._run(OTHERS, keys, [])
        own = f"{message.key} "
        return OtherMessages(
            *(
                frozenset(one.partition(" ")[2] for one in ones if not one.startswith(own))
                for ones in (activities, in_flight)
            )
        )

    def close(self, message: MessageRef, closing: Completion) -> None:
        group = message.group
        keys = [
            _key(group, "claim", message.key),
            _key(group, "lease"),
            _key(group, "message", message.key),
            _key(group, "newest"),
        ]
        observed = closing.observation if closing.sent_at else ""
        sent_at = _sortable(closing.sent_at) if closing.sent_at else ""
        self._run(
            CLOSE,
            keys,
            [self._terms.owner, closing.outcome or "", self._memory, observed, sent_at],
        )

    @property
    def _lease(self) -> int:
        return int(self._terms.lease_seconds * 1_000)

    @property
    def _memory(self) -> int:
        return int(self._terms.remember_seconds * 1_000)

    def _run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """All of it or nothing, in one round trip."""
        if self._silent:
            raise LedgerUnavailable("the ledger did not answer a moment ago.")
        clock = self._deadline.clock if self._deadline else self._terms.clock
        left = self._deadline.remaining_seconds() if self._deadline else ANSWER_SECONDS
        try:
            with self._tally.call(self.name):
                return run_script(
                    self._url,
                    Deadline.after(min(ANSWER_SECONDS, left), clock),
                    script,
                    keys,
                    arguments,
                )
        except RedisFailed as error:
            self._silent = True  # one wait is enough for an invocation
            raise LedgerUnavailable(str(error)) from None


def _key(group: str, *parts: str) -> str:
    # Whatever the group is called, its tag has no braces and is not empty: else its keys would be in several slots.
    return ":".join((f"{PREFIX}:{{{quote(group, safe='') or '%'}}}", *parts))


def _sortable(moment: datetime) -> str:
    """Text that sorts as the time does: Redis compares it as text."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")
