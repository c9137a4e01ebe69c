"""The dry run or the stop switch is switched on, before a removal and during one."""

from __future__ import annotations

from typing import Any

import pytest

import index
from localcloud.ess.model import Assumptions
from localcloud.lag import Lag
from tests.support.clouds import group, instances
from tests.support.deployment import KEY_VARIABLES, POLICY, context
from tests.support.truth import Did, Said, ends, lies
from tests.support.worlds import World, world_of

SWITCHES = [("SCALEIN_DRY_RUN", "true"), ("SCALEIN_STOP", "all"), ("SCALEIN_STOP", "asg-1")]
CODE_BY_SETTING = {"SCALEIN_DRY_RUN": "paused", "SCALEIN_STOP": "stop-switch"}
switched = pytest.mark.parametrize("switch", SWITCHES, ids="=".join)


def stopped(
    world: World, count: int, switch: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> list[Said]:
    """One message; the setting is made after its first invocation."""
    said = list[Said]()
    world.heard = lambda outcome: said.append(Said(world.cloud.clock.now(), outcome))
    world.send({"requestId": "m", "remove": {"count": count}})
    world.cloud.inside.faults.clear()
    monkeypatch.setenv(*switch)
    before = len(world.cloud.calls("RemoveInstances"))
    world.follow()

    own = [Did.of(activity) for activity in world.cloud.inside.service.activities.values()]
    assert len(world.cloud.calls("RemoveInstances")) == before
    assert lies(said, own) == []
    assert ends(said) == []
    return said


@switched
def test_a_removal_that_is_stopped_removes_no_more_and_its_end_is_reported(
    switch: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(group(*instances(60)), assumptions=Assumptions(activity_seconds=20)) as world:
        last = stopped(world, 45, switch, monkeypatch)[-1].outcome

        assert (last["status"], len(last["removed"]), len(last["notRemoved"])) == (
            "partly-removed",
            20,
            25,
        )
        codes = {not_removed["code"] for not_removed in last["notRemoved"]}
        assert codes == {CODE_BY_SETTING[switch[0]]}


@switched
@pytest.mark.parametrize("lag", [0, 60])
@pytest.mark.parametrize("kind", ["lost-answer", "gateway-timeout", "reset"])
def test_a_call_in_doubt_is_not_made_again_and_ends_as_far_as_it_can_be_known(
    kind: str, lag: float, switch: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(group(*instances(9)), assumptions=Assumptions(activity_seconds=20)) as world:
        world.cloud.inside.lag = Lag(lists=lag, history=lag)
        world.cloud.inside.faults.add(kind, "RemoveInstances", times=1_000)
        last = stopped(world, 3, switch, monkeypatch)[-1].outcome

        assert last["status"] in ("removed", "unconfirmed", "blocked")
        assert (last["status"] == "blocked") == (kind == "reset")


@pytest.mark.parametrize("value", ["all", "asg-1"])
def test_no_removal_begins_in_a_stopped_group_and_the_outcome_says_what_to_do(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(group(*instances(9))) as world:
        monkeypatch.setenv("SCALEIN_STOP", value)
        outcome = world.send({"requestId": "m", "remove": {"count": 3}})

        assert (outcome["status"], outcome["blockedBy"]["reason"]) == ("blocked", "stop-switch")
        assert f"SCALEIN_STOP is {value}" in outcome["message"]
        assert "scalein start" in outcome["message"]
        assert world.cloud.calls("RemoveInstances") == []


def test_the_groups_beside_a_stopped_one_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    policy: dict[str, Any] = {"groups": {"asg-1": {}, "asg-2": {}}}
    with world_of(group(*instances(9)), policy=policy) as world:
        monkeypatch.setenv("SCALEIN_STOP", "asg-2")

        assert world.send({"requestId": "m", "remove": {"count": 3}})["status"] == "removing"


WRONG_SWITCHES = [
    ("asg-11", "names asg-11, which is not in the policy (Did you mean asg-1?)"),
    ("asg-1; x", "names asg-1; x, which is not in the policy"),
    ("asg-2\n", "names asg-2, which is not in the policy"),
    ("asg-1,other", "names other, which is not in the policy"),
    (",", "is set and names no group"),
]


@pytest.mark.parametrize(("value", "fault"), WRONG_SWITCHES)
def test_a_stop_switch_that_cannot_be_understood_stops_every_group_and_says_why(
    value: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(group(*instances(9))) as world:
        monkeypatch.setenv("SCALEIN_STOP", value)
        outcome = world.send({"requestId": "m", "remove": {"count": 3}})

        assert (outcome["status"], outcome["blockedBy"]["reason"]) == ("blocked", "stop-switch")
        assert fault in outcome["blockedBy"]["detail"]
        assert "stops all groups" in outcome["message"]
        assert world.cloud.calls("RemoveInstances") == []


def test_follow_ups_report_the_end_of_a_removal_although_the_stop_switch_is_misspelt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with world_of(group(*instances(60)), assumptions=Assumptions(activity_seconds=20)) as world:
        last = stopped(world, 45, ("SCALEIN_STOP", "asg_1"), monkeypatch)[-1].outcome

        assert (last["status"], len(last["removed"])) == ("partly-removed", 20)
        queue = world.cloud.inside.functions
        assert queue is not None
        assert queue.failed == []


def test_an_instance_starts_although_the_stop_switch_is_misspelt_and_logs_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SCALEIN_POLICY", POLICY)
    monkeypatch.setenv("SCALEIN_STOP", "asg-11")
    for name, value in KEY_VARIABLES.items():
        monkeypatch.setenv(name, value)
    index.initialize(context())

    [record] = caplog.records
    assert (record.levelname, record.name) == ("ERROR", "scalein.settings")
    assert "SCALEIN_STOP names asg-11" in record.getMessage()


def test_a_removal_that_may_be_an_earlier_delivery_s_does_not_hide_the_stop_switch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a ledger that is shared, and to a process that forgot the first message."""
    with world_of(group(*instances(9))) as world:
        world.restarts = True
        world.send({"requestId": "m", "remove": {"count": 1}})
        world.follow()
        monkeypatch.setenv("SCALEIN_STOP", "all")
        outcome = world.send({"requestId": "n", "remove": {"count": 1}})

        assert outcome["status"] == "unconfirmed"
        assert "This delivery: no instances removed: the stop switch is on" in outcome["message"]
        assert "scalein start" in outcome["message"]
