"""One story by official SDKs of Go, Java and PHP, through their own types."""

from __future__ import annotations

from typing import Any

import pytest

import localcloud
from tests.contract.test_roles import ACCOUNT, assume, fleet
from tests.support.clouds import group, instances
from tests.support.languages import LANGUAGES, Language, Program, program_of

REMOVER = {"Statement": [{"Effect": "Allow", "Action": "ess:RemoveInstances", "Resource": "*"}]}
REGION = {"RegionId": "cn-hangzhou"}
ASK = {**REGION, "ScalingGroupId": "asg-1"}
ROLE = {"RoleArn": f"acs:ram::{ACCOUNT}:role/function", "RoleSessionName": "alice"}
FLEET = {**fleet(REMOVER), "groups": [group(*instances(5), minSize=2, tags={"team": "web"})]}


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_a_group_is_read_by_pages_and_shrunk_to_its_end_and_a_role_may_do_no_more(
    language: Language,
) -> None:
    with localcloud.mocked(FLEET) as cloud, program_of(language, cloud.endpoint) as program:
        key = (cloud.access_key_id, cloud.access_key_secret)
        described = reply_to(program, key, "DescribeScalingGroups", **REGION)
        pages = [
            reply_to(program, key, "DescribeScalingInstances", **ASK, PageNumber=n, PageSize=2)
            for n in (1, 2, 3)
        ]
        assert [g["TotalCapacity"] for g in described["ScalingGroups"]] == [5]
        assert {page["TotalCount"] for page in pages} == {5}
        listed = [i["InstanceId"] for page in pages for i in page["ScalingInstances"]]
        assert sorted(listed) == [f"i-000{n}" for n in range(1, 6)]

        accepted = reply_to(program, key, "RemoveInstances", **ASK, InstanceIds=["i-0002"])
        assert status_of(program, key, accepted) == "InProgress"
        cloud.advance(60)
        assert status_of(program, key, accepted) == "Successful"

        refused = program.call(key, "RemoveInstances", **ASK, InstanceIds=listed_but(listed))
        unknown = program.call(
            key, "RemoveInstances", **REGION, ScalingGroupId="asg-9", InstanceIds=["i-1"]
        )
        assert (refused, unknown) == ("IncorrectCapacity.MinSize", "InvalidScalingGroupId.NotFound")

        session = session_of(program, key) if language.can_assume_roles else assume(cloud)
        assert program.call(session, "DescribeScalingGroups", **REGION) == "Forbidden.RAM"
        reply_to(program, session, "RemoveInstances", **ASK, InstanceIds=["i-0003"])
        assert cloud.service.groups["asg-1"].instances["i-0003"].lifecycle_state == "Removing"


def listed_but(listed: list[str]) -> list[str]:
    """Three of the four that are left: too many."""
    return [id for id in listed if id != "i-0002"][:3]


def reply_to(program: Program, key: tuple[str, ...], action: str, **params: Any) -> dict[str, Any]:
    reply = program.call(key, action, **params)
    assert isinstance(reply, dict), reply
    return reply


def status_of(program: Program, key: tuple[str, ...], accepted: dict[str, Any]) -> Any:
    ids = [accepted["ScalingActivityId"]]
    reply = reply_to(program, key, "DescribeScalingActivities", **REGION, ScalingActivityIds=ids)
    return reply["ScalingActivities"][0]["StatusCode"]


def session_of(program: Program, key: tuple[str, ...]) -> tuple[str, ...]:
    made = reply_to(program, key, "AssumeRole", **ROLE)["Credentials"]
    return made["AccessKeyId"], made["AccessKeySecret"], made["SecurityToken"]
