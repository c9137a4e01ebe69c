"""The dry run is switched on during a removal: nothing more is called, and its end is reported."""

from __future__ import annotations

import pytest

from localcloud.ess.model import Assumptions
from localcloud.lag import Lag
from tests.support.clouds import group, instances
from tests.support.truth import Did, Said, ends, lies
from tests.support.worlds import World, world_of


def stopped(world: World, count: int, monkeypatch: pytest.MonkeyPatch) -> list[Said]:
    """One message; the dry run is switched on after its first invocation."""
    said = list[Said]()
    world.heard = lambda outcome: said.append(Said(world.cloud.clock.now(), outcome))
    world.send({"requestId": "m", "remove": {"count": count}})
    world.cloud.inside.faults.clear()
    monkeypatch.setenv("SCALEIN_DRY_RUN", "true")
    before = len(world.cloud.calls("RemoveInstances"))
    world.follow()

    own = [Did.of(activity) for activity in world.cloud.inside.service.activities.values()]
    assert len(world.cloud.calls("RemoveInstances")) == before
    assert lies(said, own) == []
    assert ends(said) == []
    return said


def test_a_removal_that_is_stopped_removes_no_more_and_its_end_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with world_of(group(*instances(60)), assumptions=Assumptions(activity_seconds=20)) as world:
        last = stopped(world, 45, monkeypatch)[-1].outcome

        assert (last["status"], len(last["removed"]), len(last["notRemoved"])) == (
            "partly-removed",
            20,
            25,
        )
        assert {not_removed["code"] for not_removed in last["notRemoved"]} == {"paused"}


@pytest.mark.parametrize("lag", [0, 60])
@pytest.mark.parametrize("kind", ["lost-answer", "gateway-timeout", "reset"])
def test_a_call_in_doubt_is_not_made_again_and_ends_as_far_as_it_can_be_known(
    kind: str, lag: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of(group(*instances(9)), assumptions=Assumptions(activity_seconds=20)) as world:
        world.cloud.inside.lag = Lag(lists=lag, history=lag)
        world.cloud.inside.faults.add(kind, "RemoveInstances", times=1_000)
        last = stopped(world, 3, monkeypatch)[-1].outcome

        assert last["status"] in ("removed", "unconfirmed", "blocked")
        assert (last["status"] == "blocked") == (kind == "reset")
