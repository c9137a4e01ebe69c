"""The forms in which messages are carried: how each is recognised, and what it says of a message.

The forms are those of Function Compute's page of trigger event formats, of EventBridge's pages of
event sources, and of the connector of ApsaraMQ for Kafka.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from scalein.intake import http_requests
from scalein.intake.decoding import decode_base64, malformed
from scalein.intake.times import time_of

Fields = dict[str, Any]
KeyParts = tuple[object, ...]
CONTENT_NAMES = ("value", "message", "body")  # of Kafka on an event bus, in any capitals


class Unwrapped(NamedTuple):
    """The content of one envelope, and what the envelope says about it."""

    content: Any
    key_parts: KeyParts = ()  # in the kind's own order; if one is missing, there is no key
    sent_at: datetime | None = None
    event_type: str = ""
    is_keyed_by_content: bool = False  # the envelope differs at each delivery of the same content
    content_name: str = "body"  # for a person
    region: object = None  # of a CloudEvent, if EventBridge says it


class Envelope(NamedTuple):
    """A form in which messages are carried. An object with all required fields is of this form."""

    name: str  # for a person
    kind: str  # in keys: letters only
    required_fields: frozenset[str]
    unwrap: Callable[[Fields], Unwrapped]  # raises RejectedEvent


def envelope_of(fields: Fields) -> Envelope | None:
    """Returns the form that an object has, by its fields; None if it is no envelope."""
    if MARKS.isdisjoint(fields):
        return None
    names = fields.keys()
    for envelope in ENVELOPES:
        if envelope.required_fields <= names:
            return envelope
    return None


def is_http_request(value: object) -> bool:
    """Whether an event is a request that is answered with a status code: of an HTTP trigger, or of
    API Gateway, which takes the same form of answer (its page "Use Function Compute as backend").
    """
    envelope = envelope_of(value) if isinstance(value, dict) else None
    return envelope is not None and envelope.kind in (HTTP, GATEWAY)


def _cloud_event(event: Fields) -> Unwrapped:
    """CloudEvents 1.0, as EventBridge and every queue trigger send it."""
    if "data" in event:
        content = event["data"]
    elif isinstance(event.get("data_base64"), str):
        content = decode_base64(event["data_base64"])
    else:
        raise malformed("required", "The CloudEvent has no data.", "$.data")
    key_parts = (event.get("source"), event.get("id"))  # unique together, says CloudEvents
    sent_at = _optional_time(event.get("time"), "$.time")
    return Unwrapped(
        content,
        key_parts,
        sent_at,
        str(event["type"]),
        content_name="data",
        region=event.get("aliyunregionid"),
    )


def _http(request: Fields) -> Unwrapped:
    """A request of an HTTP trigger, Function Compute 3.0. The request id differs at each
    repetition, so the content gives the key.
    """
    context = _object(request["requestContext"])
    method = _object(context.get("http")).get("method")
    content, name = http_requests.content_of(request, method, "queryParameters")
    sent_at = _optional_time(context.get("timeEpoch"), "$.requestContext.timeEpoch")
    return Unwrapped(content, sent_at=sent_at, is_keyed_by_content=True, content_name=name)


def _gateway(request: Fields) -> Unwrapped:
    """A request of API Gateway. It has no time, and no id that repetitions share."""
    content, name = http_requests.content_of(request, request["httpMethod"], "queryParameters")
    return Unwrapped(content, is_keyed_by_content=True, content_name=name)


def _http_event(request: Fields) -> Unwrapped:
    """A request that EventBridge's HTTP source took, and put into a CloudEvent, whose id is its."""
    method = request.get("httpMethod", request.get("method"))
    content, name = http_requests.content_of(request, method, "queryString")
    return Unwrapped(content, content_name=name)


def _mns_topic(message: Fields) -> Unwrapped:
    sent_at = _optional_time(message.get("PublishTime"), "$.PublishTime")
    return Unwrapped(message["Message"], (message["MessageId"],), sent_at)


def _mns_topic_with_attributes(message: Fields) -> Unwrapped:
    return Unwrapped(message["body"])


def _mns_queue(message: Fields) -> Unwrapped:
    return Unwrapped(message["messageBody"], (message.get("messageId"),))


def _rabbitmq(message: Fields) -> Unwrapped:
    properties = _object(message["props"])
    sent_at = _optional_time(properties.get("timestamp"), "$.props.timestamp")
    return Unwrapped(message["body"], (properties.get("messageId"),), sent_at)


def _mqtt(message: Fields) -> Unwrapped:
    """It has no id and no time, and its client id may differ at each delivery."""
    return Unwrapped(message["body"], is_keyed_by_content=True)


def _kafka(message: Fields) -> Unwrapped:
    """Of a trigger, or of the connector, which leaves out a content that is too large, and a value
    that is null.
    """
    if str(message.get("overflowFlag")).lower() in ("true", "1"):
        raise malformed(
            "overflow",
            "The connector has left the content of this message out, because it is too large."
            " Send smaller messages, or read this one from its topic by its offset.",
            "$.overflowFlag",
        )
    if message.get("value") is None:
        raise malformed("required", "The Kafka message has no value.", "$.value")
    key_parts = (message["topic"], message["partition"], message["offset"])
    sent_at = _optional_time(message.get("timestamp"), "$.timestamp")
    return Unwrapped(message["value"], key_parts, sent_at, content_name="value")


def _kafka_of_bus(message: Fields) -> Unwrapped:
    """A message of alikafka:Topic:SendMessage, whose other fields are not verified: the content is
    the only field that may be one. The CloudEvent gives key and time.
    """
    contents = [message[name] for name in message if name.lower() in CONTENT_NAMES]
    if len(contents) != 1:
        raise malformed("required", "The Kafka message has no value, or several.", "$.value")
    return Unwrapped(contents[0], content_name="value")


def _rocketmq(message: Fields) -> Unwrapped:
    """Alibaba Cloud's, inside a CloudEvent; or Apache's own, which is alone and has a `msgId`."""
    properties = _object(message["systemProperties"])
    id = message.get("msgId") or properties.get("UNIQ_KEY")
    sent_at = _optional_time(message.get("bornTimestamp"), "$.bornTimestamp")
    return Unwrapped(message["body"], (id,), sent_at)


def _timer(tick: Fields) -> Unwrapped:
    key_parts = (tick["triggerName"], tick["triggerTime"])
    sent_at = time_of(tick["triggerTime"], "$.triggerTime")
    return Unwrapped(tick["payload"], key_parts, sent_at, content_name="payload")


def _schedule(tick: Fields) -> Unwrapped:
    """A tick of EventBridge's time trigger, whose CloudEvent has its id and time."""
    return Unwrapped(tick["UserData"], content_name="UserData")


def _object(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _optional_time(value: object, path: str) -> datetime | None:
    return None if value is None else time_of(value, path)


HTTP, GATEWAY = "http", "gateway"
# An object is of the first form of which it has all required fields. Each way has a kind of its
# own, so that no sender can give a message the key of one that comes by another way.
ENVELOPES = tuple(
    Envelope(name, kind, frozenset(required_fields.split()), unwrap)
    for name, kind, required_fields, unwrap in (
        ("CloudEvent", "event", "specversion type", _cloud_event),
        ("MNS queue message", "mns", "messageBody", _mns_queue),
        ("HTTP request", HTTP, "requestContext body", _http),
        ("HTTP request", HTTP, "requestContext queryParameters", _http),
        ("API Gateway request", GATEWAY, "httpMethod queryParameters", _gateway),
        ("API Gateway request", GATEWAY, "httpMethod pathParameters", _gateway),
        ("HTTP event", "httpevent", "headers path queryString", _http_event),
        ("HTTP event", "httpevent", "path httpMethod body", _http_event),  # without parameters
        ("MNS topic message", "mns", "TopicName MessageId Message", _mns_topic),
        ("RabbitMQ message", "rabbitmq", "envelope props body", _rabbitmq),
        ("MQTT message", "mqtt", "props body", _mqtt),
        ("RocketMQ message", "rocketmq", "topic systemProperties body", _rocketmq),
        ("Kafka message", "kafka", "topic partition offset", _kafka),
        ("Kafka message", "kafkabus", "InstanceId ConsumerGroup", _kafka_of_bus),
        ("MNS topic message with attributes", "mns", "body attrs", _mns_topic_with_attributes),
        ("timer", "timer", "triggerName triggerTime payload", _timer),
        ("EventBridge schedule", "schedule", "Schedule UserData", _schedule),
    )
)
# One field of each form: an object that has none of these is no envelope.
MARKS = frozenset(
    {
        *("specversion", "messageBody", "requestContext", "httpMethod", "queryString", "TopicName"),
        *("props", "systemProperties", "partition", "ConsumerGroup", "attrs", "triggerTime"),
        "UserData",
    }
)
