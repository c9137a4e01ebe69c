"""The clock that activities progress on: real, real and put forward, or driven by a test."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Time of day, aware, UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(timezone.utc)


class AdvancingClock(SystemClock):
    """Runs like the real one, and can be put forward: an hour of cooldowns passes in no time."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    @property
    def ahead_seconds(self) -> float:
        """Returns how far it has been put forward."""
        return self._ahead.total_seconds()

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


class DrivenClock:
    """Stands still until a test advances it."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
