"""When a timer trigger of the local cloud is due."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.triggers.timer import schedule_of

times = st.integers(1_767_225_600, 1_893_456_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, timezone.utc)
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("@every 5m", "2026-11-30T10:00:00", "2026-11-30T10:05:00"),
        ("@every 1h30m", "2026-11-30T10:00:00", "2026-11-30T11:30:00"),
        ("0 0 4 * * *", "2026-11-30T04:00:00", "2026-12-01T04:00:00"),
        ("0 */15 * * * *", "2026-11-30T10:00:01", "2026-11-30T10:15:00"),
        ("0 30 8 ? * MON-FRI", "2026-11-27T09:00:00", "2026-11-30T08:30:00"),
        ("0 0 0 29 2 *", "2026-11-30T10:00:00", "2028-02-29T00:00:00"),
        ("CRON_TZ=Asia/Shanghai 0 0 20 * * *", "2026-11-30T10:00:00", "2026-11-30T12:00:00"),
        ("0 0 12 * * 7", "2026-11-30T10:00:00", "2026-12-06T12:00:00"),
    ],
)
def test_a_timer_is_due_when_its_expression_says(expression: str, after: str, due: str) -> None:
    assert schedule_of(expression)(at(after)) == at(due)


@given(after=times, minutes=st.integers(1, 59), hour=st.integers(0, 23))
def test_the_next_time_is_later_fits_and_is_less_than_a_day_away(
    after: datetime, minutes: int, hour: int
) -> None:
    due = schedule_of(f"0 {minutes} {hour} * * *")(after)

    assert after < due <= after + timedelta(days=1)
    assert (due.second, due.minute, due.hour) == (0, minutes, hour)


@pytest.mark.parametrize(
    "expression",
    [
        *("", "@every", "@every 0m", "* * * * *", "60 * * * * *", "0 0 0 0 * *", "x * * * * *"),
        *("CRON_TZ=Moon/Sea 0 0 0 * * *", "*/0 * * * * *", "5-1 * * * * *"),
    ],
)
def test_an_expression_that_means_no_time_is_refused(expression: str) -> None:
    with pytest.raises(ValueError):
        schedule_of(expression)
