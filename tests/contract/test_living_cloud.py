"""What Auto Scaling does over time, by the official SDK: scale-out, hooks, health, alarms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

from localcloud.ess.model import Assumptions
from tests.support.clock import NOON
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.sdks import OlderPython, RefusedCall

MINUTE, HOUR = 60, 3_600


class Story:
    """A cloud that lives, and calls to it that must be taken."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.client = OlderPython(cloud.endpoint)

    def describe(self, action: str, **params: Any) -> dict[str, Any]:
        reply = self.client.call(action, **params)
        assert not isinstance(reply, RefusedCall), reply
        return reply

    def refused(self, action: str, **params: Any) -> tuple[int, str]:
        reply = self.client.call(action, **params)
        assert isinstance(reply, RefusedCall), reply
        return reply

    def after(self, seconds: float) -> dict[str, int]:
        """How many are in each state then."""
        self.cloud.clock.advance(seconds)
        return self.count()

    def count(self) -> dict[str, int]:
        states = list(self.cloud.states().values())
        return {state: states.count(state) for state in sorted(set(states))}

    def activities(self) -> list[dict[str, Any]]:
        return list(
            self.describe("DescribeScalingActivities", ScalingGroupId="asg-1")["ScalingActivities"]
        )

    def hook(self, transition: str, **params: Any) -> str:
        parameters = {
            "ScalingGroupId": "asg-1",
            "LifecycleTransition": transition,
            "HeartbeatTimeout": 600,
            **params,
        }
        return str(self.describe("CreateLifecycleHook", **parameters)["LifecycleHookId"])

    def held(self) -> list[dict[str, Any]]:
        """By hooks, of the newest activity."""
        id = self.activities()[0]["ScalingActivityId"]
        return list(
            self.describe("DescribeLifecycleActions", ScalingActivityId=id)["LifecycleActions"]
        )


@contextmanager
def story_of(*members: Any, **fields: Any) -> Iterator[Story]:
    with cloud_of(group(*members, **fields), assumptions=Assumptions(acts=True)) as cloud:
        yield Story(cloud)


def test_a_group_below_min_size_is_filled() -> None:
    with story_of(*instances(1), minSize=3) as story:
        assert story.count() == {"InService": 1, "Pending": 2}
        assert story.after(60) == {"InService": 3}
        (activity,) = story.activities()
        assert (
            activity["StatusCode"],
            activity["CreatedCapacity"],
            activity["TriggerSourceType"],
        ) == (
            "Successful",
            2,
            "Ess",
        )


def test_desired_capacity_is_reached_from_both_sides() -> None:
    with story_of(*instances(3), desiredCapacity=3) as story:
        story.describe("ModifyScalingGroup", ScalingGroupId="asg-1", DesiredCapacity=5)
        story.count()
        assert story.after(60) == {"InService": 5}
        story.describe("ModifyScalingGroup", ScalingGroupId="asg-1", DesiredCapacity=2)
        story.count()
        assert story.after(60) == {"InService": 2}


def test_a_removal_that_does_not_lower_the_desired_capacity_is_replaced() -> None:
    with story_of(*instances(3), desiredCapacity=3) as story:
        story.describe(
            "RemoveInstances",
            ScalingGroupId="asg-1",
            InstanceIds=["i-0001"],
            DecreaseDesiredCapacity=False,
        )
        assert story.count() == {"InService": 2, "Pending": 1, "Removing": 1}
        assert story.after(60) == {"InService": 3}


def test_a_hook_holds_an_instance_on_its_way_out_until_it_is_let_go() -> None:
    with story_of(*instances(3)) as story:
        hook = story.hook("SCALE_IN", NotificationArn="acs:mns:cn-hangzhou:1:queue/drain")
        story.describe("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-0001"])
        assert story.after(300) == {"InService": 2, "Removing:Wait": 1}
        (held,) = story.held()
        assert (
            story.cloud.inside.service.sent_messages[0]["content"]["lifecycleActionToken"]
            == held["LifecycleActionToken"]
        )
        story.describe(
            "CompleteLifecycleAction",
            LifecycleHookId=hook,
            LifecycleActionToken=held["LifecycleActionToken"],
        )
        assert story.count() == {"InService": 2, "Removing": 1}
        assert story.after(60) == {"InService": 2}


@pytest.mark.parametrize("given", [{}, {"heartbeatTimeout": 600}])
def test_a_heartbeat_prolongs_and_a_timeout_lets_go(given: dict[str, int]) -> None:
    with story_of(*instances(3)) as story:
        hook = story.hook("SCALE_IN", HeartbeatTimeout=300)
        story.describe("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-0001"])
        story.after(299)
        (held,) = story.held()
        story.describe(
            "RecordLifecycleActionHeartbeat",
            lifecycleHookId=hook,
            lifecycleActionToken=held["LifecycleActionToken"],
            **given,
        )
        assert story.after(599) == {"InService": 2, "Removing:Wait": 1}
        assert story.after(1) == {"InService": 2, "Removing": 1}
        assert story.held()[0]["LifecycleActionStatus"] == "Timeout"


@pytest.mark.parametrize(
    ("result", "stays"), [("CONTINUE", False), ("ABANDON", False), ("ROLLBACK", True)]
)
def test_of_the_results_of_a_hook_only_rollback_keeps_an_instance(result: str, stays: bool) -> None:
    with story_of(*instances(3)) as story:
        hook = story.hook("SCALE_IN")
        story.hook("SCALE_IN", LifecycleHookName="other")
        story.describe("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-0001"])
        mine = next(one for one in story.held() if one["LifecycleHookId"] == hook)
        story.describe(
            "CompleteLifecycleAction",
            LifecycleHookId=hook,
            LifecycleActionToken=mine["LifecycleActionToken"],
            LifecycleActionResult=result,
        )
        waits = (
            result == "CONTINUE"
        )  # for the other hook; the first that does not continue ends it too
        assert ("Removing:Wait" in story.count()) == waits
        story.after(600)
        assert story.after(60) == {"InService": 3 if stays else 2}


def test_a_hook_that_is_let_go_without_a_result_has_its_default() -> None:
    with story_of(*instances(2)) as story:
        hook = story.hook("SCALE_IN", DefaultResult="ROLLBACK")
        story.describe("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-0001"])
        token = story.held()[0]["LifecycleActionToken"]
        named = {"LifecycleHookId": hook, "LifecycleActionToken": token}
        story.describe("CompleteLifecycleAction", **named)
        assert story.count() == {"InService": 2}


def test_hooks_are_described_across_groups_fifty_a_page() -> None:
    with story_of() as story:
        story.hook("SCALE_IN", LifecycleHookName="silent")
        reply = story.describe("DescribeLifecycleHooks")
        assert (reply["PageSize"], reply["TotalCount"]) == (50, 1)
        (hook,) = reply["LifecycleHooks"]
        assert hook["NotificationArn"].startswith("acs:ess:cn-hangzhou:")
        assert hook["NotificationArn"].endswith(":null/null")


def test_on_the_way_in_abandon_releases() -> None:
    with story_of(*instances(1), minSize=2, suspendedProcesses=["ScaleOut"]) as story:
        story.hook("SCALE_OUT", DefaultResult="ABANDON")
        story.describe("ResumeProcesses", ScalingGroupId="asg-1", Processes=["ScaleOut"])
        story.count()
        assert story.after(60) == {"InService": 1, "Pending:Wait": 1}
        story.after(600)
        assert story.activities()[-1]["StatusCode"] == "Failed"


def test_hooks_are_left_out_where_the_call_says_so() -> None:
    with story_of(*instances(3)) as story:
        story.hook("SCALE_IN")
        context = '{"DisableLifecycleHook": true}'
        story.describe(
            "RemoveInstances",
            ScalingGroupId="asg-1",
            InstanceIds=["i-0001"],
            LifecycleHookContext=context,
        )
        assert story.count() == {"InService": 2, "Removing": 1}


def test_an_unhealthy_instance_is_replaced_whatever_min_size_says() -> None:
    with story_of(*instances(2), minSize=2, healthCheckType="ECS") as story:
        story.describe("SetInstanceHealth", InstanceId="i-0001", HealthStatus="Unhealthy")
        assert story.after(300) == {"InService": 1, "Removing": 1}
        story.after(60)
        assert story.after(60) == {"InService": 2}
        assert "i-0001" not in story.cloud.states()


@pytest.mark.parametrize("keeps", ["Standby", "suspended"])
def test_health_checks_pass_over_instances_that_are_put_aside(keeps: str) -> None:
    with story_of(*instances(2), healthCheckType="ECS") as story:
        if keeps == "Standby":
            story.describe("EnterStandby", ScalingGroupId="asg-1", InstanceIds=["i-0001"])
        else:
            story.describe("SuspendProcesses", ScalingGroupId="asg-1", Processes=["HealthCheck"])
        story.describe("SetInstanceHealth", InstanceId="i-0001", HealthStatus="Unhealthy")
        story.after(HOUR)
        assert "i-0001" in story.cloud.states()


def test_an_alarm_runs_its_rule_and_cooldown_holds_the_next_one_back() -> None:
    metrics = {"CPUUtilization": [80.0] * 5 + [5.0]}
    with story_of(*instances(6, metrics=metrics), minSize=1) as story:
        rule = story.describe(
            "CreateScalingRule",
            ScalingGroupId="asg-1",
            AdjustmentType="QuantityChangeInCapacity",
            AdjustmentValue=-1,
            Cooldown=1_200,
        )
        story.describe(
            "CreateAlarm",
            ScalingGroupId="asg-1",
            Name="idle",
            MetricName="CpuUtilization",
            Period=60,
            Statistics="Average",
            ComparisonOperator="<=",
            Threshold=10,
            EvaluationCount=3,
            AlarmActions=[rule["ScalingRuleAri"]],
        )
        assert story.after(4 * MINUTE) == {"InService": 6}
        assert story.describe("DescribeAlarms", State="OK")["TotalCount"] == 1
        assert story.after(3 * MINUTE) == {"InService": 5, "Removing": 1}
        assert story.describe("DescribeAlarms", State="ALARM")["TotalCount"] == 1
        assert story.activities()[0]["TriggerSourceType"] == "Cms"
        assert story.after(15 * MINUTE) == {"InService": 5}
        assert story.after(10 * MINUTE)["InService"] == 4


def test_nothing_runs_beside_what_an_alarm_started() -> None:
    with story_of(
        *instances(6, metrics={"CPUUtilization": 5.0}), minSize=1, desiredCapacity=6
    ) as story:
        rule = story.describe(
            "CreateScalingRule",
            ScalingGroupId="asg-1",
            AdjustmentType="PercentChangeInCapacity",
            AdjustmentValue=-50,
        )
        story.describe(
            "CreateAlarm",
            ScalingGroupId="asg-1",
            MetricName="CpuUtilization",
            Period=60,
            ComparisonOperator="<",
            Threshold=10,
            EvaluationCount=1,
            AlarmActions=[rule["ScalingRuleAri"]],
        )
        assert story.after(60) == {"InService": 3, "Removing": 3}
        ask = {"ScalingGroupId": "asg-1", "InstanceIds": ["i-0006"]}
        assert story.refused("RemoveInstances", **ask) == (400, "ScalingActivityInProgress")


def test_a_scheduled_task_comes_every_day_until_its_end() -> None:
    with story_of(*instances(2)) as story:
        story.describe(
            "CreateScheduledTask",
            ScalingGroupId="asg-1",
            MinValue=4,
            LaunchTime="2026-11-23T18:00Z",
            RecurrenceType="Daily",
            RecurrenceValue="1",
            RecurrenceEndTime="2026-11-25T00:00Z",
        )
        assert story.after(5 * HOUR) == {"InService": 2}
        story.after(HOUR)
        assert story.after(60) == {"InService": 4}
        story.after(72 * HOUR)
        (task,) = story.describe("DescribeScheduledTasks")["ScheduledTasks"]
        assert (task["TaskEnabled"], task["LaunchTime"]) == (False, "2026-11-24T18:00Z")


@pytest.mark.parametrize(
    ("policies", "removed"),
    [(["OldestInstance"], ["i-0002", "i-0003"]), (["NewestInstance"], ["i-0005", "i-0006"])],
)
def test_ess_itself_goes_by_the_removal_policies_and_spares_the_protected(
    policies: list[str], removed: list[str]
) -> None:
    with story_of(*instances(6), removalPolicies=policies) as story:
        story.describe(
            "SetInstancesProtection",
            ScalingGroupId="asg-1",
            InstanceIds=["i-0001"],
            ProtectedFromScaleIn=True,
        )
        story.describe(
            "ScaleWithAdjustment",
            ScalingGroupId="asg-1",
            AdjustmentType="TotalCapacity",
            AdjustmentValue=4,
        )
        assert (
            sorted(id for id, state in story.cloud.states().items() if state == "Removing")
            == removed
        )


@pytest.mark.parametrize(
    ("zone_of_the_fullest", "policy"), [("cn-hangzhou-i", "BALANCE"), ("cn-hangzhou-h", "PRIORITY")]
)
def test_a_balanced_group_shrinks_in_its_fullest_zone(
    zone_of_the_fullest: str, policy: str
) -> None:
    members = [
        *instances(2, "h"),
        *instances(4, "i", zoneId="cn-hangzhou-i", createdTime="2026-06-01T00:00:00Z"),
    ]
    with story_of(*members, multiAZPolicy=policy) as story:
        story.describe(
            "ScaleWithAdjustment",
            ScalingGroupId="asg-1",
            AdjustmentType="TotalCapacity",
            AdjustmentValue=5,
        )
        (removing,) = [
            i for i in story.cloud.group.instances.values() if i.lifecycle_state == "Removing"
        ]
        assert removing.zone_id == zone_of_the_fullest


def test_in_economical_mode_stopped_instances_come_back_first() -> None:
    with story_of(*instances(3), minSize=1, scalingPolicy="recycle") as story:
        story.describe(
            "RemoveInstances",
            ScalingGroupId="asg-1",
            InstanceIds=["i-0002"],
            RemovePolicy="recycle",
        )
        assert story.after(60) == {"InService": 2, "Stopped": 1}
        story.describe(
            "ScaleWithAdjustment",
            ScalingGroupId="asg-1",
            AdjustmentType="TotalCapacity",
            AdjustmentValue=3,
        )
        assert story.after(60) == {"InService": 3}
        assert story.activities()[0]["StartedInstances"] == ["i-0002"]


def test_a_weighted_group_counts_weights() -> None:
    with story_of(minSize=0, lifecycleState="Inactive") as story:
        source = story.describe(
            "CreateScalingConfiguration",
            ScalingGroupId="asg-1",
            ImageId="img",
            InstanceTypeOverrides=[{"InstanceType": "ecs.g7.2xlarge", "WeightedCapacity": 4}],
        )
        ready = {"ActiveScalingConfigurationId": source["ScalingConfigurationId"]}
        story.describe("EnableScalingGroup", ScalingGroupId="asg-1", **ready)
        story.describe("ModifyScalingGroup", ScalingGroupId="asg-1", MinSize=6)
        story.count()
        assert story.after(60) == {"InService": 2}
        (found,) = story.describe("DescribeScalingGroups")["ScalingGroups"]
        assert (found["TotalCapacity"], found["TotalInstanceCount"], found["Weighted"]) == (
            8,
            2,
            True,
        )


def test_attached_and_detached_machines_keep_running() -> None:
    with story_of(*instances(1), minSize=1) as story:
        story.describe("AttachInstances", ScalingGroupId="asg-1", InstanceIds=["i-own"])
        assert story.after(60) == {"InService": 2}
        again = story.refused("AttachInstances", ScalingGroupId="asg-1", InstanceIds=["i-own"])
        assert again == (400, "InvalidInstanceId.InUse")
        story.describe("DetachInstances", ScalingGroupId="asg-1", InstanceIds=["i-own"])
        story.after(60)
        assert story.cloud.group.departed["i-own"].ecs_status == "Running"


def test_what_cannot_be_attached_is_skipped_where_the_call_says_so() -> None:
    with story_of(*instances(1)) as story:
        named = {"ScalingGroupId": "asg-1", "InstanceIds": ["i-0001", "i-own"]}
        assert story.refused("AttachInstances", **named) == (400, "InvalidInstanceId.InUse")
        ignoring = {"IgnoreInvalidInstance": True, "LoadBalancerWeights": [7, 8]}
        story.describe("AttachInstances", **named, **ignoring)
        assert story.after(60) == {"InService": 2}
        activity = story.activities()[0]
        assert (activity["StatusCode"], "i-0001" in activity["Detail"]) == ("Warning", True)
        assert story.cloud.group.instances["i-own"].load_balancer_weight == 8
        only = {"ScalingGroupId": "asg-1", "InstanceIds": ["i-0001"], **ignoring}
        assert story.refused("AttachInstances", **only) == (400, "InvalidInstanceId.InUse")


def test_a_stopped_instance_that_is_attached_starts_again() -> None:
    with story_of(*instances(2), scalingPolicy="recycle") as story:
        named = {"ScalingGroupId": "asg-1", "InstanceIds": ["i-0002"]}
        story.describe("RemoveInstances", **named, RemovePolicy="recycle")
        assert story.after(60) == {"InService": 1, "Stopped": 1}
        story.describe("AttachInstances", **named)
        assert story.after(60) == {"InService": 2}
        activity = story.activities()[0]
        assert activity["StartedInstances"] == ["i-0002"]
        assert 'from "1" to "2"' in activity["Cause"]
        assert story.cloud.group.instances["i-0002"].creation_type == "AutoCreated"


def test_receivers_get_the_notifications_that_they_subscribed_to() -> None:
    with story_of(*instances(3)) as story:
        arn = "acs:mns:cn-hangzhou:1:queue/notices"
        kinds = ["AUTOSCALING:SCALE_IN_SUCCESS"]
        story.describe(
            "CreateNotificationConfiguration",
            ScalingGroupId="asg-1",
            NotificationArn=arn,
            NotificationTypes=kinds,
        )
        id = story.describe("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-0001"])[
            "ScalingActivityId"
        ]
        story.after(60)
        (sent,) = story.cloud.inside.service.sent_messages
        content = sent["content"]
        assert (sent["to"], content["event"], content["scalingActivityId"]) == (arn, kinds[0], id)


def test_an_hour_of_hooks_and_alarms_passes_at_once() -> None:
    """Less than a second; here with a margin, for machines are slow at times."""
    with story_of(
        *instances(200, metrics={"CPUUtilization": 50.0}), healthCheckType="ECS"
    ) as story:
        story.hook("SCALE_IN", HeartbeatTimeout=3_000)
        rule = story.describe(
            "CreateScalingRule",
            ScalingGroupId="asg-1",
            AdjustmentType="TotalCapacity",
            AdjustmentValue=100,
        )
        story.describe(
            "CreateAlarm",
            ScalingGroupId="asg-1",
            MetricName="CpuUtilization",
            Period=60,
            Threshold=90,
            AlarmActions=[rule["ScalingRuleAri"]],
        )
        story.describe("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-0001"])
        began = time.process_time()
        assert story.after(HOUR) == {"InService": 199}
        assert time.process_time() - began < 5


def test_a_metric_series_has_a_value_a_minute_and_only_once_measured() -> None:
    with story_of(*instances(2, metrics={"CPUUtilization": [10, 20, 30, 40]})) as story:
        story.cloud.clock.advance(4 * MINUTE)
        points = datapoints(
            story.cloud,
            "DescribeMetricList",
            Period="60",
            StartTime=str(NOON.timestamp() * 1000)[:-2],
        )
        newest = datapoints(story.cloud, "DescribeMetricLast")

    mine = [point["Average"] for point in points if point["instanceId"] == "i-0001"]
    assert mine == [20, 30, 40]  # the value of this minute is not measured yet
    assert [point["Average"] for point in newest] == [40, 40]


@pytest.mark.parametrize("time", ["9" * 15, "9" * 20, "9" * 400, "²", "noon"])
def test_a_time_that_is_none_is_refused(time: str) -> None:
    with cloud_of(group(*instances(1))) as cloud, pytest.raises(ServerException) as refused:
        datapoints(cloud, "DescribeMetricList", EndTime=time)
    assert refused.value.get_error_code() == "InvalidParameter"


def datapoints(cloud: Cloud, action: str, **params: str) -> list[dict[str, Any]]:
    request = CommonRequest(domain=cloud.endpoint, version="2019-01-01", action_name=action)
    request.set_method("POST")
    parameters = {"Namespace": "acs_ecs_dashboard", "MetricName": "CPUUtilization", **params}
    for name, value in parameters.items():
        request.add_query_param(name, value)
    client = AcsClient(KEY.access_key_id, KEY.access_key_secret, "cn-hangzhou")
    return list(json.loads(json.loads(client.do_action_with_exception(request))["Datapoints"]))


@pytest.mark.parametrize(
    ("action", "params", "refusal"),
    [
        ("CreateScalingGroup", {"MinSize": 3, "MaxSize": 2}, (400, "InvalidParameter.Conflict")),
        ("CreateScalingGroup", {"MaxSize": 2}, (400, "MissingParameter")),
        ("CreateScalingGroup", {"MinSize": 0, "MaxSize": 2_001}, (400, "InvalidParameter")),
        (
            "CreateScalingGroup",
            {"MinSize": 0, "MaxSize": 1, "DesiredCapacity": 2},
            (400, "InvalidParameter"),
        ),
        (
            "CreateScalingGroup",
            {"MinSize": 0, "MaxSize": 1, "RemovalPolicies": ["OldestInstance", "CustomPolicy"]},
            (400, "InvalidParameter"),
        ),
        ("EnableScalingGroup", {"ScalingGroupId": "asg-1"}, (400, "IncorrectScalingGroupStatus")),
        ("DeleteScalingGroup", {"ScalingGroupId": "asg-1"}, (400, "InstanceInUse")),
        (
            "ExecuteScalingRule",
            {"ScalingRuleAri": "ari:x/asr-9"},
            (404, "InvalidScalingRuleAri.NotFound"),
        ),
        (
            "ScaleWithAdjustment",
            {"ScalingGroupId": "asg-1", "AdjustmentType": "TotalCapacity", "AdjustmentValue": 3},
            (400, "IncorrectCapacity.NoChange"),
        ),
        (
            "CreateLifecycleHook",
            {"ScalingGroupId": "asg-1", "LifecycleTransition": "UP"},
            (400, "InvalidParamter"),
        ),
        (
            "CompleteLifecycleAction",
            {"LifecycleHookId": "ash-9", "LifecycleActionToken": "x"},
            (400, "LifecycleHookIdAndLifecycleActionToken.Invalid"),
        ),
        (
            "SetInstanceHealth",
            {"InstanceId": "i-9", "HealthStatus": "Healthy"},
            (400, "InvalidInstanceId.NotFound"),
        ),
        (
            "ExitStandby",
            {"ScalingGroupId": "asg-1", "InstanceIds": ["i-0001"]},
            (400, "IncorrectInstanceStatus"),
        ),
        (
            "SuspendProcesses",
            {"ScalingGroupId": "asg-1", "Processes": ["Everything"]},
            (400, "InvalidParameter"),
        ),
        ("RebalanceInstances", {"ScalingGroupId": "asg-1"}, (400, "UnsupportedOperation")),
    ],
)
def test_what_is_wrong_is_refused_with_a_code(
    action: str, params: dict[str, Any], refusal: tuple[int, str]
) -> None:
    with story_of(*instances(3)) as story:
        assert story.refused(action, **params) == refusal
        assert story.count() == {"InService": 3}
