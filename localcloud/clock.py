"""The clock that activities progress on: real, or driven by a test."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Time of day, aware, UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(timezone.utc)


class DrivenClock:
    """Stands still until it is told to advance."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
