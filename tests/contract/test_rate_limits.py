"""A limit of calls a second, for each action and account."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import ApiError
from localcloud.rate_limits import RateLimits, parse_limit
from scalein_cli.local import local_cloud
from tests.contract.test_admin import SMALL, request_json
from tests.contract.test_error_tables import sent
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.sdks import OlderPython, RefusedCall

THROTTLED = RefusedCall(400, "Throttling.User")


def groups_of(cloud: Cloud) -> object:
    return OlderPython(cloud.endpoint).call("DescribeScalingGroups")


def test_one_call_too_many_in_a_second_is_throttled_and_a_second_later_is_not() -> None:
    with cloud_of(group(*instances(2))) as cloud:
        cloud.inside.rate_limits.set("DescribeScalingGroups", 2)
        assert [groups_of(cloud) == THROTTLED for _ in range(3)] == [False, False, True]
        assert sent(cloud, "DescribeScalingInstances", {})["TotalCount"] == 2
        cloud.clock.advance(1)
        assert groups_of(cloud) != THROTTLED


def test_a_limit_of_all_actions_counts_each_by_itself() -> None:
    with cloud_of(group()) as cloud:
        cloud.inside.rate_limits.set("*", 1)
        for action in ("DescribeScalingGroups", "DescribeScalingInstances", "DescribeRegions"):
            sent(cloud, action, {})
            with pytest.raises(ServerException, match="user flow control"):
                sent(cloud, action, {})


def test_each_account_has_its_own_calls() -> None:
    limits = RateLimits({"RemoveInstances": 1})
    limits.check("1", "RemoveInstances", NOON)
    limits.check("2", "RemoveInstances", NOON)
    with pytest.raises(ApiError, match="user flow control"):
        limits.check("1", "RemoveInstances", NOON)


@given(
    st.one_of(st.just(0.0), st.floats(0.001, 20)),
    st.lists(st.floats(0, 3, allow_nan=False), min_size=1, max_size=60),
)
def test_no_second_has_more_calls_than_its_limit(limit: float, pauses: list[float]) -> None:
    clock, limits, taken = DrivenClock(NOON), RateLimits({"A": limit}), []
    for pause in pauses:
        clock.advance(pause)
        try:
            limits.check("1", "A", clock.now())
            taken.append(clock.now())
        except ApiError:
            continue
    for start in taken:
        seconds = max(1, 1 / limit) - 1e-6  # a clock's grain
        in_period = [time for time in taken if 0 <= (time - start).total_seconds() < seconds]
        assert len(in_period) <= max(1, limit)


def test_a_service_behind_the_gateway_throttles_with_its_own_code() -> None:
    """Source: the ESS manual's client errors."""
    with cloud_of(group()) as cloud:
        cloud.inside.faults.add("throttled-by-service", "DescribeScalingGroups")
        with pytest.raises(ServerException) as refused:
            sent(cloud, "DescribeScalingGroups", {})

    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (400, "Throttling")
    assert refused.value.get_error_msg() == "Request was denied due to request throttling."


def test_a_limit_comes_by_flag_by_fleet_file_and_at_run_time(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    document = json.loads(SMALL.read_text(encoding="utf-8"))
    document.pop("function", None)
    document["rateLimits"] = {"DescribeScalingGroups": 0}
    fleet.write_text(json.dumps(document), encoding="utf-8")
    with local_cloud(fleet, "--rate-limit", "DescribeRegions:0") as ready:
        client = OlderPython(ready["endpoint"], ready)
        assert client.call("DescribeScalingGroups") == THROTTLED
        assert client.call("DescribeRegions") == THROTTLED
        set_at_run_time = {"rateLimits": {"DescribeLimitation": 0}}
        assert request_json(ready, "faults", set_at_run_time)[1]["rateLimits"] == {
            "DescribeScalingGroups": 0,
            "DescribeRegions": 0,
            "DescribeLimitation": 0,
        }
        assert client.call("DescribeLimitation") == THROTTLED
        assert request_json(ready, "faults", {"rateLimits": {"X": -1}})[0] == 400
        request_json(ready, "faults", method="DELETE")
        assert client.call("DescribeScalingGroups") != THROTTLED


@pytest.mark.parametrize(
    "text", ["RemoveInstances", ":5", "A:", "A:many", "A:-1", "A:nan", "A:inf", "A:1e-9"]
)
def test_a_limit_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is not ACTION:CALLS"):
        parse_limit(text)
