"""The actions that only API 2022-02-22 has, by its official SDK."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException

from localcloud.ess import catalogue
from tests.contract.test_error_tables import sent
from tests.support.clouds import cloud_of, group, instances
from tests.support.sdks import NewerPython, RefusedCall

GROUP = {"ScalingGroupId": "asg-1"}


def actions_of_the_sdk() -> set[str]:
    from alibabacloud_ess20220222 import client

    source = Path(client.__file__).read_text(encoding="utf-8")
    return set(re.findall(r"^ +action = '(\w+)'", source, re.MULTILINE))


def test_every_action_of_the_newer_sdk_is_there_or_is_listed_as_absent() -> None:
    known = {
        *catalogue.ACTIONS,
        *catalogue.ABSENT,
        *catalogue.NEWER_ACTIONS,
        *catalogue.NEWER_ABSENT,
    }

    assert len(actions_of_the_sdk()) > 90
    assert actions_of_the_sdk() - known == set()


def test_a_group_is_described_in_detail() -> None:
    with cloud_of(group(*instances(2))) as cloud:
        client = NewerPython(cloud.endpoint)
        detail: Any = client.call("DescribeScalingGroupDetail", **GROUP)
        listed: Any = client.call("DescribeScalingGroups")
        absent = client.call("DescribeScalingGroupDetail", ScalingGroupId="asg-9")

    shown = detail["ScalingGroup"]
    assert shown.items() <= listed["ScalingGroups"][0].items()
    assert (shown["ScalingGroupId"], shown["TotalCapacity"]) == ("asg-1", 2)
    assert absent == RefusedCall(404, "InvalidScalingGroupId.NotFound")


def test_what_is_alerted_is_described_as_it_was_set() -> None:
    with cloud_of(group()) as cloud:
        client = NewerPython(cloud.endpoint)
        client.call("ModifyAlertConfiguration", **GROUP, ScaleStatuses=["Failed", "Rejected"])
        described: Any = client.call("DescribeAlertConfiguration", **GROUP)
        wrong = client.call("ModifyAlertConfiguration", **GROUP, ScaleStatuses=["Late"])

    assert described["ScaleStatuses"] == ["Failed", "Rejected"]
    assert wrong == RefusedCall(400, "InvalidParameter")


def test_an_action_that_is_absent_says_so_and_does_not_exist_in_the_older_version() -> None:
    with cloud_of(group()) as cloud:
        refused = NewerPython(cloud.endpoint).call("StartInstanceRefresh", **GROUP)
        assert refused == RefusedCall(400, "UnsupportedOperation")
        for action in ("StartInstanceRefresh", "DescribeScalingGroupDetail"):
            with pytest.raises(ServerException) as caught:
                sent(cloud, action, GROUP)
            assert caught.value.get_error_code() == "InvalidApi.NotFound"
