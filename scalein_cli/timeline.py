"""The input of a simulation: alarms and added instances over time, from CSV or JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from scalein.decision.model import Alarm, Scope, Subject
from scalein.errors import RejectedEvent
from scalein.intake.times import time_of
from scalein_cli.errors import CommandError

OTHER_COLUMNS = ("time", "alarm", "add", "instanceIds")  # these are no attributes of the alarm


class TimelineEvent(NamedTuple):
    """What happens at one time: an alarm, or instances that Auto Scaling adds."""

    time: datetime
    alarm: Alarm | None
    added_instances: int = 0


def read_timeline(path: Path) -> list[TimelineEvent]:
    """The events of the file, in order of time. Raises CommandError, which names the wrong line.

    The file is CSV with a header, or JSON lines, with the columns `time` and `alarm` (the name of
    the alarm rule) or `add` (a number of instances). Further columns are attributes of the alarm.
    """
    events = []
    for line, entry in _entries(path):
        try:
            events.append(_event(entry, line))
        except (KeyError, TypeError, ValueError, AttributeError, RejectedEvent) as error:
            raise CommandError(
                f"{path}, line {line}: the line needs a time such as 2026-11-23T12:00:00Z, and "
                "alarm (a name) or add (a number of instances)."
            ) from error
    if not events:
        raise CommandError(f"{path} has no events. Add lines with time, and alarm or add.")
    return sorted(events, key=lambda event: event.time)


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each entry of the file with the number of its line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    if path.suffix == ".csv":
        yield from enumerate(csv.DictReader(lines), 2)
        return
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError as error:
                raise CommandError(
                    f"{path}, line {number} is not JSON. A file of another type than .csv has one "
                    "JSON object a line."
                ) from error


def _event(entry: Mapping[str, Any], line: int) -> TimelineEvent:
    """The event of one entry. Raises KeyError, TypeError, ValueError, RejectedEvent."""
    time, added_instances = time_of(entry["time"], "$.time"), int(entry.get("add") or 0)
    if added_instances < 0 or not (added_instances or entry.get("alarm")):
        raise ValueError
    if not entry.get("alarm"):
        return TimelineEvent(time, None, added_instances)
    names = {"alertName": (str(entry["alarm"]),), "ruleName": (str(entry["alarm"]),)}
    attributes = {
        name: (str(value),) for name, value in entry.items() if name not in OTHER_COLUMNS and value
    }
    listed = entry.get("instanceIds") or ()
    ids = tuple(listed.split() if isinstance(listed, str) else listed)
    subject = Subject(Scope.INSTANCES if ids else Scope.GROUP, ids)
    alarm = Alarm(f"line-{line}", names | attributes, subject, time)
    return TimelineEvent(time, alarm, added_instances)
