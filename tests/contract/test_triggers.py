"""Triggers of functions in the local cloud, declared by the official SDKs: queue, timer, HTTP."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from mns.queue import Message, Queue
from mns.topic import TopicMessage

from tests.support.clouds import group, instances
from tests.support.deployment import KEY
from tests.support.mns_client import contents, queue_at, topic_at
from tests.support.native import Native
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon

# What it gets is in its answer; it fails where the event has "fail".
CODE = b"""
def handler(event, context):
    if b"fail" in event:
        raise RuntimeError("asked to fail")
    return event
"""
RESPONDS = b"""
import json

def handler(event, context):
    event = json.loads(event)
    if event["rawPath"] == "/plain":
        return "just text"
    if event["rawPath"] == "/broken":
        raise RuntimeError("no")
    body = json.dumps(event)
    return {"statusCode": 201, "headers": {"X-Mine": "yes"}, "isBase64Encoded": False, "body": body}
"""
ROOT = Path(__file__).parents[2]
DEAD = "acs:mns:cn-hangzhou:1:/queues/dead/messages"


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of() as compute:
        yield compute


def created(compute: Compute, kind: str, config: dict[str, Any], **fields: Any) -> models.Trigger:
    known = {"trigger_name": "t", "trigger_type": kind, "trigger_config": json.dumps(config)}
    body = models.CreateTriggerInput(**{**known, **fields})
    request = models.CreateTriggerRequest(body=body)
    return Native(compute.endpoint).client.create_trigger("f", request).body


def queue_config(**run_options: Any) -> dict[str, Any]:
    source = {"sourceMNSParameters": {"QueueName": "q", "RegionId": "cn-hangzhou"}}
    return {
        "triggerEnable": True,
        "asyncInvocationType": False,
        "eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": source},
        "runOptions": {"mode": "event-streaming", **run_options},
    }


def deliveries(compute: Compute) -> list[Any]:
    assert compute.inside.triggers
    return list(compute.inside.triggers.deliveries)


def has_delivered(compute: Compute, count: int) -> bool:
    return len(deliveries(compute)) == count


def test_a_queue_invokes_a_function_with_its_messages_and_loses_them(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    queue = queue_at(compute.endpoint, "q")
    created(compute, "eventbridge", queue_config(batchWindow={"CountBasedWindow": 2}))
    queue.batch_send_message([Message('{"n": 1}'), Message('{"n": 2}')])
    (delivery,) = soon(lambda: deliveries(compute))

    events = json.loads(delivery.answer)  # the function's own
    assert [json.loads(event["data"]["messageBody"])["n"] for event in events] == [1, 2]
    assert soon(lambda: not compute.inside.queues.queue("q").messages)


def test_what_always_fails_is_tried_again_and_is_a_dead_letter_in_the_end(
    compute: Compute,
) -> None:
    Native(compute.endpoint).create("f", CODE)
    queue, dead = queue_at(compute.endpoint, "q"), queue_at(compute.endpoint, "dead")
    config = queue_config(errorsTolerance="ALL", deadLetterQueue={"Arn": DEAD})
    created(compute, "eventbridge", config)
    queue.send_message(Message("fail"))
    for number in range(1, 5):
        soon(partial(has_delivered, compute, number))
        compute.clock.advance(20)
    dead.set_encoding(False)
    letter = soon(lambda: compute.inside.queues.queue("dead").messages)

    assert len(letter) == 1
    assert [delivery.attempt for delivery in deliveries(compute)] == [1, 2, 3, 4]
    assert json.loads(dead.receive_message().message_body)["data"]["messageBody"] == "fail"
    assert not compute.inside.queues.queue("q").messages


def test_an_asynchronous_trigger_sees_no_failure_and_the_destination_gets_the_result(
    compute: Compute,
) -> None:
    native = Native(compute.endpoint)
    native.create("f", CODE)
    queue, done = queue_at(compute.endpoint, "q"), queue_at(compute.endpoint, "dead")
    destination = models.DestinationConfig(on_success=models.Destination(destination=DEAD))
    body = models.PutAsyncInvokeConfigInput(destination_config=destination)
    request = models.PutAsyncInvokeConfigRequest(body=body)
    native.client.put_async_invoke_config("f", request)
    created(compute, "eventbridge", {**queue_config(), "asyncInvocationType": True})
    queue.send_message(Message("x"))
    (message,) = soon(lambda: contents(done))

    (event,) = json.loads(message["responsePayload"])
    assert event["data"]["messageBody"] == "x"
    assert message["requestContext"]["condition"] == "Success"


def test_a_trigger_that_is_off_reads_nothing_until_it_is_on(compute: Compute) -> None:
    native = Native(compute.endpoint)
    native.create("f", CODE)
    queue = queue_at(compute.endpoint, "q")
    created(compute, "eventbridge", {**queue_config(), "triggerEnable": False})
    queue.send_message(Message("x"))
    assert compute.inside.triggers
    compute.inside.triggers.step()
    assert contents_of(queue) == [b"x"]
    body = models.UpdateTriggerInput(trigger_config=json.dumps(queue_config()))
    native.client.update_trigger("f", "t", models.UpdateTriggerRequest(body=body))

    assert soon(lambda: deliveries(compute))


def contents_of(queue: Queue) -> list[bytes]:
    return [message.message_body for message in queue.batch_peek_message(16)]


def test_a_timer_invokes_a_function_each_time_it_is_due(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    config = {"cronExpression": "@every 1h", "enable": True, "payload": "nightly"}
    created(compute, "timer", config)
    for number in (1, 2):
        compute.clock.advance(3_600)
        soon(partial(has_delivered, compute, number))
    events = [json.loads(delivery.event) for delivery in deliveries(compute)]

    assert {(event["triggerName"], event["payload"]) for event in events} == {("t", "nightly")}
    assert events[0]["triggerTime"] != events[1]["triggerTime"]


@pytest.mark.parametrize("form", ["STREAM", "JSON"])
def test_a_topic_invokes_a_function(compute: Compute, form: str) -> None:
    Native(compute.endpoint).create("f", CODE)
    topic = topic_at(compute.endpoint, "topic")
    arn = "acs:mns:cn-hangzhou:1:/topics/topic"
    created(compute, "mns_topic", {"notifyContentFormat": form, "filterTag": "a"}, source_arn=arn)
    topic.publish_message(TopicMessage("passed over", "b"))
    topic.publish_message(TopicMessage("hi", "a"))
    (delivery,) = deliveries(compute)

    event = delivery.event.decode()
    assert (json.loads(event)["Message"] if form == "JSON" else event) == "hi"


def get(url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_an_http_request_is_an_event_and_the_answer_a_response(compute: Compute) -> None:
    Native(compute.endpoint).create("f", RESPONDS)
    created(compute, "http", {"authType": "anonymous", "methods": ["GET", "POST"]})
    url = f"http://{compute.endpoint}/fcapp.run/f"
    status, headers, body = get(f"{url}/alarm?a=1", b"curValue=12")
    event = json.loads(body)

    example = json.loads((ROOT / "events/http-request.json").read_text(encoding="utf-8"))
    assert (status, headers["x-mine"]) == (201, "yes")
    assert event.keys() == example.keys()
    assert event["requestContext"].keys() == example["requestContext"].keys()
    assert event["requestContext"]["http"].keys() == example["requestContext"]["http"].keys()
    assert (event["rawPath"], event["body"], event["isBase64Encoded"]) == (
        "/alarm",
        "curValue=12",
        False,
    )
    assert event["queryParameters"] == {"a": "1"}
    assert event["requestContext"]["http"]["method"] == "POST"
    binary = json.loads(get(f"{url}/alarm", b"\xff\xfe")[2])
    assert (binary["isBase64Encoded"], base64.b64decode(binary["body"])) == (True, b"\xff\xfe")


def test_an_answer_that_is_no_response_is_the_body_and_a_failure_is_502(compute: Compute) -> None:
    Native(compute.endpoint).create("f", RESPONDS)
    created(compute, "http", {"authType": "anonymous"})
    url = f"http://{compute.endpoint}/fcapp.run/f"

    status, _, body = get(f"{url}/plain")
    assert (status, body) == (200, b"just text")
    status, headers, _ = get(f"{url}/broken")
    assert (status, headers["x-fc-error-type"]) == (502, "UnhandledInvocationError")


def test_an_http_trigger_takes_only_its_methods_and_by_default_only_signed_requests(
    compute: Compute,
) -> None:
    Native(compute.endpoint).create("f", RESPONDS)
    created(compute, "http", {"methods": ["POST"]})
    url = f"http://{compute.endpoint}/fcapp.run/f"

    assert get(f"{url}/x")[0] == 405
    assert get(f"{url}/x", b"body")[0] in (400, 403)
    assert deliveries(compute) == []


def test_an_event_of_auto_scaling_invokes_the_function_whose_pattern_it_fits() -> None:
    with compute_of(group(*instances(3))) as compute:
        Native(compute.endpoint).create("f", CODE)
        pattern = {"source": ["acs.ess"], "type": [{"prefix": "ess:ScalingActivity:ScaleIn"}]}
        config = {
            "eventRuleFilterPattern": json.dumps(pattern),
            "eventSourceConfig": {"eventSourceType": "Default"},
        }
        created(compute, "eventbridge", config)
        request = RpcRequest("Ess", "2014-08-28", "RemoveInstances")
        request.set_protocol_type("http")
        for name, value in {"ScalingGroupId": "asg-1", "InstanceId.1": "i-0001"}.items():
            request.add_query_param(name, value)
        client = AcsClient(KEY.access_key_id, KEY.access_key_secret, "cn-hangzhou")
        request.set_endpoint(compute.endpoint)
        client.do_action_with_exception(request)
        compute.clock.advance(1)
        compute.inside.service.advance()
        events = [json.loads(delivery.event) for delivery in deliveries(compute)]

    path = ROOT / "events/eventbridge-scale-in-success.json"
    assert [event["type"] for event in events] == [
        "ess:ScalingActivity:ScaleInStart",
        "ess:ScalingActivity:ScaleInSuccess",
    ]
    assert events[1].keys() == json.loads(path.read_text(encoding="utf-8")).keys()
    assert events[1]["data"]["instanceIds"] == ["i-0001"]


def test_a_trigger_that_cannot_work_stops_no_other(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    queue = queue_at(compute.endpoint, "q")
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("timer", {"cronExpression": "sometimes"}),
        ("timer", {"cronExpression": "0 0 0 31 2 *"}),
        ("eventbridge", {"eventSourceConfig": {"eventSourceType": "MNS"}}),
        ("oss", {"events": ["oss:ObjectCreated:*"]}),
    ]
    for number, (kind, config) in enumerate(wrong):
        created(compute, kind, config, trigger_name=f"wrong-{number}")
    created(compute, "eventbridge", queue_config())
    queue.send_message(Message("x"))
    (delivery,) = soon(lambda: deliveries(compute))

    assert delivery.trigger == "t"


def test_the_older_sdk_declares_triggers_of_2_0(compute: Compute, tmp_path: Any) -> None:
    compute.deploy(tmp_path)
    config = {"cronExpression": "@every 5m", "payload": "x", "enable": True}
    compute.client.create_trigger("s", "f", "t", "timer", config, "", "")
    found = compute.client.get_trigger("s", "f", "t").data

    assert (found["triggerType"], found["triggerConfig"]) == ("timer", config)
    compute.clock.advance(300)
    (delivery,) = soon(lambda: deliveries(compute))
    assert delivery.function == "f"
    compute.client.delete_trigger("s", "f", "t")
    assert compute.client.list_triggers("s", "f").data["triggers"] == []
