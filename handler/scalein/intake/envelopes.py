"""Unwraps messages from the envelopes that carry them, and gives each its idempotency key.

An envelope is recognised by the fields that it has, never by the `source` that it names. Envelopes
nest. The innermost envelope that identifies its message gives the idempotency key, together with
the kinds of all envelopes around it: so no sender can give a message the key of one that comes by
another way. `carriers` has the envelopes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, overload

from scalein.errors import RejectedEvent
from scalein.intake import foreign
from scalein.intake.alert_arrays import is_alert_array, message_fields
from scalein.intake.carriers import Envelope, Fields, Unwrapped, envelope_of, is_http_request
from scalein.intake.decoding import MAX_EVENT_BYTES, check_unicode, decode, malformed, placed
from scalein.intake.keys import hashed_key, key_of
from scalein.intake.times import earliest

MAX_MESSAGES = 10_000  # in a batch; the largest limit of a trigger
MAX_LAYERS = 12  # envelopes and encodings; EventBridge to topic to queue to trigger has 7
SENDERS_FAULTS = ("json", "base64", "utf-8")  # rules


class Message(NamedTuple):
    """One unit of work of an event. Redeliveries of a message share its idempotency key."""

    idempotency_key: str
    document: Fields
    sent_at: datetime | None = None  # the oldest time that an envelope has
    event_type: str = ""  # of the innermost CloudEvent
    envelopes: tuple[Envelope, ...] = ()  # outermost first
    error: RejectedEvent | None = None  # why the message cannot be read; then it has no document
    region: object = None  # of the innermost CloudEvent, if EventBridge says it
    steps: tuple[str, ...] = ()  # each envelope and encoding by its name, outermost first
    content_name: str = ""  # of the document in the innermost envelope, for a person

    @property
    def place(self) -> str:
        """Where the document was, such as CloudEvent > MNS queue message > body; "" if alone."""
        return _place(self.envelopes, self.content_name)

    def key_of_content(self, kind: str, *parts: object) -> str:
        """Returns a key of these parts of the content; the envelopes' key if a part is missing."""
        return key_of(_joined_kinds(self.envelopes, kind), *parts) or self.idempotency_key


class ParsedEvent(NamedTuple):
    """The messages of one event. A batch gets a batch as response, even if it has one message."""

    messages: Sequence[Message]
    is_batch: bool = False
    is_http: bool = False


class Batch(Sequence[Message]):
    """The messages of a batch. Each is unwrapped when it is read, so that memory holds the content
    of one at a time.
    """

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
        return _unwrap(element, hashed_key("content", element), self._max_bytes, "Message")

    def __iter__(self) -> Iterator[Message]:
        return (self[index] for index in range(len(self)))


def parse_event(event: bytes, max_bytes: int = MAX_EVENT_BYTES) -> ParsedEvent:
    """Returns every message of an event, in order. Never raises: a message that cannot be read has
    an `error`.
    """
    idempotency_key = hashed_key("content", event)
    try:
        value, encodings = decode(event, max_bytes)
        if not isinstance(value, list) or is_alert_array(value):
            is_http = is_http_request(value)
            message = _unwrap(value, idempotency_key, max_bytes, "Event", encodings)
            return ParsedEvent((message,), is_http=is_http)
        if not value:
            raise malformed("minItems", "It is an empty list, without a message.")
        if len(value) > MAX_MESSAGES:
            raise malformed(
                "maxItems",
                f"It has {len(value)} messages; the limit is {MAX_MESSAGES} messages.",
            )
    except RejectedEvent as error:
        error = foreign.error_of_bytes(event) or _with_advice(error)
        return ParsedEvent((Message(idempotency_key, {}, error=placed(error, "Event")),))
    return ParsedEvent(Batch(value, max_bytes), is_batch=True)


def _unwrap(
    value: Any, idempotency_key: str, max_bytes: int, outermost: str, steps: tuple[str, ...] = ()
) -> Message:
    """The message of a value. `outermost`: what errors call a value that has no envelope."""
    sent_at, event_type, region, content_name = None, "", None, ""
    envelopes = tuple[Envelope, ...]()
    try:
        check_unicode(value)
        for _ in range(MAX_LAYERS):
            if isinstance(value, (str, bytes)):
                value, encodings = decode(value, max_bytes)
                check_unicode(value)
                steps += encodings
                continue
            value = message_fields(value)
            envelope = envelope_of(value)
            if envelope is None:
                return Message(
                    idempotency_key,
                    value,
                    sent_at,
                    event_type,
                    envelopes,
                    None,
                    region,
                    steps,
                    content_name,
                )
            envelopes, steps, content_name = (*envelopes, envelope), (*steps, envelope.name), ""
            unwrapped = envelope.unwrap(value)
            value, content_name = unwrapped.content, unwrapped.content_name
            idempotency_key = _key_of_unwrapped(envelopes, unwrapped) or idempotency_key
            sent_at = earliest(sent_at, unwrapped.sent_at)
            region = unwrapped.region if unwrapped.event_type else region
            event_type = unwrapped.event_type or event_type
        raise malformed("maxLayers", f"It has more than {MAX_LAYERS} envelopes.")
    except RejectedEvent as error:
        error = placed(_with_advice(error), _place(envelopes, content_name) or outermost)
        return Message(
            idempotency_key, {}, None, event_type, envelopes, error, None, steps, content_name
        )


def _place(envelopes: Sequence[Envelope], content_name: str) -> str:
    names = [envelope.name for envelope in envelopes]
    return " > ".join([*names, content_name] if content_name else names)


def _with_advice(error: RejectedEvent) -> RejectedEvent:
    """The error; what to do is added if its sentence only says what is wrong."""
    is_bare = error.rule in SENDERS_FAULTS and str(error).count(". ") == 0
    return malformed(error.rule, f"{error} Fix the sender.", error.path) if is_bare else error


def _key_of_unwrapped(envelopes: Sequence[Envelope], unwrapped: Unwrapped) -> str:
    kinds = _joined_kinds(envelopes)
    if unwrapped.is_keyed_by_content:
        return hashed_key(kinds, unwrapped.content)
    return key_of(kinds, *unwrapped.key_parts)


def _joined_kinds(envelopes: Sequence[Envelope], *more: str) -> str:
    return ".".join([*(envelope.kind for envelope in envelopes), *more])
