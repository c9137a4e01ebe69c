"""What the console's page gets from the cloud, and what it may change there."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from localcloud.console.bodies import has_secret_or_is_local
from localcloud.console.document import difference
from localcloud.console.event_library import DIRECT, event_library, sender_of
from localcloud.console.log import Log, Tail
from localcloud.server import application
from scalein_cli.local import local_cloud
from tests.contract.test_admin import request_json
from tests.support.clouds import group, instances
from tests.support.platforms import compute_of
from tests.support.sdks import OlderPython, RefusedCall

ROOT = Path(__file__).parents[2]
QUIET_SECONDS = 1.5
KEYS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 3))
TOPICS = st.fixed_dictionaries({"one": KEYS, "two": KEYS})


@pytest.fixture
def ready(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    fleet = tmp_path / "fleet.json"
    members = [*instances(30), *instances(1, "p", lifecycleState="Protected")]
    document = {"groups": [group(*members, minSize=5)], "queues": [{"name": "q"}]}
    fleet.write_text(json.dumps({**document, "activitySeconds": 600}))
    with local_cloud(fleet) as started:
        yield started


def perform(ready: Mapping[str, str], action: str, **params: Any) -> tuple[int, Any]:
    params = {"ScalingGroupId": "asg-1", **params}
    named = {name.replace("_", "."): value for name, value in params.items()}
    return request_json(ready, "perform", {"action": action, "params": named})


def rows(ready: Mapping[str, str], topic: str) -> list[Any]:
    return list(request_json(ready, "overview")[1][topic])


class Stream:
    """The stream of changes, byte by byte."""

    def __init__(self, endpoint: str, query: str = "") -> None:
        host, _, port = endpoint.partition(":")
        self.socket = socket.create_connection((host, int(port)))
        head = f"GET /localcloud/stream{query} HTTP/1.1\r\nHost: {endpoint}\r\n\r\n"
        self.socket.sendall(head.encode())

    def read(self, seconds: float) -> bytes:
        """Returns all that comes within so many seconds."""
        ends_at, content = time.monotonic() + seconds, b""
        while (remaining := ends_at - time.monotonic()) > 0:
            self.socket.settimeout(remaining)
            try:
                content += self.socket.recv(1 << 20)
            except TimeoutError:
                break
        return content

    def message(self) -> dict[str, Any]:
        """Returns what the next message holds."""
        content = b""
        self.socket.settimeout(10)
        while b"\n\n" not in content:
            content += self.socket.recv(1 << 20)
        data = content.split(b"data: ")[1].split(b"\n")[0]
        return dict(json.loads(data))


def test_nothing_is_transferred_while_nothing_happens(ready: Mapping[str, str]) -> None:
    """Also while a message waits to become visible."""
    request_json(ready, "queues/q/messages", {"text": "later", "delaySeconds": 600})
    stream = Stream(ready["endpoint"])
    with stream.socket:
        assert b"event: snapshot" in stream.read(QUIET_SECONDS)
        assert stream.read(QUIET_SECONDS) == b""


def test_only_the_rows_that_changed_are_transferred(ready: Mapping[str, str]) -> None:
    stream = Stream(ready["endpoint"])
    with stream.socket:
        assert len(stream.message()["topics"]["instances"]) == 31
        perform(ready, "SetInstancesProtection", InstanceId_1="i-0007", ProtectedFromScaleIn=True)
        message = stream.message()

    assert list(message["changed"]["instances"]) == ["asg-1 i-0007"]
    assert set(message["changed"]) == {"instances", "groups", "log"}
    assert message["removed"] == {}


@given(TOPICS, TOPICS)
def test_what_a_page_has_and_the_difference_make_what_there_is(before: Any, after: Any) -> None:
    changed, removed = difference(before, after)

    for topic, present in after.items():
        page = {k: v for k, v in before[topic].items() if k not in removed.get(topic, ())}
        assert {**page, **changed.get(topic, {})} == present
    assert (changed, removed) == ({}, {}) if before == after else True


@given(st.lists(st.integers(0, 5)), st.integers(1, 9))
def test_each_item_of_a_tail_is_taken_once_and_in_order(sizes: list[int], bound: int) -> None:
    """As long as no more are appended between two looks than the sequence holds."""
    items: deque[list[int]] = deque(maxlen=bound)
    tail: Tail[list[int]] = Tail()
    appended: list[list[int]] = []
    taken: list[list[int]] = []
    for size in sizes:
        for _ in range(min(size, bound)):
            appended.append([len(appended)])
            items.append(appended[-1])
        taken += tail.take_new(items)

    assert taken == appended


def test_many_calls_do_not_displace_the_one_alarm() -> None:
    log = Log()
    log.add("alarm", "2026-01-01T00:00:00+00:00", "cpu-low")
    for _ in range(5_000):
        log.add("call", "2026-01-01T00:00:00+00:00", "DescribeScalingGroups")

    assert next(iter(log.rows().values()))["kind"] == "alarm"
    assert len(log.rows()) < 1_000


def test_a_call_is_logged_with_caller_status_code_time_and_request_id(
    ready: Mapping[str, str],
) -> None:
    client = OlderPython(ready["endpoint"], ready)
    client.call("DescribeScalingGroups")
    refused = client.call("RemoveInstances", ScalingGroupId="asg-1", InstanceIds=["i-9999"])
    assert isinstance(refused, RefusedCall)

    seen, failed = (one for one in rows(ready, "log") if one["kind"] == "call")
    assert (seen["what"], seen["who"], seen["status"]) == (
        "DescribeScalingGroups",
        ready["accessKeyId"],
        200,
    )
    assert 0 < seen["ms"] < 5_000
    assert len(seen["requestId"]) == 36
    assert (failed["status"], failed["code"]) == (404, "InvalidInstanceId.NotFound")
    assert failed["detail"]["ScalingGroupId"] == "asg-1"
    assert "Signature" not in failed["detail"]


def test_messages_hooks_alarms_and_faults_are_logged(ready: Mapping[str, str]) -> None:
    made = perform(
        ready,
        "CreateLifecycleHook",
        LifecycleHookName="drain",
        LifecycleTransition="SCALE_IN",
        NotificationArn="acs:mns:cn-hangzhou:1:queue/q",
    )
    assert made[0] == 200
    perform(ready, "RemoveInstances", InstanceId_1="i-0001")
    alarm = perform(
        ready, "CreateAlarm", Name="cpu-low", MetricName="CpuUtilization", Threshold="80"
    )[1]
    request_json(ready, "alarms", {"alarmTaskId": alarm["AlarmTaskId"], "state": "ALARM"})
    request_json(ready, "faults", {"kind": "throttled"})
    OlderPython(ready["endpoint"], ready).call("DescribeScalingGroups")

    logged = {(one["kind"], one["what"], one["status"]) for one in rows(ready, "log")}
    assert {
        ("hook", "drain", "Pending"),
        ("message", "drain", "sent"),
        ("alarm", "cpu-low", "ALARM"),
        ("fault", "throttled", "injected"),
    } <= logged


def test_what_the_api_refuses_is_refused_here_too(ready: Mapping[str, str]) -> None:
    assert perform(ready, "RemoveInstances", InstanceId_1="i-0001")[0] == 200
    status, answer = perform(ready, "RemoveInstances", InstanceId_1="i-0002")

    assert (status, answer["code"]) == (400, "ScalingActivityInProgress")
    assert perform(ready, "NoSuchAction")[1]["code"] == "InvalidApi.NotFound"


def test_a_metric_that_is_put_is_what_cloudmonitor_answers(ready: Mapping[str, str]) -> None:
    put = request_json(
        ready, "metrics", {"instanceIds": ["i-0001"], "metricName": "CPUUtilization", "value": 71.5}
    )
    assert put == (200, {"instances": 1})

    params = {"Namespace": "acs_ecs_dashboard", "MetricName": "CPUUtilization"}
    body = {"action": "DescribeMetricLast", "params": params}
    points = json.loads(request_json(ready, "perform", body)[1]["Datapoints"])
    assert [(one["instanceId"], one["Average"]) for one in points] == [("i-0001", 71.5)]
    assert request_json(ready, "metrics", {"groupId": "asg-1", "metricName": "x", "value": 1})[
        1
    ] == {"instances": 31}


@pytest.mark.parametrize(
    "body",
    [{}, {"metricName": "x", "value": "much"}, {"metricName": " ", "value": 1, "groupId": "asg-1"}],
)
def test_a_metric_without_name_or_number_is_refused(
    ready: Mapping[str, str], body: dict[str, Any]
) -> None:
    assert request_json(ready, "metrics", body)[0] == 400


def test_an_alarm_that_is_raised_runs_its_rules(ready: Mapping[str, str]) -> None:
    rule = perform(
        ready,
        "CreateScalingRule",
        AdjustmentType="QuantityChangeInCapacity",
        AdjustmentValue=-2,
    )[1]
    alarm = perform(
        ready,
        "CreateAlarm",
        MetricName="CpuUtilization",
        Threshold="80",
        AlarmAction_1=rule["ScalingRuleAri"],
    )[1]
    raised = request_json(ready, "alarms", {"alarmTaskId": alarm["AlarmTaskId"]})[1]

    assert raised["state"] == "ALARM"
    activity = next(one for one in rows(ready, "activities") if one["id"] in raised["activities"])
    assert (activity["source"], len(activity["removing"])) == ("Cms", 2)
    assert request_json(ready, "alarms", {"alarmTaskId": "none"})[0] == 400


def request_from(host: str, **headers: str) -> Request:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": pairs, "client": (host, 1)})


@pytest.mark.parametrize(
    ("host", "secret", "may"),
    [
        ("127.0.0.1", "", True),
        ("::1", "", True),
        ("192.0.2.7", "", False),
        ("192.0.2.7", "wrong", False),
        ("192.0.2.7", "right", True),
    ],
)
def test_from_another_machine_the_secret_is_needed(host: str, secret: str, may: bool) -> None:
    request = request_from(host, **({"x_localcloud_secret": secret} if secret else {}))

    assert has_secret_or_is_local(request, "right") is may


# What no cloud has, and tests on other machines need: time, faults, the way back to the start.
WITHOUT_SECRET = {"clock", "faults", "reset"}


def status_from_another_machine(app: Starlette, method: str, path: str) -> int:
    """The status of a request without a body, without the secret."""
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"192.0.2.1")],
        "client": ("192.0.2.7", 1),
        "server": ("192.0.2.1", 80),
        "scheme": "http",
    }
    asyncio.run(app(scope, receive, send))
    return int(sent[0]["status"])


def test_each_change_in_place_of_a_client_is_refused_from_another_machine() -> None:
    with compute_of(group()) as compute:
        app = application(compute.inside, lambda: None)
        changes = {
            (route.path.removeprefix("/localcloud/"), method): status_from_another_machine(
                app, method, route.path
            )
            for route in app.routes
            if isinstance(route, Route) and route.path.startswith("/localcloud/")
            for method in (route.methods or set()) & {"POST", "DELETE", "PUT", "PATCH"}
        }

    assert len(changes) > 10
    assert {path for (path, _), status in changes.items() if status != 403} <= WITHOUT_SECRET


def test_every_event_of_the_repository_has_a_sender_and_a_story() -> None:
    groups = event_library(ROOT / "events").groups()
    events = [event for sender in groups for event in sender["events"]]

    assert [event["name"] for event in events if not event["story"]] == []
    assert len(events) == len(event_library(ROOT / "events").names())
    assert groups[0]["sender"] == DIRECT
    assert {sender_of("kafka-batch"), sender_of("mns-topic-json")} <= {
        sender["sender"] for sender in groups
    }


def test_where_a_fleet_names_no_events_those_of_the_package_are_listed(tmp_path: Path) -> None:
    assert "remove-two" in event_library(None).names()
    assert "remove-two" in event_library(tmp_path / "none").names()


def test_a_name_that_is_no_event_leads_to_no_file() -> None:
    with pytest.raises(KeyError):
        event_library(ROOT / "events").text("../policy.example")
