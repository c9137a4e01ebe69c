"""The local cloud made unkind: late reads, answers of proxies, and pages of other origins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection
from random import Random
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import (
    DescribeScalingActivitiesRequest,
)
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import DescribeScalingGroupsRequest
from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
    DescribeScalingInstancesRequest,
)
from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.authenticator import Authenticator
from localcloud.ess.model import Assumptions, Instance, ScalingGroup
from localcloud.faults import GATEWAYS
from localcloud.fleet import service_of
from localcloud.garble import garbled
from localcloud.lag import Lag
from localcloud.server import LocalCloud
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.platforms import Compute, compute_of


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_of(group(*instances(3)), assumptions=Assumptions(activity_seconds=10)) as running:
        yield running


def states(cloud: Cloud) -> list[str]:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    found = cloud.send(request)["ScalingInstances"]["ScalingInstance"]
    return sorted(item["LifecycleState"] for item in found)


def total(cloud: Cloud) -> int:
    (found,) = cloud.send(DescribeScalingGroupsRequest())["ScalingGroups"]["ScalingGroup"]
    return int(found["TotalCapacity"])


def history(cloud: Cloud) -> list[str]:
    request = DescribeScalingActivitiesRequest()
    request.set_ScalingGroupId("asg-1")
    return [
        item["StatusCode"] for item in cloud.send(request)["ScalingActivities"]["ScalingActivity"]
    ]


def remove(cloud: Cloud, *ids: str, token: str = "t") -> str:
    request = RemoveInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    request.set_InstanceIds(list(ids))
    request.set_ClientToken(token)
    return str(cloud.send(request)["ScalingActivityId"])


def test_lists_show_the_past_while_the_history_shows_the_present(cloud: Cloud) -> None:
    cloud.inside.lag.lists = 30
    states(cloud)
    remove(cloud, "i-0001")

    assert (states(cloud), total(cloud), history(cloud)) == (["InService"] * 3, 3, ["InProgress"])
    cloud.clock.advance(30)
    assert (states(cloud), total(cloud), history(cloud)) == (
        ["InService", "InService", "Removing"],
        3,
        ["Successful"],
    )
    cloud.clock.advance(10)
    assert (states(cloud), total(cloud)) == (["InService"] * 2, 2)


def test_the_history_shows_the_past_while_lists_show_the_present(cloud: Cloud) -> None:
    cloud.inside.lag.history = 30
    remove(cloud, "i-0001")

    assert (states(cloud), history(cloud)) == (["InService", "InService", "Removing"], [])
    cloud.clock.advance(30)
    assert (states(cloud), history(cloud)) == (["InService"] * 2, ["InProgress"])
    cloud.clock.advance(10)
    assert history(cloud) == ["Successful"]


def test_what_a_removal_checks_is_the_present(cloud: Cloud) -> None:
    cloud.inside.lag.lists = 30
    states(cloud)
    remove(cloud, "i-0001")

    with pytest.raises(ServerException) as caught:
        remove(cloud, "i-0001", token="u")
    assert caught.value.get_error_code() == "ScalingActivityInProgress"


CHANGES: dict[str, Callable[[ScalingGroup, Instance], object]] = {
    "weight": lambda _, instance: setattr(instance, "weighted_capacity", 5),
    "protection": lambda _, instance: setattr(instance, "lifecycle_state", "Protected"),
    "health": lambda _, instance: setattr(instance, "health_status", "Unhealthy"),
    "warm-up": lambda _, instance: setattr(instance, "warmup_state", "InWarmup"),
    "suspended process": lambda group, _: group.suspended_processes.append("ScaleIn"),
    "MinSize": lambda group, _: setattr(group, "min_size", 1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_changes_is_listed_once_the_lag_is_over(
    change: Callable[[ScalingGroup, Instance], object],
) -> None:
    with cloud_of(group(*instances(2, weightedCapacity=3), weighted=True)) as cloud:
        cloud.inside.lag.lists = 30
        before = listed(cloud)
        cloud.clock.advance(1)
        change(cloud.group, cloud.group.instances["i-0001"])

        assert listed(cloud) == before
        cloud.clock.advance(30)
        assert listed(cloud) != before


def test_a_group_that_was_created_or_deleted_since_is_shown_as_it_was(cloud: Cloud) -> None:
    cloud.inside.lag.lists = 30
    total(cloud)
    made = deepcopy(cloud.group)
    made.scaling_group_id, made.created_at = "asg-2", NOON + timedelta(seconds=5)
    cloud.clock.advance(5)
    cloud.inside.service.groups["asg-2"] = made
    assert listed_groups(cloud) == {"asg-1"}
    cloud.clock.advance(30)
    assert listed_groups(cloud) == {"asg-1", "asg-2"}
    del cloud.inside.service.groups["asg-2"]
    assert listed_groups(cloud) == {"asg-1", "asg-2"}
    cloud.clock.advance(30)
    assert listed_groups(cloud) == {"asg-1"}


@given(
    st.lists(
        st.tuples(st.sampled_from(["remove", "wait", "change"]), st.integers(1, 40)), max_size=12
    ),
    st.data(),
)
def test_every_late_list_is_what_the_group_was_at_that_moment(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Against a book of the past that is kept by hand, second by second."""
    clock = DrivenClock(NOON)
    service = service_of(
        {"groups": [group(*instances(6), desiredCapacity=6)]},
        clock,
        Assumptions(activity_seconds=7),
    )
    cloud, members = LocalCloud(service, Authenticator("k", "s")), service.groups["asg-1"].instances
    cloud.lag = Lag(lists=60)
    book: list[dict[str, tuple[str, str]]] = []
    for kind, number in steps:
        id = f"i-{1 + number % 6:04}"
        if kind == "remove" and members.get(id) and members[id].lifecycle_state == "InService":
            api(cloud, "RemoveInstances", ScalingGroupId="asg-1", **{"InstanceId.1": id})
        elif kind == "change" and id in members:
            members[id].health_status = f"health {number}"
        for _ in range(number if kind == "wait" else 1):
            api(
                cloud, "DescribeScalingActivities", ScalingGroupId="asg-1"
            )  # a look at what changed
            book.append(
                {i.instance_id: (i.lifecycle_state, i.health_status) for i in members.values()}
            )
            clock.advance(1)
    if book:
        ago = data.draw(st.integers(1, min(60, len(book))))
        cloud.lag = replace(cloud.lag, lists=ago)
        reply = api(cloud, "DescribeScalingInstances", ScalingGroupId="asg-1")["ScalingInstances"]
        seen = {
            item["InstanceId"]: (item["LifecycleState"], item["HealthStatus"]) for item in reply
        }
        assert seen == book[-ago]


def api(cloud: LocalCloud, action: str, **params: str) -> dict[str, Any]:
    return cloud.perform(
        action, {"Action": action, "Version": "2014-08-28", "RegionId": "cn-hangzhou", **params}
    )


def listed(cloud: Cloud) -> tuple[Any, ...]:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId("asg-1")
    groups = cloud.send(DescribeScalingGroupsRequest())["ScalingGroups"]["ScalingGroup"]
    return groups, cloud.send(request)["ScalingInstances"]["ScalingInstance"]


def listed_groups(cloud: Cloud) -> set[str]:
    return {
        item["ScalingGroupId"]
        for item in cloud.send(DescribeScalingGroupsRequest())["ScalingGroups"]["ScalingGroup"]
    }


def test_a_lag_ends_when_it_should_and_varies_where_it_is_set_to(cloud: Cloud) -> None:
    cloud.inside.lag.lists, cloud.inside.lag.varies = 30, True
    drawn = {cloud.inside.lag.seconds("DescribeScalingGroups", NOON) for _ in range(50)}
    assert len(drawn) == 50
    assert 0 <= min(drawn) < 5
    assert 25 < max(drawn) <= 30
    cloud.inside.lag.until = NOON

    states(cloud)
    remove(cloud, "i-0001")
    assert states(cloud) == ["InService", "InService", "Removing"]


@pytest.mark.parametrize(
    "kind", [*GATEWAYS, "half-body", "too-large", "gzip-bomb", "lost-answer", "not-json"]
)
def test_the_work_is_done_and_the_answer_is_no_answer_of_ess(cloud: Cloud, kind: str) -> None:
    cloud.inside.faults.add(kind, "RemoveInstances")
    activity_id = ""
    try:
        activity_id = remove(cloud, "i-0001")
    except (ClientException, ServerException, ValueError, KeyError):
        pass
    else:
        assert kind in ("too-large", "gzip-bomb")  # the SDK alone swallows these

    assert states(cloud) == ["InService", "InService", "Removing"]
    assert remove(cloud, "i-0001") == (activity_id or next(iter(cloud.inside.service.activities)))


@pytest.mark.parametrize("code", ["IdempotentParameterMismatch", "IDEMPOTENCE_SIGNATURE_MISMATCH"])
def test_a_token_with_other_parameters_is_refused_in_either_spelling(code: str) -> None:
    with cloud_of(
        group(*instances(3), desiredCapacity=3), assumptions=Assumptions(mismatch_code=code)
    ) as cloud:
        remove(cloud, "i-0001")
        with pytest.raises(ServerException) as caught:
            remove(cloud, "i-0002")

        assert (caught.value.get_error_code(), caught.value.get_http_status()) == (code, 400)


def test_garbling_spoils_every_answer_in_one_place_and_by_its_seed_alone() -> None:
    reply = json.dumps(
        {"TotalCount": 2, "ScalingInstances": {"ScalingInstance": [{"InstanceId": "i-1"}]}}
    ).encode()
    spoilt = [garbled(reply, Random(seed)) for seed in range(300)]

    assert reply not in spoilt
    assert spoilt == [garbled(reply, Random(seed)) for seed in range(300)]
    assert len(set(spoilt)) > 40


def test_every_answer_has_the_time_of_the_clouds_own_clock(cloud: Cloud) -> None:
    cloud.clock.advance(420)
    connection = HTTPConnection(cloud.endpoint)
    connection.request("GET", "/?Action=DescribeScalingGroups")
    answer = connection.getresponse()

    assert (parsedate_to_datetime(answer.headers["Date"]) - NOON).total_seconds() == 420
    assert len(answer.headers.get_all("Date") or []) == 1


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    with compute_of(group(*instances(3))) as running:
        yield running


PATHS = [
    "/?Action=DescribeScalingGroups",
    "/console",
    "/localcloud/state",
    "/localcloud/faults",
    "/localcloud/stream",
    "/localcloud/overview",
    "/localcloud/perform",
    "/localcloud/metrics",
    "/2016-08-15/services",
]


def test_the_list_of_guarded_paths_has_one_of_each_kind_of_route(compute: Compute) -> None:
    """The guard is before the router: a page of another origin does not learn which paths exist."""
    assert status_and_body(compute, "/not-there", {"Host": "evil.example"})[0] == 421
    assert status_and_body(compute, "/not-there", {})[0] == 404


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:8080"}, 421),
        ({"Host": "localhost.evil.example"}, 421),
        ({"Host": ""}, 421),
        ({"Host": "[::1].evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1:8081"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "http://127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:8080", "Origin": "https://127.0.0.1:8080"}, 403),
        ({"Host": "localhost:8080", "Origin": "http://127.0.0.1:8080"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_page_of_another_origin_gets_nothing(
    compute: Compute, path: str, headers: dict[str, str], status: int
) -> None:
    assert status_and_body(compute, path, headers)[0] == status


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8080", "192.0.2.7:80"]
)
def test_this_machine_may_ask_by_its_address(compute: Compute, host: str) -> None:
    status, _ = status_and_body(compute, "/localcloud/state", {"Host": host})

    assert status == 200
    assert (
        status_and_body(compute, "/localcloud/state", {"Host": host, "Origin": f"http://{host}"})[0]
        == 200
    )


def status_and_body(compute: Compute, path: str, headers: dict[str, str]) -> tuple[int, Any]:
    connection = HTTPConnection(compute.endpoint)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()
