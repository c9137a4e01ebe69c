"""RegionId and the key say whose groups a call is about; the official SDKs send both."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest, RpcRequest
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import (
    DescribeScalingGroupsRequest,
)
from aliyunsdkess.request.v20140828.DetachInstancesRequest import DetachInstancesRequest
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

from localcloud.ess.model import Assumptions
from localcloud.fleet import (
    FleetError,
    add_keys,
    read_document,
    save_fleet,
    service_of,
    services_elsewhere,
)
from scalein_cli.local import local_cloud
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY

OTHER = {"accountId": "2", "accessKeyId": "other", "accessKeySecret": "other-secret"}
FLEET: dict[str, Any] = {
    "groups": [group(*instances(2))],
    "accounts": [OTHER],
    "regions": [
        {"regionId": "cn-beijing", "groups": [group(*instances(3, "b"))]},
        {"accountId": "2", "groups": [group(*instances(4, "c"), scalingGroupId="asg-2")]},
        {"regionId": "my-region", "groups": [group()]},
    ],
}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_of(*FLEET["groups"], **{k: v for k, v in FLEET.items() if k != "groups"}) as made:
        inside = made.inside
        inside.elsewhere = services_elsewhere(FLEET, inside.service)
        add_keys(FLEET, inside.authenticator)
        yield made


class Endpoint(NamedTuple):
    """Of a local cloud that is a process of its own."""

    endpoint: str


def send(
    cloud: Cloud | Endpoint,
    request: RpcRequest,
    region_id: str,
    key: str = KEY.access_key_id,
    secret: str = KEY.access_key_secret,
) -> dict[str, Any]:
    client = AcsClient(key, secret, region_id, auto_retry=False)
    request.set_endpoint(cloud.endpoint)
    return dict(json.loads(client.do_action_with_exception(request)))


def sizes(reply: dict[str, Any]) -> dict[str, int]:
    listed = reply["ScalingGroups"]["ScalingGroup"]
    return {item["ScalingGroupId"]: item["TotalCapacity"] for item in listed}


@pytest.mark.parametrize(
    ("region_id", "key", "expected"),
    [
        ("cn-hangzhou", (), {"asg-1": 2}),
        ("cn-beijing", (), {"asg-1": 3}),
        ("cn-shanghai", (), {}),
        ("my-region", (), {"asg-1": 0}),
        ("cn-hangzhou", ("other", "other-secret"), {"asg-2": 4}),
        ("cn-beijing", ("other", "other-secret"), {}),
    ],
)
def test_a_list_has_the_groups_of_its_region_and_account(
    cloud: Cloud, region_id: str, key: tuple[str, ...], expected: dict[str, int]
) -> None:
    reply = send(cloud, DescribeScalingGroupsRequest(), region_id, *key)

    assert sizes(reply) == expected
    assert {item["RegionId"] for item in reply["ScalingGroups"]["ScalingGroup"]} <= {region_id}


@pytest.mark.parametrize("region_id", ["cn-shanghai", "cn-beijing"])
def test_a_removal_in_another_region_does_not_find_the_group_s_instances(
    cloud: Cloud, region_id: str
) -> None:
    request = RemoveInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_InstanceIds(["i-0001"])
    with pytest.raises(ServerException) as refused:
        send(cloud, request, region_id)

    lacks = "InvalidInstanceId" if region_id == "cn-beijing" else "InvalidScalingGroupId"
    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (
        404,
        f"{lacks}.NotFound",
    )
    assert cloud.states() == {"i-0001": "InService", "i-0002": "InService"}


def test_a_region_that_does_not_exist_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ServerException) as refused:
        send(cloud, DescribeScalingGroupsRequest(), "cn-atlantis")

    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (
        404,
        "InvalidRegionId.NotFound",
    )
    assert "specified region does not exist" in refused.value.get_error_msg()


def test_another_account_s_key_needs_its_own_secret(cloud: Cloud) -> None:
    with pytest.raises(ServerException) as refused:
        send(cloud, DescribeScalingGroupsRequest(), "cn-hangzhou", "other", KEY.access_key_secret)

    # how the SDK names SignatureDoesNotMatch where both sides signed the same text
    assert refused.value.get_error_code() == "InvalidAccessKeySecret"


def test_the_same_token_in_two_regions_is_two_calls(cloud: Cloud) -> None:
    def remove(region_id: str, instance_id: str) -> str:
        request = RemoveInstancesRequest()
        request.set_ScalingGroupId("asg-1")
        request.set_InstanceIds([instance_id])
        request.set_ClientToken("token")
        return str(send(cloud, request, region_id)["ScalingActivityId"])

    assert remove("cn-hangzhou", "i-0001") != remove("cn-beijing", "b-0001")


def test_activities_end_in_every_region(cloud: Cloud) -> None:
    request = RemoveInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_InstanceIds(["b-0001"])
    send(cloud, request, "cn-beijing")
    cloud.clock.advance(61)
    cloud.inside.advance()

    beijing = cloud.inside.service_at("1", "cn-beijing")
    assert sorted(beijing.groups["asg-1"].instances) == ["b-0002", "b-0003"]


def test_reads_lag_in_each_region_by_its_own_past(cloud: Cloud) -> None:
    cloud.inside.lag.lists = 30
    for region_id in ("cn-hangzhou", "cn-beijing"):
        send(cloud, DescribeScalingGroupsRequest(), region_id)
    cloud.clock.advance(1)
    del cloud.inside.service_at("1", "cn-beijing").groups["asg-1"].instances["b-0001"]
    cloud.clock.advance(1)

    seen = {
        region_id: sizes(send(cloud, DescribeScalingGroupsRequest(), region_id))
        for region_id in ("cn-hangzhou", "cn-beijing")
    }
    assert seen == {"cn-hangzhou": {"asg-1": 2}, "cn-beijing": {"asg-1": 3}}
    cloud.clock.advance(31)
    late = sizes(send(cloud, DescribeScalingGroupsRequest(), "cn-beijing"))
    assert late == {"asg-1": 2}


def test_metrics_belong_to_their_region(cloud: Cloud) -> None:
    beijing = cloud.inside.service_at("1", "cn-beijing")
    beijing.groups["asg-1"].instances["b-0001"].metrics = {"CPUUtilization": 7}
    points = {}
    for region_id in ("cn-hangzhou", "cn-beijing"):
        request = CommonRequest(cloud.endpoint, "2019-01-01", "DescribeMetricLast")
        request.add_query_param("Namespace", "acs_ecs_dashboard")
        request.add_query_param("MetricName", "CPUUtilization")
        client = AcsClient(KEY.access_key_id, KEY.access_key_secret, region_id)
        reply = json.loads(client.do_action_with_exception(request))
        points[region_id] = len(json.loads(reply["Datapoints"]))

    assert points == {"cn-hangzhou": 0, "cn-beijing": 1}


def test_a_saved_file_has_all_regions_and_no_secret(cloud: Cloud, tmp_path: Path) -> None:
    inside, path = cloud.inside, tmp_path / "saved.json"
    save_fleet(inside.service, path, inside.elsewhere.values())

    assert "other-secret" not in path.read_text(encoding="utf-8")
    document = read_document(path)
    home = service_of(document, DrivenClock(NOON), Assumptions())
    again = services_elsewhere(document, home)
    assert home.groups == inside.service.groups
    assert {place: service.groups for place, service in again.items()} == {
        place: service.groups for place, service in inside.elsewhere.items()
    }


def test_a_state_survives_a_restart_in_every_region_and_account(tmp_path: Path) -> None:
    fleet, state = tmp_path / "fleet.json", tmp_path / "state.json"
    fleet.write_text(json.dumps(FLEET), encoding="utf-8")
    options = ("--state", str(state), "--access-key-secret", KEY.access_key_secret)
    request = DescribeScalingGroupsRequest()
    for expected in (3, 2):
        with local_cloud(fleet, *options, "--access-key-id", KEY.access_key_id) as ready:
            endpoint = Endpoint(ready["endpoint"])
            assert sizes(send(endpoint, request, "cn-beijing")) == {"asg-1": expected}
            other = send(endpoint, request, "cn-hangzhou", "other", "other-secret")
            assert sizes(other) == {"asg-2": 4}
            detach = DetachInstancesRequest()
            detach.set_ScalingGroupId("asg-1")
            detach.set_InstanceIds([f"b-000{expected}"])
            send(endpoint, detach, "cn-beijing")
            clock = f"http://{endpoint.endpoint}/localcloud/clock"
            forward = urllib.request.Request(
                clock, b'{"advance": 61}', {"Content-Type": "application/json"}
            )
            urllib.request.urlopen(forward).close()


def test_a_region_that_is_in_the_file_twice_is_named() -> None:
    document = {"groups": [], "regions": [{"regionId": "cn-hangzhou", "groups": []}]}
    home = service_of(document, DrivenClock(NOON), Assumptions())
    with pytest.raises(FleetError, match="cn-hangzhou is in the file twice"):
        services_elsewhere(document, home)


def test_a_fleet_file_of_one_region_is_read_as_before() -> None:
    service = service_of({"groups": []}, DrivenClock(NOON), Assumptions())

    assert (service.place, services_elsewhere({"groups": []}, service)) == (
        ("1", "cn-hangzhou"),
        {},
    )
