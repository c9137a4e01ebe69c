"""The only module that knows departure orders: which candidate leaves before which, and what told them apart. Pure.

Orders form a pipeline, as ESS's removal policies do (ESS guide, combining policies): each decides among the candidates
that the one before holds equal, which is comparing tuples. Where all hold equal ESS tosses a coin; here the one that
joined first leaves first, then the smaller id.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from heapq import heapify, heappop, heappush
from itertools import repeat
from math import inf
from typing import Any, NamedTuple

from scalein.decision.capacity import OUT_OF_SERVICE
from scalein.decision.model import (
    Instance,
    Metric,
    Named,
    Order,
    RankedBy,
    RemovalRequest,
    ScalingGroup,
    Snapshot,
)

REMOVAL_POLICIES = (
    Order.OLDEST_INSTANCE,
    Order.NEWEST_INSTANCE,
    Order.OLDEST_SCALING_CONFIGURATION,
)
DEFAULT_POLICIES = (Order.OLDEST_SCALING_CONFIGURATION, Order.OLDEST_INSTANCE)  # ESS's own
BY_METRIC = frozenset((Order.LOWEST_METRIC, Order.HIGHEST_METRIC))

NEVER = datetime.max.replace(tzinfo=timezone.utc)

Ranks = Iterable[Any]  # one for each candidate, all of one kind; the smallest leaves first
RankedCandidate = tuple[
    Any, ...
]  # a candidate behind its ranks; ids differ, so that comparing never reaches the candidate


class SortKey(NamedTuple):
    """One order of the pipeline; `tell` is the value behind a rank, for a person."""

    by: str
    ranks: Callable[[Sequence[Instance]], Ranks]
    describe: Callable[[Instance], str]


class RemovalOrder(NamedTuple):
    """The pipeline for one request and one picture of the group."""

    sort_keys: tuple[SortKey, ...]
    zone_key_index: int | None = (
        None  # which step is FullestZone, whose rank changes with each that leaves
    )

    def waiting(self, candidates: Sequence[Instance]) -> Iterable[RankedCandidate]:
        # Column by column: a call for each candidate and step would take three times as long.
        return zip(*[step.ranks(candidates) for step in self.sort_keys], candidates, strict=False)


def orders_of(request: RemovalRequest, group: ScalingGroup) -> tuple[Order, ...]:
    """The request's own, else the group's RemovalPolicies; in a BALANCE group the fullest zone comes before them."""
    orders = (
        request.order
        or tuple(Order(policy) for policy in group.removal_policies)
        or DEFAULT_POLICIES
    )
    balanced = group.multi_az_policy == "BALANCE" and Order.FULLEST_ZONE not in orders
    return (Order.FULLEST_ZONE, *orders) if balanced else orders


def is_by_metric(request: RemovalRequest) -> bool:
    """Whether the order of departure goes by a metric."""
    return not isinstance(request.target, Named) and not BY_METRIC.isdisjoint(request.order)


def removal_order(request: RemovalRequest, snapshot: Snapshot, metric: Metric) -> RemovalOrder:
    if isinstance(request.target, Named):
        place = {id: number for number, id in enumerate(request.target.instance_ids)}
        return RemovalOrder((SortKey("named", lambda those: [place[i.id] for i in those], _id),))
    orders = orders_of(request, snapshot.group)
    sort_keys = _sort_keys(snapshot, metric)
    last = (
        SortKey("joined", _joined, _joined_text),
        SortKey("id", lambda those: [i.id for i in those], _id),
    )
    zone_key_index = orders.index(Order.FULLEST_ZONE) if Order.FULLEST_ZONE in orders else None
    return RemovalOrder((*[sort_keys[order] for order in orders], *last), zone_key_index)


class CandidateQueue:
    """Candidates waiting to leave, first one first; which zone is fullest is looked up anew after each that leaves."""

    def __init__(
        self, candidates: Sequence[Instance], order: RemovalOrder, snapshot: Snapshot
    ) -> None:
        self._order = order
        self._sizes = Counter(
            i.zone_id for i in snapshot.instances if i.lifecycle_state not in OUT_OF_SERVICE
        )
        self._queues: dict[str, list[RankedCandidate]] = {}
        for waiting in sorted(
            order.waiting(candidates), reverse=True
        ):  # the next to leave stands last
            zone = "" if order.zone_key_index is None else waiting[-1].zone_id
            self._queues.setdefault(zone, []).append(waiting)
        self._heads = [(self._key(zone), zone) for zone in self._queues]
        heapify(self._heads)

    def first(self) -> Instance | None:
        return self._heads[0][0][-1] if self._heads else None

    def skip(self) -> None:
        """The first stays, for it does not fit."""
        zone = heappop(self._heads)[1]
        self._queues[zone].pop()
        self._advance(zone)

    def leave(self) -> RankedBy:
        """The first leaves; what put it before the next."""
        first, zone = heappop(self._heads)
        self._queues[zone].pop()
        rivals = [head for head, _ in self._heads[:1]] + (
            [self._key(zone)] if self._queues[zone] else []
        )
        choice = self._choice(first, min(rivals, default=None))
        self._sizes[zone] -= 1
        self._advance(zone)
        return choice

    def rest(self, in_order: bool) -> list[Instance]:
        """Who still waits; first one first, should nobody leave any more, only where that matters: it costs a sort."""
        waiting = [one for queue in self._queues.values() for one in reversed(queue)]
        return [one[-1] for one in (sorted(map(self._ranked, waiting)) if in_order else waiting)]

    def _advance(self, zone: str) -> None:
        if self._queues[zone]:
            heappush(self._heads, (self._key(zone), zone))

    def _key(self, zone: str) -> RankedCandidate:
        return self._ranked(self._queues[zone][-1])

    def _ranked(self, one: RankedCandidate) -> RankedCandidate:
        place = self._order.zone_key_index
        return (
            one
            if place is None
            else (*one[:place], -self._sizes[one[-1].zone_id], *one[place + 1 :])
        )

    def _choice(self, first: RankedCandidate, rival: RankedCandidate | None) -> RankedBy:
        instance = first[-1]
        if rival is None:
            return RankedBy("only-candidate", instance.id)
        number = next(number for number, rank in enumerate(first) if rank != rival[number])
        step = self._order.sort_keys[number]
        if number == self._order.zone_key_index:
            return RankedBy(step.by, f"{instance.zone_id} has {self._sizes[instance.zone_id]}")
        return RankedBy(step.by, step.describe(instance))


def _sort_keys(snapshot: Snapshot, metric: Metric) -> dict[Order, SortKey]:
    added = _configurations_added(snapshot)
    samples = snapshot.samples or {}

    def metric_text(instance: Instance) -> str:
        return f"{metric.name} {samples[instance.id].value:g}"

    ways: tuple[
        tuple[Order, Callable[[Sequence[Instance]], Ranks], Callable[[Instance], str]], ...
    ] = (
        (Order.OLDEST_INSTANCE, _joined, _joined_text),
        (Order.NEWEST_INSTANCE, _joined_last, _joined_text),
        # Attached instances have no configuration: not picked before those that have (ESS guide, policies).
        (
            Order.OLDEST_SCALING_CONFIGURATION,
            lambda those: [added.get(i.scaling_configuration, NEVER) for i in those],
            lambda instance: instance.scaling_configuration or "none",
        ),
        (
            Order.UNHEALTHY,
            lambda those: [i.healthy for i in those],
            lambda i: "Healthy" if i.healthy else "Unhealthy",
        ),
        (Order.SPOT, lambda those: [not i.spot for i in those], _spot_text),
        (Order.PAY_AS_YOU_GO, lambda those: [i.spot for i in those], _spot_text),
        (Order.FULLEST_ZONE, lambda _: repeat(0), _id),  # ranked by Line, which knows who has left
        (Order.LOWEST_METRIC, lambda those: [samples[i.id].value for i in those], metric_text),
        (Order.HIGHEST_METRIC, lambda those: [-samples[i.id].value for i in those], metric_text),
        (Order.ATTACHED_LAST, lambda those: [i.attached for i in those], _attached_text),
    )
    return {order: SortKey(order.value, ranks, describe) for order, ranks, describe in ways}


def _configurations_added(snapshot: Snapshot) -> dict[str, datetime]:
    """When each configuration came into use, as far as its earliest member tells (the API gives no better)."""
    added: dict[str, datetime] = {}
    for instance in snapshot.instances:
        configuration, joined = instance.scaling_configuration, instance.joined_at
        if configuration and joined and joined < added.get(configuration, NEVER):
            added[configuration] = joined
    return added


def _joined(those: Sequence[Instance]) -> Ranks:
    return [i.joined_at or NEVER for i in those]


def _joined_last(those: Sequence[Instance]) -> Ranks:
    """Newest first; when it joined is unknown: last either way."""
    return [-i.joined_at.timestamp() if i.joined_at else inf for i in those]


def _id(instance: Instance) -> str:
    return instance.id


def _joined_text(instance: Instance) -> str:
    return f"{instance.joined_at:%Y-%m-%d %H:%M:%S}" if instance.joined_at else "unknown"


def _spot_text(instance: Instance) -> str:
    return "spot" if instance.spot else "pay-as-you-go"


def _attached_text(instance: Instance) -> str:
    return "attached" if instance.attached else "created by ESS"
