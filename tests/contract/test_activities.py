"""What activities, groups and instances say of themselves, by the official SDK."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.ess.model import Assumptions
from tests.contract.test_error_tables import sent
from tests.contract.test_living_cloud import Story, story_of
from tests.support.clouds import cloud_of, group, instances
from tests.support.sdks import NewerPython, OlderPython, RefusedCall

GROUP = {"ScalingGroupId": "asg-1"}
RULE = {**GROUP, "AdjustmentType": "QuantityChangeInCapacity", "AdjustmentValue": 1}


def capacities(activity: dict[str, Any]) -> tuple[str, str, str]:
    names = ("TotalCapacity", "AttachedCapacity", "AutoCreatedCapacity")
    total, attached, created = (str(activity[name]) for name in names)
    return total, attached, created


def test_the_capacities_of_an_activity_are_those_after_its_end() -> None:
    with story_of(*instances(3)) as story:
        story.describe("AttachInstances", **GROUP, InstanceIds=["i-a", "i-b"])
        (running,) = story.activities()
        assert capacities(running) == ("3", "0", "3")  # it has not changed them yet
        story.after(60)
        story.describe("RemoveInstances", **GROUP, InstanceIds=["i-0001", "i-a"])
        story.after(60)

        removal, attachment = story.activities()
        assert capacities(attachment) == ("5", "2", "3")
        assert capacities(removal) == ("3", "1", "2")


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["AttachInstances", "DetachInstances", "RemoveInstances"]),
            st.integers(1, 5),
        ),
        max_size=6,
    )
)
def test_whatever_is_done_the_last_activity_says_what_the_group_says(
    steps: list[tuple[str, int]],
) -> None:
    with cloud_of(group(*instances(4))) as cloud:
        story = Story(cloud)
        done = [
            story.client.call(action, **GROUP, InstanceIds=[f"i-000{number}"])
            for action, number in steps
            if story.after(60) is not None
        ]
        story.after(60)
        if any(not isinstance(reply, RefusedCall) for reply in done):
            newest = story.activities()[0]
            total, attached, created = map(int, capacities(newest))
            (shown,) = story.describe("DescribeScalingGroups")["ScalingGroups"]
            assert total == attached + created == shown["TotalCapacity"]


def test_a_rule_s_activity_has_the_manual_s_texts() -> None:
    """Source: API reference, DescribeScalingActivities."""
    with story_of(*instances(1)) as story:
        rule = story.describe("CreateScalingRule", **RULE)
        story.describe("ExecuteScalingRule", ScalingRuleAri=rule["ScalingRuleAri"])
        story.after(60)
        (activity,) = story.activities()

    assert activity["Description"] == 'Add "1" ECS instance'
    assert activity["StatusMessage"] == '"1" ECS instances are added'
    assert activity["Cause"] == (
        f'A user requests to execute scaling rule "{rule["ScalingRuleId"]}", '
        'changing the Total Capacity from "1" to "2".'
    )


def test_a_scheduled_task_and_an_alarm_execute_a_rule_by_their_name() -> None:
    with story_of(*instances(1, metrics={"CPUUtilization": 99})) as story:
        rule = story.describe("CreateScalingRule", **RULE, Cooldown=0)
        ari = rule["ScalingRuleAri"]
        launch = {"LaunchTime": "2026-11-23T12:05Z", "ScheduledAction": ari}
        story.describe("CreateScheduledTask", **launch)
        story.after(400)
        story.describe(
            *("CreateAlarm",),
            **GROUP,
            MetricName="CPUUtilization",
            Threshold=1,
            Period=60,
            EvaluationCount=1,
            AlarmActions=[ari],
        )
        story.after(70)
        causes = [activity["Cause"] for activity in story.activities()]

    executes = f'execute scaling rule "{rule["ScalingRuleId"]}", changing the Total Capacity from'
    assert causes == [
        f'An alarm task {executes} "2" to "3".',
        f'A scheduled task {executes} "1" to "2".',
    ]


@pytest.mark.parametrize(
    ("max_size", "why"),
    [
        (9, "You cannot launch a new scaling activity during the cooldown period."),
        (2, "To execute the specified scaling rule, the total capacity will not change."),
    ],
)
def test_what_an_alarm_may_not_start_is_a_rejected_activity(max_size: int, why: str) -> None:
    """Source of the texts: cn.zh-CN/用户指南/排查伸缩活动异常.md"""
    with story_of(*instances(2, metrics={"CPUUtilization": 99}), maxSize=max_size) as story:
        rule = story.describe("CreateScalingRule", **RULE, Cooldown=86_400)
        queue = {**GROUP, "NotificationArn": "acs:mns:cn-hangzhou:1:queue/q"}
        types = ["AUTOSCALING:SCALE_REJECT"]
        story.describe("CreateNotificationConfiguration", **queue, NotificationTypes=types)
        ari = rule["ScalingRuleAri"]
        alarm = {"MetricName": "CpuUtilization", "Threshold": 1, "EvaluationCount": 1, "Period": 60}
        story.describe("CreateAlarm", **GROUP, **alarm, AlarmActions=[ari])
        story.after(120)
        newest = story.activities()[0]
        (message, *_) = story.cloud.inside.service.sent_messages
        story.after(7_200)
        rejected = story.describe("DescribeScalingActivities", **GROUP, StatusCode="Rejected")

    assert (newest["StatusCode"], newest["StatusMessage"]) == ("Rejected", why)
    assert newest["Cause"] == f'An alarm task execute scaling rule "{rule["ScalingRuleId"]}"'
    assert (message["content"]["event"], rejected["TotalCount"]) == (types[0], 100)


@pytest.mark.parametrize(
    ("state", "values", "desired"),
    [
        ("Pending", [4], [6]),  # 2 are stable of the 3 that are desired, and 4 are added
        ("InService", [3, 1], [6, 4]),  # the second counts from the 3 that are stable, too
    ],
)
def test_a_rule_s_change_counts_from_what_is_stable(
    state: str, values: list[int], desired: list[int]
) -> None:
    """Source: ESS guide, Expected number of instances: table of changes, example 1."""
    members = [*instances(2), *instances(1, "p", lifecycleState=state)]
    with cloud_of(group(*members, desiredCapacity=3), assumptions=Assumptions(acts=True)) as cloud:
        story, seen = Story(cloud), []
        for value in values:
            rule = story.describe("CreateScalingRule", **{**RULE, "AdjustmentValue": value})
            story.describe("ExecuteScalingRule", ScalingRuleAri=rule["ScalingRuleAri"])
            seen.append(cloud.group.desired_capacity)
        story.after(120)
        assert sum(story.after(60).values()) == desired[-1]

    assert seen == desired


def test_what_is_attached_is_added_to_the_desired_capacity() -> None:
    """Source: ESS guide, Expected number of instances: table of changes."""
    with cloud_of(group(*instances(2), desiredCapacity=3)) as cloud:
        ids = ["i-a", "i-b", "i-c", "i-d"]
        Story(cloud).describe("AttachInstances", **GROUP, InstanceIds=ids)

        assert cloud.group.desired_capacity == 7


@pytest.mark.parametrize(
    ("action", "ids", "texts"),
    [
        (
            "AttachInstances",
            ["i-a"],
            (
                'A user requests to attach instance "i-a", '
                'changing the Total Capacity from "3" to "4".',
                'Attach "1" ECS instance',
                '"1" ECS instances are attached',
            ),
        ),
        (
            "DetachInstances",
            ["i-0001"],
            (
                'A user requests to detach instance "i-0001", '
                'changing the Total Capacity from "3" to "2".',
                'Detach "1" ECS instance',
                '"1" ECS instances are detached',
            ),
        ),
        (
            "RemoveInstances",
            ["i-0001", "i-0002"],
            (
                'A user requests to remove instance "i-0001, i-0002", '
                'changing the Total Capacity from "3" to "1".',
                'Remove "2" ECS instance',
                '"2" ECS instances are removed',
            ),
        ),
        (
            "EnterStandby",
            ["i-0001"],
            (
                'A user requests to put into standby instance "i-0001"',
                'Put into standby "1" ECS instance',
                '"1" ECS instances are Standby',
            ),
        ),
    ],
)
def test_what_a_user_does_with_instances_is_told_alike(
    action: str, ids: list[str], texts: tuple[str, ...]
) -> None:
    with story_of(*instances(3)) as story:
        story.describe(action, **GROUP, InstanceIds=ids)
        story.after(60)
        (activity,) = story.activities()

    names = ("Cause", "Description", "StatusMessage")
    assert tuple(activity[name] for name in names) == texts
    assert all(id in activity["Detail"] for id in ids)


def test_the_refill_of_a_group_says_what_it_lacked() -> None:
    with story_of(*instances(1), minSize=3) as story:
        story.after(60)
        (activity,) = story.activities()

    lacked = "The capacity is below the MinSize"
    assert activity["Cause"] == f'{lacked}, changing the Total Capacity from "1" to "3".'


def test_standby_takes_a_while_where_the_call_is_async() -> None:
    with story_of(*instances(2)) as story:
        reply = story.describe("EnterStandby", **GROUP, InstanceIds=["i-0001"], Async=True)
        assert story.count() == {"InService": 2}
        assert story.activities()[0]["ScalingActivityId"] == reply["ScalingActivityId"]
        assert story.after(60) == {"InService": 1, "Standby": 1}
        story.describe("ExitStandby", **GROUP, InstanceIds=["i-0001"])
        assert story.count() == {"InService": 2}
        assert [a["StatusCode"] for a in story.activities()] == ["Successful", "Successful"]


def test_an_instance_that_was_removed_meanwhile_does_not_come_back_in_standby() -> None:
    with story_of(*instances(2), desiredCapacity=2) as story:
        story.describe("EnterStandby", **GROUP, InstanceIds=["i-0001"], Async=True)
        story.describe("RemoveInstances", **GROUP, InstanceIds=["i-0001"])
        story.after(60)
        assert story.count() == {"InService": 1}


def test_a_question_for_a_group_s_activities_may_name_some_of_them() -> None:
    """The older manual's sample has both; the newer one says that both are an error."""
    with cloud_of(group(*instances(3)), group(scalingGroupId="asg-2")) as cloud:
        ids = {}
        for number in (1, 2):
            params = {"ScalingGroupId": "asg-1", "InstanceId.1": f"i-000{number}"}
            ids[number] = sent(cloud, "RemoveInstances", params)["ScalingActivityId"]
            cloud.clock.advance(60)

        def listed(**params: str) -> list[str]:
            reply = sent(cloud, "DescribeScalingActivities", params)
            items = reply["ScalingActivities"]["ScalingActivity"]
            return [item["ScalingActivityId"] for item in items]

        assert listed(ScalingGroupId="asg-1") == [ids[2], ids[1]]
        assert listed(**{"ScalingGroupId": "asg-1", "ScalingActivityId.1": ids[1]}) == [ids[1]]
        assert listed(**{"ScalingGroupId": "asg-2", "ScalingActivityId.1": ids[1]}) == []
        both = NewerPython(cloud.endpoint).call(
            "DescribeScalingActivities", ScalingGroupId="asg-1", ScalingActivityIds=[ids[1]]
        )
    assert both == RefusedCall(400, "InvalidParameter")


def test_groups_and_instances_have_all_their_fields() -> None:
    members = instances(2, privateIpAddress="192.168.0.7") + instances(1, "s")
    members[2]["spotStrategy"] = "SpotAsPriceGo"
    with story_of(*members) as story:
        (before,) = story.describe("DescribeScalingGroups")["ScalingGroups"]
        story.cloud.clock.advance(120)
        story.describe("ModifyScalingGroup", **GROUP, MaxSize=9)
        (after,) = story.describe("DescribeScalingGroups")["ScalingGroups"]
        shown = story.describe("DescribeScalingInstances", **GROUP)["ScalingInstances"]

    assert (before["SpotCapacity"], before["ModificationTime"]) == (1, before["CreationTime"])
    assert after["ModificationTime"] > before["ModificationTime"]
    assert len({item["ScalingInstanceId"] for item in shown}) == 3
    assert all(re.fullmatch("asi-[0-9a-z]{20}", item["ScalingInstanceId"]) for item in shown)
    address = {item["InstanceId"]: item["PrivateIpAddress"] for item in shown}
    assert address["i-0001"] == "192.168.0.7"
    assert re.fullmatch(r"10(\.\d{1,3}){3}", address["s-0001"])


def test_an_activity_says_which_hooks_its_call_left_out() -> None:
    with story_of(*instances(2)) as story:
        story.describe(
            "RemoveInstances",
            **GROUP,
            InstanceIds=["i-0001"],
            LifecycleHookContext='{"DisableLifecycleHook": true}',
        )
        (activity,) = story.activities()

    assert activity["LifecycleHookContext"] == {"DisableLifecycleHook": True}


def test_a_history_that_lags_shows_the_capacities_of_then() -> None:
    with story_of(*instances(3)) as story:
        story.cloud.inside.lag.history = 30
        story.describe("DetachInstances", **GROUP, InstanceIds=["i-0001"])
        story.after(70)
        (late,) = story.activities()
        assert (late["StatusCode"], capacities(late)) == ("InProgress", ("3", "0", "3"))
        story.after(30)
        assert capacities(story.activities()[0]) == ("2", "0", "2")


@pytest.mark.parametrize("client", [OlderPython, NewerPython])
def test_a_changed_scaling_policy_is_the_group_s(
    client: type[OlderPython] | type[NewerPython],
) -> None:
    with cloud_of(group(*instances(1), scalingPolicy="recycle")) as cloud:
        client(cloud.endpoint).call("ModifyScalingGroup", **GROUP, ScalingPolicy="forceRelease")
        assert cloud.group.scaling_policy == "forcerelease"
        client(cloud.endpoint).call("ModifyScalingGroup", **GROUP, MaxSize=9)
        assert cloud.group.scaling_policy == "forcerelease"


def test_a_mere_plan_of_an_adjustment_is_refused_and_changes_nothing() -> None:
    with story_of(*instances(1)) as story:
        refused = story.client.call("ScaleWithAdjustment", **RULE, ExecutionMode="PlanOnly")
        assert (refused, story.activities()) == ((400, "UnsupportedOperation"), [])
        story.describe("ScaleWithAdjustment", **RULE, ExecutionMode="None")
        assert story.count() == {"InService": 1, "Pending": 1}


@pytest.mark.parametrize("desired", [None, 1])
@pytest.mark.parametrize(
    ("context", "state"),
    [({"DisableLifecycleHook": True}, "InService"), ({}, "Pending:Wait")],
)
def test_an_adjustment_may_pass_by_the_hooks(
    desired: int | None, context: dict[str, Any], state: str
) -> None:
    fields = {"desiredCapacity": desired} if desired else {}
    with story_of(*instances(1), **fields) as story:
        story.hook("SCALE_OUT")
        story.describe("ScaleWithAdjustment", **RULE, LifecycleHookContext=json.dumps(context))
        story.after(61)
        assert state in story.count()
        assert ("Pending:Wait" in story.count()) == (state == "Pending:Wait")
