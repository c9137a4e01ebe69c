"""Simulates a scaling group under a policy: the function's own decision, simulated time, no I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from scalein.decision.alarm import Alarm
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.guardrails import limits, veto
from scalein.decision.model import Plan, RemovalRequest, Snapshot
from scalein.decision.planner import plan_removal
from scalein.decision.reasons import Reason
from scalein.decision.retention import retention_check
from scalein.policy import Policy, PolicyViolation, apply_policy
from scalein.processing.alarm_requests import request_of_alarm
from scalein.report.outcome import Outcome
from scalein_cli.simulated_group import SimulatedGroup
from scalein_cli.timeline import TimelineEvent

OTHER_GROUP, POLICY = "other-group", "policy"  # reasons beside Reason's and Ignored's


class CapacityPoint(NamedTuple):
    """The stable capacity of the group from a time on."""

    time: datetime
    capacity: int


class SimulatedAlarm(NamedTuple):
    """What became of one alarm. `reason`: why fewer were removed than requested, or none; or ""."""

    time: datetime
    name: str
    selected: tuple[str, ...]
    reason: str
    capacity: int  # after it


@dataclass
class SimulationResult:
    """What happened during a simulation."""

    capacity: list[CapacityPoint] = field(default_factory=list)
    alarms: list[SimulatedAlarm] = field(default_factory=list)
    not_added: int = 0  # instances, because of MaxSize

    @property
    def removals(self) -> list[SimulatedAlarm]:
        """The alarms that removed instances."""
        return [alarm for alarm in self.alarms if alarm.selected]

    @property
    def blocked_alarms(self) -> list[SimulatedAlarm]:
        """The alarms that removed fewer instances than requested, or none."""
        return [alarm for alarm in self.alarms if alarm.reason]

    @property
    def removed(self) -> int:
        """The number of instances that were removed."""
        return sum(len(alarm.selected) for alarm in self.alarms)

    @property
    def blocked_by_reason(self) -> list[tuple[str, int]]:
        """The number of blocked alarms of each reason, the most frequent reason first."""
        return Counter(alarm.reason for alarm in self.blocked_alarms).most_common()


class PlanCache:
    """Plans by request. A plan is made again only if something changed that it depends on.

    If there is no veto, the passing of time changes only the limits and which instances are old
    enough to be removed.
    """

    def __init__(self, group_policy: GroupPolicy) -> None:
        self._group_policy = group_policy
        self._plans: dict[RemovalRequest, tuple[tuple[object, ...], Plan]] = {}

    def plan(self, request: RemovalRequest, snapshot: Snapshot) -> Plan:
        """The plan of the request for the snapshot."""
        key = request._replace(request_id="", sent_at=None)
        retention_reason = retention_check(key, snapshot, self._group_policy)
        candidates = sum(retention_reason(instance) is None for instance in snapshot.instances)
        group_limits = limits(snapshot, self._group_policy)
        state = (snapshot.instances, snapshot.group, group_limits, candidates)
        cached_state, plan = self._plans.get(key, (None, None))
        if plan is None or cached_state != state:
            plan = plan_removal(key, snapshot, self._group_policy)
            self._plans[key] = state, plan
        return plan


def simulate(
    snapshot: Snapshot, policy: Policy, timeline: Iterable[TimelineEvent], activity: timedelta
) -> SimulationResult:
    """Processes the events of the timeline, which are in order of time."""
    group_policy = policy.groups[snapshot.group.id]
    history = timedelta(seconds=group_policy.history_seconds)
    group = SimulatedGroup(snapshot, history, activity)
    plans = PlanCache(group_policy)
    result = SimulationResult(capacity=[CapacityPoint(snapshot.taken_at, group.stable_capacity())])
    for event in timeline:
        current = group.at(event.time)
        if event.added_instances:
            result.not_added += event.added_instances - group.add(event.added_instances)
            current = group.at(event.time)
            result.capacity.append(CapacityPoint(event.time, group.stable_capacity()))
        if event.alarm is None:
            continue
        selected, reason = _decide(event.alarm, policy, current, plans)
        if selected:
            group.remove(selected)
            result.capacity.append(CapacityPoint(event.time, group.stable_capacity()))
        capacity = result.capacity[-1].capacity
        name = event.alarm.attributes["alertName"][0]
        result.alarms.append(SimulatedAlarm(event.time, name, selected, reason, capacity))
    return result


def _decide(
    alarm: Alarm, policy: Policy, snapshot: Snapshot, plans: PlanCache
) -> tuple[tuple[str, ...], str]:
    """The ids that the alarm removes, and the reason if they are fewer than requested, else ""."""
    group_id = snapshot.group.id
    request = _request(alarm, policy, group_id)
    if isinstance(request, str):
        return (), request
    blocked_by = veto(request, snapshot, policy.groups[group_id])  # first: it needs no plan
    if blocked_by is not None:
        return (), blocked_by.reason.value
    plan = plans.plan(request, snapshot)
    if plan.shortfall:
        return plan.selected, plan.shortfall.reason.value
    return plan.selected, "" if plan.selected else Reason.NOT_NEEDED.value


def _request(alarm: Alarm, policy: Policy, scaling_group_id: str) -> RemovalRequest | str:
    """The request that the policy makes of the alarm, or the reason why it makes none."""
    requested = request_of_alarm(alarm, policy)
    if isinstance(requested, Outcome):
        return requested.ignored.value if requested.ignored else POLICY
    if requested.scaling_group_id not in ("", scaling_group_id):
        return OTHER_GROUP
    request = apply_policy(requested._replace(scaling_group_id=scaling_group_id), policy)
    return POLICY if isinstance(request, PolicyViolation) else request
