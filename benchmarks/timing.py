"""How the benchmarks measure and write times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

Row = tuple[str, str, str]  # figure, measured, goal


def printed(rows: Iterable[Row], console: Console, title: str) -> None:
    table = Table("figure", "measured", "goal", title=title)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    spent = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        spent.append(time.perf_counter() - began)
    return spent


def both(spent: list[float]) -> str:
    return f"{ms(statistics.median(spent))} (best {ms(min(spent))})"


def ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"
