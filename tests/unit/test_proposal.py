"""The first policy that `scalein init` proposes: valid for any group, and never empty of limits."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import Activity, Snapshot
from scalein.policy import parse_policy
from scalein_cli.proposal import policy_document, proposals
from tests.support.clock import NOON
from tests.support.fleets import activities, fleet, group_of, member, snapshots


def proposed(snapshot: Snapshot, *history: Activity) -> dict[str, tuple[Any, str]]:
    """Value and why by field."""
    return {field.field: (field.value, field.why) for field in proposals(snapshot, history, 7)}


def removal(minutes_ago: int, minutes: int = 1, removed: int = 1) -> Activity:
    started_at = NOON - timedelta(minutes=minutes_ago)
    ended_at = started_at + timedelta(minutes=minutes)
    return Activity(f"asa-{minutes_ago}", "Successful", started_at, ended_at, removed=removed)


@given(snapshots(), st.none() | st.lists(activities(), max_size=8))
def test_the_functions_own_reader_takes_what_is_proposed_for_any_group(
    snapshot: Snapshot, history: list[Activity] | None
) -> None:
    fields = proposals(snapshot, history, 7)
    policy = parse_policy(json.dumps(policy_document(snapshot, fields)), "policy")
    group_policy = policy.groups[snapshot.group.id]

    assert group_policy.order and group_policy.budget and group_policy.cooldown_seconds
    assert group_policy.floor >= snapshot.group.min_size
    assert all(field.why.endswith(".") for field in fields)


def test_the_floor_is_half_of_the_capacity_or_min_size() -> None:
    assert proposed(fleet(9, min_size=2))["floor"][0] == 5
    assert proposed(fleet(9, min_size=7))["floor"][0] == 7


@pytest.mark.parametrize(
    ("fields", "order"),
    [
        ({}, ["OldestScalingConfiguration", "OldestInstance"]),
        ({"removal_policies": ("NewestInstance",)}, ["NewestInstance"]),
        (
            {"removal_policies": ("CustomPolicy",)},
            ["OldestScalingConfiguration", "OldestInstance"],
        ),
        (
            {"removal_policies": ("OldestInstance",), "multi_az_policy": "BALANCE"},
            ["FullestZone", "OldestInstance"],
        ),
    ],
)
def test_the_order_is_the_groups_own_where_it_is_known(
    fields: dict[str, Any], order: list[str]
) -> None:
    assert proposed(fleet(6, **fields))["order"][0] == order


def test_attached_instances_are_removed_last() -> None:
    order, why = proposed(group_of(member("i-1"), member("i-2", attached=True)))["order"]

    assert order[0] == "AttachedLast"
    assert "1 instance attached by hand" in why


def test_the_cooldown_is_longer_than_removals_took() -> None:
    assert proposed(fleet())["cooldownSeconds"][0] == 600
    assert proposed(fleet(), removal(100, minutes=20))["cooldownSeconds"][0] == 2_400
    assert proposed(fleet(), removal(900, minutes=600))["cooldownSeconds"][0] == 3_600


def test_the_budget_lets_a_small_group_remove_one_and_says_what_was_removed_before() -> None:
    assert proposed(fleet(3))["budget"][0] == {"instances": 1, "windowSeconds": 3_600}
    value, why = proposed(fleet(8), removal(90, removed=3), removal(40, removed=2))["budget"]

    assert value == {"percent": 25, "windowSeconds": 3_600}
    assert "2 of 8 now" in why
    assert "At most 5 were removed in an hour, in 7 days. That is more:" in why
