"""Reads that show the past: lists of groups and instances, and the history of activities, each by a lag of its own.

Only answers lag. What RemoveInstances checks is the present, as in ESS itself. How late ESS's reads really are is not
published, so that this is a knob.
"""

from __future__ import annotations

import copy
import pickle
from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from localcloud.ess.model import Activity, ScalingGroup
from localcloud.ess.service import Service

LISTS = ("DescribeScalingGroups", "DescribeScalingInstances")
HISTORY = ("DescribeScalingActivities", "DescribeScalingActivityDetail")
LONGEST = timedelta(hours=1)


@dataclass
class Lag:
    """How late reads are, in seconds; 0: they show the present. With `varies`, each read draws its own, up to that."""

    lists: float = 0.0
    history: float = 0.0
    until: datetime | None = None  # by the cloud's clock; None: for good
    varies: bool = False
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same lags again)
    _times: dict[str, list[datetime]] = field(default_factory=dict)
    _groups: dict[str, list[tuple[object, bytes]]] = field(default_factory=dict)

    @property
    def is_on(self) -> bool:
        return bool(self.lists or self.history)

    def seconds(self, action: str, now: datetime) -> float:
        """How late the answer to this action is."""
        if self.until is not None and now >= self.until:
            return 0.0
        most = self.lists if action in LISTS else self.history if action in HISTORY else 0.0
        return self.chance.uniform(0, most) if self.varies else most

    def note(self, service: Service, now: datetime) -> None:
        """Keeps every group that has changed since the last look."""
        for id, group in service.groups.items():
            looks, times = self._groups.setdefault(id, []), self._times.setdefault(id, [])
            mark = _mark(group)
            if looks and looks[-1][0] == mark:
                continue
            looks.append((mark, pickle.dumps(group)))
            times.append(now)
            while len(times) > 2 and now - times[1] > LONGEST:
                del times[0], looks[0]

    def shown(self, service: Service, at: datetime) -> Service:
        """The service as it was then."""
        past = copy.copy(service)
        past.groups = {id: self._group(id, at) for id in service.groups}
        past.activities = {
            id: _activity(activity, at) for id, activity in service.activities.items() if activity.started_at <= at
        }
        past.advance = lambda: at  # type: ignore[method-assign]
        return past

    def _group(self, id: str, at: datetime) -> ScalingGroup:
        number = max(0, bisect_right(self._times[id], at) - 1)
        group: ScalingGroup = pickle.loads(self._groups[id][number][1])  # noqa: S301 (our own)
        return group


def _mark(group: ScalingGroup) -> Any:
    """Changes whenever what lists show of the group does."""
    instances = [(i.instance_id, i.lifecycle_state, i.health_status) for i in group.instances.values()]
    limits = (group.min_size, group.max_size, group.desired_capacity, group.lifecycle_state)
    return hash((*instances, limits, *group.suspended_processes))


def _activity(activity: Activity, at: datetime) -> Activity:
    if activity.status_code == "InProgress" or activity.ends_at <= at:
        return activity
    nothing: dict[str, Any] = {name: [] for name in ("created", "started", "destroyed", "stopped")}
    return replace(activity, status_code="InProgress", status_message="", detail="", **nothing)
