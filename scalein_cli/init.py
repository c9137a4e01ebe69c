"""`scalein init`: writes a first policy, proposed from the real group."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from scalein.decision.model import Activity, Snapshot
from scalein.errors import GatewayError
from scalein.policy import parse_policy
from scalein_cli.cloud_access import REGION, profile_option, region_option
from scalein_cli.errors import CommandError
from scalein_cli.lines import say
from scalein_cli.options import (
    console_for_output,
    existing_file,
    new_file,
    print_json,
    progress,
)
from scalein_cli.place import NO_POLICY, Place, open_place
from scalein_cli.proposal import Proposal, policy_document, proposals
from scalein_cli.tables import Column, print_table

HISTORY_DAYS = 7
COLUMNS = (Column("Field"), Column("Value", folds=True), Column("Why", folds=True))


@click.command("init")
@click.option("--group", "group_id", required=True, metavar="ID", help="Scaling group.")
@click.option(
    "--output", type=new_file, default=Path("policy.json"), show_default=True, help="File to write."
)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@click.option("--fleet", type=existing_file, help="Group of a local cloud with this fleet file.")
@click.option(
    "--local", is_flag=True, help="Group of a local cloud with localcloud/fleets/small.json."
)
@profile_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print only the proposals, as JSON.")
def init_command(**options: Any) -> None:
    """Write a first policy, proposed from a group.

    Reads the group and its scaling activities of a week, and changes nothing in the cloud. It
    proposes the order of removal, a floor, a cooldown and a budget, and says why each.

        scalein init --group asg-bp1example --region cn-hangzhou

    The exit status is 0 if the policy was written, 1 if not, 2 if the command line is wrong.
    """
    file: Path = options["output"]
    if file.exists() and not options["force"]:
        raise CommandError(f"{file} exists. Name another one with --output, or give --force.")
    with (
        open_place(None, options["fleet"], options["local"], without_policy=NO_POLICY) as place,
        progress("Reading the scaling group ..."),
    ):
        snapshot, history = _read(place, options["group_id"])
    fields = proposals(snapshot, history, HISTORY_DAYS)
    text = json.dumps(policy_document(snapshot, fields), indent=2) + "\n"
    parse_policy(text, str(file))  # the function's own reader
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} was not written: {error.strerror}.") from None
    if options["as_json"]:
        why = {field.field: field.why for field in fields}
        print_json({"file": str(file), "policy": json.loads(text), "why": why})
    else:
        _print(fields, file, place, options, console_for_output())


def _read(place: Place, group_id: str) -> tuple[Snapshot, tuple[Activity, ...] | None]:
    """The group, and its history if it can be read. Raises CommandError."""
    gateway = place.open_gateway()
    try:
        snapshot = gateway.snapshot(group_id)
    except GatewayError as error:
        raise CommandError(f"Scaling group {group_id} was not read: {error}") from None
    since = datetime.now(timezone.utc) - timedelta(days=HISTORY_DAYS)
    try:
        return snapshot, gateway.history(group_id, since)
    except GatewayError:
        return snapshot, None  # the proposal says so


def _print(
    fields: list[Proposal], file: Path, place: Place, options: dict[str, Any], console: Console
) -> None:
    rows = [(field.field, _value_text(field.value), field.why) for field in fields]
    print_table(console, COLUMNS, rows)
    where = " --local" if options["local"] else ""
    where = f" --fleet {options['fleet']}" if options["fleet"] else where
    where = where or (f" --region {os.environ[REGION]}" if os.environ.get(REGION) else "")
    say(
        console,
        f"Written to {file}, for {options['group_id']} of {place.name}: a proposal. Add what "
        "alarms mean (docs/policy.md). Next, see what it would remove:",
    )
    command = f"scalein plan --group {options['group_id']} --count 1 --policy {file}{where}"
    console.print(f"    {command}", highlight=False, markup=False, soft_wrap=True)


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)
