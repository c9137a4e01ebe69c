"""Plans a removal: (request, snapshot, group policy) -> plan.

The request becomes an amount, the guardrails become limits, and the candidates a queue in the
order of removal. One walk along the queue selects instances while all limits allow it; a second
walk gives each other candidate the reason why it was not selected.
"""

from collections.abc import Iterable, Sequence
from math import inf
from operator import attrgetter

from scalein.decision.capacity import OUT_OF_SERVICE, capacity_of, percentage_of
from scalein.decision.group_policy import NO_LIMITS, GroupPolicy
from scalein.decision.guardrails import limits, veto
from scalein.decision.model import (
    MAX_INSTANCES_PER_CALL,
    Amount,
    Instance,
    Limit,
    Plan,
    RankedBy,
    RemovalRequest,
    Shortfall,
    Snapshot,
    Verdict,
    Veto,
)
from scalein.decision.reasons import Reason
from scalein.decision.removal_order import CandidateQueue
from scalein.decision.retention import retention_check, retention_values

# Reasons that explain a shortfall: the first of them that an instance has which the request names
# or needs.
SHORTFALL_REASONS = (
    Reason.MIN_SIZE,
    Reason.FLOOR,
    Reason.MAX_PER_REQUEST,
    Reason.MAX_PERCENT_PER_REQUEST,
    Reason.BUDGET,
    Reason.REQUEST_LIMIT,
    Reason.TOO_HEAVY,
    Reason.WEIGHT_UNKNOWN,
)
# Reasons that explain a lack of candidates: an instance that has one would else be a candidate.
CANDIDATE_REASONS = (Reason.TOO_YOUNG, Reason.NO_METRIC, Reason.WARMING_UP)


def plan_removal(
    request: RemovalRequest,
    snapshot: Snapshot,
    group_policy: GroupPolicy = NO_LIMITS,
    max_instances: int = MAX_INSTANCES_PER_CALL,
) -> Plan:
    """The plan of a removal, which selects at most `max_instances`.

    It has one verdict for each instance of the snapshot, and for each named id that is not in it.
    """
    amount = requested_amount(request, snapshot)
    blocked_by = veto(request, snapshot, group_policy)
    if blocked_by is not None:
        verdicts = _retained(_by_id(snapshot.instances), blocked_by.reason)
        verdicts += _not_members(request, snapshot)
        return _plan(request, snapshot, amount, verdicts, (), blocked_by)
    bounds = limits(snapshot, group_policy)
    candidates, verdicts = _candidates(request, snapshot, group_policy)
    queue = CandidateQueue(candidates, request, snapshot, group_policy.metric)
    ranked, unselected = _select(queue, amount, bounds, snapshot)
    selected = [instance for instance, _ in ranked]
    verdicts += _unselected_verdicts(unselected, selected, amount, bounds, snapshot)
    verdicts += _retained(selected[max_instances:], Reason.REQUEST_LIMIT)
    del ranked[max_instances:], selected[max_instances:]
    met = _amount_of(selected, amount, snapshot)
    if request.denies_partial and met < amount.value:
        blocked_by = _partial_denied(amount, met)
        verdicts += _retained(selected, blocked_by.reason)
        ranked.clear()
    verdicts = _selected_verdicts(request, ranked) + verdicts
    verdicts += _not_members(request, snapshot)
    values = retention_values(group_policy)
    return _plan(request, snapshot, amount, verdicts, bounds, blocked_by, values)


def requested_amount(request: RemovalRequest, snapshot: Snapshot) -> Amount:
    """How much is requested: in instances for a count or ids, else in capacity of the group."""
    target, total = request.target, snapshot.group.total_capacity
    unit = "capacity" if snapshot.group.weighted else "instances"
    if target.instances is not None:
        return Amount(target.instances, "instances")
    if target.instance_ids is not None:
        return Amount(len(target.instance_ids), "instances")
    if target.percent is not None:
        return Amount(max(1, percentage_of(total, target.percent)), unit)
    return Amount(max(0, _counted_capacity(snapshot) - (target.to_capacity or 0)), unit)


def _counted_capacity(snapshot: Snapshot) -> int:
    """The capacity that a requested capacity is compared with.

    TotalCapacity still counts instances that are being removed: to count them here would remove
    as many again.
    """
    listed = sum(
        capacity_of(i, snapshot)
        for i in snapshot.instances
        if i.lifecycle_state not in OUT_OF_SERVICE
    )
    return min(snapshot.group.total_capacity, listed)


def _by_id(instances: Iterable[Instance]) -> list[Instance]:
    return sorted(instances, key=attrgetter("id"))  # ESS documents no order of its list


def _amount_of(instances: Iterable[Instance], amount: Amount, snapshot: Snapshot) -> int:
    """How much of the requested amount these instances meet."""
    return sum(amount.cost(capacity_of(instance, snapshot)) for instance in instances)


def _retained(instances: Iterable[Instance], reason: Reason) -> list[Verdict]:
    return [Verdict(instance.id, False, reason) for instance in instances]


def _not_members(request: RemovalRequest, snapshot: Snapshot) -> list[Verdict]:
    if not request.target.instance_ids:
        return []
    member_ids = {instance.id for instance in snapshot.instances}
    return [
        Verdict(id, False, Reason.NOT_A_MEMBER)
        for id in request.target.instance_ids
        if id not in member_ids
    ]


def _named_ids(request: RemovalRequest) -> frozenset[str] | None:
    ids = request.target.instance_ids
    return None if ids is None else frozenset(ids)


def _candidates(
    request: RemovalRequest, snapshot: Snapshot, group_policy: GroupPolicy
) -> tuple[list[Instance], list[Verdict]]:
    """The candidates for removal, and the verdicts on the other members."""
    named = _named_ids(request)
    reason_to_retain = retention_check(request, snapshot, group_policy)
    candidates, verdicts = [], []
    for instance in _by_id(snapshot.instances):
        is_named = named is None or instance.id in named
        reason = reason_to_retain(instance) if is_named else Reason.NOT_NAMED
        if reason:
            verdicts.append(Verdict(instance.id, False, reason))
        else:
            candidates.append(instance)
    return candidates, verdicts


def _select(
    queue: CandidateQueue, amount: Amount, bounds: Sequence[Limit], snapshot: Snapshot
) -> tuple[list[tuple[Instance, RankedBy]], list[Instance]]:
    """The selected instances in order, each with what ranked it; and the other candidates.

    A candidate is skipped if it weighs more than may still be removed, or is still missing.
    """
    missing = amount.value
    # What may still be removed.
    capacity = min((limit.allows for limit in bounds if limit.unit == "capacity"), default=inf)
    instances = min((limit.allows for limit in bounds if limit.unit == "instances"), default=inf)
    selected, skipped = list[tuple[Instance, RankedBy]](), list[Instance]()
    while min(missing, capacity, instances) >= 1 and (instance := queue.first()):
        weight = capacity_of(instance, snapshot)
        cost = amount.cost(weight)
        if cost <= missing and weight <= capacity:
            selected.append((instance, queue.select()))
            missing, capacity, instances = missing - cost, capacity - weight, instances - 1
        else:
            skipped.append(instance)
            queue.skip()
    return selected, skipped + queue.unselected(in_order=missing > 0)


def _unselected_verdicts(
    unselected: list[Instance],
    selected: list[Instance],
    amount: Amount,
    bounds: Sequence[Limit],
    snapshot: Snapshot,
) -> list[Verdict]:
    """The verdicts on the candidates that are not selected.

    A limit is the reason only as long as the request needs more instances. The others are not
    needed.
    """
    missing = amount.value - _amount_of(selected, amount, snapshot)
    selected_capacity = sum(capacity_of(instance, snapshot) for instance in selected)
    verdicts = list[Verdict]()
    for instance in unselected:
        if missing <= 0:
            break
        weight = capacity_of(instance, snapshot)
        cost, reason = amount.cost(weight), Reason.TOO_HEAVY
        if cost <= missing:
            reason = _exceeded(bounds, selected_capacity + weight, len(selected) + 1)
            missing -= cost
        verdicts.append(Verdict(instance.id, False, reason))
    return verdicts + _retained(unselected[len(verdicts) :], Reason.NOT_NEEDED)


def _exceeded(bounds: Sequence[Limit], capacity: int, instances: int) -> Reason:
    """The first guardrail that does not allow to remove so much capacity or so many instances."""
    amount_by_unit = {"capacity": capacity, "instances": instances}
    return next(limit.guardrail for limit in bounds if limit.allows < amount_by_unit[limit.unit])


def _partial_denied(amount: Amount, met: int) -> Veto:
    unit = "instances" if amount.unit == "instances" else "units of capacity"
    detail = f"The request denies a partial removal; {met} of {amount.value} {unit} may be removed."
    return Veto(Reason.PARTIAL_DENIED, detail)


def _selected_verdicts(
    request: RemovalRequest, ranked: list[tuple[Instance, RankedBy]]
) -> list[Verdict]:
    if request.target.is_named:
        return [Verdict(instance.id, True, Reason.NAMED) for instance, _ in ranked]
    return [Verdict(i.id, True, Reason.NEXT_IN_ORDER, ranked_by) for i, ranked_by in ranked]


def _plan(
    request: RemovalRequest,
    snapshot: Snapshot,
    amount: Amount,
    verdicts: list[Verdict],
    bounds: tuple[Limit, ...],
    blocked_by: Veto | None,
    values: tuple[tuple[Reason, str], ...] = (),
) -> Plan:
    """The plan of these verdicts, with its figures."""
    selected_ids = {verdict.instance_id for verdict in verdicts if verdict.selected}
    selected = [instance for instance in snapshot.instances if instance.id in selected_ids]
    total = snapshot.group.total_capacity
    missing = amount.value - _amount_of(selected, amount, snapshot)
    shortfall = None
    if missing > 0:
        reason = _shortfall_reason(request, verdicts, blocked_by)
        shortfall = Shortfall(amount.value, missing, amount.unit, reason)
    return Plan(
        verdicts=tuple(verdicts),
        requested=amount,
        capacity_before=total,
        min_size=snapshot.group.min_size,
        capacity_after=total - sum(capacity_of(instance, snapshot) for instance in selected),
        limits=bounds,
        shortfall=shortfall,
        blocked_by=blocked_by,
        counted_capacity=_counted_capacity(snapshot),
        values=values,
    )


def _shortfall_reason(
    request: RemovalRequest, verdicts: list[Verdict], blocked_by: Veto | None
) -> Reason:
    """The reason that explains the shortfall, by the precedence above."""
    # A partial removal is denied only because of another reason, which explains the shortfall.
    if blocked_by and blocked_by.reason is not Reason.PARTIAL_DENIED:
        return blocked_by.reason
    named = _named_ids(request)
    reasons = [
        v.reason for v in verdicts if not v.selected and (named is None or v.instance_id in named)
    ]
    for reason in SHORTFALL_REASONS:
        if reason in reasons:
            return reason
    if named is None:
        return next((r for r in CANDIDATE_REASONS if r in reasons), Reason.NO_CANDIDATES)
    return next(reason for reason in reasons if reason is not Reason.PARTIAL_DENIED)
