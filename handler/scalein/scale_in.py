"""The shell: gather, decide, act; and the protocol of the gateway it needs, with two that wrap another."""

from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, Protocol

from scalein.errors import GatewayError, OutcomeUnknown, StaleSnapshot, TryLater
from scalein.guardrails import NONE, STABLE_STATES, Guardrails, capacity_of, needs
from scalein.model import Needs, Outcome, Plan, RemovalRequest, RemoveOptions, Snapshot
from scalein.outcome import planned, stale
from scalein.planning import plan_removal

Decide = Callable[[RemovalRequest, Snapshot, Guardrails], Plan]
NOTHING_MORE = Needs()
PLANS_AT_MOST = 3  # the first, and two more where the group changed under it


class Removal(NamedTuple):
    """One RemoveInstances call."""

    scaling_group_id: str
    instance_ids: tuple[str, ...]  # 1 to 20
    client_token: str
    options: RemoveOptions


class Gateway(Protocol):
    def snapshot(self, scaling_group_id: str, needs: Needs = NOTHING_MORE) -> Snapshot:
        """The group, all of its instances, and what else is needed. Raises GatewayError; never a part of it."""

    def remove(self, removal: Removal) -> str | None:
        """Scaling activity id once ESS accepted, None where nothing was sent. Raises GatewayError."""

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        """The scaling groups that have any of these instances. Raises GatewayError."""


class DryRun:
    """A gateway that reads and never removes."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def snapshot(self, scaling_group_id: str, needs: Needs = NOTHING_MORE) -> Snapshot:
        return self._gateway.snapshot(scaling_group_id, needs)

    def remove(self, removal: Removal) -> None:  # noqa: ARG002 (the protocol's)
        return None

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return self._gateway.groups_of(instance_ids)


class OneGroup:
    """A scaling group during one invocation: read once, and again only after somebody was told to leave.

    Whoever was told to leave counts as leaving, even where ESS does not show it yet.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._seen: Snapshot | None = None
        self._unreadable: GatewayError | None = None
        self._busy: TryLater | None = None
        self._plans: dict[RemovalRequest, Plan] = {}
        self._members: set[str] = set()
        self._leaving: set[str] = set()

    def snapshot(self, scaling_group_id: str, needs: Needs = NOTHING_MORE) -> Snapshot:
        if self._unreadable is not None:
            raise self._unreadable.with_traceback(None)  # what ESS would not tell one message it will not tell the next
        if self._seen is None or (needs.metric and self._seen.samples is None):
            try:
                self._seen = _without(self._gateway.snapshot(scaling_group_id, needs), self._leaving)
            except GatewayError as error:
                self._unreadable = error
                raise
            self._plans.clear()
            self._members = {instance.id for instance in self._seen.instances}
        return self._seen

    def remove(self, removal: Removal) -> str | None:
        if self._busy is not None:
            raise self._busy.with_traceback(None)  # an activity outlasts an invocation: the other messages need not ask
        try:
            activity_id = self._gateway.remove(removal)
        except TryLater as error:
            self._busy = error
            raise
        except StaleSnapshot:
            self._seen = None
            raise
        except OutcomeUnknown:
            self._told_to_leave(removal)
            raise
        self._told_to_leave(removal)
        return activity_id

    def groups_of(self, instance_ids: tuple[str, ...]) -> set[str]:
        return self._gateway.groups_of(instance_ids)

    def decide(self, request: RemovalRequest, snapshot: Snapshot, guardrails: Guardrails) -> Plan:
        """The plan; kept while the picture is, for the messages of a batch often ask the same of the same group."""
        question = request._replace(request_id="", reason="", sent_at=None, not_after=None, dry_run=False)
        if question not in self._plans:
            self._plans[question] = plan_removal(question, snapshot, guardrails)
        return self._plans[question]

    def has(self, instance_ids: tuple[str, ...]) -> bool:
        """Whether all of these were in it when it was last read."""
        return self._members.issuperset(instance_ids)

    def _told_to_leave(self, removal: Removal) -> None:
        self._seen = None
        self._leaving.update(removal.instance_ids)


def scale_in(
    request: RemovalRequest, gateway: Gateway, guardrails: Guardrails = NONE, decide: Decide = plan_removal
) -> Outcome:
    """Gather, decide, act, for one request. Raises GatewayError where ESS refuses, cannot now, or does not answer."""
    change: StaleSnapshot | None = None
    for _ in range(PLANS_AT_MOST):
        snapshot = gateway.snapshot(request.scaling_group_id, needs(request, guardrails))
        plan = decide(request, snapshot, guardrails)
        if not plan.leaving:
            return planned(request, plan)
        try:
            return planned(request, plan, gateway.remove(_removal(request, plan)))
        except StaleSnapshot as error:
            change = error
    return stale(request, change)


def client_token(scaling_group_id: str, request_id: str) -> str:
    """Depends on the message alone, never on the chosen ids: after a first success a fresh snapshot yields other ids,
    and a token made of them would remove again. 64 ASCII characters at most (ESS).
    """
    return "scalein-" + sha256(f"{scaling_group_id}\n{request_id}".encode("ascii")).hexdigest()[:48]


def _removal(request: RemovalRequest, plan: Plan) -> Removal:
    token = client_token(request.scaling_group_id, request.request_id)
    return Removal(request.scaling_group_id, plan.leaving, token, request.options)


def _without(snapshot: Snapshot, leaving: set[str]) -> Snapshot:
    """As ESS will show it: whoever was told to leave is leaving, and the desired capacity follows."""
    unseen = [i for i in snapshot.instances if i.id in leaving and i.lifecycle_state in STABLE_STATES]
    desired = snapshot.group.desired_capacity
    if unseen and desired is not None:
        desired -= sum(capacity_of(instance, snapshot) for instance in unseen)
    return snapshot._replace(
        group=snapshot.group._replace(desired_capacity=desired),
        instances=tuple(
            instance._replace(lifecycle_state="Removing") if instance.id in leaving else instance
            for instance in snapshot.instances
        ),
    )
