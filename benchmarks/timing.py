"""Measures times and formats them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

Row = tuple[str, str, str]  # figure, measured, goal


def print_table(rows: Iterable[Row], console: Console, title: str) -> None:
    table = Table("figure", "measured", "goal", title=title)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def measure(work: Callable[[], object], repeats: int) -> list[float]:
    """The seconds that each call took."""
    durations = []
    for _ in range(repeats):
        started_at = time.perf_counter()
        work()
        durations.append(time.perf_counter() - started_at)
    return durations


def median_and_best(seconds: list[float]) -> str:
    return f"{milliseconds(statistics.median(seconds))} (best {milliseconds(min(seconds))})"


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"
