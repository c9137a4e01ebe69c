"""What must hold of every plan, over every fleet and every request."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import Count, Named, Plan, RemovalRequest, Snapshot, ToCapacity, Verdict
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


def capacity_leaving(plan: Plan, snapshot: Snapshot) -> int:
    return sum(weight_in(snapshot, id) for id in plan.selected)


@given(requests(), snapshots())
def test_capacity_never_falls_below_min_size(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request, snapshot)
    leaving, group = capacity_leaving(plan, snapshot), snapshot.group

    if plan.selected:
        assert group.total_capacity - leaving >= group.min_size
        assert stable_capacity(snapshot) - leaving >= group.min_size
        assert group.stable_capacity is None or group.stable_capacity - leaving >= group.min_size


@given(requests(), snapshots())
def test_never_more_leaves_than_was_asked(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request, snapshot)

    if isinstance(request.target, Count):
        assert len(plan.selected) <= request.target.instances
    elif isinstance(request.target, Named):
        assert set(plan.selected) <= set(request.target.instance_ids)
    elif isinstance(request.target, ToCapacity):
        if plan.selected:
            assert stable_capacity(snapshot) - capacity_leaving(plan, snapshot) >= 0
            assert plan.capacity_after >= request.target.capacity
    else:
        most = max(1, snapshot.group.total_capacity * request.target.of_total_capacity / 100)
        assert capacity_leaving(plan, snapshot) <= most + 1e-9


@given(requests(), snapshots())
def test_only_members_in_service_of_an_active_group_leave(
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
def test_everybody_gets_exactly_one_verdict(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request, snapshot)
    judged = sorted(verdict.instance_id for verdict in plan.verdicts)
    members = {instance.id for instance in snapshot.instances}
    strangers = (
        set(request.target.instance_ids) - members if isinstance(request.target, Named) else set()
    )

    assert judged == sorted(members | strangers)


@given(requests(), snapshots(), st.randoms(use_true_random=False))
def test_the_order_of_ess_s_list_never_matters(
    request: RemovalRequest, snapshot: Snapshot, random: Random
) -> None:
    shuffled = list(snapshot.instances)
    random.shuffle(shuffled)

    assert plan_removal(request, snapshot._replace(instances=tuple(shuffled))) == plan_removal(
        request, snapshot
    )


@given(requests(), snapshots())
def test_all_or_nothing_is_all_or_nothing(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request._replace(denies_partial=True), snapshot)

    assert plan.selected == () or plan.shortfall is None


@given(requests(), snapshots())
def test_min_size_is_named_only_where_one_more_would_break_it(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request, snapshot)
    held = [v.instance_id for v in plan.verdicts if v.reason is Reason.MIN_SIZE]
    gone = capacity_leaving(plan._replace(verdicts=tuple(_would_leave(plan))), snapshot)
    room = min(snapshot.group.total_capacity, stable_capacity(snapshot)) - snapshot.group.min_size
    if snapshot.group.stable_capacity is not None:
        room = min(room, snapshot.group.stable_capacity - snapshot.group.min_size)

    for id in held:
        assert gone + weight_in(snapshot, id) > room


@given(requests(), snapshots())
def test_whoever_is_kept_without_need_leaves_when_the_request_names_it_alone(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    """'not-needed' hides no other obstacle: with nobody before it, only MinSize could still hold it."""
    for verdict in plan_removal(request, snapshot).verdicts:
        if verdict.reason is Reason.NOT_NEEDED:
            alone = plan_removal(
                request._replace(target=Named((verdict.instance_id,)), denies_partial=False),
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

    assert plan.capacity_before - plan.capacity_after == capacity_leaving(plan, snapshot)
    if plan.shortfall:
        taken = (
            len(plan.selected)
            if plan.shortfall.unit == "instances"
            else capacity_leaving(plan, snapshot)
        )
        assert plan.shortfall.requested - plan.shortfall.missing == taken


def _would_leave(plan: Plan) -> list[Verdict]:
    """The leavers, and those that all-or-nothing or the call limit took off the list after MinSize was reckoned."""
    later = (Reason.PARTIAL_DENIED, Reason.REQUEST_LIMIT)
    return [v._replace(selected=True) if v.reason in later else v for v in plan.verdicts]
