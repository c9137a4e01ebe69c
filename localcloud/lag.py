"""Reads that show the past: lists of groups and instances, and the history of activities.

Each of the two lags by itself. Only answers lag: what RemoveInstances checks is the present, as in
ESS itself. One answer shows one moment; two answers may differ in age. How late ESS's reads really
are is not published, which is why it can be set."""

from __future__ import annotations

import copy
import pickle
from bisect import bisect_right
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple

from localcloud.ess.members import Members
from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.service import Service
from localcloud.wire import Params

LISTS = ("DescribeScalingGroups", "DescribeScalingInstances")
HISTORY = ("DescribeScalingActivities", "DescribeScalingActivityDetail")
FIELDS = tuple(f.name for f in fields(Instance))


class GroupSnapshot(NamedTuple):
    """What lists show of a group at one moment."""

    group: bytes  # pickled, without its instances
    instances: tuple[tuple[Any, ...], ...]  # the fields of each


@dataclass
class _Records:
    """What was recorded of one account and region, by group id."""

    times: dict[str, list[datetime]] = field(default_factory=dict)
    # None: the group was deleted
    snapshots: dict[str, list[GroupSnapshot | None]] = field(default_factory=dict)


@dataclass
class Lag:
    """How late reads are, in seconds; 0: they show the present.

    With `varies`, each read draws its own lag, up to that.
    """

    lists: float = 0.0
    history: float = 0.0
    until: datetime | None = None  # by the cloud's clock; None: for good
    varies: bool = False
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same lags again)
    _records: dict[tuple[str, str], _Records] = field(default_factory=dict)  # by account and region

    @property
    def is_on(self) -> bool:
        return bool(self.lists or self.history)

    def seconds(self, action: str, now: datetime) -> float:
        """Returns how late the answer to this action is, in seconds."""
        if self.until is not None and now >= self.until:
            return 0.0
        max_seconds = 0.0
        if action in LISTS:
            max_seconds = self.lists
        elif action in HISTORY:
            max_seconds = self.history
        return self.chance.uniform(0, max_seconds) if self.varies else max_seconds

    def record(self, service: Service, now: datetime, only: str = "") -> None:
        """Records each group that has changed; `only`: no other group can have."""
        records = self._records.setdefault(service.place, _Records())
        for id in (only,) if only else service.groups.keys() | records.snapshots.keys():
            group = service.groups.get(id)
            snapshot = None if group is None else _snapshot_of(group)
            snapshots = records.snapshots.setdefault(id, [])
            times = records.times.setdefault(id, [])
            if snapshots[-1:] == [snapshot] or (snapshot is None and not snapshots):
                continue
            snapshots.append(snapshot)
            times.append(now)
            while len(times) > 1 and (now - times[1]).total_seconds() > self.lists:
                del times[0], snapshots[0]  # no read is that late

    def forget(self) -> None:
        """Drops what was recorded: without a lag nothing is."""
        self._records.clear()

    def past(self, service: Service, at: datetime, only: str = "") -> Service:
        """Returns the service as it was then; `only`: with this group alone."""
        past = copy.copy(service)
        records = self._records.setdefault(service.place, _Records())
        ids = (only,) if only else tuple(records.snapshots)
        started_at = service.started_at or at
        groups = {id: _group(records, id, at, started_at) for id in ids}
        past.groups = {id: group for id, group in groups.items() if group is not None}
        past.activities = {
            id: _activity(activity, at)
            for id, activity in service.activities.items()
            if only in ("", activity.scaling_group_id) and activity.started_at <= at
        }
        past.advance = lambda: at  # type: ignore[method-assign]
        return past


def _group(records: _Records, id: str, at: datetime, started_at: datetime) -> ScalingGroup | None:
    """Returns the group as it was then, None where it did not exist.

    Before the first record it counts as unchanged.
    """
    if not records.snapshots.get(id):
        return None
    snapshot = records.snapshots[id][max(0, bisect_right(records.times[id], at) - 1)]
    if snapshot is None:
        return None
    group: ScalingGroup = pickle.loads(snapshot.group)  # noqa: S301 (our own)
    if group.created_at > max(at, started_at):
        return None
    group.instances = Members({v[0]: Instance(*v) for v in snapshot.instances})
    return group


def group_id_in(params: Params) -> str:
    """Returns the id of the one group that a call is about; empty: it may be any."""
    if "ScalingGroupId.2" in params:
        return ""
    return params.get("ScalingGroupId") or params.get("ScalingGroupId.1", "")


def _snapshot_of(group: ScalingGroup) -> GroupSnapshot:
    bare = copy.copy(group)
    bare.instances, bare.departed = Members(), {}
    members = group.instances
    instances = members.remembered(
        "fields", lambda: tuple(map(attrgetter(*FIELDS), members.values()))
    )
    return GroupSnapshot(pickle.dumps(bare), instances)


def _activity(activity: Activity, at: datetime) -> Activity:
    """Returns the activity as it was then: running, where it has ended since."""
    if activity.status_code == "InProgress" or activity.ends_at <= at:
        return activity
    nothing: dict[str, Any] = {name: [] for name in ("created", "started", "destroyed", "stopped")}
    return replace(
        activity,
        status_code="InProgress",
        status_message="",
        detail="",
        ignored={},
        capacities_at_end={},
        **nothing,
    )
