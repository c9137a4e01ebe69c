"""The input of a simulation: alarms and added instances over time, from CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.errors import RejectedEvent
from scalein.intake.times import time_of
from scalein_cli.errors import CommandError

OTHER_COLUMNS = ("time", "alarm", "add", "instanceIds")  # these are no attributes of the alarm
MAX_FAULTS = 3  # that are shown
MAX_VALUE_CHARACTERS = 40  # of a value that is shown
A_TIME = "a time with its zone, such as 2026-11-23T12:00:00Z"
A_NUMBER = "a whole number of instances, such as 2, or nothing"
IDS = "instance ids: a text with spaces between, or a list of texts"


class TimelineEvent(NamedTuple):
    """What happens at one time: an alarm, or instances that Auto Scaling adds."""

    time: datetime
    alarm: Alarm | None
    added_instances: int = 0


class RowError(Exception):
    """A row is wrong; the text names the column and what was expected."""


def read_timeline(path: Path) -> list[TimelineEvent]:
    """The events of the file, in order of time.

    The file is CSV with a header, or JSON lines, with the columns `time` and `alarm` (the name of
    the alarm rule) or `add` (a number of instances). Further columns are attributes of the alarm.
    Raises CommandError, which names the line, the column and what was expected of each wrong row.
    """
    events, faults = [], []
    for line, entry in _entries(path):
        try:
            events.append(_event(entry, line))
        except RowError as error:
            faults.append(f"{path}, line {line}, {error}")
    if faults:
        more = f"\nand {len(faults) - MAX_FAULTS} more." if len(faults) > MAX_FAULTS else ""
        raise CommandError("\n".join(faults[:MAX_FAULTS]) + more)
    if not events:
        raise CommandError(f"{path} has no events. Add lines with time, and alarm or add.")
    return sorted(events, key=lambda event: event.time)


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each entry of the file with the number of its line. Raises CommandError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    yield from (_csv_rows(path, text) if path.suffix == ".csv" else _json_lines(path, text))


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(text.splitlines())
    header = reader.fieldnames or ()
    if "time" not in header or not {"alarm", "add"} & set(header):
        raise CommandError(
            f"{path}, line 1: expected a header with the columns time, and alarm or add. It has "
            f"{', '.join(header) or 'no columns'}."
        )
    for row in reader:
        yield reader.line_num, row


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict):
            raise CommandError(
                f"{path}, line {number} is not JSON: expected an object on each line. A file of "
                "columns has a name that ends in .csv."
            )
        yield number, entry


def _event(entry: Mapping[Any, Any], line: int) -> TimelineEvent:
    """The event of one entry. Raises RowError."""
    if None in entry:  # of csv: values without a heading
        raise RowError(f"column {len(entry)}: expected no more columns than the header has.")
    time, added_instances, alarm = _time(entry), _added(entry), entry.get("alarm")
    if not (added_instances or alarm):
        raise RowError("column alarm: expected the name of an alarm rule, or a number in add.")
    if not alarm:
        return TimelineEvent(time, None, added_instances)
    names = {"alertName": (str(alarm),), "ruleName": (str(alarm),)}
    attributes = {
        name: (str(value),) for name, value in entry.items() if name not in OTHER_COLUMNS and value
    }
    ids = _ids(entry)
    subject = Subject(Scope.INSTANCES if ids else Scope.GROUP, ids)
    alarm_event = Alarm(f"line-{line}", names | attributes, subject, time)
    return TimelineEvent(time, alarm_event, added_instances)


def _time(entry: Mapping[str, Any]) -> datetime:
    try:
        return time_of(entry.get("time"), "$.time")
    except RejectedEvent:
        raise _wrong(entry, "time", A_TIME) from None


def _added(entry: Mapping[str, Any]) -> int:
    try:
        number = int(entry.get("add") or 0)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise _wrong(entry, "add", A_NUMBER)
    return number


def _ids(entry: Mapping[str, Any]) -> tuple[str, ...]:
    listed = entry.get("instanceIds") or ()
    ids = listed.split() if isinstance(listed, str) else listed
    if not isinstance(ids, (list, tuple)) or not all(isinstance(id, str) for id in ids):
        raise _wrong(entry, "instanceIds", IDS)
    return tuple(ids)


def _wrong(entry: Mapping[str, Any], column: str, expected: str) -> RowError:
    value = entry.get(column)
    found = f"found {json.dumps(value)[:MAX_VALUE_CHARACTERS]}" if value else "found nothing"
    return RowError(f"column {column}: expected {expected}; {found}.")
