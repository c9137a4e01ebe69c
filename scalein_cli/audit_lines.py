"""Reads audit lines from a log, whatever stands around them, and joins their follow-on lines.

A line may be raw, a row of Simple Log Service (JSON, with the line in `message`), or raw behind a
prefix such as `docker logs --timestamps` or `grep` puts there. An audit line has no time of its
own: the row or the prefix has it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from scalein.errors import RejectedEvent
from scalein.intake.times import time_of

VERSION = "scalein/3"
BEGIN = re.compile(r'\{"audit": ?"scalein/')
PREFIX_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(Z|[+-]\d\d:\d\d)?")
MAX_PARTS = 10_000
KEY = ("functionRequestId", "requestId", "scalingGroupId", "parts")  # of lines that belong together
ID_LISTS = ("selected", "accepted", "removed", "unaccounted", "pending", "scalingActivityIds")
OBJECT_LISTS = ("retained", "rankedBy", "notRemoved", "unconfirmed", "limits")
OBJECTS = (
    *("requested", "blockedBy", "shortfall", "capacity", "rejection", "followUp"),
    *("counts", "retainedByReason", "durations", "omitted"),
)
TEXTS = (
    *("status", "message", "requestId", "scalingGroupId", "requestReason", "functionRequestId"),
    *("originalStatus", "ignored", "ledger", "policy", "policyWarning"),
)
Json = dict[str, Any]


@dataclass(frozen=True)
class LoggedOutcome:
    """An outcome in a log. Each field that this module names is there, and has its type."""

    fields: Json
    logged_at: datetime | None = None  # where the log says so
    missing_parts: int = 0  # follow-on lines that the log does not have

    def __getitem__(self, name: str) -> Any:
        """The field of that name."""
        return self.fields[name]


class AuditLog(NamedTuple):
    """The outcomes of a log in the order of time, and how many lines could not be read."""

    outcomes: tuple[LoggedOutcome, ...]
    broken: int = 0  # lines that begin as audit lines do and are cut, or of another version


def read_audit_lines(lines: Iterable[str]) -> AuditLog:
    """The outcomes in the lines of a log; all that is no audit line is skipped."""
    firsts: list[tuple[Json, datetime | None]] = []
    followers: defaultdict[tuple[Any, ...], list[Json]] = defaultdict(list)
    broken = 0
    for text, time in _texts(lines):
        line = _audit_line(text)
        if line is None:
            continue
        if not line:
            broken += 1
        elif line["part"] == 1:
            firsts.append((line, time))
        else:
            followers[_key(line, line["part"])].append(line)
    outcomes = [_joined(line, time, followers) for line, time in firsts]
    return AuditLog(tuple(_in_order(outcomes)), broken)


def _texts(lines: Iterable[str]) -> Iterator[tuple[str, datetime | None]]:
    """Yields the text of each line or row that may have an audit line, and its time."""
    lines = iter(lines)
    for number, line in enumerate(lines):
        text = line.strip().lstrip("\ufeff")
        if number == 0 and text in ("[", "{"):  # one document, over many lines
            text = "\n".join([text, *lines])
        if "scalein/" not in text:
            continue
        if BEGIN.match(text):
            yield text, None
            continue
        rows = list(_rows_in(text))
        for row in rows:
            message = row["message"]
            yield message if isinstance(message, str) else json.dumps(message), _row_time(row)
        begin = None if rows else BEGIN.search(text)
        if begin:
            yield text[begin.start() :], _prefix_time(text[: begin.start()])


def _rows_in(text: str) -> Iterator[Json]:
    """Yields the rows of a text that is JSON, wherever in it they are."""
    if text[0] not in "[{":
        return
    try:
        waiting = [json.loads(text.rstrip(","))]  # also of a list with a row in each line
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict) and "message" in value:
            yield value
        elif isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            waiting += reversed(list(inner))


def _row_time(row: Mapping[str, Any]) -> datetime | None:
    return _time(row.get("__time__"))


def _prefix_time(prefix: str) -> datetime | None:
    """The time in a prefix; one without a zone is UTC, as Function Compute writes it."""
    found = PREFIX_TIME.search(prefix)
    if found is None:
        return None
    text = found[0].replace(",", ".")
    return _time(text if found[1] else f"{text}Z")


def _time(value: object) -> datetime | None:
    try:
        return time_of(value, "$")
    except RejectedEvent:
        return None


def _audit_line(text: str) -> Json | None:
    """The audit line; empty if it is cut or of another version; None if the text has none."""
    begin = BEGIN.match(text)
    if begin is None:
        return None
    try:
        line = json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return {}
    is_known = line.get("audit") == VERSION and all(
        isinstance(line.get(name), int) for name in ("part", "parts")
    )
    return line if is_known else {}


def _key(line: Mapping[str, Any], number: int) -> tuple[Any, ...]:
    return (*(str(line.get(name)) for name in KEY), number)


def _joined(
    line: Json, time: datetime | None, followers: Mapping[tuple[Any, ...], list[Json]]
) -> LoggedOutcome:
    """The outcome with the lists of its follow-on lines, which it takes out of `followers`.

    The same message twice in an invocation: each takes one line of each number, in their order.
    """
    missing = 0
    for number in range(2, min(line["parts"], MAX_PARTS) + 1):
        waiting = followers.get(_key(line, number))
        if not waiting:
            missing += 1
            continue
        follower = waiting.pop(0)
        for name in (*ID_LISTS, *OBJECT_LISTS):
            entries, more = line.get(name), follower.get(name)
            if isinstance(more, list):
                line[name] = [*(entries if isinstance(entries, list) else []), *more]
    return LoggedOutcome(_checked(line), time, missing)


def _checked(line: Json) -> Json:
    """The fields with the types that they have; what has another type counts as empty."""
    checked: Json = {name: _typed(line.get(name), str, "") for name in TEXTS}
    checked |= {name: _typed(line.get(name), dict, {}) for name in OBJECTS}
    checked |= {name: _entries(line.get(name), str) for name in ID_LISTS}
    checked |= {name: _entries(line.get(name), dict) for name in OBJECT_LISTS}
    checked["concurrentRemoval"] = line.get("concurrentRemoval") is True
    checked["replacementCapacity"] = line.get("replacementCapacity")
    return checked


def _typed(value: Any, type: type, default: Any) -> Any:
    return value if isinstance(value, type) else default


def _entries(value: Any, type: type) -> list[Any]:
    return [entry for entry in value if isinstance(entry, type)] if isinstance(value, list) else []


def _in_order(outcomes: list[LoggedOutcome]) -> list[LoggedOutcome]:
    """The outcomes, oldest first: by their times if all have one, else as the log has them."""
    times = [outcome.logged_at for outcome in outcomes if outcome.logged_at]
    if len(times) < len(outcomes) or not times:
        return outcomes
    if times[0] > times[-1]:  # a log with its newest line first
        outcomes = outcomes[::-1]
    return sorted(outcomes, key=lambda outcome: outcome.logged_at or times[0])
