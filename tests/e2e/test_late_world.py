"""Small stories that chaos found, each with what the cloud does against the function at one moment."""

from __future__ import annotations

from localcloud.ess.model import Knobs
from tests.clouds import group, instances
from tests.worlds import world_of


def test_a_removal_whose_next_follow_up_cannot_be_scheduled_is_looked_at_again_until_its_end() -> None:
    with world_of(group(*instances(5)), knobs=Knobs(activity_seconds=60)) as world:
        world.send({"requestId": "m", "remove": {"count": 1}})
        world.cloud.inside.faults.add("reset", "InvokeFunction", times=2)

        assert world.follow()["status"] == "removed"
        assert [outcome["status"] for outcome in world.outcomes].count("try-later") == 2
