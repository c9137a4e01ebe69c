"""Measures times, and formats figures beside their goals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

HEADS = ("figure", "measured", "goal", "met")


class Row(NamedTuple):
    """A figure as it is printed; `is_met` is None for one without a goal."""

    figure: str
    measured: str
    goal: str = ""
    is_met: bool | None = None

    @property
    def cells(self) -> tuple[str, str, str, str]:
        met = {True: "yes", False: "NO", None: ""}[self.is_met]
        return self.figure, self.measured, self.goal, met


def at_most(figure: str, value: float, limit: float, form: str, detail: str = "") -> Row:
    """A figure that should not exceed a limit; `form` formats both, such as "{:.2f} s"."""
    measured = f"{form.format(value)} ({detail})" if detail else form.format(value)
    return Row(figure, measured, f"at most {form.format(limit)}", value <= limit)


def print_table(rows: Iterable[Row], console: Console, title: str) -> None:
    table = Table(*HEADS, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*row.cells)
    console.print(table)


def markdown(rows: Iterable[Row], title: str) -> str:
    """Returns a table for a document."""
    lines = [f"{title}:", "", _markdown(HEADS), _markdown(["---"] * len(HEADS))]
    return "\n".join([*lines, *(_markdown(row.cells) for row in rows), ""])


def _markdown(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def measure(work: Callable[[], object], repeats: int) -> list[float]:
    """The processor seconds that each call took, for work that waits for nothing."""
    durations = []
    for _ in range(repeats):
        started_at = time.process_time()
        work()
        durations.append(time.process_time() - started_at)
    return durations


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def span(values: Sequence[int], thing: str) -> str:
    """The fewest and the most of a count, and its thing: "1 call", "3 to 21 calls"."""
    low, high = min(values), max(values)
    number = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{number} {thing}" + ("" if high == 1 else "s")
