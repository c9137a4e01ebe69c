"""`scalein promote` and `scalein rollback`: which version an alias points at."""

from __future__ import annotations

import click

from scalein_cli.cloud_access import profile_option
from scalein_cli.options import (
    alias_option,
    console_for_output,
    endpoint_option,
    function_option,
    yes_option,
)


@click.command("promote")
@function_option
@endpoint_option
@profile_option
@alias_option
@click.option("--dry-run", is_flag=True, help="Print the changes and apply none.")
@yes_option
def promote_command(function: str, endpoint: str, alias: str, dry_run: bool, yes: bool) -> None:
    """Point an alias at what LATEST is now.

    The alias is the qualifier of triggers. Publishes a version, unless one has this code and these
    settings already, gives the alias the asynchronous configuration of LATEST (it is a qualifier's
    own), and points the alias there. Prints what differs from the alias's version, and asks.

    \b
        scalein deploy scalein.zip
        scalein invoke event.json
        scalein promote --alias prod

    The exit status is 0 if the alias is what LATEST is, 1 if not, or if you did not agree.
    """
    from scalein_cli.changes import apply_changes, confirm, print_rows
    from scalein_cli.compute import call_api, open_function, read_function
    from scalein_cli.concurrency import read_limit
    from scalein_cli.function_api import LATEST
    from scalein_cli.promotion import Target, plan_promotion
    from scalein_cli.triggers import warn_if_unreached

    console, api = console_for_output(), open_function(function, endpoint)
    latest = read_function(api)
    config = call_api("asynchronous configuration", lambda: api.read_async_config(LATEST))
    target = Target(latest, config, read_limit(api), latest.is_same_as)
    changes = plan_promotion(api, alias, target)
    if changes:
        print_rows([row for change in changes for row in change.rows], console)
    else:
        console.print(f"Nothing to change: alias {alias} is what LATEST is.", highlight=False)
    warn_if_unreached(api, alias, console)
    if dry_run or not changes:
        return
    confirm("Apply these changes?", yes)
    apply_changes(changes, console)


@click.command("rollback")
@function_option
@endpoint_option
@profile_option
@alias_option
@click.option("--to", "version", metavar="VERSION", help="Version.  [default: the one before]")
@yes_option
def rollback_command(
    function: str, endpoint: str, alias: str, version: str | None, yes: bool
) -> None:
    """Point an alias back at the version before, or at --to.

    Needs no ZIP; LATEST stays, and so does the alias's asynchronous configuration. The version
    before is the newest older one without the stop switch that differs; if that was made for
    another alias, name one with --to. A stopped alias stays stopped, until `scalein start`.

    \b
        scalein rollback --alias prod
        scalein rollback --alias prod --to 3

    The exit status is 0 if the alias points there, 1 if not, or if you did not agree.
    """
    from scalein_cli.changes import apply_changes, confirm, print_rows
    from scalein_cli.compute import open_function
    from scalein_cli.promotion import plan_rollback
    from scalein_cli.triggers import warn_if_unreached

    console, api = console_for_output(), open_function(function, endpoint)
    change = plan_rollback(api, alias, version, console.print)
    if change is None:
        console.print(f"Nothing to change: alias {alias} is there.", highlight=False)
        return
    print_rows(change.rows, console)
    warn_if_unreached(api, alias, console)
    confirm("Apply this change?", yes)
    apply_changes([change], console)
