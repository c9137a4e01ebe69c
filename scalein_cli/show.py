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

WORDS = {
    Reason.NAMED: "the request names it",
    Reason.NEXT_IN_ORDER: "next in order",
    Reason.NOT_NEEDED: "others leave before it",
    Reason.NOT_NAMED: "the request names others",
    Reason.NOT_A_MEMBER: "is not in this group",
    Reason.TOO_HEAVY: "weighs more than is asked",
    Reason.PARTIAL_DENIED: "all or nothing",
    Reason.REQUEST_LIMIT: "a call takes 20 ids",
    Reason.PROTECTED: "is Protected",
    Reason.STANDBY: "is Standby",
    Reason.PENDING: "is not in service yet",
    Reason.REMOVING: "is leaving already",
    Reason.STOPPED: "is Stopped",
    Reason.NOT_IN_SERVICE: "is not in service",
    Reason.WEIGHT_UNKNOWN: "its weight is unknown",
    Reason.WARMING_UP: "is still warming up",
    Reason.TOO_YOUNG: "is too young",
    Reason.NO_METRIC: "has no fresh metric value",
    Reason.MIN_SIZE: "MinSize needs it",
    Reason.BELOW_DESIRED: "ESS would create it anew",
    Reason.ACTIVITY_IN_PROGRESS: "a scaling activity is in progress",
    Reason.PAUSED: "the group is paused",
    Reason.WINDOW_CLOSED: "not at this time of day",
    Reason.COOLDOWN: "cooldown after a removal",
    Reason.COOLDOWN_AFTER_SCALE_OUT: "cooldown after a scale-out",
    Reason.COOLDOWN_AFTER_FAILURE: "cooldown after a failure",
    Reason.UNHEALTHY_GROUP: "too few are healthy",
    Reason.FLOOR: "the floor needs it",
    Reason.MAX_PER_REQUEST: "one message removes no more",
    Reason.MAX_PERCENT_PER_REQUEST: "one message removes no larger share",
    Reason.BUDGET: "the budget is spent",
    Reason.GROUP_NOT_ACTIVE: "the group is not Active",
    Reason.SCALE_IN_SUSPENDED: "ScaleIn is suspended",
    Reason.UNKNOWN_REMOVAL_POLICY: "unknown removal policy",
    Reason.NO_CANDIDATES: "no further instance is InService",
}
MAX_ROWS = 40  # of retained instances; more are grouped by reason
# Orders whose value is in the row of the instance.
ORDERS_IN_ROW = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration", "joined", "id")
COLOURS = {
    "removing": "green",
    "dry-run": "cyan",
    "nothing-to-remove": "cyan",
    "rejected": "red",
    "refused": "red",
    "expired": "yellow",
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
        ids = f": {', '.join(outcome['removed'])}" if outcome["removed"] else ""
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
    for id in outcome["removed"]:
        table.add_row(
            id,
            *_cells(members.get(id)),
            Text("leaves", "bold yellow"),
            text_by_id.get(id, WORDS[Reason.NAMED]),
        )
    is_grouped = not all_rows and len(outcome["retained"]) > MAX_ROWS
    for entry in () if is_grouped else outcome["retained"]:
        label = WORDS[Reason(entry["reason"])]
        table.add_row(entry["id"], *_cells(members.get(entry["id"])), Text("stays", "green"), label)
    if table.row_count:
        console.print(table)
    if is_grouped:
        _print_retained_by_reason(outcome["retained"], console)


def _ranked_by_text(entry: Mapping[str, str]) -> str:
    """The order that put the instance before the next, with its value if the row has none."""
    if entry["by"] == "only-candidate":
        return "no other is left"
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
    table.add_column("Stay", justify="right")
    table.add_column("Why", no_wrap=True)
    table.add_column("Such as")
    for reason, number in Counter(entry["reason"] for entry in retained).most_common():
        ids = [entry["id"] for entry in retained if entry["reason"] == reason][:3]
        more = ", ..." if number > len(ids) else ""
        table.add_row(f"{number:,}", WORDS[Reason(reason)], ", ".join(ids) + more)
    console.print(table)


def _print_limits(outcome: Mapping[str, Any], is_weighted: bool, console: Console) -> None:
    """Prints what was requested, and after each guardrail how many may still be removed."""
    if not outcome["limits"]:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Limit", "Allows", "May leave", "Because"):
        table.add_column(heading, justify="right" if heading in ("Allows", "May leave") else "left")
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
