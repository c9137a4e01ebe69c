"""A scaling group that lives by a simulated clock: the very same policy, guardrails and planning, and no I/O."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from scalein.decision.capacity import STABLE_STATES, capacity_of
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.guardrails import limits, veto
from scalein.decision.model import (
    Activity,
    Alarm,
    Instance,
    Named,
    Plan,
    RemovalRequest,
    Sample,
    ScalingGroup,
    Snapshot,
)
from scalein.decision.planner import plan_removal
from scalein.decision.reasons import Reason
from scalein.decision.retention import retention_rules
from scalein.errors import RejectedEvent
from scalein.intake.times import time_of
from scalein.policy import Policy, PolicyViolation, apply_policy
from scalein.policy_rules import request_from_rule, rule_for

FOREVER = datetime.max.replace(tzinfo=timezone.utc)
NOT_FACTS = ("time", "alarm", "add", "instanceIds")


class SimulationError(Exception):
    """The input cannot be simulated; the text says where and why."""


class Happening(NamedTuple):
    """Something at a time: an alarm with its facts, or `add` instances that ESS adds."""

    time: datetime
    alarm: Alarm | None
    add: int = 0


class Point(NamedTuple):
    """The group's stable capacity from a time on."""

    time: datetime
    capacity: int


class Held(NamedTuple):
    """An alarm, or a part of what it asked for, that removed nobody, and why: a reason, or why it was no request."""

    time: datetime
    why: str


@dataclass
class Story:
    """What came of it all."""

    alarms: int = 0
    capacity: list[Point] = field(default_factory=list)
    removals: list[tuple[datetime, int]] = field(default_factory=list)  # instances
    held: list[Held] = field(default_factory=list)

    @property
    def removed(self) -> int:
        return sum(number for _, number in self.removals)

    @property
    def held_by(self) -> list[tuple[str, int]]:
        return Counter(held.why for held in self.held).most_common()


class Group:
    """Members come and go as ESS has it: a removal takes `activity`, and whoever is told to leave is Removing."""

    def __init__(self, snapshot: Snapshot, history: timedelta, activity: timedelta) -> None:
        self._snapshot = snapshot._replace(
            activities=snapshot.activities or ()
        )  # metric values stay, and stay fresh
        self._history = max(history, activity) + timedelta(minutes=2)
        self._activity = activity
        self._running: list[tuple[datetime, str, frozenset[str]]] = []
        self._added = self._removals = 0

    def at(self, now: datetime) -> Snapshot:
        """The picture that ESS would give then."""
        for ends, id, leaving in [one for one in self._running if one[0] <= now]:
            self._end(ends, id, leaving)
        kept = [
            a
            for a in self._snapshot.activities or ()
            if a.ended_at is None or a.ended_at > now - self._history
        ]
        self._snapshot = self._snapshot._replace(taken_at=now, activities=tuple(kept))
        return self._snapshot

    def remove(self, leaving: Sequence[str]) -> None:
        gone, group = frozenset(leaving), self._snapshot.group
        ends = self._snapshot.taken_at + self._activity
        self._removals += 1
        id = f"asa-{self._removals}"
        members = tuple(
            instance._replace(lifecycle_state="Removing") if instance.id in gone else instance
            for instance in self._snapshot.instances
        )
        if group.desired_capacity is not None:
            group = group._replace(desired_capacity=group.desired_capacity - self._weight(gone))
        self._running.append((ends, id, gone))
        running = Activity(id, "InProgress", self._snapshot.taken_at, None, trigger="APIs")
        self._keep(group=group, instances=members, new=running)

    def add(self, number: int) -> None:
        """In service at once, as of the configuration that came last."""
        now, group = self._snapshot.taken_at, self._snapshot.group
        like = max(
            self._snapshot.instances,
            key=lambda instance: instance.joined_at or now,
            default=Instance("", ""),
        )
        zones = sorted({instance.zone_id for instance in self._snapshot.instances}) or [""]
        new = []
        for _ in range(number):
            self._added += 1
            zone = zones[self._added % len(zones)]
            new.append(
                like._replace(
                    id=f"i-new-{self._added:05}", lifecycle_state="InService", joined_at=now
                )
            )
            new[-1] = new[-1]._replace(zone_id=zone, healthy=True)
        more = sum(capacity_of(instance, self._snapshot) for instance in new)
        desired = None if group.desired_capacity is None else group.desired_capacity + more
        ids = frozenset(instance.id for instance in new)
        activity = Activity(
            f"asa-add-{self._added}", "Successful", now, now, added=number, added_ids=ids
        )
        self._keep(
            group=group._replace(
                total_capacity=group.total_capacity + more, desired_capacity=desired
            ),
            instances=(*self._snapshot.instances, *new),
            new=activity,
        )

    def stable_capacity(self) -> int:
        """What is there and stays."""
        return self._weight(
            {i.id for i in self._snapshot.instances if i.lifecycle_state in STABLE_STATES}
        )

    def _end(self, ends: datetime, id: str, leaving: frozenset[str]) -> None:
        self._running.remove((ends, id, leaving))
        group = self._snapshot.group
        group = group._replace(total_capacity=group.total_capacity - self._weight(leaving))
        members = tuple(
            instance for instance in self._snapshot.instances if instance.id not in leaving
        )
        others = tuple(
            activity for activity in self._snapshot.activities or () if activity.id != id
        )
        self._snapshot = self._snapshot._replace(activities=others)
        began, count = ends - self._activity, len(leaving)
        ended = Activity(
            id, "Successful", began, ends, removed=count, trigger="APIs", removed_ids=leaving
        )
        self._keep(group=group, instances=members, new=ended)

    def _keep(self, new: Activity, **fields: Any) -> None:
        self._snapshot = self._snapshot._replace(
            activities=(new, *(self._snapshot.activities or ())), **fields
        )

    def _weight(self, ids: Iterable[str]) -> int:
        wanted = set(ids)
        return sum(
            capacity_of(i, self._snapshot) for i in self._snapshot.instances if i.id in wanted
        )


class Plans:
    """The plan for each question; made again only once something has changed that it depends on.

    Where nobody objects, time itself moves only the limits, and how many are old enough.
    """

    def __init__(self, group_policy: GroupPolicy) -> None:
        self._group_policy = group_policy
        self._made: dict[RemovalRequest, tuple[tuple[object, ...], Plan]] = {}

    def of(self, request: RemovalRequest, picture: Snapshot) -> Plan:
        question = request._replace(request_id="", sent_at=None)
        why_not = retention_rules(question, picture, self._group_policy)
        may_leave = sum(why_not(instance) is None for instance in picture.instances)
        now = (picture.instances, picture.group, limits(picture, self._group_policy), may_leave)
        before, plan = self._made.get(question, (None, None))
        if plan is None or before != now:
            plan = plan_removal(question, picture, self._group_policy)
            self._made[question] = now, plan
        return plan


def simulate(
    snapshot: Snapshot, policy: Policy, day: Iterable[Happening], activity: timedelta
) -> Story:
    """Serves the happenings in the order of their times, as the function would."""
    group_policy = policy.groups[snapshot.group.id]
    group = Group(snapshot, timedelta(seconds=group_policy.history_seconds), activity)
    plans = Plans(group_policy)
    story = Story(capacity=[Point(snapshot.taken_at, group.stable_capacity())])
    for happening in day:
        picture = group.at(happening.time)
        if happening.add:
            group.add(happening.add)
            picture = group.at(happening.time)
            story.capacity.append(Point(happening.time, group.stable_capacity()))
        if happening.alarm is not None:
            story.alarms += 1
            request = _request(happening.alarm, policy, snapshot.group.id)
            leaving = _decide(request, picture, group_policy, plans, story)
            if leaving:
                group.remove(leaving)
                story.removals.append((happening.time, len(leaving)))
                story.capacity.append(Point(happening.time, group.stable_capacity()))
    return story


def _request(alarm: Alarm, policy: Policy, scaling_group_id: str) -> RemovalRequest | str:
    """What the policy makes of it, or why nothing."""
    rule = rule_for(alarm, policy.rules)
    if rule is None:
        return "no-rule"
    asked = request_from_rule(
        rule,
        alarm,
        scaling_group_id if rule.uses_alarm_group else rule.request["scalingGroupId"],
    )
    if asked.scaling_group_id != scaling_group_id:
        return "other-group"
    if isinstance(asked.target, Named) and not asked.target.instance_ids:
        return "policy"
    request = apply_policy(asked, policy)
    return "policy" if isinstance(request, PolicyViolation) else request


def _decide(
    request: RemovalRequest | str,
    picture: Snapshot,
    group_policy: GroupPolicy,
    plans: Plans,
    story: Story,
) -> tuple[str, ...] | None:
    if isinstance(request, str):
        story.held.append(Held(picture.taken_at, request))
        return None
    stop = veto(request, picture, group_policy)  # first: it needs no verdict of anybody
    if stop is not None:
        story.held.append(Held(picture.taken_at, stop.reason.value))
        return None
    plan = plans.of(request, picture)
    if plan.shortfall:
        story.held.append(Held(picture.taken_at, plan.shortfall.reason.value))
    elif not plan.selected:
        story.held.append(Held(picture.taken_at, Reason.NOT_NEEDED.value))
    return plan.selected


def day_of(path: Path) -> list[Happening]:
    """A CSV with a header, or JSON lines: `time`, and `alarm` (its name; further columns are facts) or `add`.

    Raises SimulationError: which line is wrong.
    """
    day = []
    for number, entry in _entries(path):
        try:
            day.append(_happening(entry, number))
        except (KeyError, TypeError, ValueError, AttributeError, RejectedEvent) as error:
            raise SimulationError(
                f"{path}, line {number}: it needs a time such as 2026-11-23T12:00:00Z, and alarm (a name) or add "
                "(a number of instances)"
            ) from error
    if not day:
        raise SimulationError(f"{path}: there is nothing in it")
    return sorted(day, key=lambda happening: happening.time)


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".csv":
        yield from (
            (number, row) for number, row in enumerate(csv.DictReader(text.splitlines()), 2)
        )
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise SimulationError(f"{path}, line {number}: not JSON") from error


def _happening(entry: Mapping[str, Any], number: int) -> Happening:
    time, add = time_of(entry["time"], "$.time"), int(entry.get("add") or 0)
    if add < 0 or not (add or entry.get("alarm")):
        raise ValueError
    if not entry.get("alarm"):
        return Happening(time, None, add)
    names = {"alertName": (str(entry["alarm"]),), "ruleName": (str(entry["alarm"]),)}
    attributes = {
        name: (str(value),) for name, value in entry.items() if name not in NOT_FACTS and value
    }
    listed = entry.get("instanceIds") or ()
    ids = tuple(listed.split() if isinstance(listed, str) else listed)
    return Happening(time, Alarm(f"line-{number}", names | attributes, ids, time), add)


def synthetic(
    scaling_group_id: str, size: int, min_size: int, zones: int, start: datetime
) -> Snapshot:
    """A group in steady state, its members an hour apart, in turn over the zones, of two configurations."""
    members = tuple(
        Instance(
            id=f"i-{number:05}",
            lifecycle_state="InService",
            zone_id=f"zone-{'abcdefghijklmnopqrstuvwxyz'[number % zones]}",
            scaling_configuration="asc-1" if number < size // 2 else "asc-2",
            joined_at=start - timedelta(hours=24 + size - number),
        )
        for number in range(size)
    )
    group = ScalingGroup(scaling_group_id, "Active", min_size, size, multi_az_policy="BALANCE")
    samples = {i.id: Sample(float(n * 37 % 100), FOREVER) for n, i in enumerate(members)}
    return Snapshot(group, members, start, (), samples)
