"""Draws a simulation as a chart, PNG or SVG."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

from scalein_cli.simulation import SimulationResult

BARS = 48
INK, CAPACITY, REMOVAL, MIN_SIZE, FLOOR = "#333333", "#1f6fb4", "#d1495b", "#b00020", "#e08e0b"
LEGEND: dict[str, Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1, 1),
    "ncols": 4,
    "frameon": False,
    "fontsize": 9,
}
REASON_COLOURS = ("#8da0cb", "#66c2a5", "#fc8d62", "#e78ac3", "#a6d854", "#ffd92f", "#b3b3b3")


def draw(result: SimulationResult, min_size: int, floor: int, title: str, path: Path) -> None:
    """Draws capacity over time, MinSize and floor, removals, blocked alarms. Raises OSError."""
    mpl.rcParams["svg.hashsalt"] = "scalein"  # the same result makes the same bytes
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    times = [point.time for point in result.capacity]
    capacity = [point.capacity for point in result.capacity]
    last = max([times[-1], *[alarm.time for alarm in result.blocked_alarms]])
    above.step(
        [*times, last], [*capacity, capacity[-1]], where="post", color=CAPACITY, label="capacity"
    )
    above.axhline(
        min_size, color=MIN_SIZE, linestyle="--", linewidth=1, label=f"MinSize {min_size}"
    )
    if floor > min_size:
        above.axhline(floor, color=FLOOR, linestyle="-.", linewidth=1, label=f"floor {floor}")
    if result.removals:
        capacity_by_time = {point.time: point.capacity for point in result.capacity}
        removal_times = [time for time, _ in result.removals]
        above.plot(
            removal_times,
            [capacity_by_time[time] for time in removal_times],
            "v",
            color=REMOVAL,
            markersize=5,
            label=f"removals ({result.removed} instances)",
        )
    above.set_ylim(bottom=0)
    above.set_ylabel("capacity")
    above.set_title(title, loc="left", color=INK, fontsize=11)
    above.legend(**LEGEND)
    _draw_blocked_alarms(below, result, times[0], last)
    below.xaxis_date()
    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    below.xaxis.set_major_locator(locator)
    below.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
    figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)


def _draw_blocked_alarms(
    axes: mpl.axes.Axes, result: SimulationResult, first: datetime, last: datetime
) -> None:
    """Draws a stacked bar for each span of time: the alarms that were blocked, by reason."""
    span = (last - first) / BARS
    axes.set_ylabel("blocked alarms")
    if not result.blocked_alarms or not span:
        return
    middles = [first + span * (number + 0.5) for number in range(BARS)]
    centres = dates.date2num(middles)  # type: ignore[no-untyped-call]
    width = span.total_seconds() / 86_400 * 0.95
    bottoms = [0] * BARS
    for number, (reason, total) in enumerate(result.blocked_by_reason):
        count_by_bar = Counter(
            min(BARS - 1, int((alarm.time - first) / span))
            for alarm in result.blocked_alarms
            if alarm.reason == reason
        )
        heights = [count_by_bar[bar] for bar in range(BARS)]
        colour = REASON_COLOURS[number % len(REASON_COLOURS)]
        label = f"{reason} ({total:,})"
        axes.bar(centres, heights, width, bottom=bottoms, color=colour, label=label)
        bottoms = [low + high for low, high in zip(bottoms, heights, strict=True)]
    axes.legend(**LEGEND)
