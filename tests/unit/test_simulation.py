"""`scalein simulate`: what it reads, how much is added, what its chart counts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.policy import parse_policy
from scalein_cli.chart import MAX_BARS, bar_minutes, span_text
from scalein_cli.errors import CommandError
from scalein_cli.simulated_group import SimulatedGroup, synthetic_snapshot
from scalein_cli.simulation import simulate
from scalein_cli.timeline import read_timeline
from tests.support.clock import NOON

MINUTE = timedelta(minutes=1)
NO_TIME = "expected a time with its zone"
POLICY = (
    '{"groups": {"asg-1": {}}, "alarms": [{"when": {"alertName": "idle"},'
    ' "scalingGroupId": "asg-1", "remove": {"count": 2}}]}'
)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("day.csv", "time,alarm\nnow,x\n", f"line 2, column time: {NO_TIME}, such as 2026-11-23T"),
        ("day.csv", "time,alarm\nnow,x\n", 'found "now".'),
        ("day.csv", 'time,alarm\n"a\nb",x\n', f"line 3, column time: {NO_TIME}"),
        (
            "day.csv",
            "time,alarm\n2026-11-20T00:00:00Z,\n",
            "line 2, column alarm: expected",
        ),
        ("day.csv", "time,add\n2026-11-20T00:00:00Z,-1\n", "line 2, column add: expected a whole"),
        ("day.csv", "time,add\n2026-11-20T00:00:00Z,two\n", 'found "two".'),
        ("day.csv", "time,alarm\n2026-11-20T00:00:00Z,x,y\n", "line 2, column 3: expected no more"),
        ("day.csv", "when,alarm\n", "line 1: expected a header with the columns time, and alarm"),
        ("day.csv", "", "It has no columns."),
        ("day.csv", "time,alarm\n" + "now,x\n" * 5, "and 2 more."),
        ("day.jsonl", "[]\n", "line 1 is not JSON: expected an object"),
        ("day.jsonl", '{"alarm": "x"}\n', f"line 1, column time: {NO_TIME}"),
        (
            "day.jsonl",
            '{"time": 1795406395, "alarm": "x", "instanceIds": 3}',
            "column instanceIds",
        ),
    ],
)
def test_a_bad_row_names_its_line_its_column_and_what_was_expected(
    name: str, content: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(CommandError) as raised:
        read_timeline(path)

    assert message in raised.value.message


@given(st.integers(0, 30), st.lists(st.integers(0, 12), max_size=5))
def test_additions_never_bring_a_group_above_its_max_size(size: int, added: list[int]) -> None:
    group = SimulatedGroup(
        synthetic_snapshot("asg-1", size, 0, 2, NOON, max_size=20), MINUTE, MINUTE
    )
    group.at(NOON)
    capacity = group.stable_capacity()
    for number in added:
        really = group.add(number)

        assert really == max(0, min(number, 20 - capacity))
        capacity += really
        assert group.stable_capacity() == capacity <= max(size, 20)


def test_each_alarm_of_a_simulation_has_its_reason_and_the_capacity_after_it(
    tmp_path: Path,
) -> None:
    day = tmp_path / "day.csv"
    rows = ["time,alarm,instanceIds", "2026-11-20T00:00:00Z,idle,", "2026-11-20T00:05:00Z,idle,"]
    day.write_text("\n".join([*rows, "2026-11-20T00:06:00Z,other,"]), encoding="utf-8")
    timeline = read_timeline(day)
    group = synthetic_snapshot("asg-1", 5, 2, 1, timeline[0].time)
    result = simulate(group, parse_policy(POLICY, "policy"), timeline, MINUTE)

    assert [(len(one.selected), one.reason, one.capacity) for one in result.alarms] == [
        (2, "", 3),
        (1, "min-size", 2),
        (0, "no-rule", 2),
    ]
    assert result.blocked_by_reason == [("min-size", 1), ("no-rule", 1)]


@given(st.integers(0, 10**7))
def test_a_chart_has_few_bars_of_a_round_length(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    minutes = bar_minutes(span)

    assert span / timedelta(minutes=minutes) <= MAX_BARS
    assert span_text(minutes).split()[1].rstrip("s") in ("minute", "hour", "day")
