"""Whatever carries a message, in whatever encoding, it is the same message, with the same key."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from hypothesis import assume, given
from hypothesis import strategies as st

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.errors import RejectedEvent
from scalein.intake.alert_list import AlertList
from scalein.intake.decoding import value_of
from scalein.intake.dialects import ParsedMessage, parse_message
from scalein.intake.envelopes import MAX_LAYERS, Message, parse_event
from tests.support.wrapping import SENT_MS, Wrapped, chains, cloud_event, wrapped

EVENTS = Path(__file__).parents[2] / "events"
SENT = datetime.fromtimestamp(SENT_MS / 1000, timezone.utc)
CARRIERS = ("mns:", "mq:", "amqp:", "alikafka:", "eventbridge:", "scalein:", "ops:")


def innermost(message: Message) -> Any:
    """The document, in its CloudEvent if the type of that says what it is."""
    if message.event_type and not message.event_type.startswith(CARRIERS):
        return cloud_event(message.event_type, message.document, 0)
    return message.document


KNOWN = {
    json.dumps(innermost(message), sort_keys=True): innermost(message)
    for path in sorted(EVENTS.glob("*.json"))
    if not path.name.endswith(".expected.json")
    for message in parse_event(path.read_bytes()).messages
    if message.error is None
}
texts = st.text(st.characters(codec="utf-8"), max_size=20)
requests: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "scalingGroupId": st.from_regex(r"[A-Za-z0-9_-]{1,9}", fullmatch=True),
        "remove": st.fixed_dictionaries({"count": st.integers(1, 9)})
        | st.fixed_dictionaries({"instanceIds": st.just(["i-1", "i-2"])}),
    },
    optional={
        "requestReason": texts,
        "order": st.just(["NewestInstance"]),
        "dryRun": st.booleans(),
    },
)
values = st.text(st.characters(codec="utf-8"), max_size=9)
callbacks = st.fixed_dictionaries(
    {
        "alertName": values.filter(bool),
        "alertState": st.sampled_from(["ALERT", "OK", "INSUFFICIENT_DATA"]),
        "expression": values | st.just("$Average>=95"),
        "dimensions": st.sampled_from(["{userId=1, instanceId=i-web-04}", "null", "{a=b}"]),
        "unit": st.just("%") | values,
        "lastTime": st.just("2 minutes"),
    }
)
documents = st.sampled_from(list(KNOWN.values())) | requests | callbacks


def only(event: bytes) -> Message:
    (message,) = parse_event(event).messages
    return message


def parsed(message: Message) -> ParsedMessage | tuple[str, str]:
    """What the message says, without key and time; the path and rule that it breaks."""
    try:
        content = parse_message(message)
    except RejectedEvent as error:
        return error.path, error.rule
    if isinstance(content, RemovalRequest):
        own_id = "" if content.derived_id else content.request_id
        return content._replace(request_id=own_id, sent_at=None)
    if isinstance(content, AlertList):
        return content._replace(alarms=tuple(map(without_key, content.alarms)))
    return without_key(content) if isinstance(content, Alarm) else content


def without_key(alarm: Alarm) -> Alarm:
    return alarm._replace(idempotency_key="", episode="", sent_at=None)


def wrap(data: st.DataObject, document: Any, chain: list[str], number: int = 1) -> Wrapped:
    return wrapped(document, chain, lambda n: data.draw(st.integers(0, n - 1)), number)


@given(documents, chains(), st.data())
def test_a_message_is_the_same_in_any_envelopes_and_encodings(
    document: Any, chain: list[str], data: st.DataObject
) -> None:
    alone, event = only(json.dumps(document).encode()), wrap(data, document, chain)
    message = only(event.event)

    assert message.error is None, message.error
    assert message.document == alone.document
    assert parsed(message) == parsed(alone)
    assert message.sent_at == (SENT if event.has_time else alone.sent_at)


@given(requests, chains(), st.data())
def test_the_key_is_the_innermost_envelopes_and_has_the_kinds_of_all_around_it(
    document: Any, chain: list[str], data: st.DataObject
) -> None:
    event = wrap(data, document, chain)
    message = only(event.event)
    key = message.idempotency_key

    assert tuple(envelope.kind for envelope in message.envelopes) == event.kinds
    assert key == event.key if event.is_whole_key else key.startswith(event.key.rsplit(".", 1)[-1])
    assert len(key) <= 128


@given(requests, chains(), st.data(), st.integers(0, 2**40))
def test_a_redelivery_has_the_same_key_and_another_message_another(
    document: Any, chain: list[str], data: st.DataObject, seed: int
) -> None:
    """Encoded in the same way; what differs at each delivery is another."""

    def event(number: int, delivery: int, content: Any = document) -> Wrapped:
        choices = iter(range(10_000))
        return wrapped(content, chain, lambda n: (seed + next(choices)) % n, number, delivery)

    first, second = event(1, 0), event(1, 1)
    key = only(first.event).idempotency_key
    if first.key != "content":
        assert key == only(second.event).idempotency_key
    other = event(2, 0, {**document, "requestReason": "another"})
    assert key != only(other.event).idempotency_key


@given(requests, chains(3), chains(3), st.data())
def test_messages_that_come_by_different_ways_never_share_a_key(
    document: Any, chain: list[str], other_chain: list[str], data: st.DataObject
) -> None:
    """A way leads to the innermost envelope that identifies its message. Without any, the bytes
    identify it.
    """
    one, other = wrap(data, document, chain), wrap(data, document, other_chain)
    assume(one.key_kinds != other.key_kinds)

    assert only(one.event).idempotency_key != only(other.event).idempotency_key


@given(documents, chains(), st.data())
def test_the_steps_tell_each_envelope_in_order(
    document: Any, chain: list[str], data: st.DataObject
) -> None:
    message = only(wrap(data, document, chain).event)
    names = [envelope.name for envelope in message.envelopes]

    assert [step for step in message.steps if step not in ("JSON", "form", "Base64")] == names
    assert len(message.steps) <= 2 * MAX_LAYERS
    assert message.place.split(" > ")[:-1] == names


@given(chains(), st.data(), st.sampled_from(["hello", "Please remove a=1&b=2 soon", "{", "<xml/>"]))
def test_a_text_that_is_no_message_is_rejected_with_the_way_to_it(
    chain: list[str], data: st.DataObject, text: str
) -> None:
    event = wrap(data, text, [name for name in chain if "get" not in name])
    message = only(event.event)

    assert message.error is not None
    names = [envelope.name for envelope in message.envelopes]
    place = " > ".join([*names, message.content_name]) if names else "Event"
    assert str(message.error).startswith(f"{place}: ")


@given(st.dictionaries(st.from_regex(r"[A-Za-z]{1,5}", fullmatch=True), values, min_size=2))
def test_a_form_is_its_fields(fields: dict[str, str]) -> None:
    assume(not any(value.startswith(("{", "[")) for value in fields.values()))
    assert value_of(urlencode(fields)) == fields
