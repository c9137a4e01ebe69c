"""However a message travels, the same is read, once, under a name that a redelivery shares."""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalein.decision.model import RemovalRequest
from scalein.errors import RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import Message, parse_event
from scalein.intake.keys import key_of

EVENTS = Path(__file__).parents[2] / "events"
REQUEST = {"scalingGroupId": "asg-1", "remove": {"count": 1}, "requestReason": "Ärger & Ruhe"}
SENT = datetime(2026, 11, 23, 4, tzinfo=timezone.utc)
SENT_MS = int(SENT.timestamp() * 1000)

Wrap = Callable[[Any], Any]


def as_text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content)


def as_base64(content: Any) -> str:
    return base64.b64encode(as_text(content).encode()).decode()


def cloud_event(kind: str, data: Any) -> dict[str, Any]:
    return {
        "id": "ce-1",
        "source": "anything",
        "specversion": "1.0",
        "type": kind,
        "time": SENT.isoformat(),
        "data": data,
    }


def http(body: Any, encoded: bool = False) -> dict[str, Any]:
    context = {"requestId": "changes", "timeEpoch": str(SENT_MS), "http": {"method": "POST"}}
    text = as_base64(body) if encoded else as_text(body)
    return {
        "version": "v1",
        "body": text,
        "isBase64Encoded": encoded,
        "headers": {},
        "requestContext": context,
    }


def mns_topic(body: Any) -> dict[str, Any]:
    return {
        "TopicName": "t",
        "MessageId": "M1",
        "Message": as_text(body),
        "PublishTime": SENT_MS,
        "attribute": "x",
    }


def rocketmq(body: Any) -> dict[str, Any]:
    return {
        "topic": "t",
        "systemProperties": {"UNIQ_KEY": "U1"},
        "userProperties": {},
        "body": body,
    }


def rabbitmq(body: Any) -> dict[str, Any]:
    return {"envelope": {"deliveryTag": 1}, "props": {"messageId": "R1"}, "body": body}


def kafka(body: Any) -> dict[str, Any]:
    return {
        "topic": "t",
        "partition": 7,
        "offset": 5,
        "timestamp": SENT_MS,
        "key": "k",
        "value": as_text(body),
    }


def timer(body: Any) -> dict[str, Any]:
    return {"triggerName": "nightly", "triggerTime": SENT.isoformat(), "payload": as_text(body)}


WRAPS: dict[str, Wrap] = {
    "json text": as_text,
    "base64": as_base64,
    "cloud event": lambda body: cloud_event("ops:Anything", body),
    "http": http,
    "http base64": lambda body: http(body, encoded=True),
    "mns topic": mns_topic,
    "mns stream with attributes": lambda body: {"body": as_text(body), "attrs": {"Extend": "x"}},
    "mns queue": lambda body: cloud_event(
        "mns:Queue:SendMessage", {"messageId": "Q1", "messageBody": as_text(body)}
    ),
    "mns queue raw": lambda body: {"messageId": "Q1", "messageBody": as_base64(body)},
    "rocketmq": lambda body: cloud_event("mq:Topic:SendMessage", rocketmq(body)),
    "apache rocketmq": lambda body: {**rocketmq(as_text(body)), "msgId": "A1"},
    "rabbitmq": lambda body: cloud_event("amqp:Queue:SendMessage", rabbitmq(body)),
    "kafka": lambda body: cloud_event("alikafka:Topic:Message", kafka(body)),
    "timer": timer,
}


def only(event: Any) -> Message:
    (message,) = parse_event(
        event if isinstance(event, bytes) else as_text(event).encode()
    ).messages
    return message


def rejection(event: Any) -> RejectedEvent:
    message = only(event)
    if message.error is not None:
        return message.error
    with pytest.raises(RejectedEvent) as caught:
        parse_message(message)
    return caught.value


@given(st.lists(st.sampled_from(sorted(WRAPS)), max_size=3))
def test_however_a_request_is_wrapped_the_same_is_read(names: list[str]) -> None:
    event: Any = REQUEST
    for name in names:
        event = WRAPS[name](event)
    message = only(event)

    assert message.error is None, message
    request = parse_message(message)
    assert isinstance(request, RemovalRequest)
    assert request._replace(request_id="", sent_at=None) == RemovalRequest(
        "asg-1", "", request.target, request_reason="Ärger & Ruhe", derived_id=True
    )
    assert request.request_id.isascii()
    assert 0 < len(request.request_id) <= 128


@pytest.mark.parametrize(
    ("name", "idempotency_key", "sent_at"),
    [
        ("cloud event", "event-anything/ce-1", SENT),
        ("mns topic", "mns-M1", SENT),
        ("mns queue", "event.mns-Q1", SENT),
        ("mns queue raw", "mns-Q1", None),
        ("rocketmq", "event.rocketmq-U1", SENT),
        ("apache rocketmq", "rocketmq-A1", None),
        ("rabbitmq", "event.rabbitmq-R1", SENT),
        ("kafka", "event.kafka-t/7/5", SENT),
        ("timer", f"timer-nightly/{SENT.isoformat()}", SENT),
    ],
)
def test_an_envelope_gives_the_message_its_name_and_its_time(
    name: str, idempotency_key: str, sent_at: datetime | None
) -> None:
    message = only(WRAPS[name](REQUEST))

    assert message.error is None
    assert (message.idempotency_key, message.sent_at) == (idempotency_key, sent_at)


def test_the_innermost_envelope_that_names_the_message_names_it() -> None:
    """A message that a queue delivers twice, under two names of its own, keeps its sender's."""
    inner = cloud_event("ops:Anything", REQUEST)
    again = {**mns_topic(inner), "MessageId": "M2"}

    assert (
        only(mns_topic(inner)).idempotency_key
        == only(again).idempotency_key
        == "mns.event-anything/ce-1"
    )


CLAIMS = [inner for inner in sorted(WRAPS) if isinstance(WRAPS[inner](REQUEST), dict)]


@pytest.mark.parametrize("inner", CLAIMS)
@pytest.mark.parametrize("outer", CLAIMS)
def test_no_sender_can_claim_the_name_of_a_message_that_comes_another_way(
    outer: str, inner: str
) -> None:
    """Such as the name of tonight's timer, by a message to a queue that looks like the timer's."""
    forged, genuine = only(WRAPS[outer](WRAPS[inner](REQUEST))), only(WRAPS[inner](REQUEST))

    assert forged.error is None, forged
    assert forged.idempotency_key != genuine.idempotency_key


def test_events_of_different_sources_are_different_messages() -> None:
    event = cloud_event("ops:Anything", REQUEST)
    names = {
        only({**event, "source": source, "id": id}).idempotency_key
        for source in ("a", "b", "a/b")
        for id in "1b"
    }

    assert len(names) == 6


kinds = st.sampled_from(["event", "event.mns", "mns", "mns.event", "kafka"])
parts = st.lists(
    st.text(max_size=4) | st.sampled_from(["a", "a/b", "b/c", "%2F", "c" * 140, "\ud800"]),
    min_size=1,
    max_size=3,
)


@given(kinds, parts, kinds, parts)
@example("event", ["a/b", "c"], "event", ["a", "b/c"])
@example("event", ["a%2Fb"], "event", ["a/b"])
@example("event", ["é"], "event", ["e"])
def test_no_two_names_are_the_same(
    kind: str, names: list[str], other_kind: str, others: list[str]
) -> None:
    one, other = key_of(kind, *names), key_of(other_kind, *others)

    assert len(one) <= 128
    assert re.fullmatch("[!-~]*", one)
    assert bool(one) is ("" not in names)
    if one and other:
        assert (one == other) is ((kind, names) == (other_kind, others))


@given(parts)
def test_no_part_can_be_written_as_the_hash_of_another(names: list[str]) -> None:
    hashed = key_of("event", "x" * 200, *filter(None, names))
    text = hashed.removeprefix("event:")

    assert hashed.startswith("event:")
    assert hashed not in {
        key_of("event", text),
        key_of("event", f":{text}"),
        key_of("event", hashed),
    }


HALF = "\ud800"
ODD_PLACES = {
    "a request id": {**REQUEST, "requestId": HALF},
    "a reason": {**REQUEST, "requestReason": HALF},
    "a group": {**REQUEST, "scalingGroupId": HALF},
    "an instance": {**REQUEST, "remove": {"instanceIds": [HALF]}},
    "the name of a field": {**REQUEST, HALF: 1},
    "an envelope's id": {**cloud_event("ops:Anything", REQUEST), "id": HALF},
    "an envelope's type": {**cloud_event("ops:Anything", REQUEST), "type": HALF},
    "a body": cloud_event("ops:Anything", as_text({**REQUEST, "requestReason": HALF})),
    "a body in Base64": {**mns_topic(as_base64({**REQUEST, "requestReason": HALF}))},
    "a label": {
        "status": "firing",
        "receiver": "r",
        "alerts": [{"status": "firing", "labels": {HALF: HALF}}],
    },
    "a follow-up": {"followUp": HALF, "signature": "0" * 64},
    "a signature": {"followUp": "{}", "signature": HALF},
}


@pytest.mark.parametrize("place", sorted(ODD_PLACES))
def test_text_that_is_no_unicode_rejects_its_message_and_no_other(place: str) -> None:
    poisoned, served = parse_event(as_text([ODD_PLACES[place], REQUEST]).encode()).messages

    assert poisoned.error is not None
    assert poisoned.error.rule == "utf-8"
    assert poisoned.idempotency_key.isascii()
    assert served.error is None
    assert isinstance(parse_message(served), RemovalRequest)


def test_a_message_is_as_old_as_the_oldest_time_on_it() -> None:
    older = {**mns_topic(REQUEST), "PublishTime": SENT_MS - 60_000}
    message = only(
        cloud_event("mns:Queue:SendMessage", {"messageId": "Q1", "messageBody": as_text(older)})
    )

    assert message.error is None
    assert message.sent_at == datetime(2026, 11, 23, 3, 59, tzinfo=timezone.utc)


def test_a_repeated_http_request_is_the_same_message_and_another_body_another() -> None:
    again = http(REQUEST)
    again["requestContext"] = {
        **again["requestContext"],
        "requestId": "another",
        "timeEpoch": str(SENT_MS + 5_000),
    }

    assert (
        only(http(REQUEST)).idempotency_key
        == only(again).idempotency_key
        == only(http(REQUEST, encoded=True)).idempotency_key
    )
    assert (
        only(http({**REQUEST, "requestReason": "x"})).idempotency_key
        != only(http(REQUEST)).idempotency_key
    )


@pytest.mark.parametrize("id", ["", None, 7, True, "x" * 200, "ü", "a b", "\ud800", {"a": 1}])
def test_an_odd_id_still_gives_a_name_that_can_be_a_token(id: object) -> None:
    idempotency_key = only({**cloud_event("ops:Anything", REQUEST), "id": id}).idempotency_key

    assert 0 < len(idempotency_key) <= 128
    assert idempotency_key.isascii()
    assert idempotency_key.isprintable()
    assert " " not in idempotency_key


@pytest.mark.parametrize(
    "unnamed",
    [
        {**cloud_event("x", REQUEST), "id": ""},
        {**cloud_event("x", REQUEST), "source": ""},
        {**cloud_event("x", REQUEST), "source": None},
        {**kafka(REQUEST), "offset": None},
        {**kafka(REQUEST), "topic": ""},
        {**rabbitmq(REQUEST), "props": {}},
    ],
)
def test_a_name_of_which_a_part_is_missing_is_no_name(unnamed: dict[str, Any]) -> None:
    """Else two messages could share a key; the bytes give the key then."""
    other = {**unnamed, "more": 1}

    assert only(unnamed).idempotency_key.startswith("content:")
    assert only(unnamed).idempotency_key != only(other).idempotency_key


def test_the_source_of_an_event_decides_nothing() -> None:
    for source in ("acs.ess", "acs:mns", "MNS-Function-x", ""):
        message = only(
            {
                **cloud_event("mns:Queue:SendMessage", {"messageBody": as_text(REQUEST)}),
                "source": source,
            }
        )
        assert message.error is None
        assert isinstance(parse_message(message), RemovalRequest)


def test_an_http_request_is_answered_as_one_even_if_its_body_cannot_be_read() -> None:
    assert parse_event(as_text(http("{")).encode()).is_http
    assert parse_event(
        as_text({"body": "{", "isBase64Encoded": False, "requestContext": {}}).encode()
    ).is_http
    assert not parse_event(as_text(REQUEST).encode()).is_http


def test_an_array_is_a_batch_even_of_one_and_an_object_is_not() -> None:
    assert parse_event(as_text([REQUEST]).encode()).is_batch
    assert not parse_event(as_text(REQUEST).encode()).is_batch
    (message,) = parse_event(b"[]").messages
    assert str(message.error).startswith("Event: it is an empty list")


def test_elements_that_are_texts_are_read_like_objects() -> None:
    event = [as_text(WRAPS["kafka"](REQUEST)), WRAPS["kafka"](REQUEST)]
    first, second = parse_event(as_text(event).encode()).messages

    assert first.error is None
    assert second.error is None
    assert first.document == second.document == REQUEST


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        (as_base64(REQUEST)[:-7].encode(), "base64"),
        (as_base64(REQUEST)[: 4 * 8].encode(), "base64"),
        (WRAPS["mns queue"](as_base64(REQUEST)[:-5]), "base64"),
        ({**http(REQUEST), "isBase64Encoded": True}, "base64"),
        (
            {
                **http("ü", encoded=True),
                "body": base64.b64encode("übel".encode("latin-1")).decode(),
            },
            "utf-8",
        ),
        (as_text(REQUEST).encode("utf-16"), "utf-8"),
        ("name=%FF%FE&x=1", "utf-8"),
        ("alertName=a&alertState=ALERT&alertName=b", "uniqueKeys"),
        ("&".join(f"f{n}=1" for n in range(201)), "maxFields"),
        ({key: value for key, value in cloud_event("x", 1).items() if key != "data"}, "required"),
        ({**cloud_event("x", 1), "data": None}, "type"),
        (cloud_event("mns:Queue:SendMessage", {"messageId": "1"}), "unknownSender"),
        ({**cloud_event("x", REQUEST), "time": "yesterday"}, "time"),
        ({**cloud_event("x", REQUEST), "time": "2026-02-30T00:00:00Z"}, "time"),
        ({**cloud_event("x", REQUEST), "time": True}, "time"),
        ({**mns_topic(REQUEST), "PublishTime": 10**15}, "time"),
        ({**timer(REQUEST), "triggerTime": None}, "time"),
        (b"hello", "json"),
        (b"SGVsbG8h", "json"),
        (b"a=1", "json"),
        (["x" * 3, 1], "maxLayers"),
        ({"body": 1, "attrs": {}}, "type"),
    ],
)
def test_what_cannot_be_unwrapped_is_rejected_by_rule(event: Any, rule: str) -> None:
    if isinstance(event, list):
        event = nested(13)

    assert rejection(event).rule == rule


def nested(layers: int) -> Any:
    event: Any = REQUEST
    for _ in range(layers):
        event = cloud_event("ops:Anything", event)
    return event


def test_envelopes_nest_as_deep_as_any_real_one_and_no_deeper() -> None:
    assert only(nested(11)).error is None
    assert rejection(nested(30)).rule in ("maxLayers", "maxDepth")


def test_an_event_may_be_as_large_as_is_said_and_so_may_what_it_holds() -> None:
    wrapped = as_text(mns_topic({**REQUEST, "requestReason": "x" * 1_000})).encode()
    for event in (wrapped, b"[" + wrapped + b"]"):
        (served,) = parse_event(event, len(event)).messages
        (refused,) = parse_event(event, len(event) - 1).messages

        assert served.error is None
        assert refused.error is not None
        assert refused.error.rule == "maxBytes"
    large = as_text(mns_topic({**REQUEST, "requestReason": "x" * (5 << 20)})).encode()
    assert parse_event(large, 6 << 20).messages[0].error is None
    assert only(large).error is not None


def test_a_message_of_a_batch_that_is_no_json_is_not_called_the_event() -> None:
    (message,) = parse_event(as_text(["{no json"]).encode()).messages

    assert str(message.error) == "Message: not JSON, line 1, column 2. Fix the sender."


def test_a_batch_has_ten_thousand_messages_at_most() -> None:
    assert len(parse_event(as_text([{}] * 10_000).encode()).messages) == 10_000
    assert rejection([{}] * 10_001).rule == "maxItems"


def test_one_bad_element_does_not_affect_the_others() -> None:
    bad: list[Any] = [
        None,
        7,
        "{",
        as_base64(REQUEST)[:-3],
        {"specversion": "1.0", "type": "x"},
        [REQUEST],
        {},
    ]
    messages = parse_event(as_text([*bad, REQUEST]).encode()).messages

    assert len(messages) == len(bad) + 1
    assert messages[-1].error is None
    assert isinstance(parse_message(messages[-1]), RemovalRequest)
    assert (
        sum(message.error is not None for message in messages) == len(bad) - 1
    )  # {} is unwrapped, and has no content


files = sorted(path.read_bytes() for path in EVENTS.glob("*.json"))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real event, cut, overwritten, or spliced with another."""
    event, other = draw(st.sampled_from(files)), draw(st.sampled_from(files))
    at, to = sorted((draw(st.integers(0, len(event))), draw(st.integers(0, len(event)))))
    middle = draw(
        st.binary(max_size=8)
        | st.just(other[at:to])
        | st.just(b"null")
        | st.just(b"[]")
        | st.just(b"{}")
    )
    return event[:at] + middle + event[draw(st.sampled_from([at, to])) :]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-1, 2**70)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["{", "e30="]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=4,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else []
    )
    return [place for key in keys for place in [(value, key), *places(value[key])]]


documents = [
    json.loads(path.read_bytes())
    for path in sorted(EVENTS.glob("*.json"))
    if path.stem != "not-json"
]
documents += [
    message.document
    for file in files
    for message in parse_event(file).messages
    if message.error is None
]


@st.composite
def twisted(draw: st.DrawFn) -> bytes:
    """A real event, or the message within one, with a few values replaced by any others."""
    document = copy.deepcopy(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 3))):
        found = places(document)
        if not found:
            break
        container, key = draw(st.sampled_from(found))
        container[key] = draw(json_values)
    return json.dumps(document).encode()


@given(st.binary(max_size=200) | damaged() | twisted())
@example(b'"' * 3)
@example(b'{"specversion": 1, "type": [], "data": {"alerts": [], "status": [], "receiver": 1}}')
@example(b'{"alert": "{", "subscription": ""}')
@example(b'{"body": "\\ud800", "attrs": 1}')
def test_any_bytes_are_messages_that_are_read_or_rejected(event: bytes) -> None:
    for message in parse_event(event).messages:
        assert 0 < len(message.idempotency_key) <= 128
        if message.error is not None:
            assert message.error.path.startswith("$")
            continue
        try:
            parse_message(message)
        except RejectedEvent as error:
            assert error.rule
            assert str(error)
