"""Time: the clock that everything in the package reads, and the deadline of an invocation."""

import time
from datetime import datetime, timezone
from typing import NamedTuple, Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Returns the time of day, aware, in UTC."""

    def monotonic(self) -> float:
        """Returns seconds that never decrease."""

    def sleep(self, seconds: float) -> None:
        """Waits."""


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Deadline(NamedTuple):
    """The moment after which no work begins: soon after it Function Compute kills the process."""

    clock: Clock
    at: float  # of clock.monotonic()

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> "Deadline":
        return cls(clock, clock.monotonic() + seconds)

    def remaining_seconds(self) -> float:
        """Returns the seconds until the deadline; 0 once it has passed."""
        return max(0.0, self.at - self.clock.monotonic())
