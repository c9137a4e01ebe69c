"""What the local ESS does and refuses, as the official SDK sees it."""

from __future__ import annotations

from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import (
    DescribeScalingActivitiesRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingActivityDetailRequest import (
    DescribeScalingActivityDetailRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
    DescribeScalingInstancesRequest,
)
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

from localcloud.ess.model import Assumptions
from tests.support.clouds import Cloud, cloud_of, group, instances


def remove(cloud: Cloud, *ids: str, group_id: str = "asg-1", **params: Any) -> dict[str, Any]:
    request = RemoveInstancesRequest()
    request.set_ScalingGroupId(group_id)
    request.set_InstanceIds(list(ids))
    for name, value in params.items():
        request.add_query_param(name, value)
    return cloud.send(request)


def refused(cloud: Cloud, *ids: str, **params: Any) -> tuple[int, str]:
    with pytest.raises(ServerException) as caught:
        remove(cloud, *ids, **params)
    return caught.value.get_http_status(), caught.value.get_error_code()


def activity(cloud: Cloud, activity_id: str) -> dict[str, Any]:
    request = DescribeScalingActivitiesRequest()
    request.set_ScalingActivityIds([activity_id])
    (found,) = cloud.send(request)["ScalingActivities"]["ScalingActivity"]
    return dict(found)


def described(cloud: Cloud) -> dict[str, Any]:
    (found,) = cloud.send(DescribeScalingGroupsRequest())["ScalingGroups"]["ScalingGroup"]
    return dict(found)


def test_accepted_is_not_done_and_the_activity_says_when_it_is() -> None:
    with cloud_of(group(*instances(3)), activitySeconds=60) as cloud:
        id = remove(cloud, "i-0001")["ScalingActivityId"]

        assert activity(cloud, id)["StatusCode"] == "InProgress"
        assert cloud.states()["i-0001"] == "Removing"
        assert described(cloud)["TotalCapacity"] == 3  # it counts until it has gone
        cloud.clock.advance(60)
        done = activity(cloud, id)
        assert (done["StatusCode"], done["Progress"]) == ("Successful", 100)
        assert done["DestroyedInstances"] == {"DestroyedInstance": ["i-0001"]}
        assert described(cloud)["TotalCapacity"] == 2
        detail = DescribeScalingActivityDetailRequest()
        detail.set_ScalingActivityId(id)
        assert "i-0001" in cloud.send(detail)["Detail"]


def test_what_becomes_of_an_instance_depends_on_where_it_came_from() -> None:
    members = [
        *instances(1, "i-auto"),
        *instances(1, "i-entrusted", creationType="Attached", entrusted=True),
        *instances(1, "i-own", creationType="Attached", entrusted=False),
    ]
    with cloud_of(group(*members), activitySeconds=1) as cloud:
        remove(cloud, "i-auto-0001", "i-entrusted-0001", "i-own-0001")
        cloud.clock.advance(1)

        assert cloud.states() == {}
        assert {id: left.ecs_status for id, left in cloud.group.departed.items()} == {
            "i-auto-0001": "Released",
            "i-entrusted-0001": "Released",
            "i-own-0001": "Running",  # it only leaves the group, and keeps billing
        }


@pytest.mark.parametrize(
    ("group_policy", "call_policy", "stays"),
    [
        ("recycle", "recycle", True),
        ("recycle", "release", False),
        ("release", "recycle", False),
        ("release", "release", False),
    ],
)
def test_an_instance_is_recycled_only_if_group_and_call_both_say_so(
    group_policy: str, call_policy: str, stays: bool
) -> None:
    with cloud_of(group(*instances(2), scalingPolicy=group_policy), activitySeconds=1) as cloud:
        remove(cloud, "i-0001", RemovePolicy=call_policy)
        cloud.clock.advance(1)

        assert cloud.states().get("i-0001") == ("Stopped" if stays else None)
        assert described(cloud)["StoppedCapacity"] == int(stays)


@pytest.mark.parametrize(
    ("group_policy", "call_policy"), [("recycle", "recycle"), ("release", "release")]
)
def test_recycling_from_a_group_that_releases_can_be_made_an_error(
    group_policy: str, call_policy: str
) -> None:
    """The documentation says both: an assumption. What group and call agree on is no error."""
    strict = Assumptions(recycle_on_release_group_is_an_error=True)
    with cloud_of(group(*instances(2), scalingPolicy=group_policy), assumptions=strict) as cloud:
        assert remove(cloud, "i-0001", RemovePolicy=call_policy)
    with cloud_of(group(*instances(2)), assumptions=strict) as cloud:
        assert refused(cloud, "i-0001", RemovePolicy="recycle") == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("fields", "ids", "params", "refusal"),
    [
        ({}, ["i-0001"], {"group_id": "asg-9"}, (404, "InvalidScalingGroupId.NotFound")),
        ({}, ["i-0001", "i-9"], {}, (404, "InvalidInstanceId.NotFound")),
        ({}, [], {}, (400, "MissingParameter")),
        ({}, ["i-0001", "i-0001"], {}, (400, "InvalidParameter")),
        ({}, [f"i-{n:04}" for n in range(1, 22)], {}, (400, "InvalidParameter")),
        ({}, ["i-0001"], {"RemovePolicy": "shred"}, (400, "InvalidParameter")),
        ({}, ["i-0001"], {"StopInstanceTimeout": 20}, (400, "InvalidParameter")),
        ({}, ["i-0001"], {"DecreaseDesiredCapacity": "maybe"}, (400, "InvalidParameter")),
        ({}, ["i-0001"], {"ClientToken": "x" * 65}, (400, "InvalidParameter")),
        ({}, ["i-0001"], {"LifecycleHookContext": "[]"}, (400, "InvalidParameter")),
        ({"lifecycleState": "Inactive"}, ["i-0001"], {}, (400, "IncorrectScalingGroupStatus")),
        ({"suspendedProcesses": ["ScaleIn"]}, ["i-0001"], {}, (400, "IncorrectScalingGroupStatus")),
        ({"serviceRoleOk": False}, ["i-0001"], {}, (403, "Forbidden.Unauthorized")),
        ({"loadBalancerOk": False}, ["i-0001"], {}, (400, "IncorrectLoadBalancerStatus")),
        ({"dbInstanceNotOk": "rm-1"}, ["i-0001"], {}, (400, "IncorrectDBInstanceStatus")),
        ({"minSize": 25}, ["i-0001"], {}, (400, "IncorrectCapacity.MinSize")),
        ({"minSize": 24}, ["i-0001", "i-0002"], {}, (400, "IncorrectCapacity.MinSize")),
    ],
)
def test_what_ess_refuses_it_refuses_whole(
    fields: dict[str, Any], ids: list[str], params: dict[str, Any], refusal: tuple[int, str]
) -> None:
    with cloud_of(group(*instances(25), **fields)) as cloud:
        assert refused(cloud, *ids, **params) == refusal
        assert set(cloud.states().values()) == {"InService"}
        assert cloud.inside.service.activities == {}


@pytest.mark.parametrize("state", ["Pending", "Pending:Wait", "Removing", "Removing:Wait"])
def test_an_instance_on_its_way_in_or_out_is_not_removable(state: str) -> None:
    with cloud_of(group(*instances(1, lifecycleState=state))) as cloud:
        assert refused(cloud, "i-0001") == (400, "IncorrectInstanceStatus")


@pytest.mark.parametrize("state", ["InService", "Protected", "Standby", "Stopped"])
def test_protection_does_not_hold_against_a_removal_by_id(state: str) -> None:
    with cloud_of(group(*instances(1, lifecycleState=state))) as cloud:
        assert remove(cloud, "i-0001")["ScalingActivityId"].startswith("asa-")


def test_checks_come_in_their_order() -> None:
    """Group state before activities, activities before instances, instances before MinSize."""
    running = [{"scalingGroupId": "asg-1", "seconds": 60}]
    with cloud_of(group(minSize=9, lifecycleState="Inactive"), activities=running) as cloud:
        assert refused(cloud, "i-9")[1] == "IncorrectScalingGroupStatus"
        cloud.group.lifecycle_state = "Active"
        assert refused(cloud, "i-9")[1] == "ScalingActivityInProgress"
        cloud.clock.advance(60)
        assert refused(cloud, "i-9")[1] == "InvalidInstanceId.NotFound"


def test_a_weighted_group_s_min_size_is_in_weights() -> None:
    members = instances(3, weightedCapacity=4)
    with cloud_of(group(*members, weighted=True, minSize=5)) as cloud:
        assert refused(cloud, "i-0001", "i-0002") == (400, "IncorrectCapacity.MinSize")
        assert remove(cloud, "i-0001")


def test_without_desired_capacity_one_activity_runs_at_a_time() -> None:
    with cloud_of(group(*instances(3)), activitySeconds=60) as cloud:
        remove(cloud, "i-0001")

        assert refused(cloud, "i-0002") == (400, "ScalingActivityInProgress")
        cloud.clock.advance(60)
        assert remove(cloud, "i-0002")


def test_with_desired_capacity_removals_run_side_by_side() -> None:
    with cloud_of(group(*instances(3), desiredCapacity=3)) as cloud:
        remove(cloud, "i-0001")
        remove(cloud, "i-0002")

        assert described(cloud)["DesiredCapacity"] == 1


def test_a_rule_run_by_an_alarm_lets_nothing_start_beside_it() -> None:
    running = [{"scalingGroupId": "asg-1", "seconds": 60, "parallel": False}]
    with cloud_of(group(*instances(3), desiredCapacity=3), activities=running) as cloud:
        assert refused(cloud, "i-0001") == (400, "ScalingActivityInProgress")


def test_desired_capacity_falls_unless_the_call_says_otherwise() -> None:
    with cloud_of(group(*instances(3), desiredCapacity=3)) as cloud:
        remove(cloud, "i-0001", DecreaseDesiredCapacity=False)

        assert described(cloud)["DesiredCapacity"] == 3


def test_the_same_token_with_the_same_parameters_has_the_same_answer() -> None:
    with cloud_of(group(*instances(3)), activitySeconds=60) as cloud:
        first = remove(cloud, "i-0001", ClientToken="t-1")
        again = remove(cloud, "i-0001", ClientToken="t-1")

        assert again["ScalingActivityId"] == first["ScalingActivityId"]
        assert again["RequestId"] != first["RequestId"]
        assert list(cloud.states().values()).count("Removing") == 1


def test_the_same_token_with_other_parameters_is_a_mismatch() -> None:
    with cloud_of(group(*instances(3), desiredCapacity=3)) as cloud:
        remove(cloud, "i-0001", ClientToken="t-1")

        assert refused(cloud, "i-0002", ClientToken="t-1") == (400, "IdempotentParameterMismatch")


@pytest.mark.parametrize("burns", [True, False])
def test_whether_a_refused_call_burns_its_token_is_a_knob(burns: bool) -> None:
    with cloud_of(
        group(*instances(2)), assumptions=Assumptions(refused_calls_burn_their_token=burns)
    ) as cloud:
        refused(cloud, "i-9", ClientToken="t-1")
        if burns:
            assert refused(cloud, "i-0001", ClientToken="t-1") == (
                400,
                "IdempotentParameterMismatch",
            )
        else:
            assert remove(cloud, "i-0001", ClientToken="t-1")


def test_invalid_instances_can_be_ignored_and_end_in_a_warning() -> None:
    with cloud_of(group(*instances(2)), activitySeconds=1) as cloud:
        reply = remove(cloud, "i-0001", "i-9", IgnoreInvalidInstance=True)
        cloud.clock.advance(1)

        assert [i["InstanceId"] for i in reply["IgnoredInstances"]["IgnoredInstance"]] == ["i-9"]
        ended = activity(cloud, reply["ScalingActivityId"])
        assert (ended["StatusCode"], ended["DestroyedCapacity"]) == ("Warning", 1)
        assert ended["ErrorMessages"]["ErrorMessages"][0]["FailedInstanceIds"] == {
            "FailedInstanceIds": ["i-9"]
        }


def test_a_pending_instance_goes_in_service_after_a_while() -> None:
    pending = instances(1, lifecycleState="Pending", inServiceAfterSeconds=30)
    with cloud_of(group(*pending)) as cloud:
        assert described(cloud)["PendingCapacity"] == 1
        cloud.clock.advance(30)
        assert described(cloud)["ActiveCapacity"] == 1


def test_instances_come_in_pages_of_a_hundred_at_most() -> None:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_PageSize(100)
    request.set_PageNumber(3)
    with cloud_of(group(*instances(250))) as cloud:
        reply = cloud.send(request)
        request.set_PageSize(101)
        with pytest.raises(ServerException):
            cloud.send(request)

    assert (len(reply["ScalingInstances"]["ScalingInstance"]), reply["TotalCount"]) == (50, 250)


def test_instances_can_be_filtered_by_state_and_id() -> None:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_LifecycleState("Standby")
    with cloud_of(group(*instances(2), *instances(1, "s", lifecycleState="Standby"))) as cloud:
        found = cloud.send(request)["ScalingInstances"]["ScalingInstance"]
        by_id = DescribeScalingInstancesRequest()
        by_id.set_InstanceIds(["i-0002", "i-9"])
        named = cloud.send(by_id)["ScalingInstances"]["ScalingInstance"]

    assert [instance["InstanceId"] for instance in found] == ["s-0001"]
    assert [instance["InstanceId"] for instance in named] == ["i-0002"]  # an unknown id is left out


def test_an_unknown_group_is_left_out_of_the_list() -> None:
    request = DescribeScalingGroupsRequest()
    request.set_ScalingGroupIds(["asg-9"])
    with cloud_of(group()) as cloud:
        assert cloud.send(request)["ScalingGroups"] == {"ScalingGroup": []}


def test_activities_are_read_by_group_or_by_id_and_remain_thirty_days() -> None:
    by_group = DescribeScalingActivitiesRequest()
    by_group.set_ScalingGroupId("asg-1")
    with cloud_of(group(*instances(2))) as cloud:
        remove(cloud, "i-0001")
        assert cloud.send(by_group)["TotalCount"] == 1
        cloud.clock.advance(31 * 86_400)
        assert cloud.send(by_group)["TotalCount"] == 0
        with pytest.raises(ServerException, match="MissingParameter"):
            cloud.send(DescribeScalingActivitiesRequest())
        with pytest.raises(ServerException, match="InvalidParameter"):
            cloud.send(DescribeScalingActivityDetailRequest())
