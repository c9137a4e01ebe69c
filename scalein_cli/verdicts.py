"""Prints the verdict of each instance, and the limits: the id and the reason first, never cut."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from scalein.decision.model import Instance, Snapshot
from scalein.decision.reasons import Reason
from scalein.report.texts import REASONS
from scalein_cli.lines import say
from scalein_cli.tables import Cell, Column, print_table

LABELS = {reason: text.label for reason, text in REASONS.items()}
MAX_ROWS = 40  # of selected and of retained instances; more are summed
EXAMPLES = 2  # ids in a row of a sum
# Orders whose value is in the row of the instance.
ORDERS_IN_ROW = ("OldestInstance", "NewestInstance", "OldestScalingConfiguration", "joined", "id")
COLUMNS = (
    Column("Instance"),
    Column("Verdict"),
    Column("Why", folds=True),
    Column("Zone", is_optional=True),
    Column("State", is_optional=True),
    Column("Joined", is_optional=True),
    Column("Configuration", is_optional=True),
)
SUM_OF_SELECTED = (
    Column("Selected", is_number=True),
    Column("Zone"),
    Column("Configuration"),
    Column("Such as", is_optional=True),
)
SUM_OF_RETAINED = (
    Column("Retained", is_number=True),
    Column("Why", folds=True),
    Column("Such as", is_optional=True),
)
LIMITS = (
    Column("Guardrail"),
    Column("Allows", is_number=True),
    Column("Left", is_number=True),
    Column("Detail", folds=True),
)


def print_verdicts(
    outcome: Mapping[str, Any], snapshot: Snapshot, console: Console, all_rows: bool
) -> None:
    """Prints a row for each instance, in the order of the plan, selected instances first.

    Without all_rows, many selected instances are summed by zone and configuration, many retained
    ones by reason.
    """
    group = snapshot.group
    orders = ", ".join(group.removal_policies) or "ESS's default"
    zones = ", from the zone with the most instances" if group.multi_az_policy == "BALANCE" else ""
    say(console, f"Scaling group {group.id}: its own order is {orders}{zones}")
    members = {instance.id: instance for instance in snapshot.instances}
    is_summed = not all_rows and len(outcome["selected"]) > MAX_ROWS
    rows: list[list[Cell]] = [] if is_summed else list(_selected_rows(outcome, members))
    if is_summed:
        print_table(console, SUM_OF_SELECTED, _selected_sums(outcome["selected"], members))
    is_short = all_rows or len(outcome["retained"]) <= MAX_ROWS
    if is_short:
        rows += _retained_rows(outcome["retained"], members)
    print_table(console, COLUMNS, rows)
    if not is_short:
        print_table(console, SUM_OF_RETAINED, _retained_sums(outcome["retained"]))
    if is_summed or not is_short:
        console.print(Text("--all prints a row for each instance.", "dim"))


def print_limits(outcome: Mapping[str, Any], is_weighted: bool, console: Console) -> None:
    """Prints what was requested, and after each guardrail how many may still be removed."""
    if not outcome["limits"]:
        return
    unit, number = outcome["requested"]["unit"], outcome["requested"]["value"]
    rows: list[list[Cell]] = [["requested", "", f"{number:,}", unit]]
    for limit in outcome["limits"]:
        # Without weights, an instance is a unit of capacity. With weights, instances and units
        # cannot be compared in one column.
        is_comparable = limit["unit"] == unit or not is_weighted
        style = "bold yellow" if is_comparable and limit["allows"] < number else ""
        number = min(number, limit["allows"]) if is_comparable else number
        text = f"{number:,}" if is_comparable else ""
        rows.append(
            [limit["guardrail"], f"{limit['allows']:,}", Text(text, style), limit["detail"]]
        )
    print_table(console, LIMITS, rows)


def _selected_rows(
    outcome: Mapping[str, Any], members: Mapping[str, Instance]
) -> Iterator[list[Cell]]:
    text_by_id = {entry["id"]: _ranked_by_text(entry) for entry in outcome["rankedBy"]}
    for id in outcome["selected"]:
        why = text_by_id.get(id, LABELS[Reason.NAMED])
        yield [id, Text("selected", "bold yellow"), why, *_cells(members.get(id))]


def _retained_rows(
    retained: Sequence[Mapping[str, str]], members: Mapping[str, Instance]
) -> Iterator[list[Cell]]:
    for entry in retained:
        label = LABELS[Reason(entry["reason"])]
        id = entry["id"]
        yield [id, Text("retained", "green"), label, *_cells(members.get(id))]


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


def _selected_sums(ids: Sequence[str], members: Mapping[str, Instance]) -> Iterator[list[Cell]]:
    """A row for each zone and configuration."""
    ids_by_place: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for id in ids:
        zone, _, _, configuration = _cells(members.get(id))
        ids_by_place[zone, configuration].append(id)
    for (zone, configuration), places_ids in sorted(ids_by_place.items()):
        yield [f"{len(places_ids):,}", zone, configuration, _examples(places_ids)]


def _retained_sums(retained: Sequence[Mapping[str, str]]) -> Iterator[list[Cell]]:
    """A row for each reason."""
    for reason, number in Counter(entry["reason"] for entry in retained).most_common():
        ids = [entry["id"] for entry in retained if entry["reason"] == reason]
        yield [f"{number:,}", LABELS[Reason(reason)], _examples(ids)]


def _examples(ids: Sequence[str]) -> str:
    return ", ".join(ids[:EXAMPLES]) + (", ..." if len(ids) > EXAMPLES else "")
