"""The clock of tests: it stands still until a test, or a pause of the code under test, moves it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


class DrivenClock:
    """A clock for handler and local cloud: sleep() and advance() move it, time does not.

    `elapsed` is the number of seconds since its start, `naps` the pauses that were slept.
    """

    def __init__(self, now: datetime = NOON) -> None:
        self._start = now
        self.elapsed = 0.0
        self.naps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.advance(seconds)

    def set_back(self, seconds: float) -> None:
        """Sets the time of day back, as NTP or an operator may; the monotonic clock goes on."""
        self._start -= timedelta(seconds=seconds)

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds
