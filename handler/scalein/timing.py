"""Times the calls of each message: the `durations` of its audit line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from scalein.clock import Clock


class CallTimes(NamedTuple):
    """How long a message took, and its calls."""

    seconds: float
    waiting_seconds: float  # during which at least one call ran
    # By name, such as RemoveInstances: how many, and their seconds together.
    calls: dict[str, tuple[int, float]]


class CallTimer:
    """Times the calls of one invocation. Threads may call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = clock.monotonic()
        self._calls: list[tuple[float, float, str]] = []

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Times its block as one call, however the block ends."""
        started = self._clock.monotonic()
        try:
            yield
        finally:
            self._calls.append((started, self._clock.monotonic(), name))

    def take(self) -> CallTimes:
        """Returns the times since the last `take`, and resets: each message has its own."""
        calls, started = sorted(self._calls), self._started
        self._calls, self._started = [], self._clock.monotonic()
        by_name: dict[str, tuple[int, float]] = {}
        waiting_seconds, covered_until = 0.0, started
        for start, end, name in calls:
            count, seconds = by_name.get(name, (0, 0.0))
            by_name[name] = (count + 1, seconds + end - start)
            waiting_seconds += max(0.0, end - max(start, covered_until))
            covered_until = max(covered_until, end)
        return CallTimes(self._started - started, waiting_seconds, by_name)
