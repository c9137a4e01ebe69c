"""One scaling group during one invocation: what ESS showed of it, and what this function did to it since."""

from collections.abc import Iterable
from datetime import datetime

from scalein.clock import Clock
from scalein.cloud.gateway import GROUP_ONLY, Gateway, Removal
from scalein.decision.capacity import STABLE_STATES, capacity_of
from scalein.decision.guardrails import GroupPolicy
from scalein.decision.model import Activity, Plan, ReadScope, RemovalRequest, Snapshot
from scalein.decision.planner import plan_removal
from scalein.errors import GatewayError, OutcomeUnknown, StaleSnapshot, TokenUsed, TryLater

FRESH_SECONDS = 5.0  # a snapshot that is older is not acted upon


class GroupView:
    """A scaling group during one invocation: read once, and again after a call, or when the read has grown old.

    Instances in a call that was, or may have been, accepted count as leaving, even where ESS does not show it yet.
    """

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self.ess = gateway
        self._clock = clock
        self._seen: Snapshot | None = None  # as ESS showed it
        self._unreadable: GatewayError | None = None
        self._busy: TryLater | None = None
        self._plans: dict[tuple[RemovalRequest, int, frozenset[str]], Plan] = {}
        self._members: set[str] = set()
        self.in_flight: frozenset[str] = frozenset()
        self._shown: tuple[frozenset[str], Snapshot] | None = None
        self._history: tuple[datetime, datetime, tuple[Activity, ...]] | None = (
            None  # read when, since when
        )
        self._version = 0

    def enter(self, in_flight: frozenset[str], version: int) -> None:
        """What the ledger knows of the group, and whether others wrote to it since the last look."""
        if not in_flight <= self.in_flight:
            self.in_flight |= in_flight
        if version != self._version:
            self._version = version
            self._seen = None

    def count_write(self) -> None:
        """The ledger counts what this invocation writes itself, too."""
        self._version += 1

    def free(self, instance_ids: Iterable[str]) -> None:
        """These are in no call after all."""
        self.in_flight -= frozenset(instance_ids)

    def snapshot(
        self,
        scaling_group_id: str,
        read_scope: ReadScope = GROUP_ONLY,
        own: frozenset[str] = frozenset(),
    ) -> Snapshot:
        """With what is in flight counted as leaving, but for `own`: those are judged as ESS shows them."""
        if self._unreadable is not None:
            raise self._unreadable.with_traceback(
                None
            )  # what ESS would not say to one message it will not to the next
        if (
            self._seen is None
            or _lacks(self._seen, read_scope)
            or not fresh(self._seen, self._clock.now())
        ):
            try:
                self._seen = self.ess.snapshot(scaling_group_id, read_scope)
            except GatewayError as error:
                self._unreadable = error
                raise
            self._plans.clear()
            self._shown = None
            self._members = {instance.id for instance in self._seen.instances}
        leaving = self.in_flight - own if own else self.in_flight
        if self._shown is None or self._shown[0] != leaving:
            self._shown = leaving, _without(self._seen, leaving)
        return self._shown[1]

    def forget(self) -> None:
        """The next look is a new read."""
        self._seen = self._history = None

    def raise_if_busy(self) -> None:
        """An activity outlasts an invocation: once ESS refused for one, the other messages need not ask."""
        if self._busy is not None:
            raise self._busy.with_traceback(None)

    def remove(self, removal: Removal) -> str | None:
        try:
            activity_id = self.ess.remove(removal)
        except TryLater as error:
            self._busy = error
            raise
        except StaleSnapshot:
            self._seen = None
            raise
        except (OutcomeUnknown, TokenUsed):
            self._called(removal)
            raise
        self._called(removal)
        return activity_id

    def activities(self, activity_ids: tuple[str, ...]) -> tuple[Activity, ...]:
        return self.ess.activities(activity_ids)

    def history(self, scaling_group_id: str, since: datetime) -> tuple[Activity, ...]:
        now = self._clock.now()
        if self._history is not None:
            read_at, from_then, activities = self._history
            if from_then <= since and (now - read_at).total_seconds() <= FRESH_SECONDS:
                return activities
        self._history = now, since, self.ess.history(scaling_group_id, since)
        return self._history[2]

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return self.ess.groups_of(instance_ids)

    def decide(
        self, request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy, most: int
    ) -> Plan:
        """The plan; kept while the snapshot is, for the messages of a batch often ask the same of the same group."""
        question = request._replace(
            request_id="",
            reason="",
            sent_at=None,
            not_after=None,
            dry_run=False,
            derived_id=False,
            observation="",
        )
        key = question, most, self.in_flight
        if key not in self._plans:
            self._plans[key] = plan_removal(question, snapshot, group_policy, most)
        return self._plans[key]

    def has(self, instance_ids: tuple[str, ...]) -> bool:
        """Whether all of these were in it when it was last read."""
        return self._members.issuperset(instance_ids)

    def _called(self, removal: Removal) -> None:
        self.forget()
        self.in_flight |= frozenset(removal.instance_ids)


def fresh(snapshot: Snapshot, now: datetime) -> bool:
    """Whether the snapshot may be acted upon: the group may change under it."""
    return (now - snapshot.taken_at).total_seconds() <= FRESH_SECONDS


def _lacks(snapshot: Snapshot, read_scope: ReadScope) -> bool:
    unread = read_scope.metric and snapshot.samples is None
    return bool(unread or (read_scope.history_seconds and snapshot.activities is None))


def _without(snapshot: Snapshot, leaving: frozenset[str]) -> Snapshot:
    """As ESS will show it: what is in flight is leaving, and the desired capacity follows."""
    unseen = [
        i for i in snapshot.instances if i.id in leaving and i.lifecycle_state in STABLE_STATES
    ]
    desired = snapshot.group.desired_capacity
    if unseen and desired is not None:
        desired -= sum(capacity_of(instance, snapshot) for instance in unseen)
    return snapshot._replace(
        group=snapshot.group._replace(desired_capacity=desired),
        activities=_with_unlisted(snapshot, leaving),
        instances=tuple(
            instance._replace(lifecycle_state="Removing") if instance.id in leaving else instance
            for instance in snapshot.instances
        ),
    )


def _with_unlisted(snapshot: Snapshot, in_flight: frozenset[str]) -> tuple[Activity, ...] | None:
    """The history, with the instances that are gone and not in it yet: it may be older than the list."""
    if snapshot.activities is None:
        return None
    known = {instance.id for instance in snapshot.instances}.union(
        *(a.removed_ids for a in snapshot.activities)
    )
    unlisted = in_flight - known
    if not unlisted:
        return snapshot.activities
    now = snapshot.now
    return (
        *snapshot.activities,
        Activity(
            "", "Successful", now, now, removed=len(unlisted), removed_ids=frozenset(unlisted)
        ),
    )
