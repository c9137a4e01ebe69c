"""Windows of time in which removal is allowed or forbidden, as cron expressions in a time zone."""

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
    """The minutes that a cron expression of five fields describes. Weekdays: Sunday is 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool  # day of month is *
    any_weekday: bool

    def matches(self, time: datetime) -> bool:
        """Whether the minute of `time` is one of them.

        As in cron, if day of month and day of week are both restricted, one of them is enough.
        """
        day, weekday = time.day in self.days, time.isoweekday() % 7 in self.weekdays
        is_day = day and weekday if self.any_day or self.any_weekday else day or weekday
        return (
            is_day
            and time.minute in self.minutes
            and time.hour in self.hours
            and time.month in self.months
        )


class Windows(NamedTuple):
    """Local times in `zone` at which removal is allowed (empty: always) and forbidden."""

    zone: tzinfo
    allow: tuple[Cron, ...] = ()
    forbid: tuple[Cron, ...] = ()

    def is_open_at(self, time: datetime) -> bool:
        """Whether removal is allowed at this time."""
        local = time.astimezone(self.zone)
        is_allowed = not self.allow or any(cron.matches(local) for cron in self.allow)
        return is_allowed and not self.is_forbidden_at(local)

    def is_forbidden_at(self, time: datetime) -> bool:
        """Whether a forbidden window covers this time."""
        local = time.astimezone(self.zone)
        return any(cron.matches(local) for cron in self.forbid)


def parse_cron(text: str) -> Cron:
    """The minutes of a cron expression. Raises ValueError, which says what field is wrong."""
    parts = text.lower().split()
    if len(parts) != len(FIELDS):
        raise ValueError("it needs five fields: minute, hour, day of month, month, day of week")
    sets = [_numbers(part, *field) for part, field in zip(parts, FIELDS, strict=True)]
    weekdays = frozenset(number % 7 for number in sets[4])
    return Cron(sets[0], sets[1], sets[2], sets[3], weekdays, parts[2] == "*", parts[4] == "*")


def _numbers(text: str, field: str, minimum: int, maximum: int) -> frozenset[int]:
    """The numbers of one field, such as `1-5,*/15`."""
    error = ValueError(
        f"its {field} is not of the form *, 5, 1-5, */15 or 1,3, from {minimum} to {maximum}"
    )
    numbers: set[int] = set()
    for part in text.split(","):
        match = STEP.fullmatch(part)
        if not match:
            raise error
        span, step = match.group(1), int(match.group(2) or 1)
        first, _, last = (f"{minimum}-{maximum}" if span == "*" else span).partition("-")
        low, high = _number(first, field, error), _number(last or first, field, error)
        if match.group(2) and not last:
            high = maximum  # 5/15: from 5 on
        if not (minimum <= low <= high <= maximum and 1 <= step <= maximum):
            raise error
        numbers.update(range(low, high + 1, step))
    return frozenset(numbers)


def _number(text: str, field: str, error: ValueError) -> int:
    names = NAMES.get(field, ())
    if text in names:
        return names.index(text) + (1 if field == "month" else 0)
    if not text.isdigit():
        raise error
    return int(text)
