"""A fleet file is checked by its schema, and instances that are plainly right in no time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from localcloud.ess.model import Assumptions
from localcloud.fleet import SCHEMA, FleetError, service_of
from localcloud.fleet_check import plain_check
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import group, instances

VALUES = st.one_of(
    *(st.integers(), st.booleans(), st.text(max_size=3), st.none(), st.floats(0, 1)),
    st.sampled_from(["InService", "Healthy", {}, [], {"m": 1}, 1.0, "2026-05-01T00:00:00Z"]),
)
RIGHT = {"instanceId": "i-1", "createdTime": "2026-05-01T00:00:00Z"}
INSTANCE = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]["instance"]


@given(
    st.dictionaries(
        st.sampled_from([*INSTANCE["properties"], "another"]),
        VALUES,
    ),
    st.booleans(),
)
def test_an_instance_that_is_plainly_right_follows_the_schema(
    entry: dict[str, Any], has_required: bool
) -> None:
    entry = {**entry, **RIGHT} if has_required else entry
    if plain_check(INSTANCE)(entry):
        assert Draft202012Validator(INSTANCE).is_valid(entry)


def test_an_instance_of_a_usual_fleet_is_plainly_right() -> None:
    assert all(plain_check(INSTANCE)(entry) for entry in [RIGHT, *instances(2, weightedCapacity=2)])


WRONG: dict[str, Any] = {
    "instanceId": "",
    "createdTime": "2026-05-01",
    "inServiceAfterSeconds": -1,
    "weightedCapacity": 0,
    "entrusted": 1,
    "healthStatus": "Ill",
    "zoneId": 7,
    "metrics": {"CPUUtilization": "high"},
    "another": "field",
}


@pytest.mark.parametrize("name", WRONG)
def test_an_instance_with_one_wrong_value_is_not_plainly_right(name: str) -> None:
    assert not plain_check(INSTANCE)({**RIGHT, name: WRONG[name]})


@pytest.mark.parametrize("where", ["groups", "regions"])
def test_a_wrong_instance_among_right_ones_is_named_by_its_own_place(where: str) -> None:
    wrong = {**RIGHT, "instanceId": "i-wrong", "healthStatus": "Ill"}
    bad = group(*instances(3), wrong)
    document: dict[str, Any] = {"groups": [group(), bad]}
    path = r"\$.groups\[1\].instances\[3\].healthStatus: 'Ill'"
    if where == "regions":
        document = {"groups": [], "regions": [{"regionId": "cn-beijing", "groups": [bad]}]}
        path = r"\$.regions\[0\].groups\[0\].instances\[3\].healthStatus: 'Ill'"
    with pytest.raises(FleetError, match=path):
        service_of(document, DrivenClock(NOON), Assumptions())


def test_an_instance_needs_an_id_alone() -> None:
    service = service_of(
        {"groups": [group({"instanceId": "i-1"})]}, DrivenClock(NOON), Assumptions()
    )
    assert service.groups["asg-1"].instances["i-1"].created_at == NOON


def test_a_document_of_nothing_says_what_it_lacks() -> None:
    with pytest.raises(FleetError, match="one of the fields groups and saved is required"):
        service_of({}, DrivenClock(NOON), Assumptions())
