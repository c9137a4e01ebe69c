"""Load balancers: which instances of a group are backends, as SLB and ALB describe them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

from localcloud.ess.model import Assumptions
from tests.contract.test_error_tables import sent
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.sdks import NewerPython, OlderPython, RefusedCall, flat

GROUP = {"ScalingGroupId": "asg-1"}
IDS = ["i-0001", "i-0002", "i-0003"]
ATTACHED: dict[str, Any] = {
    "loadBalancerIds": ["lb-1"],
    "vServerGroups": [
        {
            "loadBalancerId": "lb-2",
            "vServerGroupAttributes": [{"vServerGroupId": "rsp-1", "port": 80, "weight": 70}],
        }
    ],
    "albServerGroups": [{"albServerGroupId": "sgp-1", "port": 8080}],
}


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_of(group(*instances(3), **ATTACHED), assumptions=Assumptions(acts=True)) as made:
        yield made


def ask(cloud: Cloud, version: str, action: str, **params: str) -> dict[str, Any]:
    """A call to another product than ESS."""
    request = CommonRequest(cloud.endpoint, version, action)
    request.set_protocol_type("http")
    for name, value in params.items():
        request.add_query_param(name, value)
    client = AcsClient(KEY.access_key_id, KEY.access_key_secret, "cn-hangzhou", auto_retry=False)
    return dict(flat(json.loads(client.do_action_with_exception(request))))


def weights(cloud: Cloud, balancer: str = "lb-1") -> dict[str, int]:
    """The weight of each backend of a load balancer's default server group."""
    found = ask(cloud, "2014-05-15", "DescribeLoadBalancerAttribute", LoadBalancerId=balancer)
    return {server["ServerId"]: server["Weight"] for server in found["BackendServers"]}


def servers(cloud: Cloud) -> dict[str, tuple[int, int]]:
    """Port and weight of each server of the ALB server group."""
    found = ask(cloud, "2020-06-16", "ListServerGroupServers", ServerGroupId="sgp-1")
    return {s["ServerId"]: (s["Port"], s["Weight"]) for s in found["Servers"]}


def test_both_versions_describe_what_a_group_is_attached_to(cloud: Cloud) -> None:
    for client in (OlderPython(cloud.endpoint), NewerPython(cloud.endpoint)):
        reply = client.call("DescribeScalingGroups")
        assert isinstance(reply, dict)
        [described] = reply["ScalingGroups"]

        assert described["LoadBalancerIds"] == ["lb-1"]
        attribute = {"VServerGroupId": "rsp-1", "Port": 80, "Weight": 70}
        assert described["VServerGroups"] == [
            {"LoadBalancerId": "lb-2", "VServerGroupAttributes": [attribute]}
        ]
        assert described["AlbServerGroups"] == [
            {"AlbServerGroupId": "sgp-1", "Port": 8080, "Weight": 50}
        ]


def test_instances_in_service_are_backends_of_all_that_their_group_is_attached_to(
    cloud: Cloud,
) -> None:
    virtual = ask(cloud, "2014-05-15", "DescribeVServerGroupAttribute", VServerGroupId="rsp-1")
    health = ask(cloud, "2014-05-15", "DescribeHealthStatus", LoadBalancerId="lb-2")

    assert weights(cloud) == dict.fromkeys(IDS, 50)
    assert servers(cloud) == dict.fromkeys(IDS, (8080, 50))
    assert [(s["ServerId"], s["Port"], s["Weight"]) for s in virtual["BackendServers"]] == [
        (id, 80, 70) for id in IDS
    ]
    assert {(s["ServerHealthStatus"], s["Port"]) for s in health["BackendServers"]} == {
        ("normal", 80)
    }


def test_a_removed_instance_gets_no_traffic_and_is_taken_out_before_it_is_released(
    cloud: Cloud,
) -> None:
    sent(cloud, "RemoveInstances", {**GROUP, "InstanceId.1": "i-0002"})
    draining = weights(cloud)
    cloud.clock.advance(30)
    taken_out, machine = (weights(cloud), servers(cloud)), status(cloud, "i-0002")
    cloud.clock.advance(30)

    assert draining == {"i-0001": 50, "i-0002": 0, "i-0003": 50}
    assert [set(found) for found in taken_out] == [{"i-0001", "i-0003"}] * 2
    assert (machine, status(cloud, "i-0002")) == ("Running", None)


def status(cloud: Cloud, id: str) -> str | None:
    found = ask(cloud, "2014-05-26", "DescribeInstances", InstanceIds=f'["{id}"]')["Instances"]
    return str(found[0]["Status"]) if found else None


def test_a_hook_holds_an_instance_that_is_no_backend_any_more(cloud: Cloud) -> None:
    sent(cloud, "CreateLifecycleHook", {**GROUP, "LifecycleTransition": "SCALE_IN"})
    sent(cloud, "RemoveInstances", {**GROUP, "InstanceId.1": "i-0002"})

    assert cloud.states()["i-0002"] == "Removing:Wait"
    assert weights(cloud).keys() == {"i-0001", "i-0003"}


def test_on_standby_the_weight_is_0(cloud: Cloud) -> None:
    sent(cloud, "EnterStandby", {**GROUP, "InstanceId.1": "i-0001"})
    on_standby = weights(cloud)
    sent(cloud, "ExitStandby", {**GROUP, "InstanceId.1": "i-0001"})

    assert (on_standby["i-0001"], weights(cloud)["i-0001"]) == (0, 50)


@pytest.mark.parametrize(("force", "present"), [("false", set()), ("true", set(IDS))])
def test_instances_become_backends_of_what_is_attached_by_force_or_before_they_join(
    cloud: Cloud, force: str, present: set[str]
) -> None:
    attach = {**GROUP, "LoadBalancer.1": "lb-9", "ForceAttach": force}
    sent(cloud, "AttachLoadBalancers", attach)
    joining = {"InstanceId.1": "i-new", "LoadBalancerWeight.1": "30"}
    sent(cloud, "AttachInstances", {**GROUP, **joining})
    before = weights(cloud, "lb-9")
    cloud.clock.advance(60)

    assert before.keys() == present
    assert weights(cloud, "lb-9") == {**dict.fromkeys(present, 50), "i-new": 30}


@pytest.mark.parametrize(("force", "left"), [("false", set(IDS)), ("true", set())])
def test_backends_stay_behind_what_is_detached_unless_by_force(
    cloud: Cloud, force: str, left: set[str]
) -> None:
    alb = {"AlbServerGroup.1.AlbServerGroupId": "sgp-1", "AlbServerGroup.1.Port": "8080"}
    before = set(servers(cloud))
    sent(cloud, "AttachInstances", {**GROUP, "InstanceId.1": "i-new"})
    sent(cloud, "DetachAlbServerGroups", {**GROUP, **alb, "ForceDetach": force})
    cloud.clock.advance(60)

    [described] = sent(cloud, "DescribeScalingGroups", {})["ScalingGroups"]["ScalingGroup"]
    assert described["AlbServerGroups"] == {"AlbServerGroup": []}
    sent(cloud, "AttachAlbServerGroups", {**GROUP, **alb})  # so that it is known again
    assert (before, set(servers(cloud))) == (set(IDS), left)


@pytest.mark.parametrize(("option", "left"), [({}, {"i-0001"}), ({"DetachOption": "both"}, set())])
def test_a_detached_instance_stays_a_backend_unless_it_is_taken_out_of_both(
    cloud: Cloud, option: dict[str, str], left: set[str]
) -> None:
    sent(cloud, "DetachInstances", {**GROUP, "InstanceId.1": "i-0001", **option})
    during = weights(cloud)["i-0001"]
    cloud.clock.advance(60)

    assert during == (50 if left else 0)
    assert cloud.states().keys() == {"i-0002", "i-0003"}
    assert weights(cloud).keys() == {"i-0002", "i-0003"} | left


def test_what_was_left_behind_is_taken_out_once_it_is_attached_again(cloud: Cloud) -> None:
    sent(cloud, "DetachLoadBalancers", {**GROUP, "LoadBalancer.1": "lb-1"})
    sent(cloud, "AttachLoadBalancers", {**GROUP, "LoadBalancer.1": "lb-1"})
    before = weights(cloud)
    sent(cloud, "RemoveInstances", {**GROUP, "InstanceId.1": "i-0002"})
    cloud.clock.advance(30)

    assert before == dict.fromkeys(IDS, 50)
    assert weights(cloud).keys() == {"i-0001", "i-0003"}


def test_an_instance_that_is_created_has_the_weight_of_its_configuration(cloud: Cloud) -> None:
    source = {"ImageId": "m-1", "InstanceType": "ecs.g7.large", "LoadBalancerWeight": "20"}
    made = sent(cloud, "CreateScalingConfiguration", {**GROUP, **source})
    active = {"ActiveScalingConfigurationId": made["ScalingConfigurationId"]}
    sent(cloud, "ModifyScalingGroup", {**GROUP, **active, "MinSize": "4"})
    cloud.states()
    cloud.clock.advance(60)

    assert sorted(weights(cloud).values()) == [20, 50, 50, 50]


def test_what_is_released_is_left_behind_nothing(cloud: Cloud) -> None:
    sent(cloud, "DetachLoadBalancers", {**GROUP, "LoadBalancer.1": "lb-1"})
    sent(cloud, "RemoveInstances", {**GROUP, "InstanceId.1": "i-0002"})
    before = weights(cloud)
    cloud.clock.advance(60)

    assert before == dict.fromkeys(IDS, 50)
    assert weights(cloud).keys() == {"i-0001", "i-0003"}


def test_a_v_server_group_is_attached_and_detached_by_its_port(cloud: Cloud) -> None:
    client = NewerPython(cloud.endpoint)

    def named(*ports: int) -> dict[str, Any]:
        attributes = [{"VServerGroupId": "rsp-2", "Port": port} for port in ports]
        balancers = [{"LoadBalancerId": "lb-1", "VServerGroupAttributes": attributes}]
        return {**GROUP, "VServerGroups": balancers}

    def ports() -> list[tuple[int, int]]:
        reply = client.call("DescribeScalingGroups")
        assert isinstance(reply, dict)
        found = {g["LoadBalancerId"]: g for g in reply["ScalingGroups"][0]["VServerGroups"]}
        inner = found["lb-1"]["VServerGroupAttributes"] if "lb-1" in found else ()
        return [(attribute["Port"], attribute["Weight"]) for attribute in inner]

    for action, given, expected in (
        ("AttachVServerGroups", (22, 80, 22), [(22, 50), (80, 50)]),
        ("DetachVServerGroups", (22,), [(80, 50)]),
    ):
        assert not isinstance(client.call(action, **named(*given)), RefusedCall)
        assert ports() == expected


def test_scaling_is_refused_while_a_load_balancer_is_not_active() -> None:
    fleet = group(*instances(3), **ATTACHED)
    inactive = [{"loadBalancerId": "lb-2", "loadBalancerStatus": "inactive"}]
    with cloud_of(fleet, loadBalancers=inactive) as cloud:
        client = OlderPython(cloud.endpoint)
        refused = client.call("RemoveInstances", **GROUP, InstanceIds=["i-0001"])
        ask(
            cloud,
            *("2014-05-15", "SetLoadBalancerStatus"),
            LoadBalancerId="lb-2",
            LoadBalancerStatus="active",
        )
        accepted = client.call("RemoveInstances", **GROUP, InstanceIds=["i-0001"])

    assert refused == RefusedCall(400, "IncorrectLoadBalancerStatus")
    assert isinstance(accepted, dict)


@pytest.mark.parametrize(
    ("version", "action", "params", "status", "code"),
    [
        (
            *("2014-05-15", "DescribeLoadBalancerAttribute", {"LoadBalancerId": "lb-9"}),
            *(404, "InvalidLoadBalancerId.NotFound"),
        ),
        (
            *("2020-06-16", "ListServerGroupServers", {"ServerGroupId": "sgp-9"}),
            *(404, "ResourceNotFound.ServerGroup"),
        ),
    ],
)
def test_what_no_group_is_attached_to_is_not_found(
    cloud: Cloud, version: str, action: str, params: dict[str, str], status: int, code: str
) -> None:
    with pytest.raises(ServerException) as refused:
        ask(cloud, version, action, **params)

    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (status, code)
