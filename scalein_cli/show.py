"""The only module that draws on the terminal: tables, colours, and the words for reasons."""

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
MOST_ROWS = 40
IN_ITS_ROW = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration", "joined", "id")
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


def path(file: Path) -> str:
    """As short as it is unambiguous from here."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


def one(
    told: Mapping[str, Any], before: Snapshot | None, console: Console, fold: bool = True
) -> None:
    if before is not None and told["capacity"]:
        verdicts(told, before, console, fold)
        limits(told, before.group.weighted, console)
    outcome(told, console)


def batch(answer: Mapping[str, Any], console: Console) -> None:
    outcomes(answer["outcomes"], console)
    counts = ", ".join(
        f"{number} {status}" for status, number in sorted(answer["summary"]["byStatus"].items())
    )
    console.print(f"{answer['summary']['messages']} messages: {counts}", highlight=False)


def outcomes(all_told: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Two lines for each message, in order: which it is and who leaves; the outcome in words."""
    for told in all_told:
        where = f" in {told['scalingGroupId']}" if told["scalingGroupId"] else ""
        leaving = f": {', '.join(told['removed'])}" if told["removed"] else ""
        status = (told["status"], f"bold {COLOURS.get(told['status'], '')}")
        console.print(
            Text.assemble("  ", told["requestId"], "  ", status, f"{where}{leaving}"),
            soft_wrap=True,
        )
        console.print(Text(f"      {told.get('message', '')}", "dim"), soft_wrap=True)


def verdicts(
    outcome: Mapping[str, Any], snapshot: Snapshot, console: Console, fold: bool = True
) -> None:
    """A row for each instance, leavers first, in the order in which the plan names them; many that stay are folded."""
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
    chosen = {entry["id"]: _choice(entry) for entry in outcome["rankedBy"]}
    for id in outcome["removed"]:
        table.add_row(
            id,
            *_facts(members.get(id)),
            Text("leaves", "bold yellow"),
            chosen.get(id, WORDS[Reason.NAMED]),
        )
    folded = fold and len(outcome["retained"]) > MOST_ROWS
    for entry in () if folded else outcome["retained"]:
        why = WORDS[Reason(entry["reason"])]
        table.add_row(entry["id"], *_facts(members.get(entry["id"])), Text("stays", "green"), why)
    if table.row_count:
        console.print(table)
    if folded:
        _folded(outcome["retained"], console)


def _choice(entry: Mapping[str, str]) -> str:
    """What put it before the next; the value only where the row does not show it."""
    if entry["by"] == "only-candidate":
        return "no other is left"
    return entry["by"] if entry["by"] in IN_ITS_ROW else f"{entry['by']}: {entry['value']}"


def _facts(member: Instance | None) -> tuple[str, str, str, str]:
    if member is None:
        return ("",) * 4
    joined = member.joined_at.strftime("%Y-%m-%d %H:%M") if member.joined_at else ""
    return member.zone_id, member.lifecycle_state, joined, member.scaling_configuration


def _folded(kept: Sequence[Mapping[str, str]], console: Console) -> None:
    """A row for each reason."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Stay", justify="right")
    table.add_column("Why", no_wrap=True)
    table.add_column("Such as")
    for reason, number in Counter(entry["reason"] for entry in kept).most_common():
        ids = [entry["id"] for entry in kept if entry["reason"] == reason][:3]
        more = ", ..." if number > len(ids) else ""
        table.add_row(f"{number:,}", WORDS[Reason(reason)], ", ".join(ids) + more)
    console.print(table)


def limits(told: Mapping[str, Any], weighted: bool, console: Console) -> None:
    """From what was asked, through each limit, to what may leave."""
    if not told["limits"]:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Limit", "Allows", "May leave", "Because"):
        table.add_column(heading, justify="right" if heading in ("Allows", "May leave") else "left")
    unit, room = told["requested"]["unit"], told["requested"]["value"]
    table.add_row("requested", "", f"{room:,}", unit)
    for limit in told["limits"]:
        # In a group without weights an instance is a unit of capacity; else the two cannot be compared in one column.
        same = limit["unit"] == unit or not weighted
        cuts = same and limit["allows"] < room
        room = min(room, limit["allows"]) if same else room
        style = "bold yellow" if cuts else ""
        told_room = f"{room:,}" if same else ""
        table.add_row(
            limit["guardrail"], f"{limit['allows']:,}", Text(told_room, style), limit["detail"]
        )
    console.print(table)


def outcome(told: Mapping[str, Any], console: Console) -> None:
    status = str(told["status"])
    console.print(
        Text.assemble((status, f"bold {COLOURS.get(status, '')}"), f"  {told['message']}"),
        soft_wrap=True,
    )
    if told["rejection"]:
        console.print(
            f"at {told['rejection']['path']}, rule {told['rejection']['rule']}",
            highlight=False,
            markup=False,
        )


def audit_line(line: str, console: Console) -> None:
    console.print(Text(f"Audit line: {line}", "dim"), soft_wrap=True)


def before_and_after(
    before: Mapping[str, Snapshot], after: Mapping[str, Snapshot], console: Console
) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Group", "", "TotalCapacity", "MinSize", "InService", "Instances"):
        table.add_column(heading, justify="left" if heading in ("Group", "") else "right")
    for group_id, was in before.items():
        for name, snapshot in (("before", was), ("after", after.get(group_id, was))):
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
