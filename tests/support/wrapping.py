"""A grammar of envelopes: events whose message and key are known by their construction."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import urlencode

from hypothesis import strategies as st

from scalein.intake.envelopes import MAX_LAYERS

SENT_MS = 1_795_406_400_000
SENT = "2026-11-23T04:00:00Z"  # the same moment
NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)


class Layer(NamedTuple):
    """One envelope. `wrap` takes the content as it travels, the message's number, and how often it
    was delivered before.
    """

    kinds: str  # in keys
    wrap: Callable[[Any, int, int], Any]
    key: str | None = None  # with {n} for the number; "" if the content gives it, None if none
    takes_object: bool = True  # else only texts
    has_time: bool = True
    is_get: bool = False  # the content travels as fields of a query


class Wrapped(NamedTuple):
    """An event, how its key begins, and whether the key is the whole of that."""

    event: bytes
    kinds: tuple[str, ...]
    key: str
    key_kinds: str  # of the envelopes to the one that identifies the message
    is_whole_key: bool
    has_time: bool


def cloud_event(kind: str, data: Any, number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "type": kind,
        "source": "s",
        "id": f"e{number}",
        "time": SENT,
        "data": data,
    }


def http(method: str, delivery: int, **fields: Any) -> dict[str, Any]:
    return {
        "version": "v1",
        "rawPath": "/",
        "headers": {"x-request": str(delivery)},
        "queryParameters": {},
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": str(delivery),
            "timeEpoch": str(SENT_MS + delivery),
            "http": {"method": method},
        },
        **fields,
    }


def gateway(method: str, delivery: int, **fields: Any) -> dict[str, Any]:
    return {
        "path": "/",
        "httpMethod": method,
        "headers": {"CaRequestId": str(delivery)},
        "queryParameters": {},
        "pathParameters": {},
        "isBase64Encoded": "false",
        **fields,
    }


def http_event(method: str, number: int, **fields: Any) -> dict[str, Any]:
    data = {"headers": {}, "path": "/w", "httpMethod": method, "queryString": {}, **fields}
    return cloud_event("eventbridge:Events:HTTPEvent", data, number)


def mns_topic(body: Any, number: int) -> dict[str, Any]:
    return {
        "TopicOwner": "1",
        "TopicName": "t",
        "MessageId": f"T{number}",
        "Message": body,
        "MessageMD5": "0",
    }


def kafka(value: Any, number: int, **fields: Any) -> dict[str, Any]:
    return {
        "topic": "t",
        "partition": 1,
        "offset": number,
        "timestamp": SENT_MS,
        "value": value,
        **fields,
    }


def rocketmq(body: Any, number: int, **fields: Any) -> dict[str, Any]:
    properties = {"UNIQ_KEY": f"U{number}"}
    return {
        "topic": "t",
        "systemProperties": properties,
        "userProperties": {},
        "body": body,
        **fields,
    }


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


LAYERS: dict[str, Layer] = {
    "cloud event": Layer(
        "event", lambda c, n, _: cloud_event("ops:Anything", c, n), "event-s/e{n}"
    ),
    "cloud event of bytes": Layer(
        "event",
        lambda c, n, _: {
            **{k: v for k, v in cloud_event("ops:Any", 0, n).items() if k != "data"},
            "data_base64": base64_of(c),
        },
        "event-s/e{n}",
        takes_object=False,
    ),
    "http": Layer("http", lambda c, _, d: http("POST", d, body=c), "", takes_object=False),
    "http base64": Layer(
        "http",
        lambda c, _, d: http("PUT", d, body=base64_of(c), isBase64Encoded=True),
        "",
        takes_object=False,
    ),
    "http get": Layer("http", lambda c, _, d: http("GET", d, queryParameters=c), "", is_get=True),
    "http get, empty body": Layer(
        "http", lambda c, _, d: http("GET", d, queryParameters=c, body=""), "", is_get=True
    ),
    "gateway": Layer(
        "gateway",
        lambda c, _, d: gateway("POST", d, body=c),
        "",
        takes_object=False,
        has_time=False,
    ),
    "gateway base64": Layer(
        "gateway",
        lambda c, _, d: gateway("POST", d, body=base64_of(c), isBase64Encoded="true"),
        "",
        takes_object=False,
        has_time=False,
    ),
    "gateway get": Layer(
        "gateway",
        lambda c, _, d: gateway("GET", d, queryParameters=c, body=""),
        "",
        has_time=False,
        is_get=True,
    ),
    "http event": Layer(
        "event.httpevent", lambda c, n, _: http_event("POST", n, body=c), "event-s/e{n}"
    ),
    "http event get": Layer(
        "event.httpevent",
        lambda c, n, _: http_event("GET", n, body={}, queryString=c),
        "event-s/e{n}",
        is_get=True,
    ),
    "mns topic": Layer(
        "mns", lambda c, n, _: {**mns_topic(c, n), "PublishTime": SENT_MS}, "mns-T{n}"
    ),
    "mns push": Layer(
        "mns",
        lambda c, n, _: {**mns_topic(c, n), "PublishTime": str(SENT_MS), "MessageTag": "x"},
        "mns-T{n}",
    ),
    "mns stream": Layer("mns", lambda c, *_: {"body": c, "attrs": {"a": "b"}}, has_time=False),
    "mns queue": Layer(
        "event.mns",
        lambda c, n, _: cloud_event(
            "mns:Queue:SendMessage", {"messageId": f"Q{n}", "messageBody": c}, n
        ),
        "event.mns-Q{n}",
    ),
    "mns queue raw": Layer(
        "mns",
        lambda c, n, _: {"messageId": f"Q{n}", "messageBody": c},
        "mns-Q{n}",
        has_time=False,
    ),
    "rocketmq": Layer(
        "event.rocketmq",
        lambda c, n, _: cloud_event("mq:Topic:SendMessage", rocketmq(c, n), n),
        "event.rocketmq-U{n}",
    ),
    "apache rocketmq": Layer(
        "rocketmq",
        lambda c, n, _: rocketmq(c, n, msgId=f"A{n}"),
        "rocketmq-A{n}",
        has_time=False,
    ),
    "rabbitmq": Layer(
        "event.rabbitmq",
        lambda c, n, d: cloud_event(
            "amqp:Queue:SendMessage",
            {"envelope": {"redeliver": d > 0}, "props": {"messageId": f"R{n}"}, "body": c},
            n,
        ),
        "event.rabbitmq-R{n}",
    ),
    "mqtt": Layer(
        "mqtt",
        lambda c, _, d: {"props": {"firstTopic": "t", "clientId": f"c{d}"}, "body": c},
        "",
        has_time=False,
    ),
    "kafka": Layer(
        "event.kafka",
        lambda c, n, _: cloud_event("alikafka:Topic:Message", kafka(c, n), n),
        "event.kafka-t/1/{n}",
    ),
    "kafka connector": Layer(
        "kafka",
        lambda c, n, _: kafka(c, n, overflowFlag=False, valueSize=9),
        "kafka-t/1/{n}",
    ),
    "kafka bus": Layer(
        "event.kafkabus",
        lambda c, n, _: cloud_event(
            "alikafka:Topic:SendMessage", {"InstanceId": "i", "ConsumerGroup": "g", "value": c}, n
        ),
        "event-s/e{n}",
    ),
    "timer": Layer(
        "timer",
        lambda c, n, _: {"triggerName": f"n{n}", "triggerTime": SENT, "payload": c},
        f"timer-n{{n}}/{SENT}",
    ),
    "schedule": Layer(
        "event.schedule",
        lambda c, n, _: cloud_event(
            "eventbridge:Events:ScheduledEvent", {"Schedule": "0 * * * *", "UserData": c}, n
        ),
        "event-s/e{n}",
    ),
}


def is_of_fields(document: Any) -> bool:
    """Whether each field may travel by itself: texts as they are, objects and lists as JSON."""
    return (
        isinstance(document, dict)
        and len(document) > 1
        and document.keys().isdisjoint(("data", "body", "payload"))
        and all(NAME.fullmatch(name) for name in document)
        and all(
            isinstance(value, (dict, list))
            or (isinstance(value, str) and not is_json_of_fields(value))
            for value in document.values()
        )
    )


def is_json_of_fields(text: str) -> bool:
    try:
        return isinstance(json.loads(text), (dict, list))
    except ValueError:
        return False


def fields_of(document: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in document.items()
    }


def raw_form(fields: dict[str, str]) -> str | None:
    """The form without percent-encoding, if it shows where each field ends."""
    text = "&".join(f"{name}={value}" for name, value in fields.items())
    is_clear = len(fields) >= 3 and " " in text and text.count("&") == len(fields) - 1
    has_other_spaces = any(letter.isspace() and letter != " " for letter in text)
    return text if is_clear and not has_other_spaces and text == text.strip() else None


def encodings_of(document: Any) -> list[str]:
    """The document in each text that may stand for it."""
    plain = json.dumps(document)
    texts = [plain, json.dumps(document, ensure_ascii=False, indent=1), base64_of(plain)]
    if is_of_fields(document):
        fields = fields_of(document)
        texts += [urlencode(fields), base64_of(urlencode(fields))]
        raw = raw_form(fields)
        texts += [raw] if raw else []
    return texts


def queries_of(document: Any) -> list[dict[str, str]]:
    """The document in each query that may stand for it."""
    whole = json.dumps(document)
    queries = [{"data": whole}, {"anything": whole}, {"token": "x", "data": whole}]
    return [*queries, fields_of(document)] if is_of_fields(document) else queries


@st.composite
def chains(draw: st.DrawFn, max_layers: int = 6) -> list[str]:
    """Names of layers, innermost first: as many as may be at most, with an encoding in each; one is
    left for a document that has an envelope of its own.
    """
    names = draw(st.lists(st.sampled_from(sorted(LAYERS)), max_size=max_layers))
    costs = [LAYERS[name].kinds.count(".") + 2 for name in names]
    return [name for n, name in enumerate(names) if sum(costs[: n + 1]) < MAX_LAYERS - 1]


def wrapped(
    document: Any, chain: list[str], choose: Callable[[int], int], number: int, delivery: int = 0
) -> Wrapped:
    """The event of a document in these layers. `choose` takes a number of choices."""

    def one_of(choices: list[Any]) -> Any:
        return choices[choose(len(choices))]

    content, key, key_kinds, is_whole = document, "content", "", False
    kinds = [kind for name in reversed(chain) for kind in LAYERS[name].kinds.split(".")]
    for index, name in enumerate(chain):
        layer = LAYERS[name]
        if layer.is_get:
            content = one_of(queries_of(content))
        else:
            content = one_of([content] * layer.takes_object + encodings_of(content))
        content = layer.wrap(content, number, delivery)
        if key == "content" and layer.key is not None:
            around = [LAYERS[outer].kinds for outer in reversed(chain[index + 1 :])]
            own = layer.key.format(n=number) or f"{layer.kinds}:"
            key, is_whole = ".".join([*around, own]), layer.key != ""
            key_kinds = key.partition("-" if is_whole else ":")[0]
            if not is_whole:
                key = own
    event = one_of(encodings_of(content)) if chain else json.dumps(content)
    has_time = any(LAYERS[name].has_time for name in chain)
    return Wrapped(event.encode(), tuple(kinds), key, key_kinds, is_whole, has_time)
