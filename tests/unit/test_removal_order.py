"""Which instance is removed first: each order, their pipeline, and the vendor's own table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Instance, Metric, Order, RankedBy, Sample, Snapshot, Target
from scalein.decision.planner import plan_removal
from tests.support.clock import NOON
from tests.support.fleets import group_of, member, request_for, vendors_fleet

OLDEST, NEWEST, CONFIGURATION = "OldestInstance", "NewestInstance", "OldestScalingConfiguration"


@pytest.mark.parametrize(
    ("multi_az_policy", "policies", "first_id"),
    [
        ("PRIORITY", (CONFIGURATION, OLDEST), "i-1"),
        ("BALANCE", (CONFIGURATION, OLDEST), "i-2"),
        ("PRIORITY", (CONFIGURATION, NEWEST), "i-3"),
        ("BALANCE", (CONFIGURATION, NEWEST), "i-3"),
        ("COST_OPTIMIZED", (CONFIGURATION, NEWEST), "i-3"),
        ("PRIORITY", (CONFIGURATION,), "i-1"),  # any of i-1, i-2, i-3: here the oldest
        ("BALANCE", (CONFIGURATION,), "i-2"),  # any of i-2, i-3
        ("PRIORITY", (OLDEST, CONFIGURATION), "i-1"),
        ("BALANCE", (OLDEST, CONFIGURATION), "i-2"),
        ("PRIORITY", (NEWEST, CONFIGURATION), "i-5"),
        ("BALANCE", (NEWEST, CONFIGURATION), "i-5"),
        ("COST_OPTIMIZED", (NEWEST, CONFIGURATION), "i-5"),
    ],
)
def test_the_twelve_cells_of_the_vendors_table_that_need_no_prices(
    multi_az_policy: str, policies: tuple[str, ...], first_id: str
) -> None:
    """ESS guide, combining removal policies; the other three of its fifteen cells go by prices."""
    plan = plan_removal(request_for(Target(instances=1)), vendors_fleet(multi_az_policy, *policies))

    assert plan.selected == (first_id,)


FLEET = group_of(
    member("i-old", 1, "h", "asc-1"),
    member("i-sick", 5, "h", "asc-2", healthy=False),
    member("i-spot", 4, "h", "asc-2", spot=True),
    member("i-hand", 2, "i", "", attached=True),
    member("i-new", 9, "i", "lt-1:3"),
)._replace(
    samples={
        "i-old": Sample(70.0, NOON),
        "i-sick": Sample(0.0, NOON - timedelta(seconds=301)),  # stopped reporting
        "i-spot": Sample(20.0, NOON - timedelta(seconds=300)),
        "i-new": Sample(90.0, NOON),
    }
)


@pytest.mark.parametrize(
    ("order", "first_id", "by", "value"),
    [
        (["OldestInstance"], "i-old", "OldestInstance", "2026-05-01 00:00:00"),
        (["NewestInstance"], "i-new", "NewestInstance", "2026-05-09 00:00:00"),
        (["OldestScalingConfiguration"], "i-old", "OldestScalingConfiguration", "asc-1"),
        (["Unhealthy"], "i-sick", "Unhealthy", "Unhealthy"),
        (["Spot"], "i-spot", "Spot", "spot"),
        (["PayAsYouGo"], "i-old", "joined", "2026-05-01 00:00:00"),
        (
            ["PayAsYouGo", "Spot", "NewestInstance"],
            "i-new",
            "NewestInstance",
            "2026-05-09 00:00:00",
        ),
        (["FullestZone"], "i-old", "joined", "2026-05-01 00:00:00"),
        (["FullestZone", "NewestInstance"], "i-sick", "NewestInstance", "2026-05-05 00:00:00"),
        (["NewestInstance", "FullestZone"], "i-new", "NewestInstance", "2026-05-09 00:00:00"),
        (
            ["LowestMetric"],
            "i-spot",
            "LowestMetric",
            "CPUUtilization 20",
        ),  # i-sick has none that is fresh
        (["HighestMetric"], "i-new", "HighestMetric", "CPUUtilization 90"),
        (["AttachedLast", "OldestInstance"], "i-old", "OldestInstance", "2026-05-01 00:00:00"),
    ],
)
def test_an_order_selects_the_first_and_says_why(
    order: list[str], first_id: str, by: str, value: str
) -> None:
    plan = plan_removal(request_for(Target(instances=1), order=tuple(map(Order, order))), FLEET)

    assert plan.selected == (first_id,)
    assert plan.verdicts[0].ranked_by == RankedBy(by, value)


def test_a_single_candidate_is_selected_as_the_only_one() -> None:
    plan = plan_removal(request_for(Target(instances=1)), group_of(member("i-a")))

    assert plan.verdicts[0].ranked_by == RankedBy("only-candidate", "i-a")


@pytest.mark.parametrize(
    ("first", "second", "order", "ranked_by"),
    [
        (member("i-a"), member("i-b"), "Unhealthy", RankedBy("id", "i-a")),
        (
            member("i-a", joined_at=None),
            member("i-b", joined_at=None),
            "OldestInstance",
            RankedBy("id", "i-a"),
        ),
        (
            member("i-b", 1),
            member("i-a", joined_at=None),
            "NewestInstance",
            RankedBy("NewestInstance", "2026-05-01 00:00:00"),
        ),
        (
            member("i-b"),
            member("i-a", attached=True),
            "AttachedLast",
            RankedBy("AttachedLast", "created by ESS"),
        ),
        (
            member("i-b"),
            member("i-a", spot=True),
            "PayAsYouGo",
            RankedBy("PayAsYouGo", "pay-as-you-go"),
        ),
        (
            member("i-b", healthy=False),
            member("i-a"),
            "Unhealthy",
            RankedBy("Unhealthy", "Unhealthy"),
        ),
        (
            member("i-b"),
            member("i-a", configuration=""),
            "OldestScalingConfiguration",
            RankedBy("OldestScalingConfiguration", "asc-1"),
        ),
    ],
)
def test_what_put_one_instance_before_another_is_said_in_words(
    first: Instance, second: Instance, order: str, ranked_by: RankedBy
) -> None:
    plan = plan_removal(
        request_for(Target(instances=1), order=(Order(order),)), group_of(first, second)
    )

    assert [(v.instance_id, v.ranked_by) for v in plan.verdicts if v.selected] == [
        (first.id, ranked_by)
    ]


def test_the_size_of_a_zone_is_said_where_it_decided() -> None:
    fleet = group_of(
        member("i-b", zone="h"),
        member("i-a", zone="i"),
        member("i-p", zone="h", lifecycle_state="Protected"),
    )
    plan = plan_removal(request_for(Target(instances=2), order=(Order.FULLEST_ZONE,)), fleet)

    assert [v.ranked_by for v in plan.verdicts if v.selected] == [
        RankedBy("FullestZone", "h has 2"),
        RankedBy("only-candidate", "i-a"),
    ]


def test_zones_are_balanced_within_what_an_order_before_holds_equal() -> None:
    """The unhealthy first, wherever; then, of the healthy ones, from the fullest zone."""
    fleet = group_of(
        member("i-a", 1, "h"),
        member("i-b", 2, "i"),
        member("i-c", 3, "i"),
        member("i-d", 4, "i", healthy=False),
        member("i-e", 5, "h", healthy=False),
        member("i-f", 6, "i"),
    )
    order = (Order.UNHEALTHY, Order.FULLEST_ZONE, Order.NEWEST_INSTANCE)

    assert plan_removal(request_for(Target(instances=4), order=order), fleet).selected == (
        "i-d",
        "i-e",
        "i-f",
        "i-c",
    )


def test_a_balanced_group_is_balanced_unless_the_order_gives_the_zone_another_place() -> None:
    fleet = vendors_fleet("BALANCE")

    assert plan_removal(
        request_for(Target(instances=1), order=(Order.OLDEST_INSTANCE,)), fleet
    ).selected == ("i-2",)
    last = (Order.OLDEST_INSTANCE, Order.FULLEST_ZONE)
    assert plan_removal(request_for(Target(instances=1), order=last), fleet).selected == ("i-1",)


def test_the_policy_says_how_old_a_metric_value_may_be() -> None:
    request = request_for(Target(instances=2), order=(Order.LOWEST_METRIC,))
    stricter = GroupPolicy(metric=Metric(period_seconds=60, stale_after_periods=4))

    assert plan_removal(request, FLEET).selected == ("i-spot", "i-old")
    assert plan_removal(request, FLEET, stricter).selected == ("i-old", "i-new")


RANKS: dict[Order, Callable[[Any], float]] = {
    Order.OLDEST_INSTANCE: lambda i: i.joined_at.timestamp(),
    Order.NEWEST_INSTANCE: lambda i: -i.joined_at.timestamp(),
    Order.UNHEALTHY: lambda i: 1 if i.healthy else 0,
    Order.SPOT: lambda i: 0 if i.spot else 1,
    Order.PAY_AS_YOU_GO: lambda i: 1 if i.spot else 0,
    Order.ATTACHED_LAST: lambda i: 1 if i.attached else 0,
}


def first_by(candidates: list[Instance], members: list[Instance], order: Order) -> list[Instance]:
    """One step of the pipeline as in the ESS guide: those that are first by it, and no other."""
    if order is Order.FULLEST_ZONE:
        sizes = {
            i.zone_id: sum(other.zone_id == i.zone_id for other in members) for i in candidates
        }
        return [
            instance for instance in candidates if sizes[instance.zone_id] == max(sizes.values())
        ]
    first = min(RANKS[order](instance) for instance in candidates)
    return [instance for instance in candidates if RANKS[order](instance) == first]


MEMBERS = st.builds(
    lambda day, zone, healthy, spot, attached: member(
        "", day, zone, healthy=healthy, spot=spot, attached=attached
    ),
    st.integers(1, 3),
    st.sampled_from("hij"),
    *[st.booleans()] * 3,
)
ORDERS = st.lists(
    st.sampled_from([*RANKS, Order.FULLEST_ZONE]), min_size=1, max_size=4, unique=True
)


@given(st.lists(MEMBERS, max_size=9), ORDERS, st.integers(1, 9))
def test_a_pipeline_narrows_the_candidates_step_by_step(
    made: list[Instance], orders: list[Order], count: int
) -> None:
    """Against a naive filter for each selected instance."""
    members = [instance._replace(id=f"i-{number}") for number, instance in enumerate(made)]
    fleet: Snapshot = group_of(*members)
    expected, remaining = [], list(members)
    for _ in range(min(count, len(members))):
        candidates = remaining
        for order in orders:
            candidates = first_by(candidates, remaining, order)
        first = min(candidates, key=lambda i: (i.joined_at, i.id))
        expected.append(first.id)
        remaining.remove(first)

    assert (
        list(
            plan_removal(request_for(Target(instances=count), order=tuple(orders)), fleet).selected
        )
        == expected
    )
