"""ECS DescribeInstances and ListTagResources, through the official SDK's general client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException

import localcloud
from localcloud.handle import Handle
from tests.contract.test_roles import call, ess
from tests.support.clouds import group, instances

KEY = ("localcloud", "localcloud-secret")
CONFIGURATION = {"id": "asc-1", "instanceType": "ecs.g7.large", "imageId": "m", "tags": {"a": "1"}}


@pytest.fixture
def cloud() -> Iterator[Handle]:
    first = group(*instances(12, tags={"team": "web"}), configurations=[CONFIGURATION])
    other = group(*instances(2, "j"), scalingGroupId="asg-2")
    with localcloud.mocked({"groups": [first, other]}, acts=False) as made:
        yield made


def described(**params: Any) -> dict[str, Any]:
    return call(KEY, "ecs.aliyuncs.com", "2014-05-26", "DescribeInstances", **params)


def ids_of(reply: dict[str, Any]) -> list[str]:
    return [item["InstanceId"] for item in reply["Instances"]["Instance"]]


def test_pages_have_every_instance_once(cloud: Handle) -> None:
    by_number = [described(PageNumber=str(n), PageSize="5") for n in (1, 2, 3)]
    by_token, token = [], ""
    while True:
        params = {"NextToken": token} if token else {}
        by_token.append(described(MaxResults="6", **params))
        token = by_token[-1]["NextToken"]
        if not token:
            break

    for pages, sizes in ((by_number, [5, 5, 4]), (by_token, [6, 6, 2])):
        assert [len(ids_of(page)) for page in pages] == sizes
        everything = sorted(id for page in pages for id in ids_of(page))
        assert everything == [f"i-{n:04}" for n in range(1, 13)] + ["j-0001", "j-0002"]
        assert {page["TotalCount"] for page in pages} == {14}


def test_an_instance_has_the_tags_of_its_configuration_its_own_and_its_group_s(
    cloud: Handle,
) -> None:
    [item] = described(InstanceIds=json.dumps(["i-0003"]))["Instances"]["Instance"]

    assert {tag["TagKey"]: tag["TagValue"] for tag in item["Tags"]["Tag"]} == {
        "a": "1",
        "team": "web",
        "acs:autoscaling:scalingGroupId": "asg-1",
    }
    assert (item["Status"], item["RegionId"]) == ("Running", "cn-hangzhou")
    [address] = item["VpcAttributes"]["PrivateIpAddress"]["IpAddress"]
    scaling = ess(KEY, "DescribeScalingInstances", ScalingGroupId="asg-1", InstanceId_1="i-0003")
    assert address == scaling["ScalingInstances"]["ScalingInstance"][0]["PrivateIpAddress"]


def test_instances_are_found_by_their_tags(cloud: Handle) -> None:
    group_tag = {"Tag_1_Key": "acs:autoscaling:scalingGroupId", "Tag_1_Value": "asg-2"}

    assert sorted(ids_of(described(**group_tag))) == ["j-0001", "j-0002"]
    assert described(**group_tag, Tag_2_Key="team")["TotalCount"] == 0
    assert described(Tag_1_Key="team")["TotalCount"] == 12
    tags = call(
        KEY,
        "ecs.aliyuncs.com",
        "2014-05-26",
        "ListTagResources",
        ResourceType="instance",
        ResourceId_1="j-0001",
    )["TagResources"]["TagResource"]
    assert {tag["ResourceId"] for tag in tags} == {"j-0001"}
    assert {tag["TagKey"]: tag["TagValue"] for tag in tags} == {
        "a": "1",
        "acs:autoscaling:scalingGroupId": "asg-2",
    }


def test_a_released_instance_is_gone_and_a_detached_one_runs_without_its_group(
    cloud: Handle,
) -> None:
    ess(KEY, "RemoveInstances", ScalingGroupId="asg-2", InstanceId_1="j-0001")
    cloud.advance(61)
    ess(KEY, "DetachInstances", ScalingGroupId="asg-2", InstanceId_1="j-0002")
    cloud.advance(61)

    assert ids_of(described(InstanceIds=json.dumps(["j-0001"]))) == []
    [item] = described(InstanceIds=json.dumps(["j-0002"]))["Instances"]["Instance"]
    keys = [tag["TagKey"] for tag in item["Tags"]["Tag"]]
    assert (item["Status"], "acs:autoscaling:scalingGroupId" in keys) == ("Running", False)


@pytest.mark.parametrize("ids", ["x", "{}", json.dumps(["i"] * 101)])
def test_ids_that_are_no_list_of_up_to_100_are_refused(cloud: Handle, ids: str) -> None:
    with pytest.raises(ServerException) as caught:
        described(InstanceIds=ids)

    assert caught.value.get_error_code() == "InvalidParameter"
