"""Auto Scaling in memory, on a driven clock: late reads, lost answers, late calls, others.

Nothing here opens a socket, so that thousands of random schedules run in seconds. The judges count
by what this cloud did, never by what the function read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scalein.cloud.gateway import GROUP_ONLY, Removal
from scalein.decision.model import Activity, Instance, ReadScope, ScalingGroup, Snapshot
from scalein.errors import (
    OutcomeUnknown,
    Paused,
    Refused,
    StaleSnapshot,
    TokenUsed,
    Transient,
    TryLater,
)
from tests.support.clock import NOON, DrivenClock

GROUP = "asg-1"
STABLE = ("InService", "Protected", "Standby")
REFUSALS = {
    "refused": Refused(
        "RemoveInstances",
        "IncorrectLoadBalancerStatus",
        "the state forbids it.",
        is_by_state=True,
    ),
    "throttled": TryLater("RemoveInstances", "Throttling", "throttled."),
    "paused": Paused("RemoveInstances", "Paused", "not sent."),
    "in-progress": TryLater("RemoveInstances", "ScalingActivityInProgress", "one runs."),
}


class Killed(BaseException):
    """The platform ended the process."""


@dataclass
class Removing:
    """A removal as the cloud knows it."""

    id: str
    token: str
    instance_ids: tuple[str, ...]
    started_at: datetime
    ends_at: datetime
    sent_at: datetime  # when its call was made, which may have been carried out later
    status: str = "Successful"  # once it has ended
    not_removed_ids: tuple[str, ...] = ()  # which it does not remove in the end
    says_which: bool = True  # whether its record lists instances
    has_ended: bool = False

    @property
    def removed_ids(self) -> tuple[str, ...]:
        return tuple(id for id in self.instance_ids if id not in self.not_removed_ids)


@dataclass
class SimulatedEss:
    """One group. `lists_lag` and `history_lag` say how old each answer is; `fault` what happens to
    each call of RemoveInstances; `ending` how its activity ends.
    """

    clock: DrivenClock
    size: int
    min_size: int
    desired: bool
    activity_seconds: float
    lists_lag: Callable[[], float] = lambda: 0.0
    history_lag: Callable[[], float] = lambda: 0.0
    fault: Callable[[], str] = lambda: ""
    late_seconds: Callable[[], float] = lambda: 0.0
    ending: Callable[[], str] = lambda: "Successful"
    is_down: Callable[[], bool] = lambda: False
    states: dict[str, str] = field(default_factory=dict)
    desired_capacity: int = 0
    past: list[tuple[datetime, dict[str, str], int]] = field(default_factory=list)
    accepted: list[Removing] = field(default_factory=list)
    late: list[tuple[datetime, datetime, Removal]] = field(default_factory=list)  # due, sent
    calls: int = 0
    lowest: int = 10**6

    def __post_init__(self) -> None:
        self.states = {f"i-{number:03}": "InService" for number in range(self.size)}
        self.desired_capacity = self.size
        self._changed()

    # The present

    def advance(self) -> None:
        now = self.clock.now()
        for one in [one for one in self.late if one[0] <= now]:
            self.late.remove(one)
            due, sent_at, removal = one
            self._end_activities(due)
            with suppress(Refused, StaleSnapshot, TokenUsed, TryLater):  # nothing waits for it
                self._accept(removal, due, sent_at)
        self._end_activities(now)

    def _end_activities(self, now: datetime) -> None:
        for activity in self.accepted:
            if activity.ends_at > now or activity.has_ended:
                continue
            activity.has_ended = True
            for id in activity.instance_ids:
                if self.states.get(id) == "Removing":
                    if id in activity.not_removed_ids:
                        self.states[id] = "InService"
                        self.desired_capacity += 1
                    else:
                        del self.states[id]
            self._changed(activity.ends_at)

    def _changed(self, at: datetime | None = None) -> None:
        self.past.append((at or self.clock.now(), dict(self.states), self.desired_capacity))
        self.lowest = min(self.lowest, sum(state in STABLE for state in self.states.values()))

    def change(self, id: str, state: str) -> None:
        """Something else makes the instance Standby, or brings it back."""
        if self.states.get(id) in STABLE:
            self.states[id] = state
            self._changed()

    def remove_by_other(self, ids: tuple[str, ...]) -> None:
        """A person, or another program, calls RemoveInstances."""
        removal = Removal(GROUP, ids, f"other-{len(self.accepted)}", None)  # type: ignore[arg-type]
        with suppress(StaleSnapshot, TryLater):
            self._accept(removal, self.clock.now(), self.clock.now())

    def running(self, now: datetime) -> list[Removing]:
        return [activity for activity in self.accepted if activity.ends_at > now]

    # Gateway

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self.advance()
        self._raise_if_down("DescribeScalingInstances")
        now = self.clock.now()
        at = now - timedelta(seconds=self.lists_lag())
        shown = next((one for one in reversed(self.past) if one[0] <= at), self.past[0])
        _, states, desired = shown
        instances = tuple(
            Instance(id, state, "z", "asc-1", NOON - timedelta(days=1, seconds=-int(id[2:])))
            for id, state in states.items()
        )
        stable = sum(state in STABLE for state in states.values())
        group = ScalingGroup(
            GROUP,
            "Active",
            self.min_size,
            len(states),
            stable,
            desired_capacity=desired if self.desired else None,
        )
        since = now - timedelta(seconds=read_scope.history_seconds)
        activities = self.history(scaling_group_id, since) if read_scope.history_seconds else None
        return Snapshot(group, instances, now, activities)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        self.advance()
        self._raise_if_down("DescribeScalingActivities")
        at = self.clock.now() - timedelta(seconds=self.history_lag())
        found = [_shown(one, at) for one in reversed(self.accepted) if one.started_at <= at]
        return tuple(one for one in found if one.ended_at is None or one.ended_at >= since)

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        history = self.history(GROUP, NOON - timedelta(days=1))
        return tuple(one for one in history if one.id in activity_ids)

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return {GROUP}

    def check_removal(self) -> None:
        pass

    def remove(self, removal: Removal) -> str:
        self.calls += 1
        self.advance()
        self._raise_if_down("RemoveInstances")
        fault = self.fault()
        if fault == "killed-before":
            raise Killed
        if fault in REFUSALS:
            raise REFUSALS[fault].with_traceback(None)
        if fault in ("unsent", "late", "killed-late"):
            if fault != "unsent":
                now = self.clock.now()
                due = now + timedelta(seconds=self.late_seconds())
                self.late.append((due, now, removal))
            if fault == "killed-late":
                raise Killed
            raise OutcomeUnknown("RemoveInstances", "Timeout", "no answer.")
        activity_id = self._accept(removal, self.clock.now(), self.clock.now())
        if fault == "killed-after":
            raise Killed
        if fault == "lost":
            raise OutcomeUnknown("RemoveInstances", "Timeout", "no answer.")
        return activity_id

    def _raise_if_down(self, action: str) -> None:
        if self.is_down():
            raise Transient(action, "ServiceUnavailable", "ESS is unavailable.")

    def _accept(self, removal: Removal, now: datetime, sent_at: datetime) -> str:
        before = next((one for one in self.accepted if one.token == removal.client_token), None)
        if before is not None:
            if before.instance_ids != removal.instance_ids:
                raise TokenUsed("RemoveInstances", "IdempotentParameterMismatch", "other ids.")
            return before.id
        if not self.desired and self.running(now):
            raise TryLater("RemoveInstances", "ScalingActivityInProgress", "one runs.")
        if any(self.states.get(id) not in STABLE for id in removal.instance_ids):
            raise StaleSnapshot("RemoveInstances", "InvalidInstanceId.NotFound", "not a member.")
        if len(self.states) - len(removal.instance_ids) < self.min_size:
            raise StaleSnapshot("RemoveInstances", "IncorrectCapacity.MinSize", "below MinSize.")
        self.accepted.append(self._removing(removal, now, sent_at))
        for id in removal.instance_ids:
            self.states[id] = "Removing"
        self.desired_capacity -= len(removal.instance_ids)
        self._changed(now)
        return self.accepted[-1].id

    def _removing(self, removal: Removal, now: datetime, sent_at: datetime) -> Removing:
        ending, ids = self.ending(), removal.instance_ids
        status = ending.partition(" ")[0]
        not_removed = (
            ids if status in ("Failed", "Rejected") else ids[::2] if status == "Warning" else ()
        )
        ends_at = now + timedelta(seconds=self.activity_seconds)
        name = f"asa-{len(self.accepted)}"
        says_which = ending == status
        return Removing(
            name, removal.client_token, ids, now, ends_at, sent_at, status, not_removed, says_which
        )


def _shown(activity: Removing, at: datetime) -> Activity:
    """As the history says it: times to the minute, ids at the end only."""
    over = activity.ends_at <= at
    is_listed = over and activity.says_which
    ids = frozenset(activity.removed_ids) if is_listed else frozenset[str]()
    failures = tuple((id, "HookRollback") for id in activity.not_removed_ids) if is_listed else ()
    return Activity(
        activity.id,
        activity.status if over else "InProgress",
        activity.started_at.replace(second=0, microsecond=0),
        activity.ends_at.replace(second=59) if over else None,
        removed=len(ids),
        trigger="APIs",
        removed_ids=ids,
        failures=failures,
    )
