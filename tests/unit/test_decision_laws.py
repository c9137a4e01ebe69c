"""The invariants of a decision, over any fleet, history, request and policy.

The numbers are those of the invariants in docs/architecture.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import chain, combinations_with_replacement
from random import Random
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Instance, Order, RemovalRequest, Snapshot, Target
from scalein.decision.planner import plan_removal
from scalein.decision.reasons import Reason
from tests.support.fakes import ScriptedGateway, dry_run, scale_in
from tests.support.fleets import (
    MAY,
    STATES,
    group_of,
    group_policies,
    member,
    request_for,
    requests,
    snapshots,
)
from tests.support.judge import JUDGES, Case, suffices
from tests.support.judge import STATES as STATE_REASONS

BY_METRIC = (Order.LOWEST_METRIC, Order.HIGHEST_METRIC)


@dataclass
class Decision:
    request: RemovalRequest
    snapshot: Snapshot
    group_policy: GroupPolicy

    def case(self) -> Case:
        plan = plan_removal(self.request, self.snapshot, self.group_policy)
        return Case(self.request, self.snapshot, self.group_policy, plan)


DECISIONS = st.builds(Decision, requests(), snapshots(), group_policies())


@given(DECISIONS)
def test_i1_capacity_never_falls_below_min_size_or_floor(decision: Decision) -> None:
    case = decision.case()
    selected_capacity = sum(case.weight(id) for id in case.plan.selected)
    event(f"{min(3, len(case.plan.selected))} selected")

    if case.plan.selected:
        assert case.stable - selected_capacity >= max(case.group.min_size, case.group_policy.floor)


@given(DECISIONS)
def test_i2_no_instance_is_selected_that_must_not_be(decision: Decision) -> None:
    case = decision.case()
    named = decision.request.target.is_named
    states = {"InService"} | (
        {"Protected"} if named and case.group_policy.remove_protected else set()
    )
    states |= {"Standby"} if named and case.group_policy.remove_standby else set()

    assert set(case.plan.selected) <= set(case.members)
    assert {case.members[id].lifecycle_state for id in case.plan.selected} <= states


@given(DECISIONS)
def test_i3_what_was_not_read_is_not_absent(decision: Decision) -> None:
    unread = decision.snapshot._replace(activities=None, samples=None)
    counts_history = decision.group_policy.history_seconds > 0
    is_by_metric = not decision.request.target.is_named and bool(
        set(BY_METRIC) & set(decision.request.order)
    )

    if counts_history or is_by_metric:
        with pytest.raises(ValueError, match="not read"):
            plan_removal(decision.request, unread, decision.group_policy)


@given(DECISIONS)
def test_i4_a_missing_or_old_metric_selects_no_instance(decision: Decision) -> None:
    case = decision.case()

    if not decision.request.target.is_named and set(BY_METRIC) & set(decision.request.order):
        for id in case.plan.selected:
            sample = (decision.snapshot.samples or {})[id]
            assert decision.snapshot.taken_at - sample.taken_at <= timedelta(seconds=300)


@given(DECISIONS)
def test_i9_no_more_are_selected_than_the_limits_allow(decision: Decision) -> None:
    case = decision.case()
    maximum = case.group_policy.max_removed_per_event

    assert maximum is None or len(case.plan.selected) <= maximum
    assert len(case.plan.selected) <= 20
    if case.group_policy.budget and case.plan.selected:
        assert case.spent() + len(case.plan.selected) <= case.budget()


@given(DECISIONS)
def test_i12_a_closed_group_gets_no_write_call(decision: Decision) -> None:
    gateway = ScriptedGateway(decision.snapshot)
    scale_in(decision.request, gateway, decision.group_policy)
    case = decision.case()

    closed = (
        Reason.GROUP_NOT_ACTIVE,
        Reason.SCALE_IN_SUSPENDED,
        Reason.STOP_SWITCH,
        Reason.PAUSED,
        Reason.WINDOW_CLOSED,
    )
    if any(JUDGES[reason](case, "") for reason in closed):
        assert gateway.removals == []


@given(DECISIONS)
def test_i14_every_instance_gets_exactly_one_reason_and_it_alone_suffices(
    decision: Decision,
) -> None:
    case = decision.case()
    named_ids = set(decision.request.target.instance_ids or ())

    assert sorted(v.instance_id for v in case.plan.verdicts) == sorted(
        set(case.members) | named_ids
    )
    for verdict in case.plan.retained:
        event(verdict.reason.value)
        assert suffices(case, verdict.instance_id, verdict.reason), verdict


@given(DECISIONS, st.randoms(use_true_random=False))
def test_i15_the_same_snapshot_gives_the_same_plan_in_whatever_order_it_is_listed(
    decision: Decision, random: Random
) -> None:
    instances, activities = (
        list(decision.snapshot.instances),
        list(decision.snapshot.activities or ()),
    )
    random.shuffle(instances)
    random.shuffle(activities)
    shuffled = decision.snapshot._replace(instances=tuple(instances), activities=tuple(activities))
    first = plan_removal(decision.request, decision.snapshot, decision.group_policy)
    second = plan_removal(decision.request, shuffled, decision.group_policy)

    assert second == first


@given(snapshots(), st.integers(1, 8))
def test_i16_each_is_selected_from_the_fullest_zone_that_has_a_candidate(
    snapshot: Snapshot, count: int
) -> None:
    plan = plan_removal(request_for(Target(instances=count), order=(Order.FULLEST_ZONE,)), snapshot)
    members = {instance.id: instance for instance in snapshot.instances}
    sizes: dict[str, int] = {}
    for instance in snapshot.instances:
        if instance.lifecycle_state not in ("Removing", "Removing:Wait", "Stopped"):
            sizes[instance.zone_id] = sizes.get(instance.zone_id, 0) + 1
    later = (Reason.NOT_NEEDED, Reason.MIN_SIZE)
    retained_ids = {v.instance_id for v in plan.retained if v.reason in later}
    for number, id in enumerate(plan.selected):
        zones = {members[other].zone_id for other in [*plan.selected[number:], *retained_ids]}
        if not snapshot.group.weighted:  # there, one too heavy is skipped
            assert sizes[members[id].zone_id] == max(sizes[zone] for zone in zones)
        sizes[members[id].zone_id] -= 1


@given(st.lists(st.sampled_from("hij"), min_size=1, max_size=12), st.integers(1, 12))
def test_i16_where_all_are_candidates_zones_stay_balanced(zones: str, count: int) -> None:
    fleet = group_of(
        *(member(f"i-{n:02}", zone=zone) for n, zone in enumerate(zones)), multi_az_policy="BALANCE"
    )
    selected_capacity = set(plan_removal(request_for(Target(instances=count)), fleet).selected)
    remaining = [
        instance.zone_id for instance in fleet.instances if instance.id not in selected_capacity
    ]

    def spread(of: list[str]) -> int:
        sizes = [of.count(zone) for zone in set(zones)]
        return max(sizes) - min(sizes)

    assert spread(remaining) <= max(1, spread(list(zones)))


@given(DECISIONS)
def test_i17_a_dry_run_selects_the_same_and_writes_nothing(decision: Decision) -> None:
    real, dry = ScriptedGateway(decision.snapshot), ScriptedGateway(decision.snapshot)
    acted = scale_in(decision.request, real, decision.group_policy)
    shown = dry_run(decision.request, dry, decision.group_policy)

    assert dry.removals == []
    assert shown.removed == acted.removed
    assert shown.plan == acted.plan


@given(DECISIONS)
def test_i19_no_instance_is_selected_that_ess_would_replace(decision: Decision) -> None:
    case = decision.case()

    if case.plan.selected and case.group.desired_capacity is not None:
        assert case.group.desired_capacity <= case.capacity(
            "InService", "Protected", "Standby", "Pending", "Pending:Wait"
        )


LOOSER: dict[str, Any] = {
    "floor": 0,
    "max_removed_per_event": None,
    "max_removed_percent_per_event": None,
    "budget": None,
    "cooldown_seconds": None,
    "cooldown_after_scale_out_seconds": None,
    "cooldown_after_failure_seconds": None,
    "minimum_age_seconds": 0,
    "remove_protected": True,
    "remove_standby": True,
    "healthy_quorum_percent": None,
    "pause": None,
    "stopped_by": "",
    "windows": None,
}


@given(DECISIONS, st.sampled_from(sorted(LOOSER)))
def test_a_looser_guardrail_never_removes_fewer(decision: Decision, name: str) -> None:
    if decision.snapshot.group.weighted:
        return  # there, a heavier one that now fits may take the place of two light ones
    looser = decision.group_policy._replace(**{name: LOOSER[name]})
    before = plan_removal(decision.request, decision.snapshot, decision.group_policy)

    assert len(plan_removal(decision.request, decision.snapshot, looser).selected) >= len(
        before.selected
    )


def small_groups(maximum: int) -> list[Snapshot]:
    """All groups of so many instances in three zones and all states, but for names of zones."""
    kinds = [(state, zone) for zone in "hij" for state in STATES]
    groups = []
    for fleet in chain.from_iterable(
        combinations_with_replacement(kinds, size) for size in range(maximum + 1)
    ):
        zones = ["".join(sorted(state for state, zone in fleet if zone == name)) for name in "hij"]
        if zones == sorted(zones):
            groups.append(fleet)
    return [
        group_of(
            *(
                Instance(f"i-{n}", state, zone, "asc-1", MAY + timedelta(days=n * 5 % 7))
                for n, (state, zone) in enumerate(fleet)
            ),
            min_size=1,
            multi_az_policy="BALANCE",
        )
        for fleet in groups
    ]


def test_all_small_groups_in_all_states_keep_the_laws() -> None:
    """Up to 6 instances in the long profile: 190,000 groups."""
    maximum = {"long": 6, "ci": 5}.get(settings.get_current_profile_name(), 4)
    request, policy = request_for(Target(instances=2)), GroupPolicy(floor=2)
    for snapshot in small_groups(maximum):
        case = Case(request, snapshot, policy, plan_removal(request, snapshot, policy))
        in_service = sum(i.lifecycle_state == "InService" for i in snapshot.instances)

        assert len(case.plan.verdicts) == len(snapshot.instances)
        assert all(suffices(case, v.instance_id, v.reason) for v in case.plan.retained)
        assert len(case.plan.selected) == max(0, min(2, in_service, case.stable - 2))


def test_every_reason_has_a_judge() -> None:
    selected_capacity = {Reason.NAMED, Reason.NEXT_IN_ORDER, Reason.NO_CANDIDATES}

    assert set(JUDGES) | set(STATE_REASONS) == set(Reason) - selected_capacity
