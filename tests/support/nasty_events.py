"""Events that cost memory or time, and what reading one costs: a script, given names and sizes.

It reads each event in a child of its own, which has read none before.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from scalein import contract
from scalein.errors import RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import parse_event

UNITS = {  # of a list; small ones, for these cost most for each byte
    "empty lists": "[],",
    "empty objects": "{},",
    "small objects": '{"a":0},',
    "objects in objects": '{"":' * 15 + "0" + "}" * 15 + ",",
    "lists in lists": "[" * 15 + "]" * 15 + ",",
    "short texts": '"ab",',
    "short texts of many letters": '"āb",',
    "numbers": "1234,",
    "fractions": "0.5,",
}
MAX_VALUES = 299_000  # a little less than are read


class Cost(NamedTuple):
    mib: float  # at the peak, above the idle process
    seconds: float
    found: list[str]  # kinds of message, and rules that were broken


def list_of(unit: str, max_values: int, size: int) -> bytes:
    """As many units as fit, or as max_values allows; the rest of the event is one text."""
    values = sum(map(unit.count, ",[{"))
    units = unit * min(size // len(unit.encode()) - 1, max_values // values)
    return f'[{units}"{"x" * (size - len(units.encode()) - 4)}"]'.encode()


def alerts(size: int) -> bytes:
    entries = [
        {"status": "firing", "labels": {"instance": f"i-{n}"}}
        for n in range(min(size // 62, 59_000))
    ]
    return json.dumps({"status": "firing", "receiver": "x", "alerts": entries}).encode()


def labels(size: int) -> bytes:
    names = {f"{n}": "v" for n in range(min(size // 15, MAX_VALUES))}
    alert = {"status": "firing", "labels": {}}
    return json.dumps(
        {"status": "firing", "receiver": "x", "alerts": [alert], "commonLabels": names}
    ).encode()


def many_alerts(size: int) -> bytes:
    """As many alerts as a notification may have, and as many labels that they share."""
    alert = {"status": "firing", "labels": {}, "startsAt": ""}
    length = max(1, (size - 10_000 * 60) // 256 - 10)
    shared = {f"{n:03}": "v" * length for n in range(256)}
    return json.dumps(
        {"status": "firing", "receiver": "x", "alerts": [alert] * 10_000, "commonLabels": shared}
    ).encode()


def array_of_alerts(size: int) -> bytes:
    names = {f"{n}": "v" for n in range(20)}
    alert = json.dumps({"labels": names, "startsAt": "2026-11-23T04:00:00Z"})
    return f"[{', '.join([alert] * min(size // (len(alert) + 2), 10_000))}]".encode()


def texts(text: str, size: int) -> bytes:
    return json.dumps([text] * (size // (len(text) + 4))).encode()


def lists(size: int) -> bytes:
    return list_of("[],", MAX_VALUES, size)


def get(query: dict[str, str], body: str = "") -> bytes:
    context = {"http": {"method": "GET"}}
    request = {"requestContext": context, "queryParameters": query, "body": body}
    return json.dumps({**request, "isBase64Encoded": False}).encode()


def nested(text: str, layers: int) -> str:
    """The text in so many MNS topic messages, each as text in the next."""
    for _ in range(layers):
        text = json.dumps({"TopicName": "t", "MessageId": "1", "Message": text})
    return text


def beside(size: int) -> bytes:
    """An envelope that has as many values beside its content as its content in Base64 has."""
    values = list_of(UNITS["objects in objects"], MAX_VALUES - 9, min(size * 2 // 5, 3 << 19))
    body = base64.b64encode(values).decode()
    return f'{{"messageBody": "{body}", "messageId": "1", "x": {values.decode()}}}'.encode()


Make = Callable[[int], bytes]  # the event of so many bytes, about


def of_unit(unit: str, max_values: int) -> Make:
    return lambda size: list_of(unit, max_values, size)


def many_objects(size: int) -> bytes:
    """A system event whose content has many objects, each of which may name an instance."""
    objects = {f"k{n}": {"arn": ""} for n in range(min(size // 20, MAX_VALUES // 2 - 10))}
    event = {"name": "x", "product": "ECS", "content": objects}
    return json.dumps(event).encode().ljust(size)


NASTY: dict[str, Make] = {
    **{f"{name}, as many as may be": of_unit(unit, MAX_VALUES) for name, unit in UNITS.items()},
    **{f"{name}, more than may be": of_unit(unit, 1 << 30) for name, unit in UNITS.items()},
    "alerts that share labels": many_alerts,
    "an array of alerts": array_of_alerts,
    "a system event of many objects": many_objects,
    "many keys": lambda size: json.dumps(
        dict.fromkeys(map(str, range(min(size // 15, MAX_VALUES))), 0)
    ).encode(),
    "a long number": lambda size: b"1" * size,
    "a long fraction": lambda size: b"0." + b"1" * (size - 2),
    "depth": lambda size: b"[" * (size // 2) + b"]" * (size // 2),
    "depth of objects": lambda size: b'{"":' * (size // 5),
    "one long text": lambda size: f'["{"x" * (size - 20)}", "\U0001f600"]'.encode(),
    "spaces": lambda size: b" " * size,
    "words": lambda size: b"a " * (size // 2),
    "a form": lambda size: b"a=1&" * (size // 4 - 1) + b"a=1",
    "nearly a form": lambda size: b"a=1&" * (size // 4 - 1) + b" ",
    "a form of few fields": lambda size: b"a=1&b=" + b"%41" * (size // 3 - 3),
    "a form of one long name": lambda size: b"a" * (size - 5) + b"&b=1",
    "nearly Base64": lambda size: b"A" * (size - 1) + b"!",
    "Base64 of lists": lambda size: base64.b64encode(lists(size * 3 // 4 - 8)),
    "Base64 in Base64": lambda size: base64.b64encode(base64.b64encode(lists(size * 9 // 16 - 16))),
    "texts of lists": lambda size: texts(lists(MAX_VALUES * 3).decode(), size),
    "small texts of lists": lambda size: texts("[[]]", min(size, 1 << 20)),
    "Base64 texts of lists": lambda size: texts(base64.b64encode(lists(MAX_VALUES)).decode(), size),
    "a form with spaces": lambda size: b"a=1 &b=2 &" * (size // 10 - 1) + b"c=1",
    "a form with spaces and few fields": lambda size: b"a=1&b=2&c=" + b"% " * (size // 2 - 5),
    "a form of JSON": lambda size: b"a=" + b"[" * (size - 2),
    "a form of JSON texts": lambda size: b"a=[[],[]]&" * (min(size, 256 << 10) // 10 - 1) + b"b=1",
    "words with equals signs": lambda size: b"a=b " * (size // 4),
    "a query of lists": lambda size: get({"data": lists(size - 200).decode()}),
    "a query of many lists": lambda size: get(
        {f"f{n}": "[[],[],[]]" for n in range(min(size // 20, 20_000))}
    ),
    "a query of two hundred lists": lambda size: get(
        {f"f{n}": "[" + "[]," * 400 + "0]" for n in range(200)}
    ),
    "a GET with a body": lambda size: get({"a": "b"}, lists(size // 2).decode()),
    "texts in texts": lambda size: nested("x" * (size // 2), 4).encode(),
    "lists in texts in texts": lambda size: nested("[" + "[]," * 140_000 + "0]", 3).encode(),
    "an envelope with as much beside its content": beside,
    "Kafka values left out": lambda size: json.dumps(
        [{"topic": "t", "partition": 0, "offset": 1, "overflowFlag": True}] * (size // 400)
    ).encode(),
    "CBOR": lambda size: b"\xa2gVersiongSync-v1gRecords" + b"\x80" * (size - 30),
    "nearly CBOR": lambda size: b"\xa2" * size,
    "a bus of many records": lambda size: json.dumps(
        {"events": [{"eventSource": "acs:oss"}] * min(size // 30, 140_000)}
    ).encode(),
    "alerts": alerts,
    "labels": labels,
    "a batch": lambda size: json.dumps(
        [{"scalingGroupId": "asg", "remove": {"count": 1}}] * 10_000
    ).encode(),
}


def cost_of(event: bytes) -> Cost:
    """Of reading it in this process."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak begins again
    idle, began, found = _peak_mib(), time.process_time(), set()
    for message in parse_event(event).messages:
        try:
            found.add(type(parse_message(message)).__name__)
        except RejectedEvent as error:
            found.add(error.rule)
    return Cost(_peak_mib() - idle, time.process_time() - began, sorted(found))


def _peak_mib() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _in_a_child(name: str, size: int) -> None:
    """Writes the cost as a line; nothing where the child fails."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    print(json.dumps(cost_of(NASTY[name](size))), end="", flush=True)
    os._exit(0)


if __name__ == "__main__":
    for schema in ("removal-request", "alertmanager", "alerts", "cloudmonitor-threshold"):
        contract.validator(schema)
    parse_event(b"{}")
    for line in sys.stdin:
        _in_a_child(*json.loads(line))
        print(flush=True)
