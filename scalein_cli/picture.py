"""The only module that draws pictures: a simulated day, as PNG or SVG."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import dates
from matplotlib.figure import Figure

from scalein_cli.simulation import Story

BINS = 48
INK, CAPACITY, REMOVAL, MIN_SIZE, FLOOR = "#333333", "#1f6fb4", "#d1495b", "#b00020", "#e08e0b"
LEGEND: dict[str, Any] = {
    "loc": "lower right",
    "bbox_to_anchor": (1, 1),
    "ncols": 4,
    "frameon": False,
    "fontsize": 9,
}
HELD = ("#8da0cb", "#66c2a5", "#fc8d62", "#e78ac3", "#a6d854", "#ffd92f", "#b3b3b3")


def draw(story: Story, min_size: int, floor: int, title: str, path: Path) -> None:
    """Capacity over time against MinSize and floor, each removal, and what was held back by what. Raises OSError."""
    mpl.rcParams["svg.hashsalt"] = "scalein"  # the same story draws the same bytes
    figure = Figure(figsize=(11, 6.2), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    times = [point.time for point in story.capacity]
    capacity = [point.capacity for point in story.capacity]
    last = max([times[-1], *[held.time for held in story.held]])
    above.step(
        [*times, last], [*capacity, capacity[-1]], where="post", color=CAPACITY, label="capacity"
    )
    above.axhline(
        min_size, color=MIN_SIZE, linestyle="--", linewidth=1, label=f"MinSize {min_size}"
    )
    if floor > min_size:
        above.axhline(floor, color=FLOOR, linestyle="-.", linewidth=1, label=f"floor {floor}")
    at = {point.time: point.capacity for point in story.capacity}
    if story.removals:
        removed = [time for time, _ in story.removals]
        label = f"removals ({story.removed} instances)"
        above.plot(
            removed, [at[time] for time in removed], "v", color=REMOVAL, markersize=5, label=label
        )
    above.set_ylim(bottom=0)
    above.set_ylabel("capacity")
    above.set_title(title, loc="left", color=INK, fontsize=11)
    above.legend(**LEGEND)
    _held(below, story, times[0], last)
    below.xaxis_date()
    locator = dates.AutoDateLocator()  # type: ignore[no-untyped-call]
    below.xaxis.set_major_locator(locator)
    below.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9, colors=INK)
    figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)


def _held(axes: mpl.axes.Axes, story: Story, first: datetime, last: datetime) -> None:
    """Stacked bars: alarms in a stretch of time that removed less than they asked for, by what held them back."""
    width = (last - first) / BINS
    axes.set_ylabel("alarms held back")
    if not story.held or not width:
        return
    middles = [first + width * (number + 0.5) for number in range(BINS)]
    centres = dates.date2num(middles)  # type: ignore[no-untyped-call]
    wide = width.total_seconds() / 86_400 * 0.95
    bottom = [0] * BINS
    for number, (why, total) in enumerate(story.held_by):
        counted = Counter(
            min(BINS - 1, int((held.time - first) / width))
            for held in story.held
            if held.why == why
        )
        heights = [counted[number] for number in range(BINS)]
        colour = HELD[number % len(HELD)]
        axes.bar(centres, heights, wide, bottom=bottom, color=colour, label=f"{why} ({total:,})")
        bottom = [low + high for low, high in zip(bottom, heights, strict=True)]
    axes.legend(**LEGEND)
