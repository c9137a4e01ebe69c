"""The only module that decides who leaves: (request, snapshot, guardrails) -> plan. Pure.

The request is turned into an amount, the guardrails into limits, and the candidates into an order of departure; then
one walk takes instances while all of them last, and a second look names what stopped each of the others.
"""

from collections.abc import Iterable
from math import inf
from operator import attrgetter
from typing import NamedTuple

from scalein.decision.capacity import OUT_OF_SERVICE, capacity_of, share
from scalein.decision.guardrails import NONE, GroupPolicy, limits, retention_rules, veto
from scalein.decision.model import (
    MAX_INSTANCES_PER_CALL,
    Amount,
    Count,
    Instance,
    Limit,
    Named,
    Percent,
    Plan,
    RankedBy,
    RemovalRequest,
    Shortfall,
    Snapshot,
    Verdict,
)
from scalein.decision.reasons import Reason
from scalein.decision.removal_order import CandidateQueue, removal_order

WHY_SHORT = (
    Reason.MIN_SIZE,
    Reason.FLOOR,
    Reason.MAX_PER_REQUEST,
    Reason.BUDGET,
    Reason.REQUEST_LIMIT,
    Reason.TOO_HEAVY,
    Reason.WEIGHT_UNKNOWN,
)
OF_CANDIDATES = (
    Reason.TOO_YOUNG,
    Reason.NO_METRIC,
    Reason.WARMING_UP,
)  # who would be one but for this


def plan_removal(
    request: RemovalRequest,
    snapshot: Snapshot,
    group_policy: GroupPolicy = NONE,
    most: int = MAX_INSTANCES_PER_CALL,
) -> Plan:
    """One verdict for each instance of the snapshot, and for each named id that is not in it. `most`: instances."""
    amount = requested_amount(request, snapshot)
    stop = veto(request, snapshot, group_policy)
    if stop:
        kept = [Verdict(instance.id, False, stop.reason) for instance in _by_id(snapshot.instances)]
        plan = _plan(
            request, snapshot, amount, kept + _not_members(request, snapshot), refusal=stop.reason
        )
        return plan._replace(detail=stop.detail)
    bounds = limits(snapshot, group_policy)
    candidates, kept = _candidates(request, snapshot, group_policy)
    line = CandidateQueue(
        candidates, removal_order(request, snapshot, group_policy.metric), snapshot
    )
    chosen, choices, left_over = _choose(line, amount, bounds, snapshot)
    kept += _why_left_over(left_over, chosen, amount, bounds, snapshot)
    leaving, cut = chosen[:most], chosen[most:]
    kept += [Verdict(instance.id, False, Reason.REQUEST_LIMIT) for instance in cut]
    refusal = None
    if request.denies_partial and _amount_of(leaving, amount, snapshot) < amount.value:
        refusal = Reason.PARTIAL_DENIED
        kept += [Verdict(instance.id, False, refusal) for instance in leaving]
        leaving = []
    verdicts = _leaving(request, leaving, choices) + kept + _not_members(request, snapshot)
    return _plan(request, snapshot, amount, verdicts, refusal)._replace(limits=bounds)


def requested_amount(request: RemovalRequest, snapshot: Snapshot) -> Amount:
    """The request as a number: instances for count and ids, capacity for percent and toCapacity."""
    ask, total = request.target, snapshot.group.total_capacity
    capacity = "capacity" if snapshot.group.weighted else "instances"
    if isinstance(ask, Count):
        return Amount(ask.instances, "instances")
    if isinstance(ask, Named):
        return Amount(len(ask.instance_ids), "instances")
    if isinstance(ask, Percent):
        return Amount(max(1, share(total, ask.of_total_capacity)), capacity)
    # TotalCapacity still counts instances on their way out: counting them here would remove as many again.
    retention_rules = sum(
        capacity_of(i, snapshot)
        for i in snapshot.instances
        if i.lifecycle_state not in OUT_OF_SERVICE
    )
    return Amount(max(0, min(total, retention_rules) - ask.capacity), capacity)


def _by_id(instances: Iterable[Instance]) -> list[Instance]:
    return sorted(instances, key=attrgetter("id"))  # ESS documents no order of its list


def _amount_of(instances: Iterable[Instance], amount: Amount, snapshot: Snapshot) -> int:
    return sum(amount.cost(capacity_of(instance, snapshot)) for instance in instances)


def _not_members(request: RemovalRequest, snapshot: Snapshot) -> list[Verdict]:
    if not isinstance(request.target, Named):
        return []
    members = {instance.id for instance in snapshot.instances}
    return [
        Verdict(id, False, Reason.NOT_A_MEMBER)
        for id in request.target.instance_ids
        if id not in members
    ]


def _candidates(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> tuple[list[Instance], list[Verdict]]:
    named = set(request.target.instance_ids) if isinstance(request.target, Named) else None
    why_not = retention_rules(request, snapshot, group_policy)
    candidates, kept = [], []
    for instance in _by_id(snapshot.instances):
        if named is not None and instance.id not in named:
            kept.append(Verdict(instance.id, False, Reason.NOT_NAMED))
            continue
        reason = why_not(instance)
        if reason:
            kept.append(Verdict(instance.id, False, reason))
        else:
            candidates.append(instance)
    return candidates, kept


def _leaving(
    request: RemovalRequest, leaving: list[Instance], choices: list[RankedBy]
) -> list[Verdict]:
    if isinstance(request.target, Named):
        return [Verdict(instance.id, True, Reason.NAMED) for instance in leaving]
    return [
        Verdict(i.id, True, Reason.NEXT_IN_ORDER, choice)
        for i, choice in zip(leaving, choices, strict=False)
    ]


class _Allowance(NamedTuple):
    """What may still leave: by what is asked, and by all limits together."""

    requested: float
    capacity: float
    instances: float

    @classmethod
    def within(cls, amount: Amount, bounds: Iterable[Limit]) -> "_Allowance":
        by_unit = {"capacity": inf, "instances": inf}
        for bound in bounds:
            by_unit[bound.unit] = min(by_unit[bound.unit], bound.allows)
        return cls(amount.value, **by_unit)

    @property
    def spent(self) -> bool:
        """Nobody fits any more, however light."""
        return min(self) < 1

    def after(self, cost: int, weight: int) -> "_Allowance":
        return _Allowance(self.requested - cost, self.capacity - weight, self.instances - 1)


def _choose(
    line: CandidateQueue, amount: Amount, bounds: tuple[Limit, ...], snapshot: Snapshot
) -> tuple[list[Instance], list[RankedBy], list[Instance]]:
    """Who leaves, in order, for which choice; and who of the candidates does not. One that does not fit is skipped."""
    room = _Allowance.within(amount, bounds)
    chosen, choices, left_over = list[Instance](), list[RankedBy](), list[Instance]()
    while not room.spent and (instance := line.first()):
        weight = capacity_of(instance, snapshot)
        cost = amount.cost(weight)
        if cost <= room.requested and weight <= room.capacity:
            chosen.append(instance)
            choices.append(line.leave())
            room = room.after(cost, weight)
        else:
            left_over.append(instance)
            line.skip()
    return chosen, choices, left_over + line.rest(in_order=bool(room.requested))


def _why_left_over(
    left_over: list[Instance],
    chosen: list[Instance],
    amount: Amount,
    bounds: tuple[Limit, ...],
    snapshot: Snapshot,
) -> list[Verdict]:
    """What stopped each candidate that was not chosen: a limit only for those that the request still needed."""
    missing = amount.value - _amount_of(chosen, amount, snapshot)
    gone = sum(capacity_of(instance, snapshot) for instance in chosen)
    verdicts = []
    for instance in left_over:
        if missing <= 0:
            break
        weight = capacity_of(instance, snapshot)
        cost, reason = amount.cost(weight), Reason.TOO_HEAVY
        if cost <= missing:
            reason, missing = _exceeded(bounds, gone + weight, len(chosen) + 1), missing - cost
        verdicts.append(Verdict(instance.id, False, reason))
    return verdicts + [Verdict(i.id, False, Reason.NOT_NEEDED) for i in left_over[len(verdicts) :]]


def _exceeded(bounds: tuple[Limit, ...], capacity: int, instances: int) -> Reason:
    """The first limit that alone would not let so much leave."""
    much = {"capacity": capacity, "instances": instances}
    return next(bound.reason for bound in bounds if bound.allows < much[bound.unit])


def _plan(
    request: RemovalRequest,
    snapshot: Snapshot,
    amount: Amount,
    verdicts: list[Verdict],
    refusal: Reason | None,
) -> Plan:
    selected_ids = {verdict.instance_id for verdict in verdicts if verdict.selected}
    leaving = [instance for instance in snapshot.instances if instance.id in selected_ids]
    total = snapshot.group.total_capacity
    missing = amount.value - _amount_of(leaving, amount, snapshot)
    why = _why_short(request, verdicts, refusal) if missing > 0 else None
    return Plan(
        verdicts=tuple(verdicts),
        requested=amount,
        capacity_before=total,
        min_size=snapshot.group.min_size,
        capacity_after=total - sum(capacity_of(instance, snapshot) for instance in leaving),
        shortfall=Shortfall(amount.value, missing, amount.unit, why) if why else None,
        refusal=refusal,
    )


def _why_short(request: RemovalRequest, verdicts: list[Verdict], refusal: Reason | None) -> Reason:
    """What stopped the first instance that the request still needed."""
    if (
        refusal and refusal is not Reason.PARTIAL_DENIED
    ):  # which only says that something else fell short
        return refusal
    named = set(request.target.instance_ids) if isinstance(request.target, Named) else None
    kept = [
        v.reason for v in verdicts if not v.selected and (named is None or v.instance_id in named)
    ]
    for reason in WHY_SHORT:
        if reason in kept:
            return reason
    if named is None:
        return next((reason for reason in OF_CANDIDATES if reason in kept), Reason.NO_CANDIDATES)
    return next(reason for reason in kept if reason is not Reason.PARTIAL_DENIED)
