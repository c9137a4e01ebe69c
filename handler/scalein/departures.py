"""The only module that knows departure orders: which candidate leaves before which, and what told them apart. Pure.

Orders form a pipeline, as ESS's removal policies do (ESS guide, combining policies): each decides among the candidates
that the one before holds equal, which is comparing tuples. Where all hold equal ESS tosses a coin; here the one that
joined first leaves first, then the smaller id.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from math import inf
from typing import NamedTuple

from scalein.model import Choice, Instance, Metric, Named, Order, RemovalRequest, ScalingGroup, Snapshot

REMOVAL_POLICIES = (Order.OLDEST_INSTANCE, Order.NEWEST_INSTANCE, Order.OLDEST_SCALING_CONFIGURATION)
DEFAULT_POLICIES = (Order.OLDEST_SCALING_CONFIGURATION, Order.OLDEST_INSTANCE)  # ESS's own
BY_METRIC = frozenset((Order.LOWEST_METRIC, Order.HIGHEST_METRIC))
OUT_OF_SERVICE = ("Removing", "Removing:Wait", "Stopped")

Key = tuple[float | str, ...]


class Step(NamedTuple):
    """One order of the pipeline: the smallest rank leaves first; `tell` is the value behind the rank, for a person."""

    by: str
    rank: Callable[[Instance], float | str]
    tell: Callable[[Instance], str]


class Departures(NamedTuple):
    """The pipeline for one request and one picture of the group."""

    steps: tuple[Step, ...]
    zone_step: int | None = None  # which step is FullestZone, whose rank changes with each that leaves

    def key(self, instance: Instance) -> Key:
        return tuple([step.rank(instance) for step in self.steps])


def orders_of(request: RemovalRequest, group: ScalingGroup) -> tuple[Order, ...]:
    """The request's own, else the group's RemovalPolicies; in a BALANCE group the fullest zone comes before them."""
    orders = request.order or tuple(Order(policy) for policy in group.removal_policies) or DEFAULT_POLICIES
    balanced = group.multi_az_policy == "BALANCE" and Order.FULLEST_ZONE not in orders
    return (Order.FULLEST_ZONE, *orders) if balanced else orders


def by_metric(request: RemovalRequest) -> bool:
    """Whether the order of departure goes by a metric."""
    return not isinstance(request.ask, Named) and not BY_METRIC.isdisjoint(request.order)


def departures(request: RemovalRequest, snapshot: Snapshot, metric: Metric) -> Departures:
    if isinstance(request.ask, Named):
        place = {id: number for number, id in enumerate(request.ask.instance_ids)}
        return Departures((Step("named", lambda instance: place[instance.id], lambda instance: instance.id),))
    orders = orders_of(request, snapshot.group)
    steps = _steps(snapshot, metric)
    last = (Step("joined", _joined, _joined_text), Step("id", lambda instance: instance.id, lambda i: i.id))
    zone_step = orders.index(Order.FULLEST_ZONE) if Order.FULLEST_ZONE in orders else None
    return Departures((*[steps[order] for order in orders], *last), zone_step)


class Line:
    """Candidates waiting to leave, first one first; which zone is fullest is looked up anew after each that leaves."""

    def __init__(self, candidates: Iterable[Instance], order: Departures, snapshot: Snapshot) -> None:
        self._order = order
        self._sizes = Counter(i.zone_id for i in snapshot.instances if i.lifecycle_state not in OUT_OF_SERVICE)
        self._queues: dict[str, list[tuple[Key, Instance]]] = {}
        for instance in candidates:
            zone = "" if order.zone_step is None else instance.zone_id
            self._queues.setdefault(zone, []).append((order.key(instance), instance))
        for queue in self._queues.values():
            queue.sort(key=lambda waiting: waiting[0], reverse=True)  # the next to leave stands last
        self._heads = [(self._key(zone), zone) for zone in self._queues]
        heapify(self._heads)

    def first(self) -> Instance | None:
        return self._queues[self._heads[0][1]][-1][1] if self._heads else None

    def skip(self) -> None:
        """The first stays, for it does not fit."""
        zone = heappop(self._heads)[1]
        self._queues[zone].pop()
        self._advance(zone)

    def leave(self) -> Choice:
        """The first leaves; what put it before the next."""
        key, zone = heappop(self._heads)
        instance = self._queues[zone].pop()[1]
        rivals = [head for head, _ in self._heads[:1]] + ([self._key(zone)] if self._queues[zone] else [])
        choice = self._choice(instance, key, min(rivals, default=None))
        self._sizes[zone] -= 1
        self._advance(zone)
        return choice

    def rest(self) -> list[Instance]:
        return [instance for zone in sorted(self._queues) for _, instance in reversed(self._queues[zone])]

    def _advance(self, zone: str) -> None:
        if self._queues[zone]:
            heappush(self._heads, (self._key(zone), zone))

    def _key(self, zone: str) -> Key:
        key, place = self._queues[zone][-1][0], self._order.zone_step
        return key if place is None else (*key[:place], -self._sizes[zone], *key[place + 1 :])

    def _choice(self, instance: Instance, key: Key, rival: Key | None) -> Choice:
        if rival is None:
            return Choice("only-candidate", instance.id)
        number = next(number for number, rank in enumerate(key) if rank != rival[number])
        step = self._order.steps[number]
        if number == self._order.zone_step:
            return Choice(step.by, f"{instance.zone_id} has {self._sizes[instance.zone_id]}")
        return Choice(step.by, step.tell(instance))


def _steps(snapshot: Snapshot, metric: Metric) -> dict[Order, Step]:
    added = _configurations_added(snapshot)
    samples = snapshot.samples or {}

    def value(instance: Instance) -> float:
        return samples[instance.id].value

    def metric_text(instance: Instance) -> str:
        return f"{metric.name} {value(instance):g}"

    ways: tuple[tuple[Order, Callable[[Instance], float], Callable[[Instance], str]], ...] = (
        (Order.OLDEST_INSTANCE, _joined, _joined_text),
        # When it joined is unknown: last either way.
        (Order.NEWEST_INSTANCE, lambda i: -i.joined_at.timestamp() if i.joined_at else inf, _joined_text),
        # Attached instances have no configuration: not picked before those that have (ESS guide, policies).
        (
            Order.OLDEST_SCALING_CONFIGURATION,
            lambda instance: added.get(instance.scaling_configuration, inf),
            lambda instance: instance.scaling_configuration or "none",
        ),
        (Order.UNHEALTHY, lambda i: i.healthy, lambda i: "Healthy" if i.healthy else "Unhealthy"),
        (Order.SPOT, lambda i: not i.spot, _spot_text),
        (Order.PAY_AS_YOU_GO, lambda i: i.spot, _spot_text),
        (Order.FULLEST_ZONE, lambda _: 0, lambda i: i.zone_id),  # ranked by Line, which knows who has left
        (Order.LOWEST_METRIC, value, metric_text),
        (Order.HIGHEST_METRIC, lambda instance: -value(instance), metric_text),
        (Order.ATTACHED_LAST, lambda i: i.attached, lambda i: "attached" if i.attached else "created by ESS"),
    )
    return {order: Step(order.value, rank, tell) for order, rank, tell in ways}


def _configurations_added(snapshot: Snapshot) -> dict[str, float]:
    """When each configuration came into use, as far as its earliest member tells (the API gives no better)."""
    added: dict[str, float] = {}
    for instance in snapshot.instances:
        configuration, joined = instance.scaling_configuration, _joined(instance)
        if configuration and joined < added.get(configuration, inf):
            added[configuration] = joined
    return added


def _joined(instance: Instance) -> float:
    return instance.joined_at.timestamp() if instance.joined_at else inf


def _joined_text(instance: Instance) -> str:
    return f"{instance.joined_at:%Y-%m-%d %H:%M:%S}" if instance.joined_at else "unknown"


def _spot_text(instance: Instance) -> str:
    return "spot" if instance.spot else "pay-as-you-go"
