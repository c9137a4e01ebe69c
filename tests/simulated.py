"""Auto Scaling and Function Compute in memory, on a driven clock: late reads, lost answers, killed runs.

Nothing here opens a socket, so that thousands of random schedules run in seconds. The judges count by what this cloud
did, never by what the function read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from scalein.clock import Deadline
from scalein.errors import OutcomeUnknown, StaleSnapshot, TokenUsed, TryLater
from scalein.gateway import NOTHING_MORE, OneGroup, Removal
from scalein.guardrails import NONE, Guardrails
from scalein.ledger import Claim, Closing, Entry, Kept, Memory, MessageRef, Record, Terms
from scalein.model import Activity, Instance, Needs, Outcome, RemovalRequest, ScalingGroup, Snapshot
from scalein.once import Bounds, MessageProcessor
from scalein.progress import Progress, progress_of, text_of
from scalein.reasons import Status
from tests.fakes import NOON, DrivenClock

GROUP = "asg-1"
TIMEOUT_SECONDS, LEASE_SECONDS, SETTLE_SECONDS = 30.0, 35.0, 180.0
STABLE = ("InService", "Protected", "Standby")
MAX_LAG = 60.0


class Killed(BaseException):
    """The platform ended the process."""


@dataclass
class Activities:
    """A removal as the cloud knows it."""

    id: str
    token: str
    instance_ids: tuple[str, ...]
    started_at: datetime
    ends_at: datetime


@dataclass
class SimulatedEss:
    """One group. `lists_lag` and `history_lag` say how old each answer is; `fault` what happens to each call."""

    clock: DrivenClock
    size: int
    min_size: int
    desired: bool
    activity_seconds: float
    lists_lag: Callable[[], float] = lambda: 0.0
    history_lag: Callable[[], float] = lambda: 0.0
    fault: Callable[[], str] = lambda: ""
    states: dict[str, str] = field(default_factory=dict)
    desired_capacity: int = 0
    past: list[tuple[datetime, dict[str, str], int]] = field(default_factory=list)
    accepted: list[Activities] = field(default_factory=list)
    calls: int = 0
    killed: Callable[[], Killed] = Killed
    lowest: int = 10**6

    def __post_init__(self) -> None:
        self.states = {f"i-{number:03}": "InService" for number in range(self.size)}
        self.desired_capacity = self.size
        self._changed()

    # The present

    def advance(self) -> None:
        for activity in self.accepted:
            if activity.ends_at <= self.clock.now():
                gone = [id for id in activity.instance_ids if self.states.pop(id, None)]
                if gone:
                    self._changed(activity.ends_at)

    def _changed(self, at: datetime | None = None) -> None:
        self.past.append((at or self.clock.now(), dict(self.states), self.desired_capacity))
        self.lowest = min(self.lowest, sum(state in STABLE for state in self.states.values()))

    def change(self, id: str, state: str) -> None:
        if self.states.get(id) in STABLE:
            self.states[id] = state
            self._changed()

    def running(self) -> list[Activities]:
        return [activity for activity in self.accepted if activity.ends_at > self.clock.now()]

    # Gateway

    def snapshot(self, scaling_group_id: str, needs: Needs = NOTHING_MORE) -> Snapshot:
        self.advance()
        now = self.clock.now()
        at = now - timedelta(seconds=self.lists_lag())
        _, states, desired = next((one for one in reversed(self.past) if one[0] <= at), self.past[0])
        instances = tuple(
            Instance(id, state, "z", "asc-1", NOON - timedelta(days=1, seconds=-int(id[2:])))
            for id, state in states.items()
        )
        stable = sum(state in STABLE for state in states.values())
        group = ScalingGroup(
            GROUP, "Active", self.min_size, len(states), stable, desired_capacity=desired if self.desired else None
        )
        since = now - timedelta(seconds=needs.history_seconds)
        activities = self.history(scaling_group_id, since) if needs.history_seconds else None
        return Snapshot(group, instances, now, activities)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        self.advance()
        at = self.clock.now() - timedelta(seconds=self.history_lag())
        found = [self._shown(one, at) for one in reversed(self.accepted) if one.started_at <= at]
        return tuple(one for one in found if one.ended_at is None or one.ended_at >= since)

    def _shown(self, activity: Activities, at: datetime) -> Activity:
        over, ids = activity.ends_at <= at, frozenset(activity.instance_ids)
        started = activity.started_at.replace(second=0, microsecond=0)
        ended = activity.ends_at.replace(second=59) if over else None
        status, listed = ("Successful", ids) if over else ("InProgress", frozenset[str]())
        return Activity(activity.id, status, started, ended, 0, len(listed), "APIs", listed)

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        return tuple(one for one in self.history(GROUP, NOON - timedelta(days=1)) if one.id in activity_ids)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return {GROUP}

    def remove(self, removal: Removal) -> str:
        self.calls += 1
        fault = self.fault()
        if fault == "killed-before":
            raise self.killed()
        if fault == "unsent":
            raise OutcomeUnknown("RemoveInstances", "Timeout", "no answer.")
        if fault == "throttled":
            raise TryLater("RemoveInstances", "Throttling", "throttled.")
        self.advance()
        activity_id = self._accepted(removal)
        if fault == "killed-after":
            raise self.killed()
        if fault == "lost":
            raise OutcomeUnknown("RemoveInstances", "Timeout", "no answer.")
        return activity_id

    def _accepted(self, removal: Removal) -> str:
        before = next((one for one in self.accepted if one.token == removal.client_token), None)
        if before is not None:
            if before.instance_ids != removal.instance_ids:
                raise TokenUsed("RemoveInstances", "IdempotentParameterMismatch", "other parameters.")
            return before.id
        if not self.desired and self.running():
            raise TryLater("RemoveInstances", "ScalingActivityInProgress", "one runs.")
        if any(self.states.get(id) not in STABLE for id in removal.instance_ids):
            raise StaleSnapshot("RemoveInstances", "InvalidInstanceId.NotFound", "not a member.")
        if len(self.states) - len(removal.instance_ids) < self.min_size:
            raise StaleSnapshot("RemoveInstances", "IncorrectCapacity.MinSize", "below MinSize.")
        now = self.clock.now()
        activity = Activities(
            f"asa-{len(self.accepted)}",
            removal.client_token,
            removal.instance_ids,
            now,
            now + timedelta(seconds=self.activity_seconds),
        )
        self.accepted.append(activity)
        for id in removal.instance_ids:
            self.states[id] = "Removing"
        self.desired_capacity -= len(removal.instance_ids)
        self._changed()
        return activity.id


class Mortal:
    """A ledger that writes nothing once its process is killed."""

    def __init__(self, ledger: Memory, shared: bool) -> None:
        self._ledger, self.shared, self.dead = ledger, shared, False
        self.name = "redis" if shared else "memory"

    def claim_message(self, message: MessageRef) -> Claim:
        return self._ledger.claim_message(message)

    def acquire_lease(self, group: str, observation: str = "") -> Entry | None:
        return self._ledger.acquire_lease(group, observation)

    def record(self, message: MessageRef, record: Record) -> bool:
        return self._ledger.record(message, record)

    def known_activities(self, group: str) -> frozenset[str]:
        return self._ledger.known_activities(group)

    def close(self, message: MessageRef, closing: Closing) -> None:
        if not self.dead:
            self._ledger.close(message, closing)


@dataclass(order=True)
class Delivery:
    due: float
    number: int
    text: str = field(compare=False)
    tries: int = field(compare=False, default=0)


@dataclass
class Function:
    """A function, its trigger and its follow-ups. `ledger`: none, memory or redis."""

    ess: SimulatedEss
    clock: DrivenClock
    ledger: str
    follows_up: bool
    chance: Random
    guardrails: Guardrails = NONE
    kill: Callable[[str], bool] = lambda step: False
    kept: Kept = field(default_factory=Kept)
    queue: list[Delivery] = field(default_factory=list)
    task_ids: set[str] = field(default_factory=set)
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    most_tries: int = 60
    alive: Mortal = field(init=False)

    def __post_init__(self) -> None:
        self.ess.killed = self.killed

    def send(self, request: RemovalRequest, after: float = 0.0) -> None:
        self.outcomes.setdefault(request.request_id, [])
        self._push(after, text_of(Progress(request, self.clock.now())))

    def run(self, seconds: float = 90_000) -> None:
        """Delivers everything that is due, in order, until nothing is left or so much time has passed."""
        until = self.clock.elapsed + seconds
        while self.queue and (first := min(self.queue)).due <= until:
            self.queue.remove(first)
            self.clock.elapsed = max(self.clock.elapsed, first.due)
            self._deliver(first)

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        from scalein.follow_up import task_id

        if self.kill("schedule"):
            raise self.killed()
        id = task_id(progress)
        new = id not in self.task_ids
        if new:
            self.task_ids.add(id)
            self._push(delay_seconds, text_of(progress))
            if self.kill("again"):
                self._push(delay_seconds + 1, text_of(progress))  # at least once
        if self.kill("schedule-lost"):
            raise TryLater("InvokeFunction", "Timeout", "no answer.")
        return new

    def killed(self) -> Killed:
        """From here on, nothing of the invocation is written any more: no `finally` of a killed process runs."""
        self.alive.dead = True
        return Killed()

    def _push(self, after: float, text: str, tries: int = 0) -> None:
        self.queue.append(Delivery(self.clock.elapsed + after, next(self.numbers), text, tries))

    def _deliver(self, delivery: Delivery) -> None:
        progress = progress_of(delivery.text)
        if progress.begun_at > self.clock.now() or not progress.follow_ups:
            progress = progress._replace(begun_at=min(progress.begun_at, self.clock.now()))
        if self.ledger == "none":
            self.kept = Kept()
        terms = Terms(f"fc-{delivery.number}-{delivery.tries}", LEASE_SECONDS, 172_800, self.clock)
        ledger = Mortal(Memory(terms, self.kept), self.ledger == "redis")
        deadline = Deadline.after(TIMEOUT_SECONDS, self.clock)
        bounds = Bounds(SETTLE_SECONDS, 86_400)
        processor = MessageProcessor(
            OneGroup(self.ess, self.clock), self.guardrails, deadline, ledger, self if self.follows_up else None, bounds
        )
        self.alive = ledger
        try:
            outcome = processor.process(progress)
        except Killed:
            if self.ledger == "memory":
                self.kept = Kept()
            self._again(delivery)
            return
        self.outcomes[progress.request.request_id].append(outcome)
        if outcome.status is Status.TRY_LATER and outcome.follow_up is None:
            self._again(delivery)

    def _again(self, delivery: Delivery) -> None:
        if delivery.tries < self.most_tries:
            self._push(self.chance.choice((1.0, 20.0, 60.0)), delivery.text, delivery.tries + 1)


def finals(outcomes: list[Outcome], follows_up: bool) -> list[Outcome]:
    """Those that say how the message ended."""
    open_statuses = (Status.TRY_LATER, Status.DUPLICATE)
    return [
        one
        for one in outcomes
        if one.status not in open_statuses and not (one.status is Status.REMOVING and one.follow_up is not None)
    ]
