"""The order of removal: which candidate is removed before which, and what put it there.

Orders form a pipeline, as ESS's removal policies do (ESS guide, combining policies): each decides
among the candidates which the one before ranks equal, as a comparison of tuples does. If all orders
rank two candidates equal, ESS picks one at random; here the instance that joined first comes first,
then the one with the smaller id.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from heapq import heapify, heappop, heappush
from itertools import repeat
from math import inf
from typing import Any

from scalein.decision.capacity import OUT_OF_SERVICE
from scalein.decision.model import (
    Instance,
    Metric,
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

# The ranks of all candidates by one order, one for each; the smallest comes first.
Rank = Callable[[Sequence[Instance]], Iterable[Any]]
# One order of the pipeline: its name, its ranks, and the value of an instance for a person.
Criterion = tuple[str, Rank, Callable[[Instance], str]]
# The ranks of a candidate, then the candidate itself, which is never compared: ids differ.
RankedCandidate = tuple[Any, ...]


def orders_of(request: RemovalRequest, group: ScalingGroup) -> tuple[Order, ...]:
    """The request's own order, else the group's RemovalPolicies, else ESS's default.

    In a BALANCE group the fullest zone comes before them, as in ESS.
    """
    orders = (
        request.order
        or tuple(Order(policy) for policy in group.removal_policies)
        or DEFAULT_POLICIES
    )
    lacks_zone = group.multi_az_policy == "BALANCE" and Order.FULLEST_ZONE not in orders
    return (Order.FULLEST_ZONE, *orders) if lacks_zone else orders


def is_by_metric(request: RemovalRequest) -> bool:
    """Whether the order of removal depends on a metric."""
    return not request.target.is_named and not BY_METRIC.isdisjoint(request.order)


class CandidateQueue:
    """Candidates in the order of removal.

    With the order FullestZone, candidates wait in one sorted list for each zone, and a heap holds
    the first of each list: the fullest zone changes with each removal. Else there is one list.
    """

    def __init__(
        self,
        candidates: Sequence[Instance],
        request: RemovalRequest,
        snapshot: Snapshot,
        metric: Metric,
    ) -> None:
        self._criteria, self._zone_index = _pipeline(request, snapshot, metric)
        self._zone_sizes = Counter(
            i.zone_id for i in snapshot.instances if i.lifecycle_state not in OUT_OF_SERVICE
        )
        self._waiting: dict[str, list[RankedCandidate]] = {}
        # Column by column: a call for each candidate and order would take three times as long.
        columns = [rank(candidates) for _, rank, _ in self._criteria]
        ranked_candidates = sorted(zip(*columns, candidates, strict=False), reverse=True)
        for ranked in ranked_candidates:  # the next one to remove comes last
            zone = "" if self._zone_index is None else ranked[-1].zone_id
            self._waiting.setdefault(zone, []).append(ranked)
        self._heads = [(self._head(zone), zone) for zone in self._waiting]
        heapify(self._heads)

    def first(self) -> Instance | None:
        """The next candidate, which stays in the queue; None at the end."""
        return self._heads[0][0][-1] if self._heads else None

    def skip(self) -> None:
        """Drops the first candidate, which does not fit."""
        zone = heappop(self._heads)[1]
        self._waiting[zone].pop()
        self._push_head(zone)

    def select(self) -> RankedBy:
        """Takes the first candidate out for removal. Returns what put it before the next one."""
        first, zone = heappop(self._heads)
        self._waiting[zone].pop()
        rivals = [head for head, _ in self._heads[:1]]
        if self._waiting[zone]:
            rivals.append(self._head(zone))
        ranked_by = self._ranked_by(first, min(rivals, default=None))
        self._zone_sizes[zone] -= 1
        self._push_head(zone)
        return ranked_by

    def unselected(self, in_order: bool) -> list[Instance]:
        """The candidates that are still in the queue, ranked as if no more were removed.

        `in_order`: sorted in the order of removal, which takes time.
        """
        waiting = [ranked for zone in self._waiting.values() for ranked in reversed(zone)]
        if in_order:
            waiting = sorted(map(self._with_zone_rank, waiting))
        return [ranked[-1] for ranked in waiting]

    def _push_head(self, zone: str) -> None:
        if self._waiting[zone]:
            heappush(self._heads, (self._head(zone), zone))

    def _head(self, zone: str) -> RankedCandidate:
        return self._with_zone_rank(self._waiting[zone][-1])

    def _with_zone_rank(self, ranked: RankedCandidate) -> RankedCandidate:
        index = self._zone_index
        if index is None:
            return ranked
        return (*ranked[:index], -self._zone_sizes[ranked[-1].zone_id], *ranked[index + 1 :])

    def _ranked_by(self, first: RankedCandidate, rival: RankedCandidate | None) -> RankedBy:
        instance = first[-1]
        if rival is None:
            return RankedBy("only-candidate", instance.id)
        index = next(index for index, rank in enumerate(first) if rank != rival[index])
        name, _, text_of = self._criteria[index]
        if index == self._zone_index:
            return RankedBy(name, f"{instance.zone_id} has {self._zone_sizes[instance.zone_id]}")
        return RankedBy(name, text_of(instance))


def _pipeline(
    request: RemovalRequest, snapshot: Snapshot, metric: Metric
) -> tuple[tuple[Criterion, ...], int | None]:
    """The criteria of a request, and the index of FullestZone among them; None without it."""
    if request.target.instance_ids is not None:
        index_by_id = {id: index for index, id in enumerate(request.target.instance_ids)}
        by_name: Criterion = ("named", lambda c: [index_by_id[i.id] for i in c], _id_of)
        return (by_name,), None
    orders = orders_of(request, snapshot.group)
    criterion_by_order = _criterion_by_order(snapshot, metric)
    criteria = (
        *[(order.value, *criterion_by_order[order]) for order in orders],
        ("joined", _joined, _joined_text),
        ("id", lambda candidates: [i.id for i in candidates], _id_of),
    )
    return criteria, orders.index(Order.FULLEST_ZONE) if Order.FULLEST_ZONE in orders else None


def _criterion_by_order(
    snapshot: Snapshot, metric: Metric
) -> dict[Order, tuple[Rank, Callable[[Instance], str]]]:
    """For each order, the ranks of candidates, and the text of one candidate's value."""
    first_use = _first_use_by_configuration(snapshot)
    samples = snapshot.samples or {}

    def metric_text(instance: Instance) -> str:
        return f"{metric.name} {samples[instance.id].value:g}"

    return {
        Order.OLDEST_INSTANCE: (_joined, _joined_text),
        Order.NEWEST_INSTANCE: (_joined_newest_first, _joined_text),
        # Attached instances have no configuration, and come last (ESS guide, policies).
        Order.OLDEST_SCALING_CONFIGURATION: (
            lambda candidates: [first_use.get(i.scaling_configuration, NEVER) for i in candidates],
            lambda instance: instance.scaling_configuration or "none",
        ),
        Order.UNHEALTHY: (
            lambda candidates: [i.healthy for i in candidates],
            lambda instance: "Healthy" if instance.healthy else "Unhealthy",
        ),
        Order.SPOT: (lambda candidates: [not i.spot for i in candidates], _spot_text),
        Order.PAY_AS_YOU_GO: (lambda candidates: [i.spot for i in candidates], _spot_text),
        # A place holder: CandidateQueue ranks by zone itself, for that changes with each removal.
        Order.FULLEST_ZONE: (lambda _: repeat(0), _id_of),
        Order.LOWEST_METRIC: (
            lambda candidates: [samples[i.id].value for i in candidates],
            metric_text,
        ),
        Order.HIGHEST_METRIC: (
            lambda candidates: [-samples[i.id].value for i in candidates],
            metric_text,
        ),
        Order.ATTACHED_LAST: (lambda candidates: [i.attached for i in candidates], _attached_text),
    }


def _first_use_by_configuration(snapshot: Snapshot) -> dict[str, datetime]:
    """When the earliest member of each configuration joined: the API shows no age of it."""
    first_use: dict[str, datetime] = {}
    for instance in snapshot.instances:
        configuration, joined = instance.scaling_configuration, instance.joined_at
        if configuration and joined and joined < first_use.get(configuration, NEVER):
            first_use[configuration] = joined
    return first_use


def _joined(candidates: Sequence[Instance]) -> Iterable[Any]:
    return [i.joined_at or NEVER for i in candidates]


def _joined_newest_first(candidates: Sequence[Instance]) -> Iterable[Any]:
    """The ranks by time of joining, newest first. An unknown time comes last here too."""
    return [-i.joined_at.timestamp() if i.joined_at else inf for i in candidates]


def _id_of(instance: Instance) -> str:
    return instance.id


def _joined_text(instance: Instance) -> str:
    return f"{instance.joined_at:%Y-%m-%d %H:%M:%S}" if instance.joined_at else "unknown"


def _spot_text(instance: Instance) -> str:
    return "spot" if instance.spot else "pay-as-you-go"


def _attached_text(instance: Instance) -> str:
    return "attached" if instance.attached else "created by ESS"
