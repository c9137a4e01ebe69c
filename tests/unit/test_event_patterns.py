"""Which events a pattern of EventBridge takes, in the local cloud."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.triggers.patterns import matches

EVENT = {
    "source": "acs.ess",
    "type": "ess:ScalingActivity:ScaleInSuccess",
    "data": {
        "scalingGroupId": "asg-1",
        "instanceIds": ["i-1", "i-2"],
        "ip": "10.0.0.7",
        "nothing": None,
    },
}
values = st.text(max_size=3) | st.integers(0, 3)


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({}, True),
        ({"source": ["acs.ess", "acs.ecs"]}, True),
        ({"source": ["acs.ecs"]}, False),
        ({"type": [{"prefix": "ess:ScalingActivity:"}]}, True),
        ({"type": [{"suffix": "Error"}]}, False),
        ({"type": [{"anything-but": ["ess:ScalingActivity:ScaleInSuccess"]}]}, False),
        ({"source": ["acs.ess"], "data": {"scalingGroupId": ["asg-1"]}}, True),
        ({"source": ["acs.ess"], "data": {"scalingGroupId": ["asg-2"]}}, False),
        ({"data": {"instanceIds": ["i-2"]}}, True),
        ({"type": [{"contains": "Activity:Scale"}]}, True),
        ({"type": [{"contains": "activity"}]}, False),
        ({"data": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"data": {"ip": [{"cidr": "10.0.1.0/24"}]}}, False),
        ({"source": [{"cidr": "10.0.0.0/24"}]}, False),
        ({"data": {"none": ["x"]}}, False),
        ({"data": {"none": [{"anything-but": "x"}]}}, False),
        ({"data": {"none": [{"suffix": ""}]}}, False),
        ({"data": {"none": [None]}}, False),
        ({"data": {"nothing": [None]}}, True),
        ({"data": {"none": [{"exists": False}]}}, True),
        ({"source": [{"exists": False}]}, False),
        ({"source": {"deeper": ["x"]}}, False),
        ({"source": [{"unknown": "x"}]}, False),
    ],
)
def test_an_event_fits_where_each_field_has_one_of_the_values(
    pattern: dict[str, Any], fits: bool
) -> None:
    assert matches(pattern, EVENT) is fits


@given(event=st.dictionaries(st.sampled_from("abc"), values), more=values)
def test_an_event_fits_a_pattern_of_its_own_values_and_no_pattern_of_another(
    event: dict[str, Any], more: Any
) -> None:
    own = {name: [value, more] for name, value in event.items()}

    assert matches(own, event)
    assert not matches({**own, "a": [{"anything-but": event.get("a")}]}, event)
