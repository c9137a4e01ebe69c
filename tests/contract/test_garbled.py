"""Garbled answers, through the real SDK over a socket: a correct result, or a GatewayError."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.garble import BODIES, garbled
from scalein.cloud.ess import EssGateway
from scalein.cloud.gateway import Removal
from scalein.decision.model import Metric, ReadScope, RemoveOptions
from scalein.errors import GatewayError, OutcomeUnknown, Refused, TryLater
from tests.support.servers import EMPTY, GROUP, answer_of, gateway_to, replying

CALL = Removal("asg-1", ("i-1",), "token-1", RemoveOptions())
NEEDS = ReadScope(history_seconds=3_600, metric=Metric())
MEMBER = {
    "InstanceId": "i-1",
    "ScalingGroupId": "asg-1",
    "LifecycleState": "InService",
    "CreatedTime": "2026-11-01T10:00:00Z",
}
ACTIVITY = {
    "ScalingActivityId": "asa-1",
    "ScalingGroupId": "asg-1",
    "StatusCode": "Successful",
    "StartTime": "2026-11-23T11:00Z",
    "EndTime": "2026-11-23T11:05Z",
    "DestroyedCapacity": "1",
    "DestroyedInstances": {"DestroyedInstance": ["i-9"]},
}
POINT = {"instanceId": "i-1", "timestamp": 1_795_435_200_000, "Average": 12.5}
FULL = {
    **EMPTY,
    "DescribeScalingGroups": {
        "TotalCount": 1,
        "ScalingGroups": {"ScalingGroup": [{**GROUP, "TotalCapacity": 1}]},
    },
    "DescribeScalingInstances": {
        "TotalCount": 1,
        "ScalingInstances": {"ScalingInstance": [MEMBER]},
    },
    "DescribeScalingActivities": {
        "TotalCount": 1,
        "ScalingActivities": {"ScalingActivity": [ACTIVITY]},
    },
    "DescribeMetricLast": {"Code": "200", "Datapoints": json.dumps([POINT])},
}
READS: dict[str, Callable[[EssGateway], Any]] = {
    "snapshot": lambda gateway: gateway.snapshot("asg-1", NEEDS),
    "activities": lambda gateway: gateway.activities(("asa-1",)),
    "groups": lambda gateway: gateway.groups_of(("i-1",)),
}


class Wire:
    """A server whose answers to one action a test spoils."""

    def __init__(self) -> None:
        self.action = ""
        self.spoil: Callable[[bytes], bytes] = bytes
        self.status = "200 OK"

    def reply(self, action: str) -> bytes:
        body = json.dumps(FULL[action]).encode()
        return (
            answer_of(self.spoil(body), self.status) if action == self.action else answer_of(body)
        )


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Wire, str]]:
    server = Wire()
    with replying(server.reply) as endpoint:
        yield server, endpoint


def points_garbled(body: bytes, chance: Random) -> bytes:
    """CloudMonitor's values are a JSON text within the JSON."""
    reply = json.loads(body)
    points = garbled(reply["Datapoints"].encode(), chance).decode("utf-8", "replace")
    return json.dumps({**reply, "Datapoints": points}).encode()


@given(
    seed=st.integers(0, 10**9),
    action=st.sampled_from(sorted(FULL)),
    read=st.sampled_from(sorted(READS)),
    inner=st.booleans(),
)
def test_a_garbled_answer_is_a_gateway_error_or_a_correct_result(
    wire: tuple[Wire, str], seed: int, action: str, read: str, inner: bool
) -> None:
    server, endpoint = wire
    chance = Random(seed)
    spoil = points_garbled if inner and action == "DescribeMetricLast" else garbled
    server.action, server.spoil, server.status = action, lambda body: spoil(body, chance), "200 OK"
    gateway = gateway_to(endpoint, seconds=0.6)
    with suppress(GatewayError):
        value = READS[read](gateway)
        if read == "snapshot":
            assert [instance.id.isprintable() for instance in value.instances] == [True]
            numbers = (value.group.min_size, value.group.total_capacity)
            assert all(type(number) is int and number >= 0 for number in numbers)
            assert all(abs(sample.value) < 1e18 for sample in value.samples.values())
    with suppress(OutcomeUnknown):
        assert gateway.remove(CALL).isprintable()


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "status", ["200 OK", "302 Found", "404 Not Found", "408 Request Timeout", "429 Too Many"]
)
@pytest.mark.parametrize("action", sorted(FULL))
def test_an_answer_that_is_not_of_ess_never_decides(
    wire: tuple[Wire, str], action: str, status: str, body: bytes
) -> None:
    server, endpoint = wire
    server.action, server.spoil, server.status = action, lambda _: body, status
    gateway = gateway_to(endpoint, seconds=0.6)
    if action == "RemoveInstances":
        with pytest.raises(OutcomeUnknown):
            gateway.remove(CALL)
        return
    with pytest.raises(TryLater):
        gateway.snapshot("asg-1", NEEDS)


@pytest.mark.parametrize(
    "status", ["200 OK", "302 Found", "400 Bad Request", "429 Too Many", "503 Unavailable"]
)
@pytest.mark.parametrize(
    ("code", "request_id", "is_of_ess"),
    [
        ("SomethingNew", "R-1", True),
        ("SomethingNew", "", False),
        ("SomethingNew", 5, False),
        ("", "R-1", False),
        (5, "R-1", False),
        (["SomethingNew"], "R-1", False),
        ("\u0000", "R-1", False),
    ],
)
def test_only_an_error_code_of_ess_in_an_error_refuses(
    wire: tuple[Wire, str], status: str, code: object, request_id: object, is_of_ess: bool
) -> None:
    server, endpoint = wire
    body = json.dumps({"Code": code, "RequestId": request_id, "Message": "m"}).encode()
    server.action, server.spoil, server.status = "RemoveInstances", lambda _: body, status
    expected: type[GatewayError] = OutcomeUnknown
    if is_of_ess and status.startswith("400"):
        expected = Refused
    if is_of_ess and status.startswith("429"):
        expected = TryLater
    with pytest.raises(expected):
        gateway_to(endpoint, seconds=0.6).remove(CALL)
