"""How a message travels: the only module that knows envelopes.

An envelope is told by the fields that it has, never by the `source` that it names. Envelopes nest: what an envelope
holds is opened in turn, and the innermost one that names its message gives the identity. Shapes: Function Compute's
page of trigger event formats; observed ones are marked.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from scalein.errors import MalformedEvent
from scalein.intake.decoding import malformed, unwrapped_base64, value_of
from scalein.intake.times import earliest, moment

MAX_MESSAGES = 10_000  # in a batch; a trigger's own limit
MAX_LAYERS = 12  # envelopes and encodings around one message; EventBridge to topic to queue to trigger makes 7

Fields = dict[str, Any]


class Message(NamedTuple):
    """What somebody sent, and a name for it that a redelivery of the same message shares."""

    identity: str
    document: Fields
    sent_at: datetime | None = None  # the oldest time that an envelope tells
    event_type: str = ""  # of the innermost CloudEvent
    way: tuple[str, ...] = ()  # the envelopes, outermost first


class Unreadable(NamedTuple):
    """A message that could not be opened."""

    identity: str
    error: MalformedEvent


class Mail(NamedTuple):
    """All that one event brought. A batch, even of one, is answered as a batch; an HTTP request as one."""

    messages: tuple[Message | Unreadable, ...]
    batch: bool = False
    http: bool = False


class Opened(NamedTuple):
    """What one envelope holds, and what it says of it."""

    content: Any
    identity: str = ""
    sent_at: datetime | None = None
    event_type: str = ""
    content_names_it: bool = False  # the envelope differs at each delivery of the same content


def opened(event: bytes) -> Mail:
    """Every message of an event, in order. Never raises: a message that cannot be opened says so itself."""
    identity = _hashed(event)
    try:
        value = value_of(event)
        if not isinstance(value, list):
            return Mail((_open(value, identity),), http=isinstance(value, dict) and HTTP.marks <= value.keys())
        if len(value) > MAX_MESSAGES:
            raise malformed("maxItems", f"The event has {len(value)} messages; at most {MAX_MESSAGES} are read.")
    except MalformedEvent as error:
        return Mail((Unreadable(identity, error),))
    return Mail(tuple(_open(element, _hashed_value(element)) for element in value), batch=True)


def _open(value: Any, identity: str) -> Message | Unreadable:
    sent_at, event_type, way = None, "", list[str]()
    try:
        for _ in range(MAX_LAYERS):
            if isinstance(value, (str, bytes)):
                value = value_of(value)
                continue
            if not isinstance(value, dict):
                raise malformed("type", "A message must be a JSON object.")
            envelope = next((envelope for envelope in ENVELOPES if envelope.marks <= value.keys()), None)
            if envelope is None:
                return Message(identity, value, sent_at, event_type, tuple(way))
            way.append(envelope.name)
            inside = envelope.open(value)
            if inside.content_names_it:
                identity = _hashed_value(inside.content)
            value, identity = inside.content, inside.identity or identity
            sent_at, event_type = earliest(sent_at, inside.sent_at), inside.event_type or event_type
        raise malformed("maxLayers", f"The message is wrapped more than {MAX_LAYERS} times.")
    except MalformedEvent as error:
        return Unreadable(identity, error)


def identity_of(kind: str, *parts: object) -> str:
    """A name made of an envelope's own; its hash where that is no visible ASCII text of 128 characters at most."""
    texts = [str(part) for part in parts if isinstance(part, (str, int)) and part != ""]
    if not texts or len(texts) < len(parts):
        return ""
    name = "-".join([kind, *texts])
    return name if re.fullmatch(r"[!-~]{1,128}", name) else f"{kind}-{_digest('-'.join(texts))}"


def _hashed(content: bytes) -> str:
    return f"event-{sha256(content).hexdigest()[:40]}"


def _hashed_value(value: Any) -> str:
    if isinstance(value, bytes):
        return _hashed(value)
    return f"event-{_digest(value if isinstance(value, str) else json.dumps(value, sort_keys=True))}"


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _part(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _time_of(value: object, path: str) -> datetime | None:
    return None if value is None else moment(value, path)


def _cloud_event(event: Fields) -> Opened:
    """CloudEvents 1.0, as EventBridge and every queue trigger send it."""
    if "data" in event:
        content = event["data"]
    elif isinstance(event.get("data_base64"), str):
        content = unwrapped_base64(event["data_base64"])
    else:
        raise malformed("required", "The CloudEvent has no data.", "$.data")
    return Opened(
        content, identity_of("event", event.get("id")), _time_of(event.get("time"), "$.time"), str(event["type"])
    )


def _http(request: Fields) -> Opened:
    """A request of an HTTP trigger, Function Compute 3.0. A repeated request has another id: the body names it."""
    body = request["body"]
    if request["isBase64Encoded"] is True and isinstance(body, str):
        body = unwrapped_base64(body)
    arrived = _part(request["requestContext"]).get("timeEpoch")
    return Opened(body, sent_at=_time_of(arrived, "$.requestContext.timeEpoch"), content_names_it=True)


def _mns_topic(message: Fields) -> Opened:
    sent_at = _time_of(message.get("PublishTime"), "$.PublishTime")
    return Opened(message["Message"], identity_of("mns", message["MessageId"]), sent_at)


def _mns_topic_stream(message: Fields) -> Opened:
    return Opened(message["body"])


def _mns_queue(message: Fields) -> Opened:
    return Opened(message["messageBody"], identity_of("mns", message.get("messageId")))


def _rabbitmq(message: Fields) -> Opened:
    properties = _part(message["props"])
    sent_at = _time_of(properties.get("timestamp"), "$.props.timestamp")
    return Opened(message["body"], identity_of("rabbitmq", properties.get("messageId")), sent_at)


def _kafka(message: Fields) -> Opened:
    identity = identity_of("kafka", message["topic"], message["partition"], message["offset"])
    return Opened(message["value"], identity, _time_of(message.get("timestamp"), "$.timestamp"))


def _rocketmq(message: Fields) -> Opened:
    """Alibaba Cloud's, inside a CloudEvent, and Apache's own, which is alone and has a `msgId`."""
    properties = _part(message["systemProperties"])
    born_at = _time_of(message.get("bornTimestamp"), "$.bornTimestamp")
    return Opened(message["body"], identity_of("rocketmq", message.get("msgId") or properties.get("UNIQ_KEY")), born_at)


def _timer(tick: Fields) -> Opened:
    identity = identity_of("timer", tick["triggerName"], tick["triggerTime"])
    return Opened(tick["payload"], identity, moment(tick["triggerTime"], "$.triggerTime"))


class Envelope(NamedTuple):
    name: str
    marks: frozenset[str]  # the fields that tell it
    open: Callable[[Fields], Opened]  # raises MalformedEvent


HTTP = Envelope("HTTP request", frozenset({"requestContext", "body", "isBase64Encoded"}), _http)
ENVELOPES = (
    Envelope("CloudEvent", frozenset({"specversion", "type"}), _cloud_event),
    HTTP,
    Envelope("MNS topic message", frozenset({"TopicName", "MessageId", "Message"}), _mns_topic),
    Envelope("MNS queue message", frozenset({"messageBody"}), _mns_queue),
    Envelope("RabbitMQ message", frozenset({"envelope", "props", "body"}), _rabbitmq),
    Envelope("Kafka message", frozenset({"topic", "partition", "offset", "value"}), _kafka),
    Envelope("RocketMQ message", frozenset({"topic", "systemProperties", "body"}), _rocketmq),
    Envelope("MNS topic message with attributes", frozenset({"body", "attrs"}), _mns_topic_stream),
    Envelope("timer", frozenset({"triggerName", "triggerTime", "payload"}), _timer),
)
