"""Tables for any width: what matters comes first and is never cut; the rest only where it fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2  # columns of the terminal between two columns of a table
MIN_FOLDED = 24  # width of a column that folds its text
Cell = str | Text


class Column(NamedTuple):
    """How a column uses the width of the terminal."""

    heading: str
    is_optional: bool = False  # left out, the last one first, where the table does not fit
    is_number: bool = False
    folds: bool = False  # takes several lines for a long text


def print_table(
    console: Console, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> None:
    """Prints the table, and below it which columns did not fit."""
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    if not cells:
        return
    widths = [_width(column, number, cells) for number, column in enumerate(columns)]
    shown = _fitting(columns, widths, console.width)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for number in shown:
        column = columns[number]
        table.add_column(
            column.heading,
            justify="right" if column.is_number else "left",
            no_wrap=not column.folds,
            overflow="fold",
            min_width=None if column.folds else widths[number],
        )
    for row in cells:
        table.add_row(*(row[number] for number in shown))
    console.print(table)
    left_out = [column.heading for number, column in enumerate(columns) if number not in shown]
    if left_out:
        text = f"No room for: {', '.join(left_out)}. A wider terminal, or a pipe, shows them."
        console.print(Text(text, "dim"))


def _width(column: Column, number: int, rows: Sequence[Sequence[Text]]) -> int:
    """The width that shows every cell on one line."""
    return max(len(column.heading), *(row[number].cell_len for row in rows))


def _fitting(columns: Sequence[Column], widths: Sequence[int], available: int) -> list[int]:
    """The numbers of the columns to show: all that are not optional, and others that fit."""
    shown = [number for number, column in enumerate(columns) if not column.is_optional]
    used = sum(
        (min(widths[number], MIN_FOLDED) if columns[number].folds else widths[number]) + GAP
        for number in shown
    )
    for number, column in enumerate(columns):
        if column.is_optional:
            used += widths[number] + GAP
            if used - GAP > available:
                break
            shown.append(number)
    return sorted(shown)
