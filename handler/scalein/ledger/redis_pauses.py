"""The pauses of actions that fail, shared by all instances of the function through Redis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scalein.errors import LedgerUnavailable
from scalein.ledger.pauses import FORGET_SECONDS, TOLERANCE_SECONDS, MemoryPauses, is_known

RunScript = Callable[[str, Sequence[str], Sequence[Any]], Any]

# A sorted set has the ends of the pauses. Its members are "ACTION LENGTH SECONDS": the length by
# which the next one is chosen, and how long no call is made, which differ while one probes.
READ = """
local now = redis.call('time')
return {now[1] + now[2] / 1000000 .. '', redis.call('zrange', KEYS[1], 0, -1, 'WITHSCORES')}
"""
CLAIM_PROBE = """
local now = redis.call('time')
now = now[1] + now[2] / 1000000
local known = redis.call('zrange', KEYS[1], 0, -1, 'WITHSCORES')
for number = 1, #known, 2 do
  local action, length, seconds = string.match(known[number], '^(%S+) (%S+) (%S+)$')
  if action == ARGV[1] then
    local remaining = known[number + 1] - now
    if remaining > 0 and remaining <= seconds + ARGV[3] then return 0 end
    redis.call('zrem', KEYS[1], known[number])
    redis.call('zadd', KEYS[1], now + ARGV[2], action .. ' ' .. length .. ' ' .. ARGV[2])
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
  redis.call('zadd', KEYS[1], now + ARGV[2], ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. ARGV[2])
  redis.call('pexpire', KEYS[1], 2000 * ARGV[3])
end
"""


class RedisPauses:
    """Pauses in Redis, one sorted set for a region. Raises LedgerUnavailable."""

    def __init__(self, run_script: RunScript, region_id: str) -> None:
        # No scaling group has this hash tag, for `!` is quoted in theirs.
        self._keys = [f"scalein:{{!{quote(region_id, safe='')}}}:pauses"]
        self._run_script = run_script
        self._is_unavailable = False

    def read(self) -> Mapping[str, tuple[float, float]]:
        now, members = self._run(READ, [])
        pauses: dict[str, tuple[float, float]] = {}
        for member, end in zip(members[::2], members[1::2], strict=True):
            action, length_seconds, seconds = member.split(" ")
            remaining_seconds = float(end) - float(now)
            if is_known(remaining_seconds, float(seconds)):
                pauses[action] = remaining_seconds, float(length_seconds)
        return pauses

    def claim_probe(self, action: str, seconds: float) -> bool:
        return bool(self._run(CLAIM_PROBE, [action, seconds, TOLERANCE_SECONDS]))

    def save(self, action: str, seconds: float) -> None:
        self._run(SAVE, [action, seconds, int(FORGET_SECONDS)])

    def delete(self, action: str) -> None:
        self._run(SAVE, [action, "", int(FORGET_SECONDS)])

    def _run(self, script: str, arguments: Sequence[Any]) -> Any:
        if self._is_unavailable:
            raise LedgerUnavailable("the pauses could not be reached a moment ago.")
        try:
            return self._run_script(script, self._keys, arguments)
        except LedgerUnavailable:
            self._is_unavailable = True  # one wait is enough for an invocation
            raise


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
