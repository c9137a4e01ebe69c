"""Gather, decide, act: against a gateway that plays a script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.cloud.gateway import Gateway
from scalein.decision.model import RemovalRequest, RemoveOptions, Snapshot, Target
from scalein.decision.progress import client_token, message_key
from scalein.decision.reasons import Status
from scalein.errors import Refused, StaleSnapshot, TryLater
from tests.support.fakes import ScriptedGateway, dry_run, scale_in
from tests.support.fleets import group_of, member, request_for, requests, snapshots

PAIR = group_of(member("i-a", 1), member("i-b", 2))
STALE = StaleSnapshot(
    "RemoveInstances", "InvalidInstanceId.NotFound", "an instance is no longer in the group."
)


def serve(request: object, gateway: Gateway) -> object:
    return scale_in(request, gateway)  # type: ignore[arg-type]


def test_one_read_one_plan_one_call() -> None:
    gateway = ScriptedGateway(PAIR, answers=["asa-7"])
    options = RemoveOptions(remove_policy="recycle")
    outcome = scale_in(request_for(Target(instances=1), options=options), gateway)

    assert (outcome.status, outcome.accepted, outcome.scaling_activity_ids) == (
        Status.REMOVING,
        ("i-a",),
        ("asa-7",),
    )
    assert gateway.reads == 1
    assert [(removal.instance_ids, removal.options) for removal in gateway.removals] == [
        (("i-a",), options)
    ]


def test_where_no_instance_may_be_removed_nothing_is_called() -> None:
    gateway = ScriptedGateway(group_of(member("i-a"), min_size=1))

    assert scale_in(request_for(Target(instances=1)), gateway).status is Status.BLOCKED
    assert gateway.removals == []


def test_a_stale_snapshot_is_read_and_planned_again_with_a_token_that_no_other_run_has() -> None:
    gateway = ScriptedGateway(PAIR, group_of(member("i-b", 2)), answers=[STALE, "asa-1"])
    outcome = scale_in(request_for(Target(instances=1)), gateway)

    assert outcome.accepted == ("i-b",)
    assert [removal.instance_ids for removal in gateway.removals] == [("i-a",), ("i-b",)]
    assert len({removal.client_token for removal in gateway.removals}) == 2


def test_a_group_that_keeps_changing_is_planned_three_times_and_then_tried_again_later() -> None:
    gateway = ScriptedGateway(PAIR, answers=[STALE] * 9)
    with pytest.raises(TryLater):
        scale_in(request_for(Target(instances=1)), gateway)
    assert (gateway.reads, len(gateway.removals)) == (3, 3)


@pytest.mark.parametrize("error", [Refused("a", "b", "c"), TryLater("a", "b", "c")])
def test_a_refusal_is_left_to_the_caller(error: Refused | TryLater) -> None:
    gateway = ScriptedGateway(PAIR, answers=[error])

    with pytest.raises(type(error)):
        scale_in(request_for(Target(instances=1)), gateway)
    assert len(gateway.removals) == 1


@given(requests(), snapshots())
def test_a_dry_run_chooses_the_same_and_calls_nothing(request: object, snapshot: Snapshot) -> None:
    real, dry = ScriptedGateway(snapshot), ScriptedGateway(snapshot)
    acted, planned = serve(request, real), dry_run(request, dry)  # type: ignore[arg-type]

    assert dry.removals == []
    assert planned.selected == acted.selected == acted.accepted  # type: ignore[attr-defined]
    assert planned.plan == acted.plan  # type: ignore[attr-defined]


@given(st.text("ag-1", min_size=1), st.text("ag-1", min_size=1), snapshots(), snapshots())
def test_the_token_depends_on_the_message_alone(
    group: str, message: str, one: Snapshot, other: Snapshot
) -> None:
    tokens = set()
    for snapshot in (one, other, PAIR):
        gateway = ScriptedGateway(snapshot)
        request = request_for(Target(instances=1))._replace(
            scaling_group_id=group, request_id=message
        )
        scale_in(request, gateway)
        tokens |= {removal.client_token for removal in gateway.removals}

    assert tokens == {
        client_token(message_key(RemovalRequest(group, message, Target(instances=1))))
    }
    (token,) = tokens
    assert token.isascii()
    assert len(token) <= 64


def test_another_message_or_group_has_another_token() -> None:
    requests = [
        RemovalRequest(*names, Target(instances=1))
        for names in (("asg-1", "m"), ("asg-1", "n"), ("asg-2", "m"))
    ]

    assert (
        len({client_token(message_key(request), n) for request in requests for n in range(3)}) == 9
    )


def test_named_instances_of_another_group_are_never_sent() -> None:
    gateway = ScriptedGateway(PAIR)
    scale_in(request_for(Target(instance_ids=("i-other", "i-a"))), gateway)

    assert gateway.removals[0].instance_ids == ("i-a",)
