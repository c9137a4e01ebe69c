"""When something was sent: the only module that knows how senders write times."""

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
MILLISECONDS_FROM = 10**11  # seconds would be the year 5138


def moment(value: object, path: str) -> datetime:
    """The time that `value` says: RFC 3339, ISO 8601 basic form, or seconds or milliseconds since 1970, as text too.

    Raises MalformedEvent: a time that cannot be read must never pass for now.
    """
    try:
        return _moment(value)
    except (TypeError, ValueError, OverflowError, OSError):
        raise malformed("time", "A time in the message cannot be read.", path) from None


def _moment(value: object) -> datetime:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _since_1970(float(value))
    if not isinstance(value, str):
        raise TypeError
    if EPOCH.fullmatch(value):
        return _since_1970(float(value))
    if found := RFC_3339.fullmatch(value):
        day, clock, fraction, offset = found.groups()
    elif found := BASIC.fullmatch(value):
        year, month, date, hour, minute, second, fraction, offset = found.groups()
        day, clock = f"{year}-{month}-{date}", f"{hour}:{minute}:{second}"
    else:
        raise ValueError
    # Of Python 3.10's fromisoformat: six decimals or none, no Z, a colon in the offset.
    decimals = f"{(fraction or '.0'):0<7}"[:7]
    offset = (
        "+00:00" if offset in "Zz" else offset if ":" in offset else f"{offset[:3]}:{offset[3:]}"
    )
    return datetime.fromisoformat(f"{day}T{clock}{decimals}{offset}").astimezone(timezone.utc)


def _since_1970(number: float) -> datetime:
    return datetime.fromtimestamp(
        number / 1000 if number >= MILLISECONDS_FROM else number, timezone.utc
    )


def earliest(*moments: datetime | None) -> datetime | None:
    """The oldest of several times, any of which may be missing: a message is as old as the fact that it tells."""
    return min((moment for moment in moments if moment is not None), default=None)
