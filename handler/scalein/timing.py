"""How long each message took, and what it waited for: the figures of its audit line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from scalein.clock import Clock


class CallTimes(NamedTuple):
    seconds: float
    waiting_seconds: float  # during which at least one call ran
    calls: dict[
        str, tuple[int, float]
    ]  # by name, such as RemoveInstances: how many, and their seconds together


class CallTimer:
    """Of one invocation. Threads may call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._calls: list[tuple[float, float, str]] = []

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Counts what happens within, however it ends."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self._calls.append((began, self._clock.monotonic(), name))

    def take(self) -> CallTimes:
        """Since the last one: each message has its own."""
        calls, began = sorted(self._calls), self._began
        self._calls, self._began = [], self._clock.monotonic()
        by_name: dict[str, tuple[int, float]] = {}
        waiting, until = 0.0, began
        for start, end, name in calls:
            number, seconds = by_name.get(name, (0, 0.0))
            by_name[name] = (number + 1, seconds + end - start)
            waiting += max(0.0, end - max(start, until))
            until = max(until, end)
        return CallTimes(self._began - began, waiting, by_name)
