"""A scaling group that changes as ESS changes it, by the times it is given. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from scalein.decision.capacity import STABLE_STATES, capacity_of
from scalein.decision.model import Activity, Instance, Sample, ScalingGroup, Snapshot

NEVER_STALE = datetime.max.replace(tzinfo=timezone.utc)  # the time of a metric value
HISTORY_MARGIN = timedelta(minutes=2)
ZONE_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class SimulatedGroup:
    """A group whose removals take `activity`: until then their instances are Removing.

    Metric values never change and never become stale.
    """

    def __init__(self, snapshot: Snapshot, history: timedelta, activity: timedelta) -> None:
        self._snapshot = snapshot._replace(activities=snapshot.activities or ())
        self._history = max(history, activity) + HISTORY_MARGIN
        self._activity = activity
        self._running: list[tuple[datetime, str, frozenset[str]]] = []  # end, id, instance ids
        self._added = self._removals = 0

    def at(self, now: datetime) -> Snapshot:
        """The snapshot that ESS would give at that time; times must not go backwards."""
        for ends_at, id, instance_ids in [run for run in self._running if run[0] <= now]:
            self._end(ends_at, id, instance_ids)
        recent = [
            activity
            for activity in self._snapshot.activities or ()
            if activity.ended_at is None or activity.ended_at > now - self._history
        ]
        self._snapshot = self._snapshot._replace(taken_at=now, activities=tuple(recent))
        return self._snapshot

    def remove(self, instance_ids: Sequence[str]) -> None:
        """Starts a removal."""
        ids, group = frozenset(instance_ids), self._snapshot.group
        ends_at = self._snapshot.taken_at + self._activity
        self._removals += 1
        activity_id = f"asa-{self._removals}"
        members = tuple(
            instance._replace(lifecycle_state="Removing") if instance.id in ids else instance
            for instance in self._snapshot.instances
        )
        if group.desired_capacity is not None:
            desired_capacity = group.desired_capacity - self._capacity(ids)
            group = group._replace(desired_capacity=desired_capacity)
        self._running.append((ends_at, activity_id, ids))
        running = Activity(activity_id, "InProgress", self._snapshot.taken_at, None, trigger="APIs")
        self._update(group=group, instances=members, new_activity=running)

    def add(self, number: int) -> int:
        """Adds instances, in service at once, of the configuration that was added last.

        Returns how many: no more than MaxSize allows.
        """
        now, group = self._snapshot.taken_at, self._snapshot.group
        newest = max(
            self._snapshot.instances,
            key=lambda instance: instance.joined_at or now,
            default=Instance("", ""),
        )
        if group.max_size is not None:
            weight = max(1, capacity_of(newest, self._snapshot))
            number = max(0, min(number, (group.max_size - group.total_capacity) // weight))
        if not number:
            return 0
        zones = sorted({instance.zone_id for instance in self._snapshot.instances}) or [""]
        new = []
        for _ in range(number):
            self._added += 1
            new.append(
                newest._replace(
                    id=f"i-new-{self._added:05}",
                    lifecycle_state="InService",
                    joined_at=now,
                    zone_id=zones[self._added % len(zones)],
                    healthy=True,
                )
            )
        added = sum(capacity_of(instance, self._snapshot) for instance in new)
        desired_capacity = group.desired_capacity
        if desired_capacity is not None:
            desired_capacity += added
        ids = frozenset(instance.id for instance in new)
        activity_id = f"asa-add-{self._added}"
        self._update(
            group=group._replace(
                total_capacity=group.total_capacity + added, desired_capacity=desired_capacity
            ),
            instances=(*self._snapshot.instances, *new),
            new_activity=Activity(activity_id, "Successful", now, now, added=number, added_ids=ids),
        )
        return number

    def stable_capacity(self) -> int:
        """The capacity of the instances that are in a stable state."""
        return self._capacity(
            {i.id for i in self._snapshot.instances if i.lifecycle_state in STABLE_STATES}
        )

    def _end(self, ends_at: datetime, id: str, instance_ids: frozenset[str]) -> None:
        """Ends a removal."""
        self._running.remove((ends_at, id, instance_ids))
        group = self._snapshot.group
        group = group._replace(total_capacity=group.total_capacity - self._capacity(instance_ids))
        members = tuple(
            instance for instance in self._snapshot.instances if instance.id not in instance_ids
        )
        others = tuple(
            activity for activity in self._snapshot.activities or () if activity.id != id
        )
        self._snapshot = self._snapshot._replace(activities=others)
        ended = Activity(
            id,
            "Successful",
            ends_at - self._activity,
            ends_at,
            removed=len(instance_ids),
            trigger="APIs",
            removed_ids=instance_ids,
        )
        self._update(group=group, instances=members, new_activity=ended)

    def _update(self, new_activity: Activity, **fields: Any) -> None:
        self._snapshot = self._snapshot._replace(
            activities=(new_activity, *(self._snapshot.activities or ())), **fields
        )

    def _capacity(self, ids: Iterable[str]) -> int:
        id_set = set(ids)
        return sum(
            capacity_of(i, self._snapshot) for i in self._snapshot.instances if i.id in id_set
        )


def synthetic_snapshot(
    scaling_group_id: str,
    size: int,
    min_size: int,
    zones: int,
    start: datetime,
    max_size: int | None = None,
) -> Snapshot:
    """A group in steady state.

    Its members joined an hour apart, are spread over the zones, and have two configurations.
    """
    members = tuple(
        Instance(
            id=f"i-{number:05}",
            lifecycle_state="InService",
            zone_id=f"zone-{ZONE_LETTERS[number % zones]}",
            scaling_configuration="asc-1" if number < size // 2 else "asc-2",
            joined_at=start - timedelta(hours=24 + size - number),
        )
        for number in range(size)
    )
    group = ScalingGroup(
        scaling_group_id, "Active", min_size, size, multi_az_policy="BALANCE", max_size=max_size
    )
    samples = {i.id: Sample(float(n * 37 % 100), NEVER_STALE) for n, i in enumerate(members)}
    return Snapshot(group, members, start, (), samples)
