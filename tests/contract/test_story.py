"""One story, told by official clients of three kinds: the local cloud is the same to all of them."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.ess.model import Assumptions
from tests.support.clouds import Cloud, cloud_of
from tests.support.sdks import KINDS, Client, RefusedCall, client_of


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_is_made_filled_protected_shrunk_and_deleted(kind: str) -> None:
    with (
        cloud_of(assumptions=Assumptions(acts=True)) as cloud,
        client_of(kind, cloud.endpoint) as client,
    ):
        group_id = made(client)
        assert settled(cloud, client, group_id)["TotalCapacity"] == 1  # ESS created MinSize itself
        ask = {"ScalingGroupId": group_id}

        told(client, "AttachInstances", **ask, InstanceIds=["i-a", "i-b", "i-c"])
        assert settled(cloud, client, group_id)["ActiveCapacity"] == 4
        told(
            client, "SetInstancesProtection", **ask, InstanceIds=["i-a"], ProtectedFromScaleIn=True
        )
        assert states(client, group_id)["i-a"] == "Protected"

        id = told(client, "RemoveInstances", **ask, InstanceIds=["i-b"], ClientToken="t-1")[
            "ScalingActivityId"
        ]
        assert activity(client, id)["StatusCode"] == "InProgress"
        assert states(client, group_id)["i-b"] == "Removing"
        again = client.call("RemoveInstances", **ask, InstanceIds=["i-c"])
        assert again == RefusedCall(400, "ScalingActivityInProgress")
        assert settled(cloud, client, group_id)["TotalCapacity"] == 3
        assert activity(client, id)["StatusCode"] == "Successful"

        everyone = list(states(client, group_id))
        too_many = client.call("RemoveInstances", **ask, InstanceIds=everyone)
        assert too_many == RefusedCall(400, "IncorrectCapacity.MinSize")
        assert client.call(
            "RemoveInstances", ScalingGroupId="asg-9", InstanceIds=["i-1"]
        ) == RefusedCall(404, "InvalidScalingGroupId.NotFound")
        assert client.call("RemoveInstances", **ask, InstanceIds=["i-9"]) == RefusedCall(
            404, "InvalidInstanceId.NotFound"
        )

        told(client, "DisableScalingGroup", **ask)
        told(client, "DeleteScalingGroup", **ask, ForceDelete=True)
        assert (
            told(client, "DescribeScalingGroups", ScalingGroupIds=[group_id])["ScalingGroups"] == []
        )


@pytest.mark.parametrize("kind", KINDS)
def test_tags_hooks_rules_and_limits_read_alike(kind: str) -> None:
    with cloud_of() as cloud, client_of(kind, cloud.endpoint) as client:
        group_id = made(client, MinSize=0)
        ask = {"ScalingGroupId": group_id}
        told(
            client,
            "TagResources",
            ResourceType="scalinggroup",
            ResourceIds=[group_id],
            Tags=[{"Key": "team", "Value": "web", "Propagate": True}],
        )
        hook = told(
            client,
            "CreateLifecycleHook",
            **ask,
            LifecycleHookName="drain",
            LifecycleTransition="SCALE_IN",
            HeartbeatTimeout=30,
        )
        rule = told(
            client,
            "CreateScalingRule",
            **ask,
            AdjustmentType="QuantityChangeInCapacity",
            AdjustmentValue=1,
            Cooldown=0,
        )

        (tag,) = told(
            client, "ListTagResources", ResourceType="scalinggroup", ResourceIds=[group_id]
        )["TagResources"]
        assert (tag["TagKey"], tag["TagValue"], tag["ResourceId"]) == ("team", "web", group_id)
        (found,) = told(client, "DescribeLifecycleHooks", **ask)["LifecycleHooks"]
        assert (found["LifecycleHookId"], found["HeartbeatTimeout"]) == (
            hook["LifecycleHookId"],
            30,
        )
        (found,) = told(client, "DescribeScalingRules", **ask)["ScalingRules"]
        assert (found["ScalingRuleAri"], found["AdjustmentValue"]) == (rule["ScalingRuleAri"], 1)
        assert told(client, "ExecuteScalingRule", ScalingRuleAri=rule["ScalingRuleAri"])[
            "ScalingActivityId"
        ]
        assert told(client, "DescribeLimitation")["MaxNumberOfScalingGroups"] == 50
        assert told(client, "DescribeScalingGroups")["ScalingGroups"][0]["PendingCapacity"] == 1


def told(client: Client, action: str, **params: Any) -> dict[str, Any]:
    reply = client.call(action, **params)
    assert not isinstance(reply, RefusedCall), reply
    return reply


def made(client: Client, **params: Any) -> str:
    asked = {
        "MinSize": 1,
        "MaxSize": 10,
        "ScalingGroupName": "story",
        "RemovalPolicies": ["NewestInstance"],
        **params,
    }
    group_id: str = told(client, "CreateScalingGroup", **asked)["ScalingGroupId"]
    source = told(
        client,
        "CreateScalingConfiguration",
        ScalingGroupId=group_id,
        ImageId="aliyun_3_x64",
        InstanceType="ecs.g7.large",
        SecurityGroupId="sg-1",
    )
    ready = {"ActiveScalingConfigurationId": source["ScalingConfigurationId"]}
    told(client, "EnableScalingGroup", ScalingGroupId=group_id, **ready)
    return group_id


def settled(cloud: Cloud, client: Client, group_id: str) -> dict[str, Any]:
    """The group once what is under way is over."""
    told(client, "DescribeScalingGroups")
    cloud.clock.advance(60)
    (group,) = told(client, "DescribeScalingGroups", ScalingGroupIds=[group_id])["ScalingGroups"]
    return dict(group)


def states(client: Client, group_id: str) -> dict[str, str]:
    instances = told(client, "DescribeScalingInstances", ScalingGroupId=group_id)[
        "ScalingInstances"
    ]
    return {instance["InstanceId"]: instance["LifecycleState"] for instance in instances}


def activity(client: Client, id: str) -> dict[str, Any]:
    (found,) = told(client, "DescribeScalingActivities", ScalingActivityIds=[id])[
        "ScalingActivities"
    ]
    return dict(found)
