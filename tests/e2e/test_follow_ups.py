"""Removals that one invocation cannot finish: follow-ups by the real fc2, on a driven clock."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime

import pytest

from localcloud.ess.model import Assumptions
from scalein.processing.journal import FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS
from tests.support.clouds import group, instances
from tests.support.worlds import World, world_of


def ids(world: World) -> list[str]:
    return [id for removal in world.removals for id in removal]


def test_two_hundred_are_removed_twenty_by_twenty_where_one_activity_runs_at_a_time() -> None:
    with world_of(group(*instances(250), minSize=20)) as world:
        first = world.send({"remove": {"count": 200}})
        last = world.follow()

        assert (first["status"], len(first["accepted"]), len(first["pending"])) == (
            "removing",
            20,
            180,
        )
        assert first["followUp"]["number"] == 1
        assert [len(removal) for removal in world.removals] == [20] * 10
        assert ids(world) == [f"i-{number:04}" for number in range(1, 201)]
        assert (
            last["status"],
            len(last["removed"]),
            last["notRemoved"],
            last["replacementCapacity"],
        ) == (
            "removed",
            200,
            [],
            0,
        )
        assert len(last["scalingActivityIds"]) == 10
        assert {outcome["status"] for outcome in world.outcomes[:-1]} == {"removing"}
        assert len(world.cloud.states()) == 50
        assert world.cloud.inside.functions and not world.cloud.inside.functions.waiting


def test_a_group_that_runs_removals_beside_each_other_loses_them_at_once() -> None:
    with world_of(group(*instances(100), desiredCapacity=100)) as world:
        first = world.send({"remove": {"count": 50}})

        assert (first["status"], len(first["accepted"]), first["pending"]) == ("removing", 50, [])
        assert [len(removal) for removal in world.removals] == [20, 20, 10]
        assert world.follow()["status"] == "removed"
        assert world.cloud.group.desired_capacity == 50


def test_without_follow_ups_twenty_are_removed_and_the_others_are_reported() -> None:
    with world_of(group(*instances(100)), follow_ups=False) as world:
        outcome = world.send({"remove": {"count": 50}})

        assert (outcome["status"], len(outcome["accepted"]), outcome["followUp"]) == (
            "removing",
            20,
            None,
        )
        assert outcome["shortfall"] == {
            "requested": 50,
            "missing": 30,
            "unit": "instances",
            "reason": "request-limit",
        }


def test_all_or_nothing_takes_all_of_more_than_twenty() -> None:
    with world_of(group(*instances(60), minSize=10)) as world:
        world.send({"remove": {"count": 50}, "partial": "deny", "requestId": "all"})

        assert (world.follow()["status"], len(ids(world))) == ("removed", 50)


def test_what_is_pending_is_checked_again_before_each_twenty() -> None:
    with world_of(group(*instances(100), minSize=20)) as world:
        world.send({"remove": {"count": 80}})
        world.cloud.group.min_size = 75
        last = world.follow()

        assert (last["status"], len(last["removed"]), len(last["notRemoved"])) == (
            "partly-removed",
            25,
            55,
        )
        assert {not_removed["code"] for not_removed in last["notRemoved"]} == {"min-size"}
        assert world.stable() == 75


def test_an_instance_that_became_protected_in_the_meantime_is_not_removed() -> None:
    with world_of(group(*instances(60))) as world:
        world.send({"remove": {"count": 45}})
        world.cloud.group.instances["i-0030"].lifecycle_state = "Protected"
        last = world.follow()

        assert last["notRemoved"] == [{"id": "i-0030", "code": "protected"}]
        assert len(ids(world)) == 44


@pytest.mark.parametrize(
    "group_policy",
    [
        {"cooldownSeconds": 3_600},
        {"budget": {"percent": 50, "windowSeconds": 86_400}},
        {"budget": {"instances": 50, "windowSeconds": 86_400}},
        {"maxRemovedPercentPerEvent": 50},
    ],
)
def test_a_message_is_not_held_back_by_what_it_did_itself(group_policy: dict[str, object]) -> None:
    with world_of(group(*instances(100)), policy={"groups": {"asg-1": group_policy}}) as world:
        world.send({"remove": {"count": 50}})

        assert world.follow()["status"] == "removed"
        assert len(ids(world)) == 50


def test_a_budget_that_others_have_spent_meanwhile_ends_it() -> None:
    policy = {"groups": {"asg-1": {"budget": {"instances": 50, "windowSeconds": 86_400}}}}
    with world_of(group(*instances(100)), policy=policy) as world:
        world.send({"remove": {"count": 50}})
        world.cloud.clock.advance(61)
        removal = world.cloud.inside.service.activities
        by_hand = next(iter(removal.values()))
        removal["asa-by-hand"] = type(by_hand)(
            **{
                **vars(by_hand),
                "scaling_activity_id": "asa-by-hand",
                "started_at": world.cloud.clock.now(),
                "ends_at": world.cloud.clock.now(),
                "status_code": "Successful",
                "destroyed": [f"x-{n}" for n in range(25)],
                "requested_ids": [],
                "instance_ids": [],
            }
        )
        last = world.follow()

        assert (last["status"], len(last["removed"])) == ("partly-removed", 25)
        assert {not_removed["code"] for not_removed in last["notRemoved"]} == {"budget"}


def test_a_busy_group_is_tried_again_by_a_follow_up_and_not_by_the_trigger() -> None:
    busy = {"scalingGroupId": "asg-1", "seconds": 300}
    with world_of(group(*instances(5)), activities=[busy]) as world:
        first = world.send({"remove": {"count": 1}})
        last = world.follow()

        assert (first["status"], first["followUp"]["number"], first["accepted"]) == (
            "retry",
            1,
            [],
        )
        assert (last["status"], last["removed"]) == ("removed", ["i-0001"])
        assert (
            300
            < (
                world.cloud.clock.now() - world.cloud.inside.service.groups["asg-1"].created_at
            ).seconds
            < 900
        )


def test_a_message_that_waits_too_long_for_its_turn_expires() -> None:
    busy = {"scalingGroupId": "asg-1", "seconds": 3_600}
    with world_of(group(*instances(5)), activities=[busy]) as world:
        time = world.cloud.clock.now().isoformat()
        event = {"specversion": "1.0", "type": "x", "id": "1", "time": time}
        request = {"scalingGroupId": "asg-1", "remove": {"count": 1}}
        world.send(json.dumps({**event, "data": request}).encode())

        # No ledger is shared: the activity may be that of an earlier delivery of this message.
        assert (world.follow()["status"], ids(world)) == ("unconfirmed", [])
        assert (
            900 <= (world.cloud.clock.now() - datetime.fromisoformat(time)).total_seconds() < 1_300
        )


@pytest.mark.parametrize(
    ("kind", "status", "removed", "reasons"),
    [
        ("accepted-warning", "partly-removed", 2, ["IncorrectInstanceStatus"]),
        ("accepted-failed", "failed", 0, ["IncorrectInstanceStatus"] * 3),
        ("accepted-rejected", "failed", 0, ["IncorrectInstanceStatus"] * 3),
    ],
)
def test_the_end_is_reported_with_the_instances_not_removed_and_why(
    kind: str, status: str, removed: int, reasons: list[str]
) -> None:
    with world_of(group(*instances(9))) as world:
        world.cloud.inside.faults.add(kind, "RemoveInstances")
        world.send({"remove": {"count": 3}})
        last = world.follow()

        assert (last["status"], len(last["removed"])) == (status, removed)
        assert [not_removed["code"] for not_removed in last["notRemoved"]] == reasons


@pytest.mark.parametrize("kind", ["accepted-failed", "accepted-rejected"])
@pytest.mark.parametrize("seconds", [1, 60])
def test_what_fails_is_neither_continued_nor_begun_again(kind: str, seconds: int) -> None:
    """Whether the follow-up finds it running, or over with all instances still there."""
    with world_of(
        group(*instances(90)), assumptions=Assumptions(activity_seconds=seconds)
    ) as world:
        world.cloud.inside.faults.add(kind, "RemoveInstances")
        world.send({"remove": {"count": 60}})
        last = world.follow()

        assert (last["status"], len(last["notRemoved"]), len(world.removals)) == ("failed", 60, 1)


def test_a_failed_removal_is_raised_where_a_destination_is_to_see_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCALEIN_FAILED", "raise")
    with world_of(group(*instances(9))) as world:
        world.cloud.inside.faults.add("accepted-failed", "RemoveInstances")
        world.send({"remove": {"count": 3}})
        world.follow()

        assert world.cloud.inside.functions and len(world.cloud.inside.functions.failed) == 1
        statuses = [outcome["status"] for outcome in world.outcomes]
        assert statuses == ["removing"] * (len(statuses) - 4) + ["failed"] + ["duplicate"] * 3


def test_capacity_that_ess_creates_again_is_reported() -> None:
    policy = {"groups": {"asg-1": {"keepDesiredCapacity": True}}}
    assumptions = Assumptions(acts=True)
    with world_of(
        group(*instances(9), desiredCapacity=9), policy=policy, assumptions=assumptions
    ) as world:
        world.send({"remove": {"count": 3}, "decreaseDesiredCapacity": False})
        last = world.follow()

        assert (last["status"], last["replacementCapacity"]) == ("removed", 3)
        assert "ESS creates replacements of capacity 3." in last["message"]


def test_a_removal_can_be_waited_for() -> None:
    with world_of(
        group(*instances(9)), follow_ups=False, assumptions=Assumptions(activity_seconds=20)
    ) as world:
        outcome = world.send({"remove": {"count": 3}, "wait": True})
        again = world.send({"remove": {"count": 3}, "wait": True})

        assert (outcome["status"], len(outcome["removed"])) == ("removed", 3)
        assert (outcome["requested"]["value"], len(outcome["retained"])) == (3, 6)
        assert again["status"] == "duplicate"
        assert again["originalStatus"] == "removed"


def test_waiting_ends_before_the_invocation_does() -> None:
    with world_of(
        group(*instances(9)), follow_ups=False, assumptions=Assumptions(activity_seconds=600)
    ) as world:
        start = world.cloud.clock.now()

        assert world.send({"remove": {"count": 3}, "wait": True})["status"] == "removing"
        assert 50 < (world.cloud.clock.now() - start).total_seconds() < 60


def test_every_message_and_every_follow_up_may_come_twice() -> None:
    with world_of(group(*instances(90))) as world:
        functions = world.cloud.inside.functions
        assert functions
        world.restarts = True
        world.send({"remove": {"count": 50}, "requestId": "m"})
        world.send({"remove": {"count": 50}, "requestId": "m"})
        while (due := functions.next_due()) is not None:
            world.cloud.clock.advance(max(0.0, (due - world.cloud.clock.now()).total_seconds()))
            for invocation in functions.take_due():
                world.send(invocation.event)
                world.send(invocation.event)
        final = [outcome for outcome in world.outcomes if outcome["status"] == "removed"]

        assert len(ids(world)) == len(set(ids(world))) == 50
        assert [len(removal) for removal in world.removals] == [20, 20, 10]
        assert final and all(len(outcome["removed"]) == 50 for outcome in final)


def forged(event: bytes) -> bytes:
    document = json.loads(event)
    return json.dumps(
        {**document, "followUp": document["followUp"].replace('"count":30', '"count":90')}
    ).encode()


@pytest.mark.parametrize(
    "spoil",
    [
        forged,
        lambda event: json.dumps({**json.loads(event), "signature": "0" * 64}).encode(),
        lambda event: json.dumps({"followUp": json.loads(event)["followUp"]}).encode(),
        lambda event: json.dumps({**json.loads(event), "signature": 1}).encode(),
    ],
)
def test_a_follow_up_that_this_function_did_not_seal_is_rejected(
    spoil: Callable[[bytes], bytes],
) -> None:
    with world_of(group(*instances(90))) as world:
        world.send({"remove": {"count": 30}})
        functions = world.cloud.inside.functions
        assert functions
        (invocation,) = functions.waiting
        calls = len(world.cloud.inside.calls)

        assert world.send(spoil(invocation.event))["status"] == "rejected"
        assert len(world.cloud.inside.calls) == calls


def test_without_a_key_no_follow_up_is_believed() -> None:
    with world_of(group(*instances(90))) as world:
        world.send({"remove": {"count": 30}})
        functions = world.cloud.inside.functions
        assert functions
        (invocation,) = functions.waiting
        world.set("SCALEIN_FOLLOW_UP_KEY", "")

        assert world.send(invocation.event)["status"] == "rejected"


@pytest.mark.parametrize("kind", ["throttled", "internal-error", "bad-gateway"])
def test_where_function_compute_takes_no_follow_up_the_message_is_left_to_its_trigger(
    kind: str,
) -> None:
    with world_of(group(*instances(90))) as world:
        world.cloud.inside.faults.add(kind, "InvokeFunction", times=4)  # each has two attempts
        first = world.send({"remove": {"count": 30}, "requestId": "m"})
        second = world.send({"remove": {"count": 30}, "requestId": "m"})

        assert (first["status"], first["followUp"], first["accepted"]) == ("retry", None, [])
        assert second["status"] == "removing"
        assert (world.follow()["status"], len(ids(world))) == ("removed", 30)


def test_nothing_that_fc2_sends_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    """It would log authorization header and token at ERROR, and the string to sign at DEBUG."""
    caplog.set_level(logging.DEBUG)
    with world_of(group(*instances(90))) as world:
        world.cloud.inside.faults.add("throttled", "InvokeFunction")
        world.cloud.inside.faults.add("bad-gateway", "InvokeFunction")
        for _ in range(3):
            world.send({"remove": {"count": 30}, "requestId": "m"})

        assert len(world.cloud.inside.functions.waiting) == 1  # type: ignore[union-attr]
    said = [record for record in caplog.records if "authorization" in record.getMessage().lower()]
    assert said == []
    assert "test-secret" not in caplog.text
    assert "string to sign" not in caplog.text


def test_a_concurrent_removal_is_reported() -> None:
    with world_of(group(*instances(60), desiredCapacity=60), follow_ups=False) as world:
        outcome = world.send({"remove": {"count": 30}})
        assert (outcome["concurrentRemoval"], outcome["ledger"]) == (False, "memory")
        other = world.send({"remove": {"count": 25}, "requestId": "other"})

        assert other["concurrentRemoval"] is True
        assert len(world.removals) == 3


def test_follow_ups_of_a_message_that_did_nothing_end_once_it_waited_too_long() -> None:
    busy = {"scalingGroupId": "asg-1", "seconds": 10_000_000}
    with world_of(group(*instances(5)), activities=[busy]) as world:
        start = world.cloud.clock.now()
        world.send({"remove": {"count": 1}})
        last = world.follow(30 * 86_400)
        delays = [
            outcome["followUp"]["delaySeconds"] for outcome in world.outcomes if outcome["followUp"]
        ]

        assert delays[0] <= FIRST_DELAY_SECONDS
        assert max(delays) <= MAX_DELAY_SECONDS
        assert delays == sorted(delays) or len(set(delays)) > 3  # doubled, and jittered
        assert last["status"] == "unconfirmed"  # the activity may be that of an earlier delivery
        assert 900 <= (world.cloud.clock.now() - start).total_seconds() <= 900 + MAX_DELAY_SECONDS
        assert world.removals == []
