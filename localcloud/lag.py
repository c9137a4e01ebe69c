"""Reads that show the past: lists of groups and instances, and the history of activities, each by a lag of its own.

Only answers lag. What RemoveInstances checks is the present, as in ESS itself. One answer shows one moment; two answers
may differ in age. How late ESS's reads really are is not published, so that this is a knob.
"""

from __future__ import annotations

import copy
import pickle
from bisect import bisect_right
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import attrgetter
from random import Random
from typing import Any, NamedTuple

from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.service import Service
from localcloud.wire import Params

LISTS = ("DescribeScalingGroups", "DescribeScalingInstances")
HISTORY = ("DescribeScalingActivities", "DescribeScalingActivityDetail")
FIELDS = tuple(f.name for f in fields(Instance))


class Look(NamedTuple):
    """All that lists show of a group at one moment."""

    group: bytes  # pickled, without its instances
    instances: tuple[tuple[Any, ...], ...]  # the fields of each


@dataclass
class Lag:
    """How late reads are, in seconds; 0: they show the present. With `varies`, each read draws its own, up to that."""

    lists: float = 0.0
    history: float = 0.0
    until: datetime | None = None  # by the cloud's clock; None: for good
    varies: bool = False
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same lags again)
    _times: dict[str, list[datetime]] = field(default_factory=dict)  # of the looks at each group
    _looks: dict[str, list[Look | None]] = field(default_factory=dict)  # None: it was deleted

    @property
    def is_on(self) -> bool:
        return bool(self.lists or self.history)

    def seconds(self, action: str, now: datetime) -> float:
        """How late the answer to this action is."""
        if self.until is not None and now >= self.until:
            return 0.0
        longest = self.lists if action in LISTS else self.history if action in HISTORY else 0.0
        return self.chance.uniform(0, longest) if self.varies else longest

    def note(self, service: Service, now: datetime, only: str = "") -> None:
        """Keeps each group that has changed since the last look; `only`: no other group can have."""
        for id in (only,) if only else service.groups.keys() | self._looks.keys():
            group = service.groups.get(id)
            look = None if group is None else _look(group)
            looks, times = self._looks.setdefault(id, []), self._times.setdefault(id, [])
            if looks[-1:] == [look] or (look is None and not looks):
                continue
            looks.append(look)
            times.append(now)
            while len(times) > 1 and (now - times[1]).total_seconds() > self.lists:
                del times[0], looks[0]  # no read is that late

    def forget(self) -> None:
        """What was seen so far: nobody looks while there is no lag."""
        self._times.clear()
        self._looks.clear()

    def shown(self, service: Service, at: datetime, only: str = "") -> Service:
        """The service as it was then; `only`: as far as it concerns this group."""
        past = copy.copy(service)
        ids = (only,) if only else tuple(self._looks)
        begun = service.began_at or at
        found = ((id, self._group(id, at, begun)) for id in ids)
        past.groups = {id: group for id, group in found if group is not None}
        past.activities = {
            id: _activity(activity, at)
            for id, activity in service.activities.items()
            if only in ("", activity.scaling_group_id) and activity.started_at <= at
        }
        past.advance = lambda: at  # type: ignore[method-assign]
        return past

    def _group(self, id: str, at: datetime, begun: datetime) -> ScalingGroup | None:
        """None where it was not there. What was before the first look is not known: it counts as the same."""
        if not self._looks.get(id):
            return None
        look = self._looks[id][max(0, bisect_right(self._times[id], at) - 1)]
        if look is None:
            return None
        group: ScalingGroup = pickle.loads(look.group)  # noqa: S301 (our own)
        if group.created_at > max(at, begun):
            return None
        group.instances = {values[0]: Instance(*values) for values in look.instances}
        return group


def group_asked(params: Params) -> str:
    """The one group that a call is about; empty: it may be any."""
    return "" if "ScalingGroupId.2" in params else params.get("ScalingGroupId") or params.get("ScalingGroupId.1", "")


def _look(group: ScalingGroup) -> Look:
    bare = copy.copy(group)
    bare.instances, bare.left = {}, {}
    return Look(pickle.dumps(bare), tuple(map(attrgetter(*FIELDS), group.instances.values())))


def _activity(activity: Activity, at: datetime) -> Activity:
    """As it was then: running, where it has ended since."""
    if activity.status_code == "InProgress" or activity.ends_at <= at:
        return activity
    nothing: dict[str, Any] = {name: [] for name in ("created", "started", "destroyed", "stopped")}
    return replace(activity, status_code="InProgress", status_message="", detail="", ignored={}, **nothing)
