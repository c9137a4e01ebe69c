"""When a cooldown holds an alarm's rule back.

Source: ESS guide, Cooldown time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from localcloud.ess.reconciler import run_alarm
from tests.contract.test_living_cloud import Story
from tests.support.clouds import cloud_of, group, instances

GROUP = {"ScalingGroupId": "asg-1"}
COOLDOWN, IN_PROGRESS = "during the cooldown period", "while there is a scaling activity"


class Alarmed(Story):
    """A cloud with one alarm, which fires when the test says so."""

    def rule(self, **fields: int) -> str:
        change = {"AdjustmentType": "QuantityChangeInCapacity", "AdjustmentValue": -1}
        return str(
            self.describe("CreateScalingRule", **GROUP, **change, **fields)["ScalingRuleAri"]
        )

    def alarm(self, ari: str) -> None:
        metric = {"MetricName": "CpuUtilization", "Threshold": 20}
        self.describe("CreateAlarm", **GROUP, **metric, AlarmActions=[ari])

    def fire(self) -> str:
        """Returns why nothing was started; empty if something was."""
        state = self.cloud.inside.service
        (alarm,) = state.alarms.values()
        run_alarm(state, alarm, self.cloud.clock.now())
        activity = list(state.activities.values())[-1]
        return activity.status_message if activity.status_code == "Rejected" else ""


@contextmanager
def alarmed(desired: int | None = None, **fields: int) -> Iterator[Alarmed]:
    """By default the group's cooldown is of 300 s. `fields`: of the alarm's rule."""
    size = {"desiredCapacity": desired} if desired else {}
    with cloud_of(group(*instances(9), minSize=1, **size)) as cloud:
        story = Alarmed(cloud)
        story.alarm(story.rule(**fields))
        yield story


def run_by_hand(story: Alarmed) -> None:
    story.describe("ExecuteScalingRule", ScalingRuleAri=story.rule())


def remove(story: Alarmed) -> None:
    story.describe("RemoveInstances", **GROUP, InstanceIds=["i-0009"])


def attach(story: Alarmed) -> None:
    story.describe("AttachInstances", **GROUP, InstanceIds=["i-new"])


def fire(story: Alarmed) -> None:
    assert story.fire() == ""


@pytest.mark.parametrize("desired", [None, 9])
@pytest.mark.parametrize("begin", [run_by_hand, remove, attach, fire])
def test_a_cooldown_begins_when_an_activity_ended_whoever_began_it(
    begin: Callable[[Alarmed], None], desired: int | None
) -> None:
    with alarmed(desired) as story:
        begin(story)
        story.after(359)
        assert COOLDOWN in story.fire()
        story.after(1)
        assert story.fire() == ""


@pytest.mark.parametrize(("cooldown", "first"), [(0, 60), (100, 160), (900, 960)])
def test_a_rule_s_cooldown_goes_before_the_group_s(cooldown: int, first: int) -> None:
    with alarmed(Cooldown=cooldown) as story:
        fire(story)
        story.after(first - 1)
        assert (COOLDOWN if cooldown else IN_PROGRESS) in story.fire()
        story.after(1)
        assert story.fire() == ""


def test_an_activity_in_progress_is_said_before_the_cooldown() -> None:
    with alarmed() as story:
        fire(story)
        story.after(61)
        remove(story)
        assert IN_PROGRESS in story.fire()


def test_a_cooldown_counts_from_the_end_of_an_activity_that_a_hook_held() -> None:
    with alarmed() as story:
        story.hook("SCALE_IN")
        fire(story)
        story.after(659)
        assert IN_PROGRESS in story.fire()
        story.after(300)
        assert COOLDOWN in story.fire()
        story.after(1)
        assert story.fire() == ""


def test_an_activity_that_changes_no_instance_begins_no_cooldown() -> None:
    with alarmed() as story:
        story.hook("SCALE_IN", DefaultResult="ROLLBACK")
        remove(story)
        story.after(601)
        assert (story.activities()[0]["StatusCode"], story.fire()) == ("Failed", "")


def test_a_cooldown_holds_back_alarms_alone() -> None:
    with alarmed() as story:
        fire(story)
        story.after(61)
        run_by_hand(story)
        story.after(61)
        remove(story)
        story.after(61)
        change = {"AdjustmentType": "TotalCapacity", "AdjustmentValue": 2}
        story.describe("ScaleWithAdjustment", **GROUP, **change)


def test_a_group_that_is_enabled_again_has_no_cooldown() -> None:
    with alarmed() as story:
        fire(story)
        story.after(61)
        story.describe("DisableScalingGroup", **GROUP)
        story.describe("EnableScalingGroup", **GROUP)
        assert story.fire() == ""
        story.after(61)
        assert COOLDOWN in story.fire()
