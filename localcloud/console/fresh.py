"""An old event as if it were sent now: all its times move by as much as its newest one is old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

ISO = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?=Z|\+00:00)")
EPOCH = re.compile(r"(?<![\d.])1[5-9]\d{8}(?:\d{3})?(?![\d.])")  # seconds or milliseconds, between 2017 and 2033


def fresh(event: str, now: datetime) -> str:
    newest = max(_times(event), default=None)
    if newest is None:
        return event
    ahead = now - newest
    event = ISO.sub(lambda found: _iso(_of_iso(found[0]) + ahead, found[0]), event)
    return EPOCH.sub(lambda found: _epoch(_of_epoch(found[0]) + ahead, found[0]), event)


def _times(event: str) -> Iterator[datetime]:
    yield from (_of_iso(found[0]) for found in ISO.finditer(event))
    yield from (_of_epoch(found[0]) for found in EPOCH.finditer(event))


def _of_iso(text: str) -> datetime:
    whole, _, part = text.partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return moment + timedelta(microseconds=int(part.ljust(6, "0")) if part else 0)


def _iso(moment: datetime, like: str) -> str:
    places = len(like.partition(".")[2])
    fraction = f".{moment.microsecond:06}"[: places + 1] if places else ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}"


def _of_epoch(text: str) -> datetime:
    return datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), timezone.utc)


def _epoch(moment: datetime, like: str) -> str:
    return str(int(moment.timestamp() * (1000 if len(like) == 13 else 1)))
