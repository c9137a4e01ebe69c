"""The pauses of actions that fail, in this process: `cloud.breaker` says what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from scalein.clock import Clock
from scalein.ledger.memory import MemoryStore

# A pause that no invocation probed for so long is forgotten: the failure says nothing about now.
FORGET_SECONDS = 600.0
TOLERANCE_SECONDS = 1.0  # for rounded times


class MemoryPauses:
    """Pauses in the store of this process."""

    def __init__(self, store: MemoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def read(self) -> Mapping[str, tuple[float, float]]:
        with self._store.lock:
            now = self._clock.now()
            return {
                action: ((end - now).total_seconds(), length_seconds)
                for action, (end, length_seconds, seconds) in self._store.pauses.items()
                if is_known((end - now).total_seconds(), seconds)
            }

    def claim_probe(self, action: str, seconds: float) -> bool:
        with self._store.lock:
            now = self._clock.now()
            if action not in self._store.pauses:
                return True
            end, length_seconds, paused_seconds = self._store.pauses[action]
            if end > now and is_known((end - now).total_seconds(), paused_seconds):
                return False
            self._store.pauses[action] = now + timedelta(seconds=seconds), length_seconds, seconds
            return True

    def save(self, action: str, seconds: float) -> None:
        with self._store.lock:
            end = self._clock.now() + timedelta(seconds=seconds)
            self._store.pauses[action] = end, seconds, seconds

    def delete(self, action: str) -> None:
        with self._store.lock:
            self._store.pauses.pop(action, None)


def is_known(remaining_seconds: float, seconds: float) -> bool:
    """Whether a pause of so many seconds counts: if more of it remain, the clock was set back."""
    return -FORGET_SECONDS < remaining_seconds <= seconds + TOLERANCE_SECONDS
