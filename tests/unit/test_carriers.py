"""Envelopes as senders really write them, and what is said of those that carry no message."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.errors import RejectedEvent
from scalein.intake.decoding import value_of
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import Message, parse_event
from tests.support.wrapping import base64_of, cloud_event, gateway, http, http_event, kafka

REQUEST = {"scalingGroupId": "asg-1", "remove": {"count": 1}}
TEXT = json.dumps(REQUEST)
# Names and nesting of CloudMonitor's own sample of its callback, which is not percent-encoded.
RAW_FORM = (
    "expression=$Average>=95&metricName=Host.mem.usedutilization&instanceName=web 1"
    "&signature=a+b/c=&metricProject=acs_ecs&userId=1234567890123456&curValue=97.39"
    "&alertName=memory is low"
    "&namespace=acs_ecs_dashboard&triggerLevel=WARN&alertState=ALERT&ruleId=r-1"
    "&dimensions={userId=1234567890123456, instanceId=i-web-04}&timestamp=1795406400"
    "&lastTime=2 minutes&regionName=China (Hangzhou)&unit=%"
)


def only(event: Any) -> Message:
    data = event if isinstance(event, bytes) else json.dumps(event).encode()
    (message,) = parse_event(data).messages
    return message


def rejection(event: Any) -> RejectedEvent:
    with pytest.raises(RejectedEvent) as caught:
        parse_message(only(event))
    return caught.value


def queue(body: Any) -> dict[str, Any]:
    return cloud_event("mns:Queue:SendMessage", {"messageId": "Q", "messageBody": body}, 1)


@pytest.mark.parametrize("flag", [True, "true", "True"])
def test_base64_is_decoded_if_the_flag_says_so_also_as_text(flag: object) -> None:
    request = gateway("POST", 0, body=base64_of(TEXT), isBase64Encoded=flag)

    assert only(request).document == REQUEST
    assert rejection({**request, "body": "!"}).rule == "base64"


@pytest.mark.parametrize("flag", [False, "false", None, ""])
def test_a_body_is_taken_as_it_is_if_the_flag_is_false_also_as_text(flag: object) -> None:
    assert only(gateway("POST", 0, body=TEXT, isBase64Encoded=flag)).document == REQUEST


def test_a_request_of_api_gateway_is_answered_with_a_status_code() -> None:
    assert parse_event(json.dumps(gateway("POST", 0, body="{")).encode()).is_http
    event = json.dumps(http_event("POST", 1, body="{"))
    assert not parse_event(event.encode()).is_http


@pytest.mark.parametrize(
    "query",
    [
        {"data": TEXT},
        {"anything": TEXT},
        {"data": TEXT, "token": "x"},
        {"scalingGroupId": "asg-1", "remove": '{"count": 1}'},
    ],
)
def test_a_get_is_read_from_its_query(query: dict[str, str]) -> None:
    for body in ("", " ", None):
        assert only(http("GET", 0, queryParameters=query, body=body)).document == REQUEST
    assert only(http("GET", 0, queryParameters=query)).document == REQUEST
    assert only(gateway("GET", 0, queryParameters=query, body="")).document == REQUEST
    assert only(http_event("GET", 1, queryString=query, body={})).document == REQUEST


@pytest.mark.parametrize("missing", [["queryString"], ["headers"], ["headers", "queryString"]])
def test_a_request_of_eventbridges_http_source_may_lack_what_is_empty(missing: list[str]) -> None:
    event = http_event("POST", 1, body=TEXT)
    for name in missing:
        del event["data"][name]

    assert only(event).document == REQUEST
    assert only(event).idempotency_key == "event-s/e1"


def test_a_request_of_api_gateway_may_lack_its_parameters() -> None:
    request = gateway("POST", 0, body=TEXT)
    again = {**request, "headers": {"CaRequestId": "another"}}
    for one in (request, again):
        one.pop("queryParameters")

    assert only(request).document == REQUEST
    assert only(request).idempotency_key == only(again).idempotency_key
    assert parse_event(json.dumps(request).encode()).is_http


def test_the_query_of_a_request_with_a_body_is_no_message() -> None:
    """Such as a token in the address of a webhook."""
    for method in ("POST", "PUT", "GET"):
        request = http(method, 0, queryParameters={"data": '{"a": 1}'}, body=TEXT)
        assert only(request).document == REQUEST
    assert rejection(http("POST", 0, queryParameters={"data": TEXT}, body="")).rule == "json"
    assert rejection(http("HEAD", 0, queryParameters={"data": TEXT}, body="")).rule == "json"


@pytest.mark.parametrize("query", [{}, None, "a=1", []])
def test_a_get_without_anything_is_not_called_empty(query: object) -> None:
    error = rejection(http("GET", 0, queryParameters=query, body=""))

    assert (error.path, error.rule) == ("$", "query")
    assert str(error).startswith("HTTP request: the GET request has neither parameters nor a body")
    assert "empty" not in str(error)


def test_a_field_among_many_is_not_the_whole_message() -> None:
    """Other senders have fields of such names too."""
    query = {"data": TEXT, "scalingGroupId": "asg-2", "remove": "x", "id": "1"}

    assert only(http("GET", 0, queryParameters=query)).document == {**query, "data": REQUEST}


def test_a_repeated_parameter_matches_nothing_that_is_closed() -> None:
    """Function Compute joins its values by commas."""
    query = {"scalingGroupId": "asg-1,asg-2", "remove": '{"count": 1}'}
    twice = {"data": f"{TEXT},{TEXT}"}

    assert rejection(http("GET", 0, queryParameters=query)).path == "$.scalingGroupId"
    assert rejection(http("GET", 0, queryParameters=twice)).rule == "unknownSender"


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ({f"f{n}": "1" for n in range(201)}, "maxFields"),
        ({"data": " " * (256 << 10) + "x"}, "maxBytes"),
        ({"data": "[" * 33 + "]" * 33}, "maxDepth"),
        ({"data": '{"requestReason": "\\ud800"}'}, "utf-8"),
        ({"data": '{"a": 1, "a": 2}'}, "uniqueKeys"),
    ],
)
def test_a_query_is_bounded_like_a_form(query: dict[str, str], rule: str) -> None:
    assert rejection(http("GET", 0, queryParameters=query)).rule == rule


def test_the_key_of_an_http_source_is_the_cloud_events() -> None:
    first, second = http_event("POST", 1, body=REQUEST), http_event("POST", 2, body=REQUEST)

    assert only(first).idempotency_key == "event-s/e1"
    assert only(second).idempotency_key == "event-s/e2"


def test_numbers_may_come_as_fractions_from_an_http_source() -> None:
    """EventBridge's own code parses a body with Gson, which makes 1 to 1.0."""
    parsed = parse_message(only(http_event("POST", 1, body={**REQUEST, "remove": {"count": 1.0}})))

    assert isinstance(parsed, RemovalRequest)
    assert parsed.target.instances == 1


@pytest.mark.parametrize("flag", [True, "true", "True", "TRUE", 1, "1"])
def test_a_content_that_the_connector_left_out_is_not_taken_for_the_message(flag: object) -> None:
    """The value is there all the same, and it is not the message."""
    error = rejection(kafka(TEXT, 1, overflowFlag=flag, valueSize=272_687))

    assert (error.path, error.rule) == ("$.overflowFlag", "overflow")
    assert "left the content of this message out" in str(error)
    assert only(kafka(TEXT, 1, overflowFlag=False)).document == REQUEST


@pytest.mark.parametrize("message", [{}, {"value": None}])
def test_a_kafka_message_without_a_value_is_rejected(message: dict[str, Any]) -> None:
    fields = {name: value for name, value in kafka("", 1).items() if name != "value"}

    assert rejection({**fields, **message}).path == "$.value"


@pytest.mark.parametrize("name", ["value", "Value", "Message", "body"])
def test_kafka_on_a_bus_is_read_whatever_its_content_is_called(name: str) -> None:
    data = {"InstanceId": "i", "ConsumerGroup": "g", "Topic": "t", name: TEXT}

    assert only(cloud_event("alikafka:Topic:SendMessage", data, 1)).document == REQUEST
    doubtful = {**data, "value": TEXT, "Body": TEXT}
    assert rejection(cloud_event("alikafka:Topic:SendMessage", doubtful, 1)).path == "$.value"


def test_a_form_may_be_written_without_percent_encoding() -> None:
    for event in (RAW_FORM.encode(), http("POST", 0, body=RAW_FORM), queue(base64_of(RAW_FORM))):
        alarm = parse_message(only(event))
        assert isinstance(alarm, Alarm)
        assert alarm.attributes["alertName"] == ("memory is low",)
        assert alarm.instance_ids == ("i-web-04",)
    fields = value_of(RAW_FORM)
    assert fields["expression"] == "$Average>=95"
    assert fields["signature"] == "a+b/c="
    assert fields["unit"] == "%"


def test_both_ways_to_write_a_form_are_the_same_fields() -> None:
    fields = value_of(RAW_FORM)

    assert value_of(urlencode(fields)) == fields


@pytest.mark.parametrize("name", ["R&D is low", "a & b", "&", "low&"])
def test_an_ampersand_that_is_not_encoded_is_ambiguous(name: str) -> None:
    form = RAW_FORM.replace("memory is low", name)

    assert rejection(form.encode()).rule == "form"
    assert "percent-encoded" in str(rejection(form.encode()))


def test_a_value_that_looks_like_another_field_twice_is_ambiguous() -> None:
    form = RAW_FORM.replace("memory is low", "low&alertState=OK")

    assert rejection(form.encode()).rule == "uniqueKeys"


@pytest.mark.parametrize(
    "text",
    [
        "a=1",
        "a=1 & b=2",
        "x=1&y=2 and more",
        "Please set a=1&b=2&c=3",
        "a=1&b=2&c=3\nis a list",
        "a=1&b=2\tc",
        "1=a&2=b",
        "if x={1} then",
        "Tom & Jerry",
        "https://example.com/?a=1&b=2",
    ],
)
def test_prose_is_no_form(text: str) -> None:
    assert rejection(text.encode()).rule == "json"
    assert rejection(queue(text)).rule == "json"


@pytest.mark.parametrize("text", [f"payload={TEXT}", urlencode({"payload": TEXT})])
def test_a_form_of_one_field_may_hold_the_whole_message(text: str) -> None:
    assert only(http("POST", 0, body=text)).document == REQUEST


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        (
            queue("hello"),
            "CloudEvent > MNS queue message > body: not JSON, line 1, column 1. Fix the sender.",
        ),
        (
            queue("{\n x"),
            "CloudEvent > MNS queue message > body: not JSON, line 2, column 2. Fix the sender.",
        ),
        (queue("eyJzY2FsaW5n"), "CloudEvent > MNS queue message > body: the Base64 is cut off, or"),
        (
            http("POST", 0, body="/w==", isBase64Encoded=True),
            "HTTP request > body: not UTF-8, byte 0 is invalid. Fix the sender.",
        ),
        (
            http("POST", 0, body="!", isBase64Encoded=True),
            "HTTP request: the Base64 is damaged or cut off. Fix the sender.",
        ),
        (queue("[" * 33 + "]" * 33), "CloudEvent > MNS queue message > body: it is nested deeper"),
        (queue("[]"), "CloudEvent > MNS queue message > body: a message must be a JSON object."),
        (
            queue({**REQUEST, "remove": {"count": 0}}),
            "CloudEvent > MNS queue message > body: remove.count must be at least 1.",
        ),
        ({**queue(""), "time": "noon"}, "CloudEvent: the time cannot be read."),
        (kafka("x", 1), "Kafka message > value: not JSON"),
        ({"triggerName": "n", "triggerTime": "0", "payload": ""}, "timer > payload: it is empty."),
        (
            queue("<?xml version='1.0'?><Notification/>"),
            "CloudEvent > MNS queue message > body: XML,",
        ),
        (b"hello", "Event: not JSON, line 1, column 1. Fix the sender."),
        (b"\xff{}", "Event: not UTF-8, byte 0 is invalid. Fix the sender."),
        (b"", "Event: it is empty. Send a removal request as a JSON object."),
        (b"1", "Event: a message must be a JSON object."),
        (["hello"], "Message: not JSON, line 1, column 1. Fix the sender."),
        (
            http("GET", 0, queryParameters={"a": "b"}),
            "HTTP request > query: unknown type of message. The closest",
        ),
    ],
)
def test_a_rejection_says_what_was_unwrapped_and_where_it_stopped(
    event: Any, sentence: str
) -> None:
    assert str(rejection(event)).startswith(sentence)


def test_a_message_that_cannot_be_read_still_has_its_steps_and_key() -> None:
    message = only(queue(base64_of("no JSON")))

    assert message.steps == ("JSON", "CloudEvent", "MNS queue message")
    assert message.idempotency_key == "event.mns-Q"
    message = only(queue(base64_of(json.dumps(queue(urlencode({"a": "1", "b": "2"}))))))
    nested = ("CloudEvent", "MNS queue message")
    assert message.steps == ("JSON", *nested, "Base64", "JSON", *nested, "form")


EVENTS_OF_OTHERS: dict[str, tuple[Any, str]] = {
    "OSS": ({"events": [{"eventSource": "acs:oss", "eventName": "x"}]}, "an OSS trigger"),
    "OSS on a bus": (cloud_event("oss:ObjectCreated:PutObject", {}, 1), "an OSS trigger"),
    "CDN": ({"events": [{"eventSource": "cdn", "eventName": "x"}]}, "a CDN trigger"),
    "Tablestore as JSON": ({"Version": "Sync-v1", "Records": []}, "a Tablestore trigger"),
    "Tablestore": (b"\xa2gVersiongSync-v1gRecords\x80", "a Tablestore trigger"),
    "log": (
        {"parameter": {}, "source": {}, "jobName": "j", "taskId": "t", "cursorTime": 1},
        "a Simple Log Service trigger",
    ),
    "lines of a log": (cloud_event("sls:connector", {"a": "b"}, 1), "EventBridge's source for"),
    "lines of a log, raw": ({"__topic__": "", "__source__": "", "a": "b"}, "EventBridge's source"),
    "DTS": (cloud_event("dts:ConsumeMessage", {"id": 1}, 1), "a DTS trigger"),
    "DTS raw": ({"id": 1, "topicPartition": {}, "operationType": "UPDATE"}, "a DTS trigger"),
    "DataHub": (
        {"eventSource": "acs:datahub", "eventSourceARN": "/projects/p", "records": []},
        "a DataHub trigger",
    ),
    "IoT": ({"deviceName": "d", "productKey": "p", "temperature": 7}, "an IoT Platform trigger"),
    "IoT on a bus": (cloud_event("iot:Device:Online", {}, 1), "an IoT Platform trigger"),
    "MSE": (cloud_event("mse:Cluster:Restart", {}, 1), "Microservices Engine"),
    "EventHouse": (cloud_event("eventhouse:Any:Thing", {}, 1), "EventHouse"),
    "a time trigger of EventBridge": (
        cloud_event("eventbridge:Events:ScheduledEvent", {"TimeZone": "x", "Schedule": "y"}, 1),
        "EventBridge's time trigger",
    ),
    "a destination": (
        {"requestContext": {"condition": "x"}, "requestPayload": TEXT, "responsePayload": ""},
        "a destination of asynchronous invocations",
    ),
    "ActionTrail": (cloud_event("vpc:ActionTrail:ApiCall", {}, 1), "ActionTrail"),
    "Cloud Config": (cloud_event("rds:Config:NonCompliantNotification", {}, 1), "Cloud Config"),
    "another product": (cloud_event("rds:Instance:Failover", {}, 1), "another product"),
    "CloudMonitor of another": (cloud_event("slb:CloudMonitor:Any", {}, 1), "CloudMonitor"),
}


@pytest.mark.parametrize("name", EVENTS_OF_OTHERS)
def test_a_foreign_trigger_is_named_with_what_to_use_instead(name: str) -> None:
    event, trigger = EVENTS_OF_OTHERS[name]
    error = rejection(event)

    assert error.rule == "foreignTrigger"
    assert f"his event is of {trigger}" in str(error)
    assert "nothing to do with removals" in str(error)
    assert str(error).count(". ") == 2  # what to do, and what to use instead


@pytest.mark.parametrize(
    "event",
    [
        b"\xa2hello",
        {"Version": "Sync-v1"},
        {"events": []},
        {"events": [7]},
        {"events": [{"eventSource": ["acs:oss"]}]},
        cloud_event("cms:CloudMonitor:AlertWebHook", {"a": "b"}, 1),
        cloud_event("ops:Anything", {"a": "b"}, 1),
        cloud_event("oss", {"a": "b"}, 1),
        http_event("POST", 1, body={"a": "b"}),
    ],
)
def test_what_may_be_of_another_sender_is_not_called_foreign(event: Any) -> None:
    assert rejection(event).rule in ("unknownSender", "utf-8")


def test_a_request_is_a_request_whatever_the_event_that_carries_it_is_called() -> None:
    parsed = parse_message(only(cloud_event("oss:ObjectCreated:PutObject", REQUEST, 1)))

    assert isinstance(parsed, RemovalRequest)


def test_no_value_of_a_message_is_repeated() -> None:
    for event, _ in EVENTS_OF_OTHERS.values():
        marked = json.dumps(event, default=repr).replace('"x"', '"canary-7731"')
        if not isinstance(event, bytes):
            assert "7731" not in str(rejection(marked.encode()))
