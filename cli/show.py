"""The only module that draws on the terminal: tables, colours, and the words for reasons."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scalein.model import Snapshot
from scalein.reasons import Reason

WORDS = {
    Reason.NAMED: "the request names it",
    Reason.NEXT_IN_ORDER: "next in order",
    Reason.NOT_NEEDED: "others leave before it",
    Reason.NOT_NAMED: "the request names others",
    Reason.NOT_A_MEMBER: "is not in this group",
    Reason.TOO_HEAVY: "weighs more than is asked",
    Reason.ALL_OR_NOTHING: "all or nothing",
    Reason.CALL_LIMIT: "a call takes 20 ids",
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
    Reason.EVENT_MAXIMUM: "one message removes no more",
    Reason.BUDGET: "the budget is spent",
    Reason.GROUP_NOT_ACTIVE: "the group is not Active",
    Reason.SCALE_IN_SUSPENDED: "ScaleIn is suspended",
    Reason.UNKNOWN_REMOVAL_POLICY: "unknown removal policy",
    Reason.NO_CANDIDATES: "no further instance is InService",
}
COLOURS = {
    "removing": "green",
    "dry-run": "cyan",
    "nothing-to-remove": "cyan",
    "rejected": "red",
    "refused": "red",
    "expired": "yellow",
    "try-later": "yellow",
    "ignored": "dim",
    "duplicate": "dim",
}


def path(file: Path) -> str:
    """As short as it is unambiguous from here."""
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


def one(told: Mapping[str, Any], before: Snapshot | None, console: Console) -> None:
    if before is not None and told["capacity"]:
        verdicts(told, before, console)
    outcome(told, console)


def batch(answer: Mapping[str, Any], console: Console) -> None:
    outcomes(answer["outcomes"], console)
    counts = ", ".join(f"{number} {status}" for status, number in sorted(answer["summary"]["byStatus"].items()))
    console.print(f"{answer['summary']['messages']} messages: {counts}", highlight=False)


def outcomes(all_told: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Two lines for each message, in order: which it is and who leaves; the outcome in words."""
    for told in all_told:
        where = f" in {told['scalingGroupId']}" if told["scalingGroupId"] else ""
        leaving = f": {', '.join(told['removed'])}" if told["removed"] else ""
        status = (told["status"], f"bold {COLOURS.get(told['status'], '')}")
        console.print(Text.assemble("  ", told["requestId"], "  ", status, f"{where}{leaving}"), soft_wrap=True)
        console.print(Text(f"      {told.get('message', '')}", "dim"), soft_wrap=True)


def verdicts(outcome: Mapping[str, Any], snapshot: Snapshot, console: Console) -> None:
    """A row for each instance, leavers first, in the order in which the plan names them."""
    group = snapshot.group
    orders = ", ".join(group.removal_policies) or "ESS's default"
    zones = ", from the zone with the most instances" if group.multi_az_policy == "BALANCE" else ""
    console.print(f"Scaling group {group.id}: its own order is {orders}{zones}", highlight=False, soft_wrap=True)
    members = {instance.id: instance for instance in snapshot.instances}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Instance", "Zone", "State", "Joined", "Configuration", "", "Why"):
        table.add_column(heading, no_wrap=heading != "Why")
    reason = Reason.NAMED if _names_instances(outcome) else Reason.NEXT_IN_ORDER
    rows = [(id, True, reason) for id in outcome["removed"]]
    rows += [(entry["id"], False, Reason(entry["reason"])) for entry in outcome["kept"]]
    for id, leaves, why in rows:
        member = members.get(id)
        joined = member.joined_at.strftime("%Y-%m-%d %H:%M") if member and member.joined_at else ""
        word = Text("leaves", "bold yellow") if leaves else Text("stays", "green")
        facts = (member.zone_id, member.lifecycle_state, joined, member.scaling_configuration) if member else ("",) * 4
        table.add_row(id, *facts, word, WORDS[why])
    if rows:
        console.print(table)


def outcome(told: Mapping[str, Any], console: Console) -> None:
    status = str(told["status"])
    console.print(Text.assemble((status, f"bold {COLOURS.get(status, '')}"), f"  {told['message']}"), soft_wrap=True)
    if told["rejection"]:
        console.print(
            f"at {told['rejection']['path']}, rule {told['rejection']['rule']}", highlight=False, markup=False
        )


def audit_line(line: str, console: Console) -> None:
    console.print(Text(f"Audit line: {line}", "dim"), soft_wrap=True)


def before_and_after(before: Mapping[str, Snapshot], after: Mapping[str, Snapshot], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Group", "", "TotalCapacity", "MinSize", "InService", "Instances"):
        table.add_column(heading, justify="left" if heading in ("Group", "") else "right")
    for group_id, was in before.items():
        for name, snapshot in (("before", was), ("after", after.get(group_id, was))):
            in_service = sum(instance.lifecycle_state == "InService" for instance in snapshot.instances)
            numbers = (snapshot.group.total_capacity, snapshot.group.min_size, in_service, len(snapshot.instances))
            table.add_row(group_id, name, *map(str, numbers))
    console.print(table)


def _names_instances(told: Mapping[str, Any]) -> bool:
    return any(entry["reason"] == Reason.NOT_NAMED.value for entry in told["kept"])
