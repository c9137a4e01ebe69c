"""What must hold of every plan, over every fleet and every request."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import Plan, RemovalRequest, Snapshot, Target, Verdict
from scalein.decision.planner import plan_removal
from scalein.decision.reasons import Reason
from tests.support.fleets import requests, snapshots


def weight_in(snapshot: Snapshot, id: str) -> int:
    instance = next(instance for instance in snapshot.instances if instance.id == id)
    return (instance.weight or 0) if snapshot.group.weighted else 1


def stable_capacity(snapshot: Snapshot) -> int:
    stable = [
        i.id
        for i in snapshot.instances
        if i.lifecycle_state in ("InService", "Protected", "Standby")
    ]
    return sum(weight_in(snapshot, id) for id in stable)


def selected_capacity(plan: Plan, snapshot: Snapshot) -> int:
    return sum(weight_in(snapshot, id) for id in plan.selected)


@given(requests(), snapshots())
def test_capacity_never_falls_below_min_size(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request, snapshot)
    selected, group = selected_capacity(plan, snapshot), snapshot.group

    if plan.selected:
        assert group.total_capacity - selected >= group.min_size
        assert stable_capacity(snapshot) - selected >= group.min_size
        assert group.stable_capacity is None or group.stable_capacity - selected >= group.min_size


@given(requests(), snapshots())
def test_never_more_is_removed_than_was_requested(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request, snapshot)

    target = request.target
    if target.instances is not None:
        assert len(plan.selected) <= target.instances
    elif target.instance_ids is not None:
        assert set(plan.selected) <= set(target.instance_ids)
    elif target.to_capacity is not None:
        if plan.selected:
            assert stable_capacity(snapshot) - selected_capacity(plan, snapshot) >= 0
            assert plan.capacity_after >= target.to_capacity
    else:
        assert target.percent is not None
        maximum = max(1, snapshot.group.total_capacity * target.percent / 100)
        assert selected_capacity(plan, snapshot) <= maximum + 1e-9


@given(requests(), snapshots())
def test_only_members_in_service_of_an_active_group_are_removed(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request, snapshot)
    in_service = {i.id for i in snapshot.instances if i.lifecycle_state == "InService"}

    assert set(plan.selected) <= in_service
    if (
        snapshot.group.lifecycle_state != "Active"
        or "ScaleIn" in snapshot.group.suspended_processes
    ):
        assert plan.selected == ()


@given(requests(), snapshots())
def test_every_instance_gets_exactly_one_verdict(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request, snapshot)
    judged = sorted(verdict.instance_id for verdict in plan.verdicts)
    members = {instance.id for instance in snapshot.instances}
    unknown_ids = set(request.target.instance_ids or ()) - members

    assert judged == sorted(members | unknown_ids)


@given(requests(), snapshots(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_of_ess_never_matters(
    request: RemovalRequest, snapshot: Snapshot, random: Random
) -> None:
    shuffled = list(snapshot.instances)
    random.shuffle(shuffled)

    assert plan_removal(request, snapshot._replace(instances=tuple(shuffled))) == plan_removal(
        request, snapshot
    )


@given(requests(), snapshots())
def test_a_request_that_denies_partial_removes_all_or_no_instances(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request._replace(denies_partial=True), snapshot)

    assert plan.selected == () or plan.shortfall is None


@given(requests(), snapshots())
def test_min_size_is_named_only_where_one_more_would_break_it(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request, snapshot)
    held_ids = [v.instance_id for v in plan.verdicts if v.reason is Reason.MIN_SIZE]
    removed = selected_capacity(
        plan._replace(verdicts=tuple(_selected_before_later_limits(plan))), snapshot
    )
    headroom = (
        min(snapshot.group.total_capacity, stable_capacity(snapshot)) - snapshot.group.min_size
    )
    if snapshot.group.stable_capacity is not None:
        headroom = min(headroom, snapshot.group.stable_capacity - snapshot.group.min_size)

    for id in held_ids:
        assert removed + weight_in(snapshot, id) > headroom


@given(requests(), snapshots())
def test_an_instance_that_is_not_needed_is_removed_when_the_request_names_it_alone(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    """'not-needed' hides no other obstacle: alone, only MinSize can still retain it."""
    for verdict in plan_removal(request, snapshot).verdicts:
        if verdict.reason is Reason.NOT_NEEDED:
            alone = plan_removal(
                request._replace(
                    target=Target(instance_ids=(verdict.instance_id,)), denies_partial=False
                ),
                snapshot,
            )
            (now,) = [v for v in alone.verdicts if v.instance_id == verdict.instance_id]
            assert now.selected or now.reason is Reason.MIN_SIZE


@given(requests(), snapshots(), st.integers(0, 5))
def test_a_lower_min_size_never_removes_less(
    request: RemovalRequest, snapshot: Snapshot, lower: int
) -> None:
    if snapshot.group.weighted:
        return  # there, a heavier one that now fits may take the place of two light ones
    looser = snapshot._replace(
        group=snapshot.group._replace(min_size=max(0, snapshot.group.min_size - lower))
    )

    assert len(plan_removal(request, looser).selected) >= len(
        plan_removal(request, snapshot).selected
    )


@given(requests(), snapshots())
def test_the_numbers_add_up(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request, snapshot)

    assert plan.capacity_before - plan.capacity_after == selected_capacity(plan, snapshot)
    if plan.shortfall:
        taken = (
            len(plan.selected)
            if plan.shortfall.unit == "instances"
            else selected_capacity(plan, snapshot)
        )
        assert plan.shortfall.requested - plan.shortfall.missing == taken


def _selected_before_later_limits(plan: Plan) -> list[Verdict]:
    """The verdicts before partial-denied and the request limit, which come after MinSize."""
    later = (Reason.PARTIAL_DENIED, Reason.REQUEST_LIMIT)
    return [v._replace(selected=True) if v.reason in later else v for v in plan.verdicts]
