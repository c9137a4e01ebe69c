"""Fleet files that declare hooks, rules, alarms, configurations, tasks, receivers and tags."""

from __future__ import annotations

from typing import Any

import pytest
from aliyunsdkess.request.v20140828.DescribeAlarmsRequest import DescribeAlarmsRequest
from aliyunsdkess.request.v20140828.DescribeLifecycleHooksRequest import (
    DescribeLifecycleHooksRequest,
)
from aliyunsdkess.request.v20140828.DescribeNotificationConfigurationsRequest import (
    DescribeNotificationConfigurationsRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingConfigurationsRequest import (
    DescribeScalingConfigurationsRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingRulesRequest import DescribeScalingRulesRequest
from aliyunsdkess.request.v20140828.DescribeScheduledTasksRequest import (
    DescribeScheduledTasksRequest,
)
from aliyunsdkess.request.v20140828.ListTagResourcesRequest import ListTagResourcesRequest

from localcloud.ess.model import Assumptions
from localcloud.fleet import FleetError, service_of
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import cloud_of, group, instances

RULE = "ari:acs:ess:cn-hangzhou:1:scalingrule/asr-out"
QUEUE = "acs:mns:cn-hangzhou:1:queue/q"
DECLARED: dict[str, Any] = {
    "configurations": [
        {
            "id": "asc-1",
            "scalingConfigurationName": "small",
            "instanceTypes": ["ecs.g7.large", "ecs.g7.xlarge"],
            "imageId": "m-1",
            "systemDisk": {"category": "cloud_essd", "size": 40},
            "tags": {"team": "web"},
            "active": True,
        }
    ],
    "rules": [
        {
            "id": "asr-out",
            "scalingRuleName": "out",
            "adjustmentType": "QuantityChangeInCapacity",
            "adjustmentValue": 2,
            "cooldown": 0,
        }
    ],
    "hooks": [
        {
            "id": "ash-1",
            "lifecycleHookName": "drain",
            "lifecycleTransition": "SCALE_IN",
            "heartbeatTimeout": 60,
            "notificationArn": QUEUE,
        }
    ],
    "alarms": [
        {
            "id": "asg-alarm-1",
            "name": "busy",
            "metricName": "CpuUtilization",
            "threshold": 80,
            "comparisonOperator": ">=",
            "evaluationCount": 1,
            "period": 60,
            "rules": ["out"],
        }
    ],
    "scheduledTasks": [{"id": "sct-1", "launchTime": "2027-01-01T00:00Z", "rule": "asr-out"}],
    "notifications": [
        {"notificationArn": QUEUE, "notificationTypes": ["AUTOSCALING:SCALE_IN_SUCCESS"]}
    ],
    "tags": {"team": "web"},
}


def refusal(**declared: Any) -> str:
    with pytest.raises(FleetError) as caught:
        service_of({"groups": [group(**declared)]}, DrivenClock(NOON), Assumptions())
    return str(caught.value)


def test_what_the_file_declares_is_what_the_api_describes() -> None:
    with cloud_of(group(*instances(2), **DECLARED)) as cloud:
        requests = {
            "LifecycleHook": DescribeLifecycleHooksRequest(),
            "ScalingRule": DescribeScalingRulesRequest(),
            "Alarm": DescribeAlarmsRequest(),
            "ScalingConfiguration": DescribeScalingConfigurationsRequest(),
            "ScheduledTask": DescribeScheduledTasksRequest(),
        }
        listed = {}
        for name, request in requests.items():
            if hasattr(request, "set_ScalingGroupId") and name != "ScheduledTask":
                request.set_ScalingGroupId("asg-1")
            reply = cloud.send(request)
            [outer] = [value for value in reply.values() if isinstance(value, dict)]
            [[listed[name]]] = outer.values()

    assert listed["LifecycleHook"]["LifecycleHookId"] == "ash-1"
    assert listed["LifecycleHook"]["HeartbeatTimeout"] == 60
    assert listed["ScalingRule"]["ScalingRuleId"] == "asr-out"
    assert listed["Alarm"]["AlarmTaskId"] == "asg-alarm-1"
    assert listed["Alarm"]["AlarmActions"] == {"AlarmAction": [RULE]}
    configuration = listed["ScalingConfiguration"]
    assert configuration["ScalingConfigurationId"] == "asc-1"
    assert configuration["LifecycleState"] == "Active"
    assert configuration["InstanceTypes"]["InstanceType"] == ["ecs.g7.large", "ecs.g7.xlarge"]
    assert configuration["SystemDiskSize"] == 40
    assert configuration["Tags"] == {"Tag": [{"Key": "team", "Value": "web"}]}
    assert listed["ScheduledTask"]["ScheduledAction"] == RULE
    assert cloud.group.active_scaling_configuration_id == "asc-1"


def test_tags_and_receivers_are_described_too() -> None:
    with cloud_of(group(**DECLARED)) as cloud:
        tags = ListTagResourcesRequest()
        tags.set_ResourceType("scalinggroup")
        tags.set_ResourceIds(["asg-1"])
        receivers = DescribeNotificationConfigurationsRequest()
        receivers.set_ScalingGroupId("asg-1")

        [tag] = cloud.send(tags)["TagResources"]["TagResource"]
        assert (tag["TagKey"], tag["TagValue"]) == ("team", "web")
        described = cloud.send(receivers)["NotificationConfigurationModels"]
        [receiver] = described["NotificationConfigurationModel"]
        assert receiver["NotificationArn"] == QUEUE


def test_a_declared_alarm_runs_its_rule() -> None:
    busy = instances(2, metrics={"CPUUtilization": 95})
    assumptions = Assumptions(acts=True)
    alarm = {**DECLARED["alarms"][0], "metricName": "CPUUtilization"}
    declared = {**DECLARED, "alarms": [alarm]}
    with cloud_of(group(*busy, **declared), assumptions=assumptions) as cloud:
        for _ in range(5):
            cloud.clock.advance(60)
            cloud.inside.advance()

        assert len(cloud.group.instances) > 2


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"hooks": [{"lifecycleTransition": "UP"}]}, "asg-1.hooks[0]: Invalid"),
        ({"hooks": [{}]}, "MissingParameter"),
        ({"hooks": [{"heartbeat": 1}]}, "'heartbeat' is unknown; known: "),
        ({"alarms": [{"metricName": "m", "rules": ["x"]}]}, "there is no rule x"),
        ({"rules": [{"id": "r"}] * 2}, "asg-1.rules[0]"),
        ({"tags": {"a": 1}}, "1 is not of type 'string'"),
    ],
)
def test_what_the_api_would_refuse_is_named(declared: dict[str, Any], expected: str) -> None:
    assert expected in refusal(**declared)


def test_an_id_that_is_in_the_file_twice_is_named() -> None:
    rule = {**DECLARED["rules"][0], "scalingRuleName": "other"}

    assert "asr-out is in the file twice" in refusal(rules=[*DECLARED["rules"], rule])
