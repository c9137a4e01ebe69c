"""Makes an old event current: all its times move by as much as its newest one is old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

ISO = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?=Z|\+00:00)")
# Seconds or milliseconds, between 2017 and 2033.
EPOCH = re.compile(r"(?<![\d.])1[5-9]\d{8}(?:\d{3})?(?![\d.])")


def current_event(event: str, now: datetime) -> str:
    """Returns the event as if it were sent now."""
    newest = max(_times(event), default=None)
    if newest is None:
        return event
    age = now - newest
    event = ISO.sub(lambda match: _iso(_parse_iso(match[0]) + age, match[0]), event)
    return EPOCH.sub(lambda match: _epoch(_parse_epoch(match[0]) + age, match[0]), event)


def _times(event: str) -> Iterator[datetime]:
    yield from (_parse_iso(match[0]) for match in ISO.finditer(event))
    yield from (_parse_epoch(match[0]) for match in EPOCH.finditer(event))


def _parse_iso(text: str) -> datetime:
    whole, _, fraction = text.partition(".")
    time = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return time + timedelta(microseconds=int(fraction.ljust(6, "0")) if fraction else 0)


def _iso(time: datetime, original: str) -> str:
    """Returns the time with as many digits of a second as the original has."""
    digits = len(original.partition(".")[2])
    fraction = f".{time.microsecond:06}"[: digits + 1] if digits else ""
    return f"{time:%Y-%m-%dT%H:%M:%S}{fraction}"


def _parse_epoch(text: str) -> datetime:
    return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), timezone.utc)


def _epoch(time: datetime, original: str) -> str:
    return str(int(time.timestamp() * (1000 if len(original) == 13 else 1)))
