"""The function in this process, on a clock that is driven: its own code from bytes to outcomes.

Around it are the local cloud, a ledger in memory, and follow-ups that come when they are due.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush

from localcloud.ess.service import Service
from scalein.clock import Deadline
from scalein.intake.envelopes import parse_event
from scalein.ledger.memory import MemoryLedger, MemoryStore
from scalein.ledger.protocol import LeaseOptions
from scalein.policy import Policy
from scalein.processing.batch import BatchProcessor
from scalein.processing.dependencies import Dependencies
from scalein.processing.follow_ups import schedule
from scalein.report.outcome import Outcome
from scalein_cli.local_gateway import LocalGateway

RUN_SECONDS, LEASE_SECONDS, REMEMBER_SECONDS = 60.0, 65.0, 172_800.0
KEY = "of simulated follow-ups"  # signs them; they never leave this process


class SimulatedClock:
    """A clock that only `sleep` and `move_to` move."""

    def __init__(self, start: datetime) -> None:
        self._start = self._now = start

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def move_to(self, time: datetime) -> None:
        """Sets the clock; never back."""
        self._now = max(self._now, time)


class SharedLedger(MemoryLedger):
    """As a ledger in Redis: all invocations share it, and none acts without it."""

    is_shared = is_complete = True


class SimulatedFunction:
    """Processes events, one after the other, each with its follow-ups."""

    def __init__(self, policy: Policy, service: Service, clock: SimulatedClock) -> None:
        """`service` has the same clock."""
        self.gateway = LocalGateway(service)
        self._policy = policy
        self._clock = clock
        self._store = MemoryStore()
        self._invocations = 0
        self._follow_ups: list[tuple[datetime, int, bytes]] = []  # when it is due, number, event
        self._task_ids: set[str] = set()

    def deliver(self, event: bytes) -> list[Outcome]:
        """The outcomes of an event that arrives now. Raises ConfigurationError."""
        self._invocations += 1
        self.gateway.snapshots.clear()
        options = LeaseOptions(
            f"simulated-{self._invocations}", LEASE_SECONDS, REMEMBER_SECONDS, self._clock
        )
        ledger = SharedLedger(options, self._store)
        deadline = Deadline.after(RUN_SECONDS, self._clock)
        schedule_follow_up = partial(
            schedule, open_scheduler=lambda: self, key=KEY, deadline=deadline
        )
        dependencies = Dependencies(
            lambda: self.gateway, lambda: ledger, deadline, schedule_follow_up, KEY
        )
        return list(BatchProcessor(self._policy, dependencies).process(parse_event(event)))

    def run_until(self, time: datetime) -> None:
        """Lets time pass, and processes the follow-ups that fall due."""
        while self._follow_ups and self._follow_ups[0][0] <= time:
            due_at, _, event = heappop(self._follow_ups)
            self._clock.move_to(due_at)
            self.deliver(event)
        self._clock.move_to(time)

    def invoke_later(
        self,
        event: bytes,
        task_id: str,
        delay_seconds: int,
        max_seconds: float,  # noqa: ARG002 (the protocol's)
    ) -> bool:
        """Takes a follow-up, as Function Compute does."""
        is_new = task_id not in self._task_ids
        if is_new:
            self._task_ids.add(task_id)
            due_at = self._clock.now() + timedelta(seconds=delay_seconds)
            heappush(self._follow_ups, (due_at, len(self._task_ids), event))
        return is_new
