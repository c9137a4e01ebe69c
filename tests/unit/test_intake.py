"""Bytes become a request or a rejection, and a rejection never repeats what was sent."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalein.decision.model import Order, RemovalRequest, RemoveOptions, Target
from scalein.errors import RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import Message, parse_event

MINIMAL: dict[str, Any] = {"scalingGroupId": "asg-1", "remove": {"count": 1}}


def read(event: bytes) -> RemovalRequest:
    none = Message("", {}, error=RejectedEvent("$", "minItems", "None."))
    message = next(iter(parse_event(event).messages), none)
    parsed = parse_message(message)
    assert isinstance(parsed, RemovalRequest)
    return parsed


def read_json(**fields: Any) -> RemovalRequest:
    return read(json.dumps({**MINIMAL, **fields}).encode())


def rejection(event: bytes) -> RejectedEvent:
    with pytest.raises(RejectedEvent) as caught:
        read(event)
    return caught.value


def test_a_full_request_is_read_field_by_field() -> None:
    request = read_json(
        partial="deny",
        order=["NewestInstance", "OldestScalingConfiguration"],
        removePolicy="recycle",
        decreaseDesiredCapacity=False,
        stopInstanceTimeout=60,
        lifecycleHookContext={"disableLifecycleHook": True, "ignoredLifecycleHookIds": ["ash-1"]},
        dryRun=True,
        notAfter="2026-11-23T12:00:00.5+08:00",
        requestId="r-1",
        requestReason="quiet night",
    )

    assert request == RemovalRequest(
        scaling_group_id="asg-1",
        request_id="r-1",
        target=Target(instances=1),
        denies_partial=True,
        order=(Order.NEWEST_INSTANCE, Order.OLDEST_SCALING_CONFIGURATION),
        options=RemoveOptions("recycle", False, 60, True, ("ash-1",)),
        dry_run=True,
        not_after=datetime(2026, 11, 23, 12, 0, 0, 500_000, timezone(timedelta(hours=8))),
        request_reason="quiet night",
    )


@pytest.mark.parametrize(
    ("remove", "target"),
    [
        ({"count": 3.0}, Target(instances=3)),
        ({"percent": 12.5}, Target(percent=12.5)),
        ({"toCapacity": 0}, Target(to_capacity=0)),
        ({"instanceIds": ["i-b", "i-a"]}, Target(instance_ids=("i-b", "i-a"))),
    ],
)
def test_there_are_four_kinds_of_target(remove: dict[str, Any], target: object) -> None:
    assert read_json(remove=remove).target == target


def test_without_a_request_id_the_same_bytes_are_the_same_message() -> None:
    assert (
        read(json.dumps(MINIMAL).encode()).request_id
        == read(json.dumps(MINIMAL).encode()).request_id
    )
    assert read_json(requestReason="a").request_id != read_json(requestReason="b").request_id


def test_a_byte_order_mark_does_no_harm() -> None:
    assert read(b"\xef\xbb\xbf" + json.dumps(MINIMAL).encode()).target == Target(instances=1)


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (b"", "json"),
        (b" \n", "json"),
        (b'{"scalingGroupId":', "json"),
        (b"\xff\xfe{}", "utf-8"),
        (b'{"remove": NaN}', "json"),
        (b'{"remove": -Infinity}', "json"),
        (b"1" * 5_000, "json"),
        (b'{"remove": {"count": 1}, "remove": {"count": 9}}', "uniqueKeys"),
        (b"[" * 33 + b"]" * 33, "maxDepth"),
        (b"[" * 250_000 + b"]" * 250_000, "maxDepth"),
        (b"[" * 500_000 + b"]" * 500_000, "maxValues"),
        (b"[" + b"0," * 300_000 + b"0]", "maxValues"),
        (b"[" * (4 << 20) + b"]", "maxBytes"),
        (b"1" * 401, "json"),
        (b"a=1&b=" + b"2" * (256 << 10), "maxBytes"),
    ],
)
def test_what_is_not_bearable_json_is_rejected_by_rule(event: bytes, rule: str) -> None:
    assert rejection(event).rule == rule


@pytest.mark.parametrize(
    ("fields", "path", "rule"),
    [
        ({"scalingGroupId": 7}, "$.scalingGroupId", "type"),
        ({"scalingGroupId": "asg 1"}, "$.scalingGroupId", "pattern"),
        ({"scalingGroupId": "asg-1\n"}, "$.scalingGroupId", "pattern"),
        ({"remove": {}}, "$.remove", "minProperties"),
        ({"remove": {"count": 1, "percent": 1}}, "$.remove", "maxProperties"),
        ({"remove": {"all": True}}, "$.remove", "additionalProperties"),
        ({"remove": {"count": 0}}, "$.remove.count", "minimum"),
        ({"remove": {"count": -1}}, "$.remove.count", "minimum"),
        ({"remove": {"count": 1001}}, "$.remove.count", "maximum"),
        ({"remove": {"count": 1e300}}, "$.remove.count", "maximum"),
        ({"remove": {"count": 1.5}}, "$.remove.count", "type"),
        ({"remove": {"count": True}}, "$.remove.count", "type"),
        ({"remove": {"count": "1"}}, "$.remove.count", "type"),
        ({"remove": {"percent": 0}}, "$.remove.percent", "exclusiveMinimum"),
        ({"remove": {"percent": 100.1}}, "$.remove.percent", "maximum"),
        ({"remove": {"toCapacity": -1}}, "$.remove.toCapacity", "minimum"),
        ({"remove": {"instanceIds": []}}, "$.remove.instanceIds", "minItems"),
        ({"remove": {"instanceIds": ["i-1", "i-1"]}}, "$.remove.instanceIds", "uniqueItems"),
        ({"remove": {"instanceIds": ["i-1", ""]}}, "$.remove.instanceIds[1]", "pattern"),
        (
            {"remove": {"instanceIds": [f"i-{n}" for n in range(1001)]}},
            "$.remove.instanceIds",
            "maxItems",
        ),
        ({"partial": "maybe"}, "$.partial", "enum"),
        ({"order": ["Random"]}, "$.order[0]", "enum"),
        ({"removePolicy": "forcerelease"}, "$.removePolicy", "enum"),
        ({"stopInstanceTimeout": 29}, "$.stopInstanceTimeout", "minimum"),
        ({"stopInstanceTimeout": 241}, "$.stopInstanceTimeout", "maximum"),
        ({"lifecycleHookContext": {"x": 1}}, "$.lifecycleHookContext", "additionalProperties"),
        ({"dryRun": "yes"}, "$.dryRun", "type"),
        ({"notAfter": "tomorrow"}, "$.notAfter", "pattern"),
        ({"notAfter": "2026-11-23T12:00:00"}, "$.notAfter", "pattern"),
        ({"notAfter": "2026-02-30T12:00:00Z"}, "$.notAfter", "time"),
        ({"requestId": "häh"}, "$.requestId", "pattern"),
        ({"requestId": ""}, "$.requestId", "pattern"),
        ({"requestReason": "x" * 501}, "$.requestReason", "maxLength"),
        ({"dryrun": True}, "$", "additionalProperties"),
    ],
)
def test_a_wrong_field_is_rejected_with_its_path_and_rule(
    fields: dict[str, Any], path: str, rule: str
) -> None:
    error = rejection(json.dumps({**MINIMAL, **fields}).encode())

    assert (error.path, error.rule) == (path, rule)


@pytest.mark.parametrize("document", [[1], 1, "x", None, True, {}])
def test_a_request_that_is_no_request_is_rejected_at_the_root(document: object) -> None:
    assert rejection(json.dumps(document).encode()).path == "$"


@pytest.mark.parametrize(("former", "new"), [("shortfall", "partial"), ("reason", "requestReason")])
def test_a_field_of_an_earlier_version_is_rejected_with_its_new_name(former: str, new: str) -> None:
    error = rejection(json.dumps({**MINIMAL, former: "refuse"}).encode())

    assert error.rule == "additionalProperties"
    assert f'"{former}" is now "{new}".' in str(error)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"remove": {"count": 0}},
            "remove.count must be at least 1. Meaning: Number of instances to remove.",
        ),
        (
            {"remove": {}},
            'remove must have one of "count", "percent", "toCapacity", "instanceIds".',
        ),
        ({"remove": {"instanceIds": []}}, "remove.instanceIds must have at least 1 item."),
        ({"dryRun": "yes"}, "dryRun must be true or false."),
        ({"removePolicy": "x"}, 'removePolicy must be one of "release", "recycle".'),
        ({"scalingGroupId": "asg 1"}, "scalingGroupId has the wrong format."),
        ({"requestReason": "x" * 501}, "requestReason must have at most 500 characters."),
        ({"x": 1}, "Removal request has an unknown field. Known fields: scalingGroupId, "),
    ],
)
def test_a_rejection_says_what_is_expected(fields: dict[str, Any], sentence: str) -> None:
    assert str(rejection(json.dumps({**MINIMAL, **fields}).encode())).startswith(sentence)


def test_a_misspelt_field_is_answered_with_the_known_one() -> None:
    assert 'Did you mean "dryRun"?' in str(
        rejection(json.dumps({**MINIMAL, "dryrun": True}).encode())
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"canary-7731": 1},
        {"scalingGroupId": "canary 7731"},
        {"remove": {"instanceIds": ["canary-7731", "canary-7731"]}},
        {"remove": {"canary-7731": 1}},
        {"remove": "canary-7731"},
        {"notAfter": "canary-7731"},
        {"order": ["canary-7731"]},
    ],
)
def test_a_rejection_never_repeats_what_was_sent(fields: dict[str, Any]) -> None:
    error = rejection(json.dumps({**MINIMAL, **fields}).encode())

    assert "7731" not in f"{error} {error.path} {error.rule}"


def test_a_long_mixed_list_is_rejected_before_any_slow_check() -> None:
    """To compare all pairs takes hours: the length rule comes first and ends the search."""
    mixed = [1, "a", [], {}] * 45_000

    assert (
        rejection(json.dumps({**MINIMAL, "remove": {"instanceIds": mixed}}).encode()).rule
        == "maxItems"
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
near_requests = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("scalingGroupId", "remove", "order", "notAfter", "requestId", "dryRun", "partial", "x"),
        json_values,
    ),
)


@given(
    st.binary(max_size=200)
    | near_requests.map(lambda fields: json.dumps({**MINIMAL, **fields}).encode())
)
@example(b'{"scalingGroupId": "\\ud800", "remove": {"count": 1}}')
@example(b'{"scalingGroupId": "asg-1", "remove": {"count": 1}, "requestReason": "\\ud800"}')
@example(b'{"scalingGroupId": "asg-1", "remove": {"count": 1e999}}')
def test_any_bytes_are_a_request_or_a_rejection(event: bytes) -> None:
    try:
        request = read(event)
    except RejectedEvent as error:
        assert error.path.startswith("$")
        assert error.rule
        assert str(error)
    else:
        assert request.scaling_group_id
        assert request.request_id.isascii()
