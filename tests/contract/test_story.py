"""One story, by official clients of three kinds: the local cloud is the same to all of them."""

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

        reply_to(client, "AttachInstances", **ask, InstanceIds=["i-a", "i-b", "i-c"])
        assert settled(cloud, client, group_id)["ActiveCapacity"] == 4
        reply_to(
            client, "SetInstancesProtection", **ask, InstanceIds=["i-a"], ProtectedFromScaleIn=True
        )
        assert states(client, group_id)["i-a"] == "Protected"

        id = reply_to(client, "RemoveInstances", **ask, InstanceIds=["i-b"], ClientToken="t-1")[
            "ScalingActivityId"
        ]
        assert activity(client, id)["StatusCode"] == "InProgress"
        assert states(client, group_id)["i-b"] == "Removing"
        again = client.call("RemoveInstances", **ask, InstanceIds=["i-c"])
        assert again == RefusedCall(400, "ScalingActivityInProgress")
        assert settled(cloud, client, group_id)["TotalCapacity"] == 3
        assert activity(client, id)["StatusCode"] == "Successful"

        all_ids = list(states(client, group_id))
        too_many = client.call("RemoveInstances", **ask, InstanceIds=all_ids)
        assert too_many == RefusedCall(400, "IncorrectCapacity.MinSize")
        assert client.call(
            "RemoveInstances", ScalingGroupId="asg-9", InstanceIds=["i-1"]
        ) == RefusedCall(404, "InvalidScalingGroupId.NotFound")
        assert client.call("RemoveInstances", **ask, InstanceIds=["i-9"]) == RefusedCall(
            404, "InvalidInstanceId.NotFound"
        )

        reply_to(client, "DisableScalingGroup", **ask)
        reply_to(client, "DeleteScalingGroup", **ask, ForceDelete=True)
        assert (
            reply_to(client, "DescribeScalingGroups", ScalingGroupIds=[group_id])["ScalingGroups"]
            == []
        )


@pytest.mark.parametrize("kind", KINDS)
def test_tags_hooks_rules_and_limits_read_alike(kind: str) -> None:
    with cloud_of() as cloud, client_of(kind, cloud.endpoint) as client:
        group_id = made(client, MinSize=0)
        ask = {"ScalingGroupId": group_id}
        reply_to(
            client,
            "TagResources",
            ResourceType="scalinggroup",
            ResourceIds=[group_id],
            Tags=[{"Key": "team", "Value": "web", "Propagate": True}],
        )
        hook = reply_to(
            client,
            "CreateLifecycleHook",
            **ask,
            LifecycleHookName="drain",
            LifecycleTransition="SCALE_IN",
            HeartbeatTimeout=30,
        )
        rule = reply_to(
            client,
            "CreateScalingRule",
            **ask,
            AdjustmentType="QuantityChangeInCapacity",
            AdjustmentValue=1,
            Cooldown=0,
        )

        (tag,) = reply_to(
            client, "ListTagResources", ResourceType="scalinggroup", ResourceIds=[group_id]
        )["TagResources"]
        assert (tag["TagKey"], tag["TagValue"], tag["ResourceId"]) == ("team", "web", group_id)
        (found,) = reply_to(client, "DescribeLifecycleHooks", **ask)["LifecycleHooks"]
        assert (found["LifecycleHookId"], found["HeartbeatTimeout"]) == (
            hook["LifecycleHookId"],
            30,
        )
        (found,) = reply_to(client, "DescribeScalingRules", **ask)["ScalingRules"]
        assert (found["ScalingRuleAri"], found["AdjustmentValue"]) == (rule["ScalingRuleAri"], 1)
        assert reply_to(client, "ExecuteScalingRule", ScalingRuleAri=rule["ScalingRuleAri"])[
            "ScalingActivityId"
        ]
        assert reply_to(client, "DescribeLimitation")["MaxNumberOfScalingGroups"] == 50
        assert reply_to(client, "DescribeScalingGroups")["ScalingGroups"][0]["PendingCapacity"] == 1


def reply_to(client: Client, action: str, **params: Any) -> dict[str, Any]:
    reply = client.call(action, **params)
    assert not isinstance(reply, RefusedCall), reply
    return reply


def made(client: Client, **params: Any) -> str:
    parameters = {
        "MinSize": 1,
        "MaxSize": 10,
        "ScalingGroupName": "story",
        "RemovalPolicies": ["NewestInstance"],
        **params,
    }
    group_id: str = reply_to(client, "CreateScalingGroup", **parameters)["ScalingGroupId"]
    source = reply_to(
        client,
        "CreateScalingConfiguration",
        ScalingGroupId=group_id,
        ImageId="aliyun_3_x64",
        InstanceType="ecs.g7.large",
        SecurityGroupId="sg-1",
    )
    ready = {"ActiveScalingConfigurationId": source["ScalingConfigurationId"]}
    reply_to(client, "EnableScalingGroup", ScalingGroupId=group_id, **ready)
    return group_id


def settled(cloud: Cloud, client: Client, group_id: str) -> dict[str, Any]:
    """The group once what is under way is over."""
    reply_to(client, "DescribeScalingGroups")
    cloud.clock.advance(60)
    (group,) = reply_to(client, "DescribeScalingGroups", ScalingGroupIds=[group_id])[
        "ScalingGroups"
    ]
    return dict(group)


def states(client: Client, group_id: str) -> dict[str, str]:
    instances = reply_to(client, "DescribeScalingInstances", ScalingGroupId=group_id)[
        "ScalingInstances"
    ]
    return {instance["InstanceId"]: instance["LifecycleState"] for instance in instances}


def activity(client: Client, id: str) -> dict[str, Any]:
    (found,) = reply_to(client, "DescribeScalingActivities", ScalingActivityIds=[id])[
        "ScalingActivities"
    ]
    return dict(found)
