"""Auto Scaling over time: brings its state up to the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localcloud.buses import delivery
from localcloud.buses.model import DEFAULT
from localcloud.ess import activity_lifecycle, reconciler
from localcloud.ess.model import Instance
from localcloud.ess.state import EssState
from localcloud.monitor import alerts, system_events


@dataclass
class Service(EssState):
    """Auto Scaling. Call `advance` before reading: nothing happens in the background."""

    def __post_init__(self) -> None:
        super().__post_init__()
        # called after each thing that happens by itself
        self.observe: Callable[[datetime], object] | None = None

    def emit(self, event: Mapping[str, Any]) -> None:
        """Puts an event of a cloud product on the default bus."""
        delivery.publish(self, self.buses[DEFAULT], event)

    def report(self, system_event: Mapping[str, Any]) -> None:
        """Gives a system event to CloudMonitor's event rules."""
        system_events.take(self, system_event)

    def advance(self) -> datetime:
        """Does what has fallen due, in its order, and returns the clock's time."""
        now = self.clock.now()
        request_id, self.request_id = self.request_id, ""  # nothing of it is the call's work
        while (due_at := self._next_due_at()) is not None and due_at <= now:
            self._at = max(self._at, due_at)
            self._do_due(self._at)
        self._at = now
        reconciler.reconcile_capacities(self, now)
        self.request_id = request_id
        return now

    def _next_due_at(self) -> datetime | None:
        times = [activity_lifecycle.due_at(self, activity) for activity in self.in_progress()]
        times += [at for _, at in self._arrivals()]
        times += alerts.due_times(self)
        times += delivery.due_times(self)
        if self.assumptions.acts:
            times += reconciler.due_times(self)
        return min(times, default=None)

    def _do_due(self, now: datetime) -> None:
        for instance, at in self._arrivals():
            if at <= now:
                instance.lifecycle_state, instance.in_service_at = "InService", None
        for activity in self.in_progress():
            if activity_lifecycle.due_at(self, activity) <= now:
                activity_lifecycle.proceed(self, activity, now)
        reconciler.do_due(self, now)
        alerts.evaluate_due(self, now)
        delivery.settle_due(self, now)
        if self.observe is not None:
            self.observe(now)

    def _arrivals(self) -> Iterator[tuple[Instance, datetime]]:
        """Yields Pending instances that no activity brings in, and when each is in service."""
        for group in self.groups.values():
            yield from group.arrivals()
