"""Prints outcomes, plans and scaling groups on the terminal, as tables and lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scalein.decision.model import Instance, Snapshot
from scalein.decision.reasons import Reason
from scalein.report.texts import REASONS

LABELS = {reason: text.label for reason, text in REASONS.items()}
MAX_ROWS = 40  # of retained instances; more are grouped by reason
# Orders whose value is in the row of the instance.
ORDERS_IN_ROW = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration", "joined", "id")
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
        _print_verdicts(outcome, snapshot, console, all_rows)
        _print_limits(outcome, snapshot.group.weighted, console)
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
        console.print(
            Text.assemble("  ", outcome["requestId"], "  ", status, f"{group}{ids}"),
            soft_wrap=True,
        )
        console.print(Text(f"      {outcome.get('message', '')}", "dim"), soft_wrap=True)


def _print_verdicts(
    outcome: Mapping[str, Any], snapshot: Snapshot, console: Console, all_rows: bool
) -> None:
    """Prints a row for each instance, in the order of the plan, selected instances first.

    Without all_rows, many retained instances are grouped by reason.
    """
    group = snapshot.group
    orders = ", ".join(group.removal_policies) or "ESS's default"
    zones = ", from the zone with the most instances" if group.multi_az_policy == "BALANCE" else ""
    console.print(
        f"Scaling group {group.id}: its own order is {orders}{zones}",
        highlight=False,
        soft_wrap=True,
    )
    members = {instance.id: instance for instance in snapshot.instances}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Instance", "Zone", "State", "Joined", "Configuration", "", "Why"):
        table.add_column(heading, no_wrap=heading != "Why")
    text_by_id = {entry["id"]: _ranked_by_text(entry) for entry in outcome["rankedBy"]}
    for id in outcome["selected"]:
        table.add_row(
            id,
            *_cells(members.get(id)),
            Text("selected", "bold yellow"),
            text_by_id.get(id, LABELS[Reason.NAMED]),
        )
    is_grouped = not all_rows and len(outcome["retained"]) > MAX_ROWS
    for entry in () if is_grouped else outcome["retained"]:
        label = LABELS[Reason(entry["reason"])]
        table.add_row(
            entry["id"], *_cells(members.get(entry["id"])), Text("retained", "green"), label
        )
    if table.row_count:
        console.print(table)
    if is_grouped:
        _print_retained_by_reason(outcome["retained"], console)


def _ranked_by_text(entry: Mapping[str, str]) -> str:
    """The order that put the instance before the next, with its value if the row has none."""
    if entry["by"] == "only-candidate":
        return "only candidate"
    return entry["by"] if entry["by"] in ORDERS_IN_ROW else f"{entry['by']}: {entry['value']}"


def _cells(member: Instance | None) -> tuple[str, str, str, str]:
    """Zone, state, time of joining and configuration; empty for an instance of no group."""
    if member is None:
        return ("",) * 4
    joined = member.joined_at.strftime("%Y-%m-%d %H:%M") if member.joined_at else ""
    return member.zone_id, member.lifecycle_state, joined, member.scaling_configuration


def _print_retained_by_reason(retained: Sequence[Mapping[str, str]], console: Console) -> None:
    """Prints a row for each reason, with the first ids."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Retained", justify="right")
    table.add_column("Why", no_wrap=True)
    table.add_column("Such as")
    for reason, number in Counter(entry["reason"] for entry in retained).most_common():
        ids = [entry["id"] for entry in retained if entry["reason"] == reason][:3]
        more = ", ..." if number > len(ids) else ""
        table.add_row(f"{number:,}", LABELS[Reason(reason)], ", ".join(ids) + more)
    console.print(table)


def _print_limits(outcome: Mapping[str, Any], is_weighted: bool, console: Console) -> None:
    """Prints what was requested, and after each guardrail how many may still be removed."""
    if not outcome["limits"]:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Guardrail", "Allows", "Left", "Detail"):
        table.add_column(heading, justify="right" if heading in ("Allows", "Left") else "left")
    unit, number = outcome["requested"]["unit"], outcome["requested"]["value"]
    table.add_row("requested", "", f"{number:,}", unit)
    for limit in outcome["limits"]:
        # Without weights, an instance is a unit of capacity. With weights, instances and units
        # cannot be compared in one column.
        is_comparable = limit["unit"] == unit or not is_weighted
        style = "bold yellow" if is_comparable and limit["allows"] < number else ""
        number = min(number, limit["allows"]) if is_comparable else number
        text = f"{number:,}" if is_comparable else ""
        table.add_row(
            limit["guardrail"], f"{limit['allows']:,}", Text(text, style), limit["detail"]
        )
    console.print(table)


def _print_status(outcome: Mapping[str, Any], console: Console) -> None:
    """Prints status and message, and what is wrong with a rejected message."""
    status = str(outcome["status"])
    console.print(
        Text.assemble((status, f"bold {COLOURS.get(status, '')}"), f"  {outcome['message']}"),
        soft_wrap=True,
    )
    if outcome["rejection"]:
        console.print(
            f"at {outcome['rejection']['path']}, rule {outcome['rejection']['rule']}",
            highlight=False,
            markup=False,
        )


def print_audit_line(line: str, console: Console) -> None:
    console.print(Text(f"Audit line: {line}", "dim"), soft_wrap=True)


def print_before_and_after(
    before: Mapping[str, Snapshot], after: Mapping[str, Snapshot], console: Console
) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Group", "", "TotalCapacity", "MinSize", "InService", "Instances"):
        table.add_column(heading, justify="left" if heading in ("Group", "") else "right")
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
            table.add_row(group_id, name, *map(str, numbers))
    console.print(table)
