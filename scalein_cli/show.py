"""Prints outcomes, plans and scaling groups on the terminal, as tables and lines."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from scalein.decision.model import Snapshot
from scalein_cli.lines import say
from scalein_cli.tables import Column, print_table
from scalein_cli.verdicts import print_limits, print_verdicts

GROUP_COLUMNS = (
    Column("Group"),
    Column(""),
    *(Column(name, is_number=True) for name in ("TotalCapacity", "MinSize")),
    *(Column(name, is_optional=True, is_number=True) for name in ("InService", "Instances")),
)
COLOURS = {
    "removing": "green",
    "removed": "green",
    "partly-removed": "yellow",
    "failed": "red",
    "unconfirmed": "red",
    "dry-run": "cyan",
    "at-target": "cyan",
    "blocked": "yellow",
    "rejected": "red",
    "refused": "red",
    "expired": "yellow",
    "superseded": "yellow",
    "retry": "yellow",
    "ignored": "dim",
    "duplicate": "dim",
}


def relative_path(file: Path) -> str:
    """The path relative to the working folder, if the file is below it."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


def print_outcome(
    outcome: Mapping[str, Any],
    snapshot: Snapshot | None,
    console: Console,
    all_rows: bool = False,
) -> None:
    """Prints the outcome, and with a snapshot the verdict of each instance and the limits."""
    if snapshot is not None and outcome["capacity"]:
        print_verdicts(outcome, snapshot, console, all_rows)
        print_limits(outcome, snapshot.group.weighted, console)
    _print_status(outcome, console)


def print_batch(response: Mapping[str, Any], console: Console) -> None:
    """Prints the outcomes of a batch and how many have each status."""
    print_outcomes(response["outcomes"], console)
    summary = response["summary"]
    counts = ", ".join(
        f"{number} {status}" for status, number in sorted(summary["byStatus"].items())
    )
    console.print(f"{summary['messages']} messages: {counts}", highlight=False)


def print_outcomes(outcomes: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Prints two lines for each outcome: its ids, status and instances; its message."""
    for outcome in outcomes:
        group = f" in {outcome['scalingGroupId']}" if outcome["scalingGroupId"] else ""
        ids = f": {', '.join(outcome['selected'])}" if outcome["selected"] else ""
        status = (outcome["status"], f"bold {COLOURS.get(outcome['status'], '')}")
        say(console, Text.assemble("  ", outcome["requestId"], "  ", status, f"{group}{ids}"))
        say(console, Text(outcome.get("message", ""), "dim"), 6)


def _print_status(outcome: Mapping[str, Any], console: Console) -> None:
    """Prints status and message, and what is wrong with a rejected message."""
    status = str(outcome["status"])
    say(
        console,
        Text.assemble((status, f"bold {COLOURS.get(status, '')}"), f"  {outcome['message']}"),
    )
    if outcome["rejection"]:
        say(console, f"at {outcome['rejection']['path']}, rule {outcome['rejection']['rule']}")


def print_audit_line(line: str, console: Console) -> None:
    console.print(Text(f"Audit line: {line}", "dim"), soft_wrap=True)


def print_before_and_after(
    before: Mapping[str, Snapshot], after: Mapping[str, Snapshot], console: Console
) -> None:
    rows = []
    for group_id, earlier in before.items():
        later = after.get(group_id, earlier)
        for name, snapshot in (("before", earlier), ("after", later)):
            in_service = sum(
                instance.lifecycle_state == "InService" for instance in snapshot.instances
            )
            numbers = (
                snapshot.group.total_capacity,
                snapshot.group.min_size,
                in_service,
                len(snapshot.instances),
            )
            rows.append([group_id, name, *map(str, numbers)])
    print_table(console, GROUP_COLUMNS, rows)
