"""Times as senders write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from scalein.intake.decoding import malformed

RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
BASIC = re.compile(
    r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII
)  # 20260301T180958.118+0800
EPOCH = re.compile(r"[0-9]{1,16}")
NO_TIME = (None, "", 0, "0")
ZERO_DAY = "0001-01-01"
MILLISECONDS_FROM = 10**11  # as seconds, this is the year 5138


def time_of(value: object, path: str) -> datetime:
    """Returns the time that `value` holds: RFC 3339, ISO 8601 basic form, or seconds or
    milliseconds since 1970, as a number or text.

    Raises RejectedEvent at `path` if it holds none: an unreadable time must not count as now.
    """
    try:
        return _time_of(value)
    except (TypeError, ValueError, OverflowError, OSError):
        raise malformed(
            "time",
            "The time cannot be read. Send RFC 3339 with offset, such as 2026-11-23T04:00:00Z, or"
            " seconds or milliseconds since 1970.",
            path,
        ) from None


def known_time_of(value: object, path: str) -> datetime | None:
    """Returns the time that `value` holds, as `time_of`; None if it is missing or zero.

    Go, in which Alertmanager and Grafana are written, has the year 1 for no time.
    """
    is_zero = isinstance(value, str) and value.startswith(ZERO_DAY)
    return None if is_zero or value in NO_TIME else time_of(value, path)


def earliest(*times: datetime | None) -> datetime | None:
    """Returns the earliest of the times that are known: a message is as old as what it reports."""
    return min((time for time in times if time is not None), default=None)


def _time_of(value: object) -> datetime:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _since_1970(float(value))
    if not isinstance(value, str):
        raise TypeError
    if EPOCH.fullmatch(value):
        return _since_1970(float(value))
    if match := RFC_3339.fullmatch(value):
        day, clock, fraction, offset = match.groups()
    elif match := BASIC.fullmatch(value):
        year, month, date, hour, minute, second, fraction, offset = match.groups()
        day, clock = f"{year}-{month}-{date}", f"{hour}:{minute}:{second}"
    else:
        raise ValueError
    # fromisoformat of Python 3.10 takes six decimals or none, no Z, and a colon in the offset.
    decimals = f"{(fraction or '.0'):0<7}"[:7]
    return datetime.fromisoformat(f"{day}T{clock}{decimals}{_with_colon(offset)}").astimezone(
        timezone.utc
    )


def _with_colon(offset: str) -> str:
    if offset in "Zz":
        return "+00:00"
    return offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"


def _since_1970(number: float) -> datetime:
    seconds = number / 1000 if number >= MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, timezone.utc)
