"""Which instances a plan selects, and why it retains each of the others."""

from __future__ import annotations

from typing import Any

import pytest

from scalein.decision.guardrails import limits
from scalein.decision.model import (
    Instance,
    Order,
    Plan,
    RemovalRequest,
    Shortfall,
    Snapshot,
    Target,
    Veto,
)
from scalein.decision.planner import plan_removal, requested_amount
from scalein.decision.reasons import Reason
from tests.support.fleets import group_of, member, request_for, vendors_fleet

ABC = (member("i-a", 1), member("i-b", 2), member("i-c", 3))


def reasons(plan: Plan) -> dict[str, str]:
    return {verdict.instance_id: verdict.reason.value for verdict in plan.verdicts}


def selected_ids(request: RemovalRequest, snapshot: Snapshot) -> list[str]:
    return list(plan_removal(request, snapshot).selected)


@pytest.mark.parametrize(
    ("policies", "zones", "first_ids"),
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
def test_the_groups_own_policies_select_as_the_vendors_table_says(
    policies: tuple[str, ...], zones: str, first_ids: set[str]
) -> None:
    """One instance is selected; where ESS selects at random, it is one that ESS may select."""
    selected = selected_ids(request_for(Target(instances=1)), vendors_fleet(zones, *policies))

    assert len(selected) == 1
    assert set(selected) <= first_ids


def test_a_group_without_policies_gets_the_default_of_ess() -> None:
    assert selected_ids(request_for(Target(instances=4)), vendors_fleet("PRIORITY")) == [
        "i-1",
        "i-2",
        "i-3",
        "i-4",
    ]


def test_zones_are_balanced_again_after_each_selected_instance() -> None:
    """Zone i has three and h two: one of i is first; then, as equals, the oldest of both."""
    assert selected_ids(
        request_for(Target(instances=4)), vendors_fleet("BALANCE", "OldestInstance")
    ) == [
        "i-2",
        "i-1",
        "i-3",
        "i-4",
    ]


def test_a_zone_counts_its_protected_and_pending_members_but_no_removing_ones() -> None:
    crowded = group_of(
        member("i-a", 9, "h"),
        member("i-b", 9, "h", lifecycle_state="Protected"),
        member("i-c", 1, "i"),
        member("i-d", 1, "i", lifecycle_state="Removing"),
        multi_az_policy="BALANCE",
    )

    assert selected_ids(request_for(Target(instances=1)), crowded) == ["i-a"]


def test_the_requests_order_wins_over_the_groups_policies() -> None:
    request = request_for(Target(instances=1), order=(Order.NEWEST_INSTANCE,))

    assert selected_ids(request, vendors_fleet("PRIORITY", "OldestInstance")) == ["i-5"]


def test_attached_instances_are_removed_after_those_that_have_a_configuration() -> None:
    fleet = group_of(member("i-attached", 1, configuration=""), member("i-created", 9))

    assert selected_ids(request_for(Target(instances=1)), fleet) == ["i-created"]


def test_an_instance_of_unknown_age_is_neither_the_oldest_nor_the_newest() -> None:
    fleet = group_of(member("i-a", joined_at=None), member("i-b", 5))

    for order in (Order.OLDEST_INSTANCE, Order.NEWEST_INSTANCE):
        assert selected_ids(request_for(Target(instances=1), order=(order,)), fleet) == ["i-b"]


def test_equals_are_removed_by_age_and_then_by_id() -> None:
    fleet = group_of(member("i-c", 2), member("i-b", 1), member("i-a", 2))
    request = request_for(Target(instances=3), order=(Order.OLDEST_SCALING_CONFIGURATION,))

    assert selected_ids(request, fleet) == ["i-b", "i-a", "i-c"]


def test_named_instances_are_removed_in_the_order_named() -> None:
    fleet = group_of(*ABC, min_size=1)

    assert selected_ids(request_for(Target(instance_ids=("i-c", "i-a", "i-b"))), fleet) == [
        "i-c",
        "i-a",
    ]


def test_min_size_wins_over_a_named_instance() -> None:
    plan = plan_removal(request_for(Target(instance_ids=("i-a",))), group_of(*ABC, min_size=3))

    assert plan.selected == ()
    assert reasons(plan) == {"i-a": "min-size", "i-b": "not-named", "i-c": "not-named"}


def test_min_size_is_the_reason_only_of_those_that_the_request_still_needed() -> None:
    plan = plan_removal(request_for(Target(instances=2)), group_of(*ABC, min_size=2))

    assert reasons(plan) == {"i-a": "next-in-order", "i-b": "min-size", "i-c": "not-needed"}
    assert plan.shortfall == Shortfall(2, 1, "instances", Reason.MIN_SIZE)


def test_min_size_is_the_reason_of_the_instance_that_is_next_by_zone_and_not_by_id() -> None:
    fleet = group_of(
        member("i-z", 1, "z"),
        member("i-b", 2, "h"),
        member("i-c", 3, "h"),
        min_size=2,
        multi_az_policy="BALANCE",
    )
    plan = plan_removal(request_for(Target(instances=2)), fleet)

    assert reasons(plan) == {"i-b": "next-in-order", "i-z": "min-size", "i-c": "not-needed"}


def test_a_named_id_that_is_no_member_gets_a_verdict_too() -> None:
    plan = plan_removal(request_for(Target(instance_ids=("i-x", "i-a"))), group_of(member("i-a")))

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
def test_only_an_instance_in_service_is_removed_even_if_it_is_named(
    state: str, reason: str
) -> None:
    fleet = group_of(member("i-a", lifecycle_state=state), member("i-b"), member("i-c"))

    assert reasons(plan_removal(request_for(Target(instances=3)), fleet))["i-a"] == reason
    assert reasons(plan_removal(request_for(Target(instance_ids=("i-a",))), fleet))["i-a"] == reason


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"lifecycle_state": "Inactive"}, Reason.GROUP_NOT_ACTIVE),
        ({"lifecycle_state": "Deleting"}, Reason.GROUP_NOT_ACTIVE),
        ({"suspended_processes": ("HealthCheck", "ScaleIn")}, Reason.SCALE_IN_SUSPENDED),
        ({"removal_policies": ("CustomPolicy", "OldestInstance")}, Reason.UNKNOWN_REMOVAL_POLICY),
    ],
)
def test_the_state_of_a_group_retains_all_instances_for_that_reason(
    fields: dict[str, Any], reason: Reason
) -> None:
    plan = plan_removal(request_for(Target(instances=1)), group_of(*ABC, **fields))

    assert plan.selected == ()
    assert {verdict.reason for verdict in plan.verdicts} == {reason}
    assert plan.blocked_by and plan.blocked_by.reason is reason


def test_an_unknown_removal_policy_does_not_matter_to_a_request_with_an_order_or_ids() -> None:
    fleet = group_of(*ABC, removal_policies=("CustomPolicy",))

    assert selected_ids(
        request_for(Target(instances=1), order=(Order.NEWEST_INSTANCE,)), fleet
    ) == ["i-c"]
    assert selected_ids(request_for(Target(instance_ids=("i-b",))), fleet) == ["i-b"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(instances=4), 4),
        (Target(percent=25), 2),  # of ten, rounded down
        (Target(percent=0.5), 1),  # at least one
        (Target(percent=100), 10),
        (Target(to_capacity=7), 3),
        (Target(to_capacity=10), 0),
        (Target(to_capacity=99), 0),
        (Target(instance_ids=("i-1", "i-2")), 2),
    ],
)
def test_every_kind_of_target_is_an_amount(target: Target, expected: int) -> None:
    fleet = group_of(*(member(f"i-{number}") for number in range(10)))

    assert requested_amount(request_for(target), fleet).value == expected


def test_a_percentage_is_taken_of_its_decimal_text() -> None:
    """0.29 has no exact binary form: 29 % of 100 is 29, not 28.999."""
    fleet = group_of(*(member(f"i-{number}") for number in range(100)))

    assert [
        requested_amount(request_for(Target(percent=p)), fleet).value for p in (29, 57, 1.1, 99.9)
    ] == [
        29,
        57,
        1,
        99,
    ]


def test_to_capacity_does_not_count_what_is_being_removed_already() -> None:
    removing = [member(f"i-r{number}", lifecycle_state="Removing") for number in range(2)]
    fleet = group_of(*(member(f"i-{number}") for number in range(8)), *removing)  # TotalCapacity 10

    assert selected_ids(request_for(Target(to_capacity=8)), fleet) == []


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


def test_headroom_regards_the_groups_own_counters_which_may_be_newer() -> None:
    """Another removal began between the reads: the list shows three, the group counts two."""
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
    plan = plan_removal(request_for(Target(instances=3)), fleet)

    assert reasons(plan) == {"i-a": "next-in-order", "i-b": "min-size", "i-c": "min-size"}
    assert plan.capacity_after == 4


def test_an_instance_too_heavy_for_min_size_is_skipped_for_a_lighter_one() -> None:
    fleet = group_of(weighing("i-a", 5, 1), weighing("i-b", 2, 2), min_size=4, weighted=True)

    assert selected_ids(request_for(Target(instances=1)), fleet) == ["i-b"]


def test_no_more_capacity_is_removed_than_was_requested() -> None:
    fleet = group_of(
        weighing("i-a", 4, 1), weighing("i-b", 2, 2), weighing("i-c", 2, 3), weighted=True
    )
    plan = plan_removal(request_for(Target(to_capacity=5)), fleet)  # three of eight

    assert reasons(plan) == {"i-b": "next-in-order", "i-a": "too-heavy", "i-c": "too-heavy"}
    assert plan.shortfall == Shortfall(3, 1, "capacity", Reason.TOO_HEAVY)


def test_in_a_weighted_group_an_instance_of_unknown_weight_is_retained() -> None:
    plan = plan_removal(
        request_for(Target(instances=1)),
        group_of(weighing("i-a", None), weighted=True, total_capacity=9),
    )

    assert reasons(plan) == {"i-a": "weight-unknown"}
    assert plan.shortfall == Shortfall(1, 1, "instances", Reason.WEIGHT_UNKNOWN)


def test_a_request_that_denies_partial_removes_nothing_where_one_may_not_be_removed() -> None:
    plan = plan_removal(
        request_for(Target(instances=3), denies_partial=True), group_of(*ABC, min_size=1)
    )

    assert reasons(plan) == {"i-a": "partial-denied", "i-b": "partial-denied", "i-c": "min-size"}
    assert plan.blocked_by == Veto(
        Reason.PARTIAL_DENIED,
        "The request denies a partial removal; 2 of 3 instances may be removed.",
    )
    assert plan.shortfall == Shortfall(3, 3, "instances", Reason.MIN_SIZE)


def test_a_request_that_denies_partial_removes_all_where_all_may_be_removed() -> None:
    assert selected_ids(request_for(Target(instances=3), denies_partial=True), group_of(*ABC)) == [
        "i-a",
        "i-b",
        "i-c",
    ]


def test_one_call_takes_twenty_and_the_others_get_that_reason() -> None:
    fleet = group_of(*(member(f"i-{number:02}") for number in range(30)))
    plan = plan_removal(request_for(Target(instances=25)), fleet)

    assert len(plan.selected) == 20
    assert [id for id, reason in reasons(plan).items() if reason == "request-limit"] == [
        f"i-{n}" for n in range(20, 25)
    ]
    assert plan.shortfall == Shortfall(25, 5, "instances", Reason.REQUEST_LIMIT)
    assert (
        plan_removal(request_for(Target(instances=25), denies_partial=True), fleet).selected == ()
    )


def test_an_empty_group_falls_short_for_want_of_candidates() -> None:
    plan = plan_removal(request_for(Target(instances=1)), group_of())

    assert plan.shortfall == Shortfall(1, 1, "instances", Reason.NO_CANDIDATES)
