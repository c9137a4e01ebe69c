"""One scaling group during one invocation: what ESS showed of it, and what this function did since.

It is read once, and again after a call, or when the read has grown old.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from scalein.clock import Clock
from scalein.cloud.gateway import GROUP_ONLY, Gateway
from scalein.decision.capacity import STABLE_STATES, capacity_of
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Activity, Plan, ReadScope, RemovalRequest, Snapshot
from scalein.decision.planner import plan_removal
from scalein.errors import GatewayError, OutcomeUnknown, StaleSnapshot, TokenUsed, TryLater

MAX_SNAPSHOT_AGE_SECONDS = 5.0  # an older snapshot is not acted upon


class GroupView:
    """Reads the group, and counts instances in a call that may have been accepted as Removing."""

    def __init__(self, scaling_group_id: str, gateway: Gateway, clock: Clock) -> None:
        self.scaling_group_id = scaling_group_id
        self.gateway = gateway
        self.in_flight_ids = frozenset[str]()
        self._clock = clock
        self._snapshot: Snapshot | None = None  # as ESS showed it
        self._adjusted: tuple[frozenset[str], Snapshot] | None = None  # by ids in flight
        # When it was read, since when, and the activities.
        self._history: tuple[datetime, datetime, tuple[Activity, ...]] | None = None
        self._plans: dict[tuple[RemovalRequest, int, frozenset[str]], Plan] = {}
        self._member_ids = frozenset[str]()
        self._read_error: GatewayError | None = None
        self._busy_error: TryLater | None = None
        self._ledger_version = 0

    def update(self, in_flight_ids: frozenset[str], ledger_version: int) -> None:
        """Takes over what the ledger knows; has the group read again if others wrote since."""
        if not in_flight_ids <= self.in_flight_ids:
            self.in_flight_ids |= in_flight_ids
        if ledger_version != self._ledger_version:
            self._ledger_version = ledger_version
            self._snapshot = None

    def count_write(self) -> None:
        """Counts an own write, which the ledger counts too."""
        self._ledger_version += 1

    def free(self, instance_ids: Iterable[str]) -> None:
        """Takes these instances out of flight: they are in no call after all."""
        self.in_flight_ids -= frozenset(instance_ids)

    def snapshot(
        self, scope: ReadScope = GROUP_ONLY, own_ids: frozenset[str] = frozenset()
    ) -> Snapshot:
        """The group with instances in flight as Removing; `own_ids` stay as ESS shows them.

        Raises GatewayError: what ESS refused to one message it will refuse to the next.
        """
        if self._read_error is not None:
            raise self._read_error.with_traceback(None)
        snapshot = self._snapshot
        if snapshot is None or not _covers(snapshot, scope) or not self.is_fresh(snapshot):
            snapshot = self._read(scope)
        removing_ids = self.in_flight_ids - own_ids if own_ids else self.in_flight_ids
        if self._adjusted is None or self._adjusted[0] != removing_ids:
            self._adjusted = removing_ids, _with_in_flight(snapshot, removing_ids)
        return self._adjusted[1]

    def is_fresh(self, snapshot: Snapshot) -> bool:
        """Whether the snapshot may be acted upon: the group may change under it."""
        age = self._clock.now() - snapshot.taken_at
        return age.total_seconds() <= MAX_SNAPSHOT_AGE_SECONDS

    def forget(self) -> None:
        """Has the group and its history read again when they are needed next."""
        self._snapshot = self._history = None

    def raise_if_busy(self) -> None:
        """Raises the TryLater of an earlier call of this invocation, if there was one.

        ESS would answer the same again: a scaling activity outlasts an invocation.
        """
        if self._busy_error is not None:
            raise self._busy_error.with_traceback(None)

    def record_call(self, instance_ids: Iterable[str], error: GatewayError | None = None) -> None:
        """Takes note of a RemoveInstances call: it changed the group, or its error says why not."""
        if isinstance(error, TryLater):
            self._busy_error = error
        elif isinstance(error, StaleSnapshot):
            self._snapshot = None
        elif error is None or isinstance(error, OutcomeUnknown | TokenUsed):
            self.forget()
            self.in_flight_ids |= frozenset(instance_ids)

    def history(self, since: datetime) -> tuple[Activity, ...]:
        """The group's activities since then, newest first. Raises GatewayError."""
        now = self._clock.now()
        if self._history is not None:
            read_at, read_since, activities = self._history
            is_fresh = (now - read_at).total_seconds() <= MAX_SNAPSHOT_AGE_SECONDS
            if read_since <= since and is_fresh:
                return activities
        activities = self.gateway.history(self.scaling_group_id, since)
        self._history = now, since, activities
        return activities

    def plan(
        self,
        request: RemovalRequest,
        snapshot: Snapshot,
        group_policy: GroupPolicy,
        max_instances: int,
    ) -> Plan:
        """The plan of a request. Cached per snapshot: messages of a batch repeat requests."""
        # Without the fields that do not change the plan.
        cached_request = request._replace(
            request_id="",
            request_reason="",
            sent_at=None,
            not_after=None,
            dry_run=False,
            derived_id=False,
            observation="",
        )
        key = cached_request, max_instances, self.in_flight_ids
        if key not in self._plans:
            self._plans[key] = plan_removal(cached_request, snapshot, group_policy, max_instances)
        return self._plans[key]

    def has_members(self, instance_ids: tuple[str, ...]) -> bool:
        """Whether all of these instances were members when the group was last read."""
        return self._member_ids.issuperset(instance_ids)

    def _read(self, scope: ReadScope) -> Snapshot:
        try:
            snapshot = self.gateway.snapshot(self.scaling_group_id, scope)
        except GatewayError as error:
            self._read_error = error
            raise
        self._snapshot, self._adjusted = snapshot, None
        self._plans.clear()
        self._member_ids = frozenset(instance.id for instance in snapshot.instances)
        return snapshot


def _covers(snapshot: Snapshot, scope: ReadScope) -> bool:
    """Whether the snapshot holds all that the scope names."""
    lacks_samples = scope.metric is not None and snapshot.samples is None
    lacks_history = scope.history_seconds > 0 and snapshot.activities is None
    return not (lacks_samples or lacks_history)


def _with_in_flight(snapshot: Snapshot, in_flight_ids: frozenset[str]) -> Snapshot:
    """The snapshot as ESS will show it soon: the instances in flight are Removing.

    The desired capacity is less by theirs.
    """
    if not in_flight_ids:
        return snapshot
    not_shown = [
        instance
        for instance in snapshot.instances
        if instance.id in in_flight_ids and instance.lifecycle_state in STABLE_STATES
    ]
    desired = snapshot.group.desired_capacity
    if not_shown and desired is not None:
        desired -= sum(capacity_of(instance, snapshot) for instance in not_shown)
    return snapshot._replace(
        group=snapshot.group._replace(desired_capacity=desired),
        activities=_with_unlisted(snapshot, in_flight_ids),
        instances=tuple(
            instance._replace(lifecycle_state="Removing")
            if instance.id in in_flight_ids
            else instance
            for instance in snapshot.instances
        ),
    )


def _with_unlisted(
    snapshot: Snapshot, in_flight_ids: frozenset[str]
) -> tuple[Activity, ...] | None:
    """The history, with an activity for instances in flight that no list shows any more.

    They left the list of instances, and the history, which may be older, does not list them yet.
    """
    if snapshot.activities is None:
        return None
    listed_ids = {instance.id for instance in snapshot.instances}.union(
        *(activity.removed_ids for activity in snapshot.activities)
    )
    unlisted_ids = in_flight_ids - listed_ids
    if not unlisted_ids:
        return snapshot.activities
    now = snapshot.now
    removal = Activity(
        "", "Successful", now, now, removed=len(unlisted_ids), removed_ids=unlisted_ids
    )
    return (*snapshot.activities, removal)
