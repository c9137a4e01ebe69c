"""Fakes that implement our own protocols: a clock that is driven, a gateway that plays a script."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from scalein.clock import Deadline
from scalein.cloud.gateway import GROUP_ONLY, Gateway, Removal
from scalein.decision.group_policy import NO_LIMITS, GroupPolicy
from scalein.decision.model import Activity, ReadScope, RemovalRequest, Snapshot, Target
from scalein.decision.progress import Progress, client_token, message_key
from scalein.errors import GatewayError, Refused, StaleSnapshot
from scalein.ledger.memory import MemoryLedger, MemoryStore
from scalein.ledger.protocol import LeaseOptions, Ledger, MessageRef
from scalein.processing.dependencies import Dependencies, ScheduleFollowUp
from scalein.processing.group_view import GroupView
from scalein.processing.journal import Journal
from scalein.processing.removal import RemovalRun, plan_only
from scalein.report.outcome import Outcome
from scalein.timing import CallTimes
from tests.support.clock import DrivenClock
from tests.support.outcomes import checked

NO_CALL_TIMES = CallTimes(0.0, 0.0, {})


def scale_in(
    request: RemovalRequest,
    gateway: Gateway,
    group_policy: GroupPolicy = NO_LIMITS,
    clock: DrivenClock | None = None,
) -> Outcome:
    """The first step of a message, with nothing around it."""
    return checked([removal_run(request, gateway, group_policy, clock).advance()])[0]


def dry_run(
    request: RemovalRequest, gateway: Gateway, group_policy: GroupPolicy = NO_LIMITS
) -> Outcome:
    """What a dry run says of a message."""
    clock = DrivenClock()
    view = GroupView(request.scaling_group_id, gateway, clock)
    return plan_only(request, view, group_policy, dependencies_of(gateway, clock))


def removal_run(
    request: RemovalRequest,
    gateway: Gateway,
    group_policy: GroupPolicy = NO_LIMITS,
    clock: DrivenClock | None = None,
    *,
    is_shared: bool = True,
) -> RemovalRun:
    """Of a message that this invocation has claimed, in a group that it has leased."""
    clock = clock or DrivenClock()
    progress = Progress(request, clock.now())
    message = MessageRef(request.scaling_group_id, progress.key)
    ledger = SharedLedger(clock) if is_shared else memory_ledger(clock)
    ledger.claim_message(message)
    ledger.acquire_lease(message.group)
    dependencies = dependencies_of(gateway, clock, ledger)
    view = GroupView(request.scaling_group_id, gateway, clock)
    journal = Journal(message, view, dependencies, is_first=True)
    return RemovalRun(progress, view, group_policy, journal, dependencies)


def dependencies_of(
    gateway: Gateway,
    clock: DrivenClock | None = None,
    ledger: Ledger | None = None,
    *,
    seconds: float = 30,
    schedule_follow_up: ScheduleFollowUp | None = None,
    **fields: Any,
) -> Dependencies:
    """What processing works with in unit tests: fakes, and a ledger in memory."""
    clock = clock or DrivenClock()
    known = memory_ledger(clock) if ledger is None else ledger
    deadline = Deadline.after(seconds, clock)
    return Dependencies(lambda: gateway, lambda: known, deadline, schedule_follow_up, **fields)


def memory_ledger(
    clock: DrivenClock, owner: str = "fc-1", store: MemoryStore | None = None
) -> MemoryLedger:
    own_store = MemoryStore() if store is None else store
    return MemoryLedger(LeaseOptions(owner, 60, 86_400, clock), own_store)


class SharedLedger(MemoryLedger):
    """As a ledger that all instances of the function share, and never act without."""

    name = "redis"
    is_shared = is_complete = True

    def __init__(self, clock: DrivenClock) -> None:
        super().__init__(LeaseOptions("fc-1", 60, 86_400, clock), MemoryStore())


def token_of(group: str, request_id: str, number: int = 0) -> str:
    """The ClientToken of a call for a removal request."""
    return client_token(message_key(RemovalRequest(group, request_id, Target(instances=1))), number)


class ScriptedGateway:
    """Shows the snapshots in turn, the last for good, and answers removals by a script."""

    def __init__(self, *snapshots: Snapshot, answers: Iterable[str | GatewayError] = ()) -> None:
        self._snapshots = list(snapshots)
        self._answers = list(answers)
        self.removals: list[Removal] = []
        self.past: tuple[Activity, ...] = ()
        self.reads = 0

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self.reads += 1
        return self._snapshots.pop(0) if len(self._snapshots) > 1 else self._snapshots[0]

    def check_removal(self) -> None:
        pass

    def remove(self, removal: Removal) -> str:
        self.removals.append(removal)
        answer = self._answers.pop(0) if self._answers else "asa-1"
        if isinstance(answer, GatewayError):
            raise answer
        return answer

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        return tuple(activity for activity in self.past if activity.id in activity_ids)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        return self.past

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return {"asg-1"}


class FakeEss:
    """Groups that shrink. Refuses below MinSize, and shows an old snapshot for `lag` reads."""

    def __init__(self, *snapshots: Snapshot, lag: int = 0) -> None:
        self.groups = {snapshot.group.id: snapshot for snapshot in snapshots}
        self.removals: list[Removal] = []
        self.reads: list[str] = []
        self._lag = lag
        self._old: list[dict[str, Snapshot]] = []

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self.reads.append(scaling_group_id)
        shown = self._old.pop(0) if self._old else self.groups
        if scaling_group_id not in shown:
            raise Refused(
                "DescribeScalingGroups",
                "InvalidScalingGroupId.NotFound",
                "there is no such scaling group.",
            )
        return shown[scaling_group_id]

    def check_removal(self) -> None:
        pass

    def remove(self, removal: Removal) -> str:
        snapshot = self.groups[removal.scaling_group_id]
        if snapshot.group.total_capacity - len(removal.instance_ids) < snapshot.group.min_size:
            raise StaleSnapshot(
                "RemoveInstances",
                "IncorrectCapacity.MinSize",
                "the group would fall below MinSize.",
            )
        self._old = [dict(self.groups)] * self._lag
        self.removals.append(removal)
        removing = [
            i._replace(lifecycle_state="Removing")
            for i in snapshot.instances
            if i.id in removal.instance_ids
        ]
        others = [i for i in snapshot.instances if i.id not in removal.instance_ids]
        self.groups[removal.scaling_group_id] = snapshot._replace(instances=(*others, *removing))
        return f"asa-{len(self.removals)}"

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        return ()

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        return ()

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        self.reads.append("groups_of")
        return {
            id
            for id, snapshot in self.groups.items()
            if any(i.id in instance_ids for i in snapshot.instances)
        }
