"""The pauses of actions that fail, in this process: `cloud.breaker` says what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from scalein.clock import Clock
from scalein.ledger.memory import MemoryStore

# A pause that no invocation probed for so long is forgotten: the failure says nothing about now.
FORGET_SECONDS = 600.0


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
                for action, (end, length_seconds) in self._store.pauses.items()
                if self._is_known(end, now)
            }

    def claim_probe(self, action: str, seconds: float) -> bool:
        with self._store.lock:
            now = self._clock.now()
            if action not in self._store.pauses:
                return True
            end, length_seconds = self._store.pauses[action]
            if end > now:
                return False
            self._store.pauses[action] = now + timedelta(seconds=seconds), length_seconds
            return True

    def save(self, action: str, seconds: float) -> None:
        with self._store.lock:
            end = self._clock.now() + timedelta(seconds=seconds)
            self._store.pauses[action] = end, seconds

    def delete(self, action: str) -> None:
        with self._store.lock:
            self._store.pauses.pop(action, None)

    def _is_known(self, end: datetime, now: datetime) -> bool:
        """Whether the pause counts: an end far away comes from a clock that was set back."""
        return abs((end - now).total_seconds()) < FORGET_SECONDS
