"""Cron expressions, minute by minute."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from scalein.decision.windows import Windows, parse_cron

UTC = timezone.utc


def at(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "time", "matches"),
    [
        ("* * * * *", "2026-11-23 12:34", True),
        ("34 * * * *", "2026-11-23 12:34", True),
        ("33 * * * *", "2026-11-23 12:34", False),
        ("30-40 12 * * *", "2026-11-23 12:40", True),
        ("30-40 12 * * *", "2026-11-23 12:41", False),
        ("*/15 * * * *", "2026-11-23 12:45", True),
        ("*/15 * * * *", "2026-11-23 12:46", False),
        ("5/20 * * * *", "2026-11-23 12:45", True),
        ("5/20 * * * *", "2026-11-23 12:00", False),
        ("1-9/4 * * * *", "2026-11-23 12:09", True),
        ("1,3 * * * *", "2026-11-23 12:03", True),
        ("1,3 * * * *", "2026-11-23 12:02", False),
        ("* 0-6 * * mon-fri", "2026-11-23 06:59", True),  # a Monday
        ("* 0-6 * * mon-fri", "2026-11-22 06:59", False),  # a Sunday
        ("* * * * 0", "2026-11-22 06:59", True),
        ("* * * * 7", "2026-11-22 06:59", True),
        ("* * * * 6", "2026-11-21 06:59", True),
        ("* * * * SAT", "2026-11-21 06:59", True),
        ("* * * nov *", "2026-11-23 12:34", True),
        ("* * * 12 *", "2026-11-23 12:34", False),
        ("* * 23 * *", "2026-11-23 12:34", True),
        ("* * 24 * *", "2026-11-23 12:34", False),
        ("* * 24 * mon", "2026-11-23 12:34", True),  # of two kinds of day, either will do
        ("* * 23 * tue", "2026-11-23 12:34", True),
        ("* * 24 * tue", "2026-11-23 12:34", False),
        ("* * * jan-mar mon", "2026-11-23 12:34", False),
    ],
)
def test_a_cron_expression_stands_for_its_minutes(cron: str, time: str, matches: bool) -> None:
    assert parse_cron(cron).matches(at(time)) is matches


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("", "five fields"),
        ("* * * *", "five fields"),
        ("* * * * * *", "five fields"),
        ("60 * * * *", "its minute"),
        ("* 24 * * *", "its hour"),
        ("* * 0 * *", "its day"),
        ("* * 32 * *", "its day"),
        ("* * * 13 *", "its month"),
        ("* * * * 8", "its weekday"),
        ("5-3 * * * *", "its minute"),
        ("*/0 * * * *", "its minute"),
        ("*/99 * * * *", "its minute"),
        ("1-2-3 * * * *", "its minute"),
        ("1, * * * *", "its minute"),
        ("x * * * *", "its minute"),
        ("mon * * * *", "its minute"),
        ("* * * mon *", "its month"),
        ("² * * * *", "its minute"),
    ],
)
def test_what_is_no_cron_expression_is_named_by_its_field(cron: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_cron(cron)


def test_removal_is_allowed_in_a_window_that_no_other_forbids() -> None:
    nights = Windows(
        UTC, (parse_cron("* 0-5 * * *"), parse_cron("* 22-23 * * *")), (parse_cron("* * 11 11 *"),)
    )

    assert nights.is_open_at(at("2026-11-10 23:00"))
    assert nights.is_open_at(at("2026-11-10 05:59"))
    assert not nights.is_open_at(at("2026-11-10 06:00"))
    assert not nights.is_open_at(at("2026-11-11 23:00"))
    assert Windows(UTC, (), (parse_cron("* * 11 11 *"),)).is_open_at(at("2026-11-10 12:00"))


def test_a_window_is_read_by_the_clocks_of_its_own_time_zone() -> None:
    shanghai = Windows(ZoneInfo("Asia/Shanghai"), (parse_cron("* 0-5 * * tue"),))

    assert shanghai.is_open_at(at("2026-11-23 16:00"))  # midnight, and Tuesday, in Shanghai
    assert not shanghai.is_open_at(at("2026-11-23 15:59"))
    assert not shanghai.is_open_at(at("2026-11-24 01:00"))


def test_a_window_follows_the_change_to_summer_time() -> None:
    berlin = Windows(ZoneInfo("Europe/Berlin"), (parse_cron("* 3 * * *"),))
    spring = at("2026-03-29 01:00")  # there, 02:00 is followed by 03:00

    assert [berlin.is_open_at(spring + timedelta(minutes=m)) for m in (-1, 0, 59, 60)] == [
        False,
        True,
        True,
        False,
    ]
