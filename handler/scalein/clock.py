"""The only module that knows real time."""

import time
from datetime import datetime, timezone
from typing import NamedTuple, Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Time of day, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that only grow."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Deadline(NamedTuple):
    """The moment after which nothing new is begun. Function Compute kills without a Python exception."""

    clock: Clock
    at: float  # of clock.monotonic()

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        return cls(clock, clock.monotonic() + seconds)

    def remaining_seconds(self) -> float:
        return max(0.0, self.at - self.clock.monotonic())
