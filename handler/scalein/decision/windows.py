"""The only module that knows cron expressions and time zones: when removal is allowed, and when not."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from typing import NamedTuple

FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
NAMES = {
    "month": ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
    "weekday": ("sun", "mon", "tue", "wed", "thu", "fri", "sat"),
}
STEP = re.compile(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?", re.ASCII)


class Cron(NamedTuple):
    """The minutes that five fields describe: minute, hour, day of month, month, day of week (0 and 7: Sunday)."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool  # day of month is *
    any_weekday: bool

    def has(self, time: datetime) -> bool:
        """Whether the minute of `time` is one of them. Of two kinds of day, either will do, as in cron."""
        day, weekday = time.day in self.days, time.isoweekday() % 7 in self.weekdays
        of_day = day and weekday if self.any_day or self.any_weekday else day or weekday
        return (
            of_day
            and time.minute in self.minutes
            and time.hour in self.hours
            and time.month in self.months
        )


class Windows(NamedTuple):
    """Times at which removal is allowed (empty: always) and forbidden, as clocks in `zone` show them."""

    zone: tzinfo
    allow: tuple[Cron, ...] = ()
    forbid: tuple[Cron, ...] = ()

    def open_at(self, now: datetime) -> bool:
        local = now.astimezone(self.zone)
        return (not self.allow or any(cron.has(local) for cron in self.allow)) and not any(
            cron.has(local) for cron in self.forbid
        )


def cron_of(text: str) -> Cron:
    """Raises ValueError: which field is wrong."""
    parts = text.lower().split()
    if len(parts) != len(FIELDS):
        raise ValueError("it needs five fields: minute, hour, day of month, month, day of week")
    sets = [_numbers(part, *field) for part, field in zip(parts, FIELDS, strict=True)]
    weekdays = frozenset(number % 7 for number in sets[4])
    return Cron(sets[0], sets[1], sets[2], sets[3], weekdays, parts[2] == "*", parts[4] == "*")


def _numbers(text: str, field: str, least: int, most: int) -> frozenset[int]:
    wrong = ValueError(
        f"its {field} is not of the form *, 5, 1-5, */15 or 1,3, from {least} to {most}"
    )
    numbers: set[int] = set()
    for part in text.split(","):
        found = STEP.fullmatch(part)
        if not found:
            raise wrong
        span, step = found.group(1), int(found.group(2) or 1)
        first, _, last = (f"{least}-{most}" if span == "*" else span).partition("-")
        low, high = _number(first, field, wrong), _number(last or first, field, wrong)
        if found.group(2) and not last:
            high = most  # 5/15 means from 5 on
        if not (least <= low <= high <= most and 1 <= step <= most):
            raise wrong
        numbers.update(range(low, high + 1, step))
    return frozenset(numbers)


def _number(text: str, field: str, wrong: ValueError) -> int:
    names = NAMES.get(field, ())
    if text in names:
        return names.index(text) + (1 if field == "month" else 0)
    if not text.isdigit():
        raise wrong
    return int(text)
