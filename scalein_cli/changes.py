"""Changes in Function Compute: shown, agreed to, and applied one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import click
from rich.console import Console

from scalein_cli.compute import call_api
from scalein_cli.errors import CommandError
from scalein_cli.options import progress
from scalein_cli.shown_settings import Row
from scalein_cli.tables import Column, print_table

SAME = "="


class Change(NamedTuple):
    """One difference between what is deployed and what is to be deployed.

    `apply` may return a text, which names what it made.
    """

    subject: str
    rows: tuple[Row, ...]
    apply: Callable[[], Any]


def print_rows(rows: Iterable[Row], console: Console) -> None:
    """Prints a table of what is, and what will be."""
    cells = [(name, before, SAME if after == before else after) for name, before, after in rows]
    columns = (Column("What", folds=True), Column("Now", folds=True), Column("After", folds=True))
    print_table(console, columns, cells)


def confirm(question: str, is_agreed: bool) -> None:
    """Asks, unless it is agreed already. Raises click.Abort."""
    if not is_agreed:
        click.confirm(question, abort=True)


def apply_changes(changes: list[Change], console: Console) -> None:
    """Applies the changes in order. Raises CommandError, which says how many were applied."""
    for number, change in enumerate(changes, 1):
        with progress(f"{number} of {len(changes)}: {change.subject} ..."):
            try:
                made = call_api(change.subject, change.apply)
            except CommandError as error:
                raise CommandError(
                    f"{error.message} {number - 1} of {len(changes)} changes were applied. "
                    "Run the command again to apply the others."
                ) from error
        name = f": {made}" if isinstance(made, str) else ""
        console.print(f"done  {change.subject}{name}", highlight=False)
