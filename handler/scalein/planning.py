"""The only module that decides who leaves: (request, snapshot, guardrails) -> plan. Pure.

The request is turned into an amount, the guardrails into limits, and the candidates into an order of departure; then
one walk takes instances while all of them last, and a second look names what stopped each of the others.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from math import inf
from operator import attrgetter
from typing import NamedTuple

from scalein.guardrails import NONE, Guardrails, capacity_of, limits, objection, share, staying
from scalein.model import (
    MAX_INSTANCES_PER_CALL,
    Count,
    Instance,
    Limit,
    Named,
    Order,
    Percent,
    Plan,
    Reason,
    RemovalRequest,
    Shortfall,
    Snapshot,
    Verdict,
)

WHY_SHORT = (
    Reason.MIN_SIZE,
    Reason.FLOOR,
    Reason.EVENT_MAXIMUM,
    Reason.BUDGET,
    Reason.CALL_LIMIT,
    Reason.TOO_HEAVY,
    Reason.WEIGHT_UNKNOWN,
)
OF_CANDIDATES = (Reason.TOO_YOUNG, Reason.WARMING_UP)  # who would be one but for this
OUT_OF_SERVICE = ("Removing", "Removing:Wait", "Stopped")
DEFAULT_ORDER = (Order.OLDEST_SCALING_CONFIGURATION, Order.OLDEST_INSTANCE)  # ESS's own default removal policies

Key = tuple[object, ...]


class Amount(NamedTuple):
    """How much is asked: instances, or capacity where the request speaks of capacity."""

    value: int
    unit: str

    def cost(self, weight: int) -> int:
        return weight if self.unit == "capacity" else 1


def plan_removal(request: RemovalRequest, snapshot: Snapshot, guardrails: Guardrails = NONE) -> Plan:
    """One verdict for each instance of the snapshot, and for each named id that is not in it."""
    amount = amount_asked(request, snapshot)
    stop = objection(request, snapshot, guardrails)
    if stop:
        kept = [Verdict(instance.id, False, stop.reason) for instance in _by_id(snapshot.instances)]
        plan = _plan(request, snapshot, amount, kept + _strangers(request, snapshot), refusal=stop.reason)
        return plan._replace(because=stop.because)
    bounds = limits(snapshot, guardrails)
    candidates, kept = _candidates(request, snapshot, guardrails)
    chosen, left_over = _choose(candidates, _departures(request, snapshot), amount, bounds, snapshot)
    kept += _why_left_over(left_over, chosen, amount, bounds, snapshot)
    leaving, cut = chosen[:MAX_INSTANCES_PER_CALL], chosen[MAX_INSTANCES_PER_CALL:]
    kept += [Verdict(instance.id, False, Reason.CALL_LIMIT) for instance in cut]
    refusal = None
    if request.all_or_nothing and _amount_of(leaving, amount, snapshot) < amount.value:
        refusal = Reason.ALL_OR_NOTHING
        kept += [Verdict(instance.id, False, refusal) for instance in leaving]
        leaving = []
    why = Reason.NAMED if isinstance(request.ask, Named) else Reason.NEXT_IN_ORDER
    verdicts = [Verdict(instance.id, True, why) for instance in leaving] + kept + _strangers(request, snapshot)
    return _plan(request, snapshot, amount, verdicts, refusal)._replace(limits=bounds)


def amount_asked(request: RemovalRequest, snapshot: Snapshot) -> Amount:
    """The request as a number: instances for count and ids, capacity for percent and toCapacity."""
    ask, total = request.ask, snapshot.group.total_capacity
    capacity = "capacity" if snapshot.group.weighted else "instances"
    if isinstance(ask, Count):
        return Amount(ask.instances, "instances")
    if isinstance(ask, Named):
        return Amount(len(ask.instance_ids), "instances")
    if isinstance(ask, Percent):
        return Amount(max(1, share(total, ask.of_total_capacity)), capacity)
    # TotalCapacity still counts instances on their way out: counting them here would remove as many again.
    staying = sum(capacity_of(i, snapshot) for i in snapshot.instances if i.lifecycle_state not in OUT_OF_SERVICE)
    return Amount(max(0, min(total, staying) - ask.capacity), capacity)


def _by_id(instances: Iterable[Instance]) -> list[Instance]:
    return sorted(instances, key=attrgetter("id"))  # ESS documents no order of its list


def _amount_of(instances: Iterable[Instance], amount: Amount, snapshot: Snapshot) -> int:
    return sum(amount.cost(capacity_of(instance, snapshot)) for instance in instances)


def _strangers(request: RemovalRequest, snapshot: Snapshot) -> list[Verdict]:
    if not isinstance(request.ask, Named):
        return []
    members = {instance.id for instance in snapshot.instances}
    return [Verdict(id, False, Reason.NOT_A_MEMBER) for id in request.ask.instance_ids if id not in members]


def _candidates(
    request: RemovalRequest, snapshot: Snapshot, guardrails: Guardrails
) -> tuple[list[Instance], list[Verdict]]:
    named = set(request.ask.instance_ids) if isinstance(request.ask, Named) else None
    candidates, kept = [], []
    for instance in _by_id(snapshot.instances):
        if named is not None and instance.id not in named:
            kept.append(Verdict(instance.id, False, Reason.NOT_NAMED))
            continue
        reason = staying(instance, named is not None, snapshot, guardrails)
        if reason:
            kept.append(Verdict(instance.id, False, reason))
        else:
            candidates.append(instance)
    return candidates, kept


class Departures(NamedTuple):
    """In which order candidates leave: smallest key first, taken from the fullest zone where zones are balanced."""

    key: Callable[[Instance], Key]
    balanced: bool


def _departures(request: RemovalRequest, snapshot: Snapshot) -> Departures:
    if isinstance(request.ask, Named):
        rank = {id: position for position, id in enumerate(request.ask.instance_ids)}
        return Departures(lambda instance: (rank[instance.id],), balanced=False)
    policies = snapshot.group.removal_policies
    orders = request.order or tuple(Order(policy) for policy in policies) or DEFAULT_ORDER
    joined = {i.id: i.joined_at.timestamp() if i.joined_at else inf for i in snapshot.instances}
    added = _configurations_added(snapshot, joined)
    ranks: dict[Order, Callable[[Instance], float]] = {
        Order.OLDEST_INSTANCE: lambda instance: joined[instance.id],
        Order.NEWEST_INSTANCE: lambda instance: -joined[instance.id] if instance.joined_at else inf,  # unknown: last
        # Attached instances have no configuration: not picked before those that have (ESS guide, policies).
        Order.OLDEST_SCALING_CONFIGURATION: lambda instance: added.get(instance.scaling_configuration, inf),
    }
    chosen = [ranks[order] for order in orders]

    def key(instance: Instance) -> Key:
        # Filtering by one policy after the other is comparing tuples; age, then id, where ESS would toss a coin.
        return (*[rank(instance) for rank in chosen], joined[instance.id], instance.id)

    return Departures(key, balanced=snapshot.group.multi_az_policy == "BALANCE")


def _configurations_added(snapshot: Snapshot, joined: dict[str, float]) -> dict[str, float]:
    """When each configuration came into use, as far as its earliest member tells (the API gives no better)."""
    added: dict[str, float] = {}
    for instance in snapshot.instances:
        configuration = instance.scaling_configuration
        if configuration and joined[instance.id] < added.get(configuration, inf):
            added[configuration] = joined[instance.id]
    return added


class Room(NamedTuple):
    """What all limits together still allow."""

    capacity: float
    instances: float

    @classmethod
    def within(cls, bounds: Iterable[Limit]) -> "Room":
        capacity, instances = (
            min((bound.allows for bound in bounds if bound.unit == unit), default=inf) for unit in cls._fields
        )
        return cls(capacity, instances)

    def holds(self, weight: int) -> bool:
        return weight <= self.capacity and self.instances >= 1

    def after(self, weight: int) -> "Room":
        return Room(self.capacity - weight, self.instances - 1)


def _choose(
    candidates: list[Instance],
    departures: Departures,
    amount: Amount,
    bounds: tuple[Limit, ...],
    snapshot: Snapshot,
) -> tuple[list[Instance], list[Instance]]:
    """Who leaves, in order, and who of the candidates does not. An instance that does not fit is passed over."""
    queues = _queues(candidates, departures)
    sizes = Counter(i.zone_id for i in snapshot.instances if i.lifecycle_state not in OUT_OF_SERVICE)
    # BALANCE narrows the candidates to the zones with the most instances, anew for each that leaves.
    zones = [(-sizes[zone], departures.key(queue[-1]), zone) for zone, queue in queues.items()]
    heapify(zones)
    asked, room, chosen, left_over = amount.value, Room.within(bounds), list[Instance](), list[Instance]()
    while zones and asked > 0:
        size, _, zone = heappop(zones)
        instance = queues[zone].pop()
        weight = capacity_of(instance, snapshot)
        if amount.cost(weight) <= asked and room.holds(weight):
            chosen.append(instance)
            asked, room, size = asked - amount.cost(weight), room.after(weight), size + 1
        else:
            left_over.append(instance)
        if queues[zone]:
            heappush(zones, (size, departures.key(queues[zone][-1]), zone))
    left_over += [instance for zone in sorted(queues) for instance in reversed(queues[zone])]
    return chosen, left_over


def _queues(candidates: list[Instance], departures: Departures) -> dict[str, list[Instance]]:
    """Candidates by zone, or all in one where zones do not matter; the next to leave stands last."""
    queues: dict[str, list[Instance]] = {}
    for instance in candidates:
        queues.setdefault(instance.zone_id if departures.balanced else "", []).append(instance)
    for queue in queues.values():
        queue.sort(key=departures.key, reverse=True)
    return queues


def _why_left_over(
    left_over: list[Instance], chosen: list[Instance], amount: Amount, bounds: tuple[Limit, ...], snapshot: Snapshot
) -> list[Verdict]:
    """What stopped each candidate that was not chosen: a limit only for those that the request still needed."""
    missing = amount.value - _amount_of(chosen, amount, snapshot)
    gone = sum(capacity_of(instance, snapshot) for instance in chosen)
    verdicts = []
    for instance in left_over:
        weight = capacity_of(instance, snapshot)
        cost = amount.cost(weight)
        if missing <= 0:
            reason = Reason.NOT_NEEDED
        elif cost > missing:
            reason = Reason.TOO_HEAVY
        else:
            reason, missing = _exceeded(bounds, gone + weight, len(chosen) + 1), missing - cost
        verdicts.append(Verdict(instance.id, False, reason))
    return verdicts


def _exceeded(bounds: tuple[Limit, ...], capacity: int, instances: int) -> Reason:
    """The first limit that alone would not let so much leave."""
    much = {"capacity": capacity, "instances": instances}
    return next(bound.reason for bound in bounds if bound.allows < much[bound.unit])


def _plan(
    request: RemovalRequest, snapshot: Snapshot, amount: Amount, verdicts: list[Verdict], refusal: Reason | None
) -> Plan:
    leaving_ids = {verdict.instance_id for verdict in verdicts if verdict.leaves}
    leaving = [instance for instance in snapshot.instances if instance.id in leaving_ids]
    total = snapshot.group.total_capacity
    missing = amount.value - _amount_of(leaving, amount, snapshot)
    why = _why_short(request, verdicts, refusal) if missing > 0 else None
    return Plan(
        verdicts=tuple(verdicts),
        capacity_before=total,
        min_size=snapshot.group.min_size,
        capacity_after=total - sum(capacity_of(instance, snapshot) for instance in leaving),
        shortfall=Shortfall(amount.value, missing, amount.unit, why) if why else None,
        refusal=refusal,
    )


def _why_short(request: RemovalRequest, verdicts: list[Verdict], refusal: Reason | None) -> Reason:
    """What stopped the first instance that the request still needed."""
    if refusal and refusal is not Reason.ALL_OR_NOTHING:  # which only says that something else fell short
        return refusal
    named = set(request.ask.instance_ids) if isinstance(request.ask, Named) else None
    kept = [v.reason for v in verdicts if not v.leaves and (named is None or v.instance_id in named)]
    for reason in WHY_SHORT:
        if reason in kept:
            return reason
    if named is None:
        return next((reason for reason in OF_CANDIDATES if reason in kept), Reason.NO_CANDIDATES)
    return next(reason for reason in kept if reason is not Reason.ALL_OR_NOTHING)
