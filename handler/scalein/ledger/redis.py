"""The ledger in Redis or Tair, which all instances of the function share.

Each step is one Lua script in one round trip. A script that is sent again, because its answer was
lost, counts once. All keys of a scaling group carry the hash tag {GROUP}, so that a cluster stores
them in one slot. Times are by the server's clock. `redis_node` reaches the server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from scalein.clock import Deadline
from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import (
    NOTHING,
    Claim,
    GroupLease,
    LeaseOptions,
    MessageRef,
    OtherMessages,
)
from scalein.ledger.redis_node import run_script
from scalein.timing import CallTimer

PREFIX = "scalein"
MAX_STEP_SECONDS = 1.0  # a ledger that takes longer for a step counts as unavailable

CLAIM = """
if redis.call('hsetnx', KEYS[1], 'first', ARGV[1]) == 1 then
  redis.call('pexpire', KEYS[1], ARGV[3])
end
redis.call('set', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2])
local known = redis.call('hmget', KEYS[1], 'outcome', 'progress', 'first')
return {redis.call('get', KEYS[2]), known[1], known[2], known[3]}
"""
LEASE = """
redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
local now = redis.call('time')
redis.call('zremrangebyscore', KEYS[2], '-inf', now[1] + now[2] / 1000000)
return {redis.call('get', KEYS[1]), redis.call('zrange', KEYS[2], 0, -1),
        redis.call('hget', KEYS[3], 'count'), redis.call('hget', KEYS[4], ARGV[3])}
"""
RECORD = """
if redis.call('get', KEYS[1]) ~= ARGV[1] or redis.call('get', KEYS[2]) ~= ARGV[1] then return 0 end
local now = redis.call('time')
now = now[1] + now[2] / 1000000
redis.call('hset', KEYS[3], 'progress', ARGV[2])
redis.call('pexpire', KEYS[3], ARGV[3])
local changes = cjson.decode(ARGV[4])
for _, id in ipairs(changes.freed) do
  redis.call('zrem', KEYS[4], ARGV[5] .. ' ' .. id)
end
for _, one in ipairs(changes.inFlight) do
  redis.call('zadd', KEYS[4], now + one[2], ARGV[5] .. ' ' .. one[1])
end
for _, id in ipairs(changes.activityIds) do
  redis.call('zadd', KEYS[5], now + ARGV[3] / 1000, ARGV[5] .. ' ' .. id)
end
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
return {redis.call('zrangebyscore', KEYS[1], now[1], '+inf'),
        redis.call('zrangebyscore', KEYS[2], now[1], '+inf')}
"""
# Deletes first, which frees memory: after it a script may write even if Redis is full.
RELEASE = """
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
    """The ledger in Redis, for one owner."""

    name = "redis"
    is_shared = is_complete = True

    def __init__(
        self,
        url: str,
        options: LeaseOptions,
        timer: CallTimer | None = None,
        deadline: Deadline | None = None,
    ) -> None:
        """`deadline`: no step takes longer than until then."""
        self._url = url
        self._options = options
        self._timer = timer or CallTimer(options.clock)
        self._deadline = deadline
        self._is_unavailable = False
        self._write_count = 0
        self._lease_milliseconds = int(options.lease_seconds * 1_000)
        self._remember_milliseconds = int(options.remember_seconds * 1_000)

    def claim_message(self, message: MessageRef) -> Claim:
        keys = [
            _key(message.group, "message", message.key),
            _key(message.group, "claim", message.key),
        ]
        own = self._options.owner
        arguments = [own, self._lease_milliseconds, self._remember_milliseconds]
        owner, outcome, progress, first_owner = self.run(CLAIM, keys, arguments)
        is_granted = outcome is None and owner == own
        return Claim(is_granted, outcome, progress, first_owner == own)

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        keys = [_key(group, kind) for kind in ("lease", "inflight", "writes", "newest")]
        arguments = [self._options.owner, self._lease_milliseconds, observation]
        owner, in_flight, writes, newest = self.run(LEASE, keys, arguments)
        if owner != self._options.owner:
            return None
        ids = frozenset(member.partition(" ")[2] for member in in_flight)
        return GroupLease(ids, datetime.fromisoformat(newest) if newest else None, int(writes or 0))

    def record(
        self,
        message: MessageRef,
        progress: str,
        *,
        in_flight: Mapping[str, float] = NOTHING,
        freed: tuple[str, ...] = (),
        activity_ids: tuple[str, ...] = (),
    ) -> bool:
        group = message.group
        keys = [
            _key(group, "claim", message.key),
            _key(group, "lease"),
            _key(group, "message", message.key),
            *(_key(group, kind) for kind in ("inflight", "activities", "writes")),
        ]
        changes = {
            "freed": freed,
            "inFlight": list(in_flight.items()),
            "activityIds": activity_ids,
        }
        self._write_count += 1
        arguments = [
            self._options.owner,
            progress,
            self._remember_milliseconds,
            json.dumps(changes),
            message.key,
            f"{self._options.owner} {self._write_count}",  # a script sent again counts once
        ]
        return bool(self.run(RECORD, keys, arguments))

    def read_others(self, message: MessageRef) -> OtherMessages:
        keys = [_key(message.group, "activities"), _key(message.group, "inflight")]
        activities, in_flight = self.run(OTHERS, keys, [])
        return OtherMessages(
            _ids_of_others(activities, message), _ids_of_others(in_flight, message)
        )

    def release(
        self,
        message: MessageRef,
        *,
        outcome: str | None = None,
        observation: str = "",
        sent_at: datetime | None = None,
    ) -> None:
        group = message.group
        keys = [
            _key(group, "claim", message.key),
            _key(group, "lease"),
            _key(group, "message", message.key),
            _key(group, "newest"),
        ]
        arguments = [
            self._options.owner,
            outcome or "",
            self._remember_milliseconds,
            observation if sent_at else "",
            _sortable(sent_at) if sent_at else "",
        ]
        self.run(RELEASE, keys, arguments)

    def run(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Runs a script, all of it or nothing. Raises LedgerUnavailable."""
        try:
            return self.run_aside(script, keys, arguments)
        except LedgerUnavailable:
            self._is_unavailable = True  # one wait is enough for an invocation
            raise

    def run_aside(self, script: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Runs a script that is no step of the ledger: if it fails, the ledger still counts as
        available. Raises LedgerUnavailable.
        """
        if self._is_unavailable:
            raise LedgerUnavailable("the ledger did not answer a moment ago.")
        clock = self._deadline.clock if self._deadline else self._options.clock
        remaining = self._deadline.remaining_seconds() if self._deadline else MAX_STEP_SECONDS
        deadline = Deadline.after(min(MAX_STEP_SECONDS, remaining), clock)
        with self._timer.call(self.name):
            return run_script(self._url, deadline, script, keys, arguments)


def _ids_of_others(members: Sequence[str], message: MessageRef) -> frozenset[str]:
    """Returns the ids of a sorted set, whose members are "KEY ID", without those of the message."""
    prefix = f"{message.key} "
    return frozenset(
        member.partition(" ")[2] for member in members if not member.startswith(prefix)
    )


def _key(group: str, *parts: str) -> str:
    # Whatever the group's name, its hash tag has no braces and is not empty: else its keys would be
    # in several slots.
    return ":".join((f"{PREFIX}:{{{quote(group, safe='') or '%'}}}", *parts))


def _sortable(moment: datetime) -> str:
    """Returns a text that sorts as the time does: Redis compares it as text."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")
