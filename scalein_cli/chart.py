"""Draws a simulation as a chart, PNG or SVG."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

from scalein_cli.simulation import SimulationResult

MAX_BARS = 60
BAR_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440)
MAX_SIZE, COMMAND = "#6a51a3", "#777777"
INK, CAPACITY, REMOVAL, MIN_SIZE, FLOOR = "#333333", "#1f6fb4", "#d1495b", "#b00020", "#e08e0b"
LEGEND: dict[str, Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1, 1),
    "ncols": 4,
    "frameon": False,
    "fontsize": 9,
}
REASON_COLOURS = ("#8da0cb", "#66c2a5", "#fc8d62", "#e78ac3", "#a6d854", "#ffd92f", "#b3b3b3")


class ChartTexts(NamedTuple):
    """What the chart says of itself."""

    title: str
    command: str  # that draws it


def draw(
    result: SimulationResult, bounds: tuple[int, int, int | None], texts: ChartTexts, path: Path
) -> None:
    """Draws capacity over time, removals, blocked alarms, and the bounds: MinSize, floor, MaxSize.

    Times are UTC, and the chart says so. Raises OSError.
    """
    mpl.rcParams["svg.hashsalt"] = "scalein"  # the same result makes the same bytes
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    last = _draw_capacity(above, result, bounds)
    above.set_title(texts.title, loc="left", color=INK, fontsize=12)
    _draw_blocked_alarms(below, result, result.capacity[0].time, last)
    below.xaxis_date()
    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    below.xaxis.set_major_locator(locator)
    below.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    below.set_xlabel("time (UTC)", color=INK, fontsize=10)
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
    figure.supxlabel(
        texts.command, fontsize=8, color=COMMAND, family="monospace", x=0.01, ha="left"
    )
    figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_capacity(
    above: mpl.axes.Axes, result: SimulationResult, bounds: tuple[int, int, int | None]
) -> datetime:
    """Draws capacity, removals and bounds; returns the last time."""
    min_size, floor, max_size = bounds
    times: list[Any] = [point.time for point in result.capacity]
    capacity = [point.capacity for point in result.capacity]
    last: datetime = max([times[-1], *[alarm.time for alarm in result.alarms]])
    above.step(
        [*times, last], [*capacity, capacity[-1]], where="post", color=CAPACITY, label="capacity"
    )
    above.axhline(
        min_size, color=MIN_SIZE, linestyle="--", linewidth=1, label=f"MinSize {min_size}"
    )
    if floor > min_size:
        above.axhline(floor, color=FLOOR, linestyle="-.", linewidth=1, label=f"floor {floor}")
    if max_size is not None:
        label = f"MaxSize {max_size}"
        above.axhline(max_size, color=MAX_SIZE, linestyle=":", linewidth=1, label=label)
    if result.removals:
        above.plot(
            list[Any](removal.time for removal in result.removals),
            [removal.capacity for removal in result.removals],
            "v",
            color=REMOVAL,
            markersize=5,
            label=f"removals ({result.removed} instances)",
        )
    above.set_ylim(bottom=0)
    above.set_ylabel("capacity")
    above.legend(**LEGEND)
    return last


def _draw_blocked_alarms(
    axes: mpl.axes.Axes, result: SimulationResult, first: datetime, last: datetime
) -> None:
    """Draws a stacked bar for each span of time: the alarms that were blocked, by reason."""
    minutes = bar_minutes(last - first)
    axes.set_ylabel(f"blocked alarms\nin {span_text(minutes)}")
    if not result.blocked_alarms:
        return
    span, start = (
        timedelta(minutes=minutes),
        first.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    bars = [int((alarm.time - start) / span) for alarm in result.blocked_alarms]
    numbers = range(min(bars), max(bars) + 1)
    centres = dates.date2num([start + span * (bar + 0.5) for bar in numbers])  # type: ignore[no-untyped-call]
    width = span.total_seconds() / 86_400 * 0.95
    bottoms = [0] * len(numbers)
    for index, (reason, total) in enumerate(result.blocked_by_reason):
        count_by_bar = Counter(
            bar
            for bar, alarm in zip(bars, result.blocked_alarms, strict=True)
            if alarm.reason == reason
        )
        heights = [count_by_bar[bar] for bar in numbers]
        colour = REASON_COLOURS[index % len(REASON_COLOURS)]
        label = f"{reason} ({total:,})"
        axes.bar(centres, heights, width, bottom=bottoms, color=colour, label=label)
        bottoms = [low + high for low, high in zip(bottoms, heights, strict=True)]
    axes.set_ylim(top=max(bottoms) * 1.25 + 1)  # room for the legend
    axes.legend(**LEGEND)


def bar_minutes(span: timedelta) -> int:
    """The shortest round span of which the whole span has at most MAX_BARS."""
    days = 1_440 * max(1, -(-span // timedelta(days=MAX_BARS)))  # whole days, for longer spans
    return next((m for m in BAR_MINUTES if span / timedelta(minutes=m) <= MAX_BARS), days)


def span_text(minutes: int) -> str:
    """The span as a person says it: 30 minutes, 1 hour, 2 days."""
    for size, unit in ((1_440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            number = minutes // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    raise AssertionError(minutes)
