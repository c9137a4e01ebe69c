"""How a message travels: the only module that knows envelopes.

An envelope is told by the fields that it has, never by the `source` that it names. Envelopes nest: what an envelope
holds is opened in turn, and the innermost one that names its message gives the identity, together with the kinds of
all envelopes around it: who writes a message cannot give it the name of one that comes another way. Shapes: Function
Compute's page of trigger event formats; observed ones are marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, overload

from scalein.errors import MalformedEvent
from scalein.intake.decoding import (
    MAX_EVENT_BYTES,
    check_unicode,
    malformed,
    unwrapped_base64,
    value_of,
)
from scalein.intake.times import earliest, moment

MAX_MESSAGES = 10_000  # in a batch; a trigger's own limit
MAX_LAYERS = 12  # envelopes and encodings around one message; EventBridge to topic to queue to trigger makes 7
NAME = re.compile(r"[!-~]{1,128}")  # what a requestId may be

Fields = dict[str, Any]
Parts = tuple[object, ...]  # of a name


class Message(NamedTuple):
    """What somebody sent, and a name for it that a redelivery of the same message shares."""

    idempotency_key: str
    document: Fields
    sent_at: datetime | None = None  # the oldest time that an envelope tells
    event_type: str = ""  # of the innermost CloudEvent
    envelopes: tuple[Envelope, ...] = ()  # outermost first

    def named(self, kind: str, *parts: object) -> str:
        """The identity by what the message itself says; the envelopes' where a part is missing."""
        return key_of(_kinds(self.envelopes, kind), *parts) or self.idempotency_key


class MalformedMessage(NamedTuple):
    """A message that could not be opened."""

    idempotency_key: str
    error: MalformedEvent


class ParsedEvent(NamedTuple):
    """All that one event brought. A batch, even of one, is answered as a batch; an HTTP request as one."""

    messages: Sequence[Message | MalformedMessage]
    batch: bool = False
    http: bool = False


class Batch(Sequence[Message | MalformedMessage]):
    """Each message is opened when it is read, so that memory holds what is inside of one at a time."""

    def __init__(self, elements: list[Any], max_bytes: int) -> None:
        self._elements = elements
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._elements)

    @overload
    def __getitem__(self, index: int) -> Message | MalformedMessage: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Message | MalformedMessage | Batch:
        if isinstance(index, slice):
            return Batch(self._elements[index], self._max_bytes)
        element = self._elements[index]
        return _open(element, _hashed("content", element), self._max_bytes)

    def __iter__(self) -> Iterator[Message | MalformedMessage]:
        return (self[index] for index in range(len(self)))


class Unwrapped(NamedTuple):
    """What one envelope holds, and what it says of it."""

    content: Any
    name: Parts = ()  # in its kind's own order; a missing part makes it no name
    sent_at: datetime | None = None
    event_type: str = ""
    content_names_it: bool = False  # the envelope differs at each delivery of the same content


def parse_event(event: bytes, max_bytes: int = MAX_EVENT_BYTES) -> ParsedEvent:
    """Every message of an event, in order. Never raises: one that cannot be opened says so itself."""
    idempotency_key = _hashed("content", event)
    try:
        value = value_of(event, max_bytes)
        if not isinstance(value, list):
            is_http = isinstance(value, dict) and HTTP.required_fields <= value.keys()
            return ParsedEvent((_open(value, idempotency_key, max_bytes),), http=is_http)
        if len(value) > MAX_MESSAGES:
            raise malformed(
                "maxItems", f"The event has {len(value)} messages; at most {MAX_MESSAGES} are read."
            )
    except MalformedEvent as error:
        return ParsedEvent((MalformedMessage(idempotency_key, error),))
    return ParsedEvent(Batch(value, max_bytes), batch=True)


def _open(value: Any, idempotency_key: str, max_bytes: int) -> Message | MalformedMessage:
    sent_at, event_type, way = None, "", tuple[Envelope, ...]()
    try:
        check_unicode(value)
        for _ in range(MAX_LAYERS):
            if isinstance(value, (str, bytes)):
                value = value_of(value, max_bytes)
                check_unicode(value)
                continue
            if not isinstance(value, dict):
                raise malformed("type", "A message must be a JSON object.")
            envelope = next(
                (envelope for envelope in ENVELOPES if envelope.required_fields <= value.keys()),
                None,
            )
            if envelope is None:
                return Message(idempotency_key, value, sent_at, event_type, way)
            way = (*way, envelope)
            inside = envelope.open(value)
            if inside.content_names_it:
                idempotency_key = _hashed(_kinds(way), inside.content)
            value, idempotency_key = (
                inside.content,
                key_of(_kinds(way), *inside.name) or idempotency_key,
            )
            sent_at, event_type = earliest(sent_at, inside.sent_at), inside.event_type or event_type
        raise malformed("maxLayers", f"The message is wrapped more than {MAX_LAYERS} times.")
    except MalformedEvent as error:
        return MalformedMessage(idempotency_key, error)


def key_of(kinds: str, *parts: object) -> str:
    """Such as event.kafka-topic/7/5: no other kinds and parts make the same text. A hash of them
    where that is no visible ASCII text of 128 characters at most; "" where a part is missing.
    """
    texts = [str(part) for part in parts if _names(part)]
    if not texts or len(texts) < len(parts):
        return ""
    name = f"{kinds}-{'/'.join(text.replace('%', '%25').replace('/', '%2F') for text in texts)}"
    return name if NAME.fullmatch(name) else _hashed(kinds, digest(kinds, *texts))


def _names(part: object) -> bool:
    return part != "" and isinstance(part, (str, int)) and not isinstance(part, bool)


def _kinds(way: Sequence[Envelope], *more: str) -> str:
    return ".".join([*(envelope.kind for envelope in way), *more])


def digest(*parts: str) -> str:
    """40 hexadecimal digits. Parts go in with their lengths, so that no two lists of parts share one."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _hashed(kinds: str, content: Any) -> str:
    """Such as event.http:0a1b..., of the content; with the last of many kinds. A readable name has no colon there."""
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content, sort_keys=True)
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    whole = sha256(f"{kinds}:".encode())
    whole.update(content)
    return f"{kinds.rsplit('.', 1)[-1]}:{whole.hexdigest()[:40]}"


def _part(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _time_of(value: object, path: str) -> datetime | None:
    return None if value is None else moment(value, path)


def _cloud_event(event: Fields) -> Unwrapped:
    """CloudEvents 1.0, as EventBridge and every queue trigger send it."""
    if "data" in event:
        content = event["data"]
    elif isinstance(event.get("data_base64"), str):
        content = unwrapped_base64(event["data_base64"])
    else:
        raise malformed("required", "The CloudEvent has no data.", "$.data")
    name = (event.get("source"), event.get("id"))  # CloudEvents: unique together
    return Unwrapped(content, name, _time_of(event.get("time"), "$.time"), str(event["type"]))


def _http(request: Fields) -> Unwrapped:
    """A request of an HTTP trigger, Function Compute 3.0. A repeated request has another id: the body names it."""
    body = request["body"]
    if request["isBase64Encoded"] is True and isinstance(body, str):
        body = unwrapped_base64(body)
    arrived = _part(request["requestContext"]).get("timeEpoch")
    return Unwrapped(
        body, sent_at=_time_of(arrived, "$.requestContext.timeEpoch"), content_names_it=True
    )


def _mns_topic(message: Fields) -> Unwrapped:
    sent_at = _time_of(message.get("PublishTime"), "$.PublishTime")
    return Unwrapped(message["Message"], (message["MessageId"],), sent_at)


def _mns_topic_stream(message: Fields) -> Unwrapped:
    return Unwrapped(message["body"])


def _mns_queue(message: Fields) -> Unwrapped:
    return Unwrapped(message["messageBody"], (message.get("messageId"),))


def _rabbitmq(message: Fields) -> Unwrapped:
    properties = _part(message["props"])
    sent_at = _time_of(properties.get("timestamp"), "$.props.timestamp")
    return Unwrapped(message["body"], (properties.get("messageId"),), sent_at)


def _kafka(message: Fields) -> Unwrapped:
    name = (message["topic"], message["partition"], message["offset"])
    return Unwrapped(message["value"], name, _time_of(message.get("timestamp"), "$.timestamp"))


def _rocketmq(message: Fields) -> Unwrapped:
    """Alibaba Cloud's, inside a CloudEvent, and Apache's own, which is alone and has a `msgId`."""
    properties = _part(message["systemProperties"])
    born_at = _time_of(message.get("bornTimestamp"), "$.bornTimestamp")
    return Unwrapped(
        message["body"], (message.get("msgId") or properties.get("UNIQ_KEY"),), born_at
    )


def _timer(tick: Fields) -> Unwrapped:
    name = (tick["triggerName"], tick["triggerTime"])
    return Unwrapped(tick["payload"], name, moment(tick["triggerTime"], "$.triggerTime"))


class Envelope(NamedTuple):
    name: str
    kind: str  # in identities: letters alone
    required_fields: frozenset[str]  # the fields that tell it
    open: Callable[[Fields], Unwrapped]  # raises MalformedEvent


HTTP = Envelope(
    "HTTP request", "http", frozenset({"requestContext", "body", "isBase64Encoded"}), _http
)
ENVELOPES = (
    Envelope("CloudEvent", "event", frozenset({"specversion", "type"}), _cloud_event),
    HTTP,
    Envelope(
        "MNS topic message", "mns", frozenset({"TopicName", "MessageId", "Message"}), _mns_topic
    ),
    Envelope("MNS queue message", "mns", frozenset({"messageBody"}), _mns_queue),
    Envelope("RabbitMQ message", "rabbitmq", frozenset({"envelope", "props", "body"}), _rabbitmq),
    Envelope(
        "Kafka message", "kafka", frozenset({"topic", "partition", "offset", "value"}), _kafka
    ),
    Envelope(
        "RocketMQ message", "rocketmq", frozenset({"topic", "systemProperties", "body"}), _rocketmq
    ),
    Envelope(
        "MNS topic message with attributes", "mns", frozenset({"body", "attrs"}), _mns_topic_stream
    ),
    Envelope("timer", "timer", frozenset({"triggerName", "triggerTime", "payload"}), _timer),
)
