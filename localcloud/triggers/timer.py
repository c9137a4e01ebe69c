"""When a timer trigger is due: `@every 5m`, or cron with seconds, in UTC or CRON_TZ's zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EVERY = re.compile(r"@every (?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
ZONE = re.compile(r"(?:CRON_TZ=(\S+) )?(.+)")
# second, minute, hour, day of month, month, day of week with 0 for Sunday
RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MAX_DAYS = 366 * 4 + 1  # until 29 February comes again

Schedule = Callable[[datetime], datetime]  # the next time after another


def schedule_of(expression: str) -> Schedule:
    """Returns when a timer is due next, after a time. Raises ValueError, which says what is wrong.

    Help page "Time triggers": `@every VALUE UNIT` with h, m, s; or six fields of cron.
    """
    interval = EVERY.fullmatch(expression.strip())
    if interval and any(interval.groups()):
        hours, minutes, seconds = (int(part or 0) for part in interval.groups())
        every = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if not every:
            raise ValueError("the interval is zero")
        return lambda after: after + every
    match = ZONE.fullmatch(expression.strip())
    if match is None:
        raise ValueError("it is empty")
    try:
        zone = ZoneInfo(match[1]) if match[1] else timezone.utc
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {match[1]!r}") from error
    fields = match[2].split()
    if len(fields) != len(RANGES):
        raise ValueError("cron has six fields: second minute hour day month weekday")
    values = [_values(text, *range_) for text, range_ in zip(fields, RANGES, strict=True)]
    return lambda after: _next(values, after.astimezone(zone)).astimezone(timezone.utc)


def _next(values: list[set[int]], after: datetime) -> datetime:
    """Returns the first time after `after` that all fields allow. Raises ValueError if none is."""
    seconds, minutes, hours, days, months, weekdays = values
    weekdays = {day % 7 for day in weekdays}  # 7 is Sunday too
    start = after.replace(microsecond=0) + timedelta(seconds=1)
    for number in range(MAX_DAYS):
        day = (start + timedelta(days=number)).replace(hour=0, minute=0, second=0)
        is_allowed = day.day in days and day.month in months and day.isoweekday() % 7 in weekdays
        if not is_allowed:
            continue
        times = (
            day.replace(hour=hour, minute=minute, second=second)
            for hour in sorted(hours)
            for minute in sorted(minutes)
            for second in sorted(seconds)
        )
        found = next((time for time in times if time >= start), None)
        if found is not None:
            return found
    raise ValueError("no time fits")


def _values(text: str, low: int, high: int) -> set[int]:
    """Returns the values of one field: *, ?, 1, 1-5, */5, 1,2, or names of weekdays."""
    values: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        if span in ("*", "?"):
            first, last = str(low), str(high)
        elif step and not last:
            last = str(high)
        begin, end = _number(first), _number(last or first)
        if not low <= begin <= end <= high or not (step or "1").isdecimal() or step == "0":
            raise ValueError(f"{text!r} is not between {low} and {high}")
        values.update(range(begin, end + 1, int(step or 1)))
    return values


def _number(text: str) -> int:
    if text in WEEKDAYS:
        return WEEKDAYS.index(text)
    if not text.isdecimal():
        raise ValueError(f"{text!r} is no number")
    return int(text)
