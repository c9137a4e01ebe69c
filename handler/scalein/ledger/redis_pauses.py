"""The pauses of actions that fail, shared by all instances of the function through Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scalein.errors import LedgerUnavailable
from scalein.ledger.pauses import FORGET_SECONDS, MemoryPauses

RunScript = Callable[[str, Sequence[str], Sequence[Any]], Any]

# A sorted set has the ends of the pauses. Its members are "ACTION SECONDS", with the length.
READ = """
local now = redis.call('time')
return {now[1] + now[2] / 1000000 .. '', redis.call('zrange', KEYS[1], 0, -1, 'WITHSCORES')}
"""
CLAIM_PROBE = """
local now = redis.call('time')
now = now[1] + now[2] / 1000000
for _, member in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
  if string.sub(member, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then
    if tonumber(redis.call('zscore', KEYS[1], member)) > now then return 0 end
    redis.call('zadd', KEYS[1], now + ARGV[2], member)
  end
end
return 1
"""
# Without a length, the pause ends.
SAVE = """
local now = redis.call('time')
now = now[1] + now[2] / 1000000
redis.call('zremrangebyscore', KEYS[1], '-inf', now - ARGV[3])
for _, member in ipairs(redis.call('zrange', KEYS[1], 0, -1)) do
  if string.sub(member, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then
    redis.call('zrem', KEYS[1], member)
  end
end
if ARGV[2] ~= '' then
  redis.call('zadd', KEYS[1], now + ARGV[2], ARGV[1] .. ' ' .. ARGV[2])
  redis.call('expire', KEYS[1], 2 * ARGV[3])
end
"""


class RedisPauses:
    """Pauses in Redis, one sorted set for a region. Raises LedgerUnavailable."""

    def __init__(self, run: RunScript, region_id: str) -> None:
        # No scaling group has this hash tag, for `!` is quoted in theirs.
        self._keys = [f"scalein:{{!{quote(region_id, safe='')}}}:pauses"]
        self._run = run

    def read(self) -> Mapping[str, tuple[float, float]]:
        now, members = self._run(READ, self._keys, [])
        pauses: dict[str, tuple[float, float]] = {}
        for member, end in zip(members[::2], members[1::2], strict=True):
            action, _, length_seconds = member.partition(" ")
            remaining_seconds = float(end) - float(now)
            if remaining_seconds > -FORGET_SECONDS:
                pauses[action] = remaining_seconds, float(length_seconds)
        return pauses

    def claim_probe(self, action: str, seconds: float) -> bool:
        return bool(self._run(CLAIM_PROBE, self._keys, [action, seconds]))

    def save(self, action: str, seconds: float) -> None:
        self._run(SAVE, self._keys, [action, seconds, int(FORGET_SECONDS)])

    def delete(self, action: str) -> None:
        self._run(SAVE, self._keys, [action, "", int(FORGET_SECONDS)])


class SharedPauses:
    """Pauses of all instances, and those of this process while Redis does not answer."""

    def __init__(self, shared: RedisPauses, own: MemoryPauses) -> None:
        self._shared = shared
        self._own = own

    def read(self) -> Mapping[str, tuple[float, float]]:
        try:
            return self._shared.read()
        except LedgerUnavailable:
            return self._own.read()

    def claim_probe(self, action: str, seconds: float) -> bool:
        try:
            return self._shared.claim_probe(action, seconds)
        except LedgerUnavailable:
            return self._own.claim_probe(action, seconds)

    def save(self, action: str, seconds: float) -> None:
        self._own.save(action, seconds)
        self._shared.save(action, seconds)

    def delete(self, action: str) -> None:
        self._own.delete(action)
        self._shared.delete(action)
