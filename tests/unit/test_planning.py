"""Who leaves, and why each of the others stays: a table whose rows read as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from scalein.decision.guardrails import limits
from scalein.decision.model import (
    Count,
    Instance,
    Named,
    Order,
    Percent,
    Plan,
    RemovalRequest,
    Shortfall,
    Snapshot,
    ToCapacity,
)
from scalein.decision.planner import plan_removal, requested_amount
from scalein.decision.reasons import Reason
from tests.support.fleets import group_of, member, request_for, vendors_fleet

ABC = (member("i-a", 1), member("i-b", 2), member("i-c", 3))


def reasons(plan: Plan) -> dict[str, str]:
    return {verdict.instance_id: verdict.reason.value for verdict in plan.verdicts}


def leavers(request: RemovalRequest, snapshot: Snapshot) -> list[str]:
    return list(plan_removal(request, snapshot).selected)


@pytest.mark.parametrize(
    ("policies", "zones", "leaves"),
    [
        (("OldestScalingConfiguration", "OldestInstance"), "PRIORITY", {"i-1"}),
        (("OldestScalingConfiguration", "OldestInstance"), "BALANCE", {"i-2"}),
        (("OldestScalingConfiguration", "NewestInstance"), "PRIORITY", {"i-3"}),
        (("OldestScalingConfiguration", "NewestInstance"), "BALANCE", {"i-3"}),
        (("OldestScalingConfiguration",), "PRIORITY", {"i-1", "i-2", "i-3"}),
        (("OldestScalingConfiguration",), "BALANCE", {"i-2", "i-3"}),
        (("OldestInstance", "OldestScalingConfiguration"), "PRIORITY", {"i-1"}),
        (("OldestInstance", "NewestInstance"), "BALANCE", {"i-2"}),
        (("NewestInstance", "OldestInstance"), "PRIORITY", {"i-5"}),
        (("NewestInstance", "OldestScalingConfiguration"), "BALANCE", {"i-5"}),
        (("OldestInstance",), "PRIORITY", {"i-1"}),
        (("NewestInstance",), "BALANCE", {"i-5"}),
    ],
)
def test_the_groups_own_policies_choose_as_the_vendors_table_says(
    policies: tuple[str, ...], zones: str, leaves: set[str]
) -> None:
    """One instance leaves; where ESS would toss a coin, ours is one of those that it would toss for."""
    chosen = leavers(request_for(Count(1)), vendors_fleet(zones, *policies))

    assert len(chosen) == 1
    assert set(chosen) <= leaves


def test_a_group_without_policies_gets_ess_s_default() -> None:
    assert leavers(request_for(Count(4)), vendors_fleet("PRIORITY")) == ["i-1", "i-2", "i-3", "i-4"]


def test_zones_are_balanced_anew_for_each_that_leaves() -> None:
    """Zone i has three and h two: i gives one, then they are equal and the oldest of both goes, and so on."""
    assert leavers(request_for(Count(4)), vendors_fleet("BALANCE", "OldestInstance")) == [
        "i-2",
        "i-1",
        "i-3",
        "i-4",
    ]


def test_a_zone_counts_its_protected_and_pending_members_but_not_those_on_their_way_out() -> None:
    crowded = group_of(
        member("i-a", 9, "h"),
        member("i-b", 9, "h", lifecycle_state="Protected"),
        member("i-c", 1, "i"),
        member("i-d", 1, "i", lifecycle_state="Removing"),
        multi_az_policy="BALANCE",
    )

    assert leavers(request_for(Count(1)), crowded) == ["i-a"]


def test_the_requests_order_wins_over_the_groups_policies() -> None:
    request = request_for(Count(1), order=(Order.NEWEST_INSTANCE,))

    assert leavers(request, vendors_fleet("PRIORITY", "OldestInstance")) == ["i-5"]


def test_attached_instances_leave_after_those_that_have_a_configuration() -> None:
    fleet = group_of(member("i-attached", 1, configuration=""), member("i-created", 9))

    assert leavers(request_for(Count(1)), fleet) == ["i-created"]


def test_an_instance_of_unknown_age_is_neither_the_oldest_nor_the_newest() -> None:
    fleet = group_of(member("i-a", joined_at=None), member("i-b", 5))

    for order in (Order.OLDEST_INSTANCE, Order.NEWEST_INSTANCE):
        assert leavers(request_for(Count(1), order=(order,)), fleet) == ["i-b"]


def test_equals_leave_by_age_and_then_by_id() -> None:
    fleet = group_of(member("i-c", 2), member("i-b", 1), member("i-a", 2))
    request = request_for(Count(3), order=(Order.OLDEST_SCALING_CONFIGURATION,))

    assert leavers(request, fleet) == ["i-b", "i-a", "i-c"]


def test_named_instances_leave_in_the_order_named() -> None:
    fleet = group_of(*ABC, min_size=1)

    assert leavers(request_for(Named(("i-c", "i-a", "i-b"))), fleet) == ["i-c", "i-a"]


def test_min_size_wins_over_a_named_instance() -> None:
    plan = plan_removal(request_for(Named(("i-a",))), group_of(*ABC, min_size=3))

    assert plan.selected == ()
    assert reasons(plan) == {"i-a": "min-size", "i-b": "not-named", "i-c": "not-named"}


def test_min_size_is_the_reason_only_of_those_that_the_request_still_needed() -> None:
    plan = plan_removal(request_for(Count(2)), group_of(*ABC, min_size=2))

    assert reasons(plan) == {"i-a": "next-in-order", "i-b": "min-size", "i-c": "not-needed"}
    assert plan.shortfall == Shortfall(2, 1, "instances", Reason.MIN_SIZE)


def test_min_size_is_told_to_who_would_have_been_next_by_zone_and_not_by_name() -> None:
    fleet = group_of(
        member("i-z", 1, "z"),
        member("i-b", 2, "h"),
        member("i-c", 3, "h"),
        min_size=2,
        multi_az_policy="BALANCE",
    )
    plan = plan_removal(request_for(Count(2)), fleet)

    assert reasons(plan) == {"i-b": "next-in-order", "i-z": "min-size", "i-c": "not-needed"}


def test_a_named_stranger_gets_a_verdict_too() -> None:
    plan = plan_removal(request_for(Named(("i-x", "i-a"))), group_of(member("i-a")))

    assert reasons(plan) == {"i-a": "named", "i-x": "not-a-member"}
    assert plan.shortfall == Shortfall(2, 1, "instances", Reason.NOT_A_MEMBER)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("Protected", "protected"),
        ("Standby", "standby"),
        ("Pending", "pending"),
        ("Pending:Wait", "pending"),
        ("Removing", "removing"),
        ("Removing:Wait", "removing"),
        ("Stopped", "stopped"),
        ("SomethingNew", "not-in-service"),
    ],
)
def test_only_an_instance_in_service_leaves_even_if_it_is_named(state: str, reason: str) -> None:
    fleet = group_of(member("i-a", lifecycle_state=state), member("i-b"), member("i-c"))

    assert reasons(plan_removal(request_for(Count(3)), fleet))["i-a"] == reason
    assert reasons(plan_removal(request_for(Named(("i-a",))), fleet))["i-a"] == reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lifecycle_state": "Inactive"}, Reason.GROUP_NOT_ACTIVE),
        ({"lifecycle_state": "Deleting"}, Reason.GROUP_NOT_ACTIVE),
        ({"suspended_processes": ("HealthCheck", "ScaleIn")}, Reason.SCALE_IN_SUSPENDED),
        ({"removal_policies": ("CustomPolicy", "OldestInstance")}, Reason.UNKNOWN_REMOVAL_POLICY),
    ],
)
def test_a_group_that_objects_keeps_everybody_for_that_reason(
    fields: dict[str, Any], reason: Reason
) -> None:
    plan = plan_removal(request_for(Count(1)), group_of(*ABC, **fields))

    assert plan.selected == ()
    assert {verdict.reason for verdict in plan.verdicts} == {reason}
    assert plan.refusal is reason


def test_a_policy_that_is_not_known_here_does_not_matter_to_who_names_an_order_or_ids() -> None:
    fleet = group_of(*ABC, removal_policies=("CustomPolicy",))

    assert leavers(request_for(Count(1), order=(Order.NEWEST_INSTANCE,)), fleet) == ["i-c"]
    assert leavers(request_for(Named(("i-b",))), fleet) == ["i-b"]


@pytest.mark.parametrize(
    ("ask", "asked"),
    [
        (Count(4), 4),
        (Percent(25), 2),  # of ten, rounded down
        (Percent(0.5), 1),  # at least one
        (Percent(100), 10),
        (ToCapacity(7), 3),
        (ToCapacity(10), 0),
        (ToCapacity(99), 0),
        (Named(("i-1", "i-2")), 2),
    ],
)
def test_every_way_of_asking_is_a_number(
    ask: Count | Percent | ToCapacity | Named, asked: int
) -> None:
    fleet = group_of(*(member(f"i-{number}") for number in range(10)))

    assert requested_amount(request_for(ask), fleet).value == asked


def test_a_percentage_is_taken_of_its_decimal_text() -> None:
    """0.29 has no exact binary form: 29 % of 100 is 29, not 28.999."""
    fleet = group_of(*(member(f"i-{number}") for number in range(100)))

    assert [
        requested_amount(request_for(Percent(p)), fleet).value for p in (29, 57, 1.1, 99.9)
    ] == [
        29,
        57,
        1,
        99,
    ]


def test_to_capacity_does_not_count_what_is_on_its_way_out_already() -> None:
    leaving = [member(f"i-r{number}", lifecycle_state="Removing") for number in range(2)]
    fleet = group_of(*(member(f"i-{number}") for number in range(8)), *leaving)  # TotalCapacity 10

    assert leavers(request_for(ToCapacity(8)), fleet) == []


def headroom(snapshot: Snapshot) -> int:
    return limits(snapshot)[0].allows


def test_headroom_is_the_smaller_of_what_ess_counts_and_what_is_stable() -> None:
    stable = [
        member("i-1"),
        member("i-2", lifecycle_state="Protected"),
        member("i-3", lifecycle_state="Standby"),
    ]
    others = [member("i-4", lifecycle_state="Removing"), member("i-5", lifecycle_state="Pending")]

    assert (
        headroom(group_of(*stable, *others, min_size=1)) == 2
    )  # not the 4 that TotalCapacity would allow
    assert headroom(group_of(*stable, total_capacity=2, min_size=1)) == 1
    assert headroom(group_of(*stable, min_size=9)) == 0


def test_headroom_heeds_the_groups_own_counters_which_may_have_been_read_later() -> None:
    """Somebody else's removal began between the two reads: the list still shows three, the group counts two."""
    fleet = group_of(*ABC, min_size=1, stable_capacity=2)

    assert headroom(fleet) == 1
    assert headroom(group_of(*ABC, stable_capacity=9, min_size=1)) == 2


def weighing(id: str, weight: int | None, day: int = 1) -> Instance:
    return member(id, day, weight=weight)


def test_a_weighted_group_is_counted_in_weights() -> None:
    fleet = group_of(
        weighing("i-a", 4, 1),
        weighing("i-b", 2, 2),
        weighing("i-c", 2, 3),
        min_size=4,
        weighted=True,
    )
    plan = plan_removal(request_for(Count(3)), fleet)

    assert reasons(plan) == {"i-a": "next-in-order", "i-b": "min-size", "i-c": "min-size"}
    assert plan.capacity_after == 4


def test_an_instance_too_heavy_for_min_size_is_passed_over_for_a_lighter_one() -> None:
    fleet = group_of(weighing("i-a", 5, 1), weighing("i-b", 2, 2), min_size=4, weighted=True)

    assert leavers(request_for(Count(1)), fleet) == ["i-b"]


def test_no_more_capacity_leaves_than_was_asked_for() -> None:
    fleet = group_of(
        weighing("i-a", 4, 1), weighing("i-b", 2, 2), weighing("i-c", 2, 3), weighted=True
    )
    plan = plan_removal(request_for(ToCapacity(5)), fleet)  # three of eight

    assert reasons(plan) == {"i-b": "next-in-order", "i-a": "too-heavy", "i-c": "too-heavy"}
    assert plan.shortfall == Shortfall(3, 1, "capacity", Reason.TOO_HEAVY)


def test_in_a_weighted_group_an_instance_of_unknown_weight_stays() -> None:
    plan = plan_removal(
        request_for(Count(1)), group_of(weighing("i-a", None), weighted=True, total_capacity=9)
    )

    assert reasons(plan) == {"i-a": "weight-unknown"}
    assert plan.shortfall == Shortfall(1, 1, "instances", Reason.WEIGHT_UNKNOWN)


def test_all_or_nothing_is_nothing_where_one_of_them_may_not_leave() -> None:
    plan = plan_removal(request_for(Count(3), denies_partial=True), group_of(*ABC, min_size=1))

    assert reasons(plan) == {"i-a": "partial-denied", "i-b": "partial-denied", "i-c": "min-size"}
    assert plan.refusal is Reason.PARTIAL_DENIED
    assert plan.shortfall == Shortfall(3, 3, "instances", Reason.MIN_SIZE)


def test_all_or_nothing_is_all_where_all_may_leave() -> None:
    assert leavers(request_for(Count(3), denies_partial=True), group_of(*ABC)) == [
        "i-a",
        "i-b",
        "i-c",
    ]


def test_one_call_takes_twenty_and_the_rest_is_told() -> None:
    fleet = group_of(*(member(f"i-{number:02}") for number in range(30)))
    plan = plan_removal(request_for(Count(25)), fleet)

    assert len(plan.selected) == 20
    assert [id for id, reason in reasons(plan).items() if reason == "request-limit"] == [
        f"i-{n}" for n in range(20, 25)
    ]
    assert plan.shortfall == Shortfall(25, 5, "instances", Reason.REQUEST_LIMIT)
    assert plan_removal(request_for(Count(25), denies_partial=True), fleet).selected == ()


def test_an_empty_group_falls_short_for_want_of_candidates() -> None:
    plan = plan_removal(request_for(Count(1)), group_of())

    assert plan.shortfall == Shortfall(1, 1, "instances", Reason.NO_CANDIDATES)
