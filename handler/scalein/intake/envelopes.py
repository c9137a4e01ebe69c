"""The envelopes that carry messages, and the idempotency key that a message gets from them.

An envelope is recognised by the fields that it has, never by the `source` that it names. Envelopes
nest. The innermost envelope that identifies its message gives the idempotency key, together with
the kinds of all envelopes around it: so no sender can give a message the key of one that comes by
another way. The forms are those of Function Compute's page of trigger event formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, overload

from scalein.errors import RejectedEvent
from scalein.intake.alert_arrays import is_alert_array, message_fields
from scalein.intake.decoding import (
    MAX_EVENT_BYTES,
    check_unicode,
    decode_base64,
    malformed,
    value_of,
)
from scalein.intake.times import earliest, time_of

MAX_MESSAGES = 10_000  # in a batch; the largest limit of a trigger
MAX_LAYERS = 12  # envelopes and encodings; EventBridge to topic to queue to trigger has 7
REQUEST_ID = re.compile(r"[!-~]{1,128}")

Fields = dict[str, Any]
KeyParts = tuple[object, ...]


class Message(NamedTuple):
    """One unit of work of an event. Redeliveries of a message share its idempotency key."""

    idempotency_key: str
    document: Fields
    sent_at: datetime | None = None  # the oldest time that an envelope has
    event_type: str = ""  # of the innermost CloudEvent
    envelopes: tuple[Envelope, ...] = ()  # outermost first
    error: RejectedEvent | None = None  # why the message cannot be read; then it has no document
    region: object = None  # of the innermost CloudEvent, if EventBridge says it

    def key_of_content(self, kind: str, *parts: object) -> str:
        """Returns a key of these parts of the content; the envelopes' key if a part is missing."""
        return key_of(_joined_kinds(self.envelopes, kind), *parts) or self.idempotency_key


class ParsedEvent(NamedTuple):
    """The messages of one event. A batch gets a batch as response, even if it has one message."""

    messages: Sequence[Message]
    is_batch: bool = False
    is_http: bool = False


class Batch(Sequence[Message]):
    """The messages of a batch, each unwrapped when it is read: memory holds one at a time."""

    def __init__(self, elements: list[Any], max_bytes: int) -> None:
        self._elements = elements
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._elements)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Batch: ...
    def __getitem__(self, index: int | slice) -> Message | Batch:
        if isinstance(index, slice):
            return Batch(self._elements[index], self._max_bytes)
        element = self._elements[index]
        return _unwrap(element, _hashed_key("content", element), self._max_bytes)

    def __iter__(self) -> Iterator[Message]:
        return (self[index] for index in range(len(self)))


class Unwrapped(NamedTuple):
    """The content of one envelope, and what the envelope says about it."""

    content: Any
    key_parts: KeyParts = ()  # in the kind's own order; if one is missing, there is no key
    sent_at: datetime | None = None
    event_type: str = ""
    is_keyed_by_content: bool = False  # the envelope differs at each delivery of the same content
    region: object = None


def parse_event(event: bytes, max_bytes: int = MAX_EVENT_BYTES) -> ParsedEvent:
    """Returns every message of an event, in order. Never raises: a message that cannot be read has
    an `error`.
    """
    idempotency_key = _hashed_key("content", event)
    try:
        value = value_of(event, max_bytes)
        if not isinstance(value, list) or is_alert_array(value):
            is_http = isinstance(value, dict) and HTTP.required_fields <= value.keys()
            return ParsedEvent((_unwrap(value, idempotency_key, max_bytes),), is_http=is_http)
        if len(value) > MAX_MESSAGES:
            raise malformed(
                "maxItems",
                f"The event has {len(value)} messages; the limit is {MAX_MESSAGES} messages.",
            )
    except RejectedEvent as error:
        return ParsedEvent((Message(idempotency_key, {}, error=error),))
    return ParsedEvent(Batch(value, max_bytes), is_batch=True)


def key_of(kinds: str, *parts: object) -> str:
    """Returns a key such as event.kafka-topic/7/5; "" if a part is missing.

    No other kinds and parts give the same key. It has at most 128 visible ASCII characters: if
    the parts do not allow that, it is a hash of them.
    """
    texts = [str(part) for part in parts if _is_key_part(part)]
    if not texts or len(texts) < len(parts):
        return ""
    key = f"{kinds}-{'/'.join(text.replace('%', '%25').replace('/', '%2F') for text in texts)}"
    return key if REQUEST_ID.fullmatch(key) else _hashed_key(kinds, digest(kinds, *texts))


def digest(*parts: str) -> str:
    """Returns 40 hexadecimal digits. Lengths are hashed too: no other list of parts gives them."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _unwrap(value: Any, idempotency_key: str, max_bytes: int) -> Message:
    sent_at, event_type, region, envelopes = None, "", None, tuple[Envelope, ...]()
    try:
        check_unicode(value)
        for _ in range(MAX_LAYERS):
            if isinstance(value, (str, bytes)):
                value = value_of(value, max_bytes, "message")
                check_unicode(value)
                continue
            value = message_fields(value)
            envelope = _envelope_of(value)
            if envelope is None:
                return Message(idempotency_key, value, sent_at, event_type, envelopes, None, region)
            envelopes = (*envelopes, envelope)
            unwrapped = envelope.unwrap(value)
            value = unwrapped.content
            idempotency_key = _key_of_unwrapped(envelopes, unwrapped) or idempotency_key
            sent_at = earliest(sent_at, unwrapped.sent_at)
            region = unwrapped.region if unwrapped.event_type else region
            event_type = unwrapped.event_type or event_type
        raise malformed("maxLayers", f"The message has more than {MAX_LAYERS} envelopes.")
    except RejectedEvent as error:
        return Message(idempotency_key, {}, error=error)


def _envelope_of(fields: Fields) -> Envelope | None:
    names = fields.keys()
    return next((envelope for envelope in ENVELOPES if envelope.required_fields <= names), None)


def _key_of_unwrapped(envelopes: Sequence[Envelope], unwrapped: Unwrapped) -> str:
    kinds = _joined_kinds(envelopes)
    if unwrapped.is_keyed_by_content:
        return _hashed_key(kinds, unwrapped.content)
    return key_of(kinds, *unwrapped.key_parts)


def _is_key_part(part: object) -> bool:
    return part != "" and isinstance(part, (str, int)) and not isinstance(part, bool)


def _joined_kinds(envelopes: Sequence[Envelope], *more: str) -> str:
    return ".".join([*(envelope.kind for envelope in envelopes), *more])


def _hashed_key(kinds: str, content: Any) -> str:
    """A key such as http:0a1b...: the last kind, and a hash of all kinds and the content.

    A key that is not hashed never has a colon after its kind.
    """
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content, sort_keys=True)
    if isinstance(content, str):
        content = content.encode("utf-8", "surrogatepass")
    hashed = sha256(f"{kinds}:".encode())
    hashed.update(content)
    return f"{kinds.rsplit('.', 1)[-1]}:{hashed.hexdigest()[:40]}"


def _object(value: Any) -> Fields:
    return value if isinstance(value, dict) else {}


def _optional_time(value: object, path: str) -> datetime | None:
    return None if value is None else time_of(value, path)


def _cloud_event(event: Fields) -> Unwrapped:
    """CloudEvents 1.0, as EventBridge and every queue trigger send it."""
    if "data" in event:
        content = event["data"]
    elif isinstance(event.get("data_base64"), str):
        content = decode_base64(event["data_base64"])
    else:
        raise malformed("required", "The CloudEvent has no data.", "$.data")
    parts = (event.get("source"), event.get("id"))  # unique together, says CloudEvents
    sent_at = _optional_time(event.get("time"), "$.time")
    return Unwrapped(
        content, parts, sent_at, str(event["type"]), False, event.get("aliyunregionid")
    )


def _http(request: Fields) -> Unwrapped:
    """A request of an HTTP trigger, Function Compute 3.0. The request id differs at each
    repetition, so the body gives the key.
    """
    body = request["body"]
    if request["isBase64Encoded"] is True and isinstance(body, str):
        body = decode_base64(body)
    arrived_at = _object(request["requestContext"]).get("timeEpoch")
    sent_at = _optional_time(arrived_at, "$.requestContext.timeEpoch")
    return Unwrapped(body, sent_at=sent_at, is_keyed_by_content=True)


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


def _kafka(message: Fields) -> Unwrapped:
    key_parts = (message["topic"], message["partition"], message["offset"])
    sent_at = _optional_time(message.get("timestamp"), "$.timestamp")
    return Unwrapped(message["value"], key_parts, sent_at)


def _rocketmq(message: Fields) -> Unwrapped:
    """Alibaba Cloud's, inside a CloudEvent; or Apache's own, which is alone and has a `msgId`."""
    properties = _object(message["systemProperties"])
    id = message.get("msgId") or properties.get("UNIQ_KEY")
    sent_at = _optional_time(message.get("bornTimestamp"), "$.bornTimestamp")
    return Unwrapped(message["body"], (id,), sent_at)


def _timer(tick: Fields) -> Unwrapped:
    key_parts = (tick["triggerName"], tick["triggerTime"])
    return Unwrapped(tick["payload"], key_parts, time_of(tick["triggerTime"], "$.triggerTime"))


class Envelope(NamedTuple):
    """A form in which messages are carried. An object with all required fields is of this form."""

    name: str  # for a person
    kind: str  # in keys: letters only
    required_fields: frozenset[str]
    unwrap: Callable[[Fields], Unwrapped]  # raises RejectedEvent


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
        "MNS topic message with attributes",
        "mns",
        frozenset({"body", "attrs"}),
        _mns_topic_with_attributes,
    ),
    Envelope("timer", "timer", frozenset({"triggerName", "triggerTime", "payload"}), _timer),
)
