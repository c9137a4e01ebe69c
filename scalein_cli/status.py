"""`scalein status`: every group of the policy: what may be removed now, and what stops it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.text import Text

from scalein.clock import Deadline, SystemClock
from scalein.errors import GatewayError
from scalein.ledger.protocol import Ledger
from scalein.policy import stop_fault
from scalein.processing.dependencies import Dependencies
from scalein_cli.cloud_access import (
    profile_option,
    region_option,
)
from scalein_cli.errors import CommandError
from scalein_cli.function_api import STOP
from scalein_cli.group_status import (
    GroupStatus,
    largest_request,
    obstacles_text,
    scope_of,
    status_json,
    status_of,
)
from scalein_cli.lines import say
from scalein_cli.options import (
    console_for_output,
    endpoint_option,
    existing_file,
    print_json,
    progress,
)
from scalein_cli.place import READ_SECONDS, Place, open_place
from scalein_cli.tables import Cell, Column, print_table

COLUMNS = (
    Column("Group"),
    Column("Allows", is_number=True),
    Column("Why", folds=True),
    Column("Capacity", is_number=True),
    Column("MinSize", is_number=True),
    Column("Headroom", is_optional=True, is_number=True),
    Column("Last removal", is_optional=True),
)


class Failure(NamedTuple):
    """A group that cannot be read, and why."""

    scaling_group_id: str
    error: str


Row = GroupStatus | Failure


@click.command("status")
@click.option("--group", "group_ids", metavar="ID", multiple=True, help="Only this scaling group.")
@click.option("--policy", type=existing_file, help="Policy document.")
@click.option("--fleet", type=existing_file, help="Groups of a local cloud with this fleet file.")
@click.option(
    "--local", is_flag=True, help="Groups of a local cloud with localcloud/fleets/small.json."
)
@click.option(
    "--function",
    default="",
    metavar="NAME",
    help="Deployed function, of which the stop switch is read.  [default: SCALEIN_STOP]",
)
@endpoint_option
@profile_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print only the groups, as JSON.")
def status_command(**options: Any) -> None:
    """Show what each group allows to remove now, and why.

    Removes nothing. Each group of the policy is read, and the function's own decision is made on
    the largest request: "Allows" is how many instances that would remove. "Why" is what stands in
    the way, and what each guardrail allows.

        scalein status --policy policy.json --region cn-hangzhou

    The exit status is 0 if all groups were read, 1 if one was not, 2 if the command line is wrong.
    """
    stop_switch = _stop_switch(options["function"], options["endpoint"])
    with open_place(
        options["policy"], options["fleet"], options["local"], stop_switch=stop_switch
    ) as place:
        rows = list(_rows(place, options["group_ids"]))
    if options["as_json"]:
        print_json(_document(place, rows))
    else:
        _print(place, rows, console_for_output())
    sys.exit(any(isinstance(row, Failure) for row in rows))


def _stop_switch(function: str, endpoint: str) -> str | None:
    """SCALEIN_STOP of the deployed function; None without one. Raises CommandError."""
    if not function:
        return None
    from scalein_cli.compute import open_function, read_function

    return read_function(open_function(function, endpoint)).variables.get(STOP, "")


def _rows(place: Place, group_ids: Sequence[str]) -> Iterator[Row]:
    """Yields the status of each group. Raises CommandError."""
    unknown = [id for id in group_ids if id not in place.policy.groups]
    if unknown:
        known = ", ".join(place.policy.groups)
        raise CommandError(f"Scaling group {unknown[0]} is not in the policy. It has {known}.")
    with progress("Reading the scaling groups ..."):
        for id in group_ids or place.policy.groups:
            yield _row(place, id)


def _row(place: Place, scaling_group_id: str) -> Row:
    gateway, settings = place.open_gateway(), place.settings
    dependencies = Dependencies(
        lambda: gateway,
        _no_ledger,
        Deadline.after(READ_SECONDS, SystemClock()),
        schedule_follow_up=(lambda *_: True) if settings.function_ref else None,
        stopped_groups=settings.stopped_groups,
        stop_fault=stop_fault(settings.stopped_groups, place.policy),
    )
    group_policy = place.policy.groups[scaling_group_id]._replace(
        stopped_by=dependencies.stop_of(scaling_group_id)
    )
    request = largest_request(scaling_group_id, group_policy)
    try:
        snapshot = gateway.snapshot(scaling_group_id, scope_of(request, group_policy))
    except GatewayError as error:
        return Failure(scaling_group_id, str(error))
    max_instances = dependencies.max_instances(snapshot)
    return status_of(request, snapshot, group_policy, max_instances)


def _no_ledger() -> Ledger:
    raise AssertionError("a status opens no ledger")


def _document(place: Place, rows: Sequence[Row]) -> dict[str, Any]:
    groups = [
        {"scalingGroupId": row.scaling_group_id, "error": row.error}
        if isinstance(row, Failure)
        else status_json(row)
        for row in rows
    ]
    return {
        "place": place.name,
        "policy": place.fingerprint,
        "stoppedGroups": list(place.settings.stopped_groups),
        "dryRun": place.settings.dry_run,
        "groups": groups,
    }


def _print(place: Place, rows: Sequence[Row], console: Console) -> None:
    dry_run = " SCALEIN_DRY_RUN is on." if place.settings.dry_run else ""
    say(console, f"{place.name}, policy {place.fingerprint}. Nothing is removed.{dry_run}")
    print_table(console, COLUMNS, [_cells(row) for row in rows])


def _cells(row: Row) -> list[Cell]:
    if isinstance(row, Failure):
        return [row.scaling_group_id, Text("?", "bold red"), row.error, *("",) * 4]
    number = len(row.plan.selected)
    group, last = row.snapshot.group, row.last_removal
    ended = f"{last.started_at:%Y-%m-%d %H:%M}, {last.removed}" if last else "none for a day"
    return [
        row.scaling_group_id,
        Text(f"{number:,}", "bold green" if number else "bold yellow"),
        obstacles_text(row),
        f"{group.total_capacity:,}",
        f"{group.min_size:,}",
        f"{row.headroom:,}",
        ended,
    ]
