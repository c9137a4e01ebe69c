"""`scalein deploy`: shows what would change in Function Compute, and changes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.console import Console
from rich.table import Table

from scalein_cli.errors import CommandError
from scalein_cli.options import (
    RUNTIMES,
    console_for_output,
    endpoint_option,
    existing_file,
    function_option,
)

if TYPE_CHECKING:
    from scalein_cli.deployment import Change, Deployment


@click.command("deploy")
@click.argument("zip_file", type=existing_file, metavar="[ZIP]", required=False)
@function_option
@endpoint_option
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    help="Runtime of the function.  [default: the runtime that the package was made for]",
)
@click.option(
    "--timeout",
    type=click.IntRange(10, 86_400),
    help="Timeout in seconds.  [default: unchanged; 60 for a new function]",
)
@click.option(
    "--memory",
    type=click.IntRange(128, 32_768),
    help="Memory in MB.  [default: unchanged; 256 for a new function]",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Environment variable to set; may be given several times.",
)
@click.option(
    "--unset",
    multiple=True,
    metavar="NAME",
    help="Environment variable to remove; may be given several times.",
)
@click.option("--role", default="", metavar="ARN", help="RAM role of the service.")
@click.option(
    "--alias",
    default="",
    metavar="NAME",
    help="Publish a version and point this alias to it.",
)
@click.option(
    "--on-success", default="", metavar="ARN", help="Destination of successful asynchronous calls."
)
@click.option(
    "--on-failure", default="", metavar="ARN", help="Destination of failed asynchronous calls."
)
@click.option(
    "--only-asynchronous",
    is_flag=True,
    help="Change only the configuration of asynchronous calls; takes no ZIP.",
)
@click.option("--dry-run", is_flag=True, help="Print the changes and apply none.")
@click.option("--yes", is_flag=True, help="Apply the changes without asking.")
def deploy_command(zip_file: Path | None, **options: Any) -> None:
    """Deploys ZIP, a file that `scalein package` made, to Function Compute 2.0.

    Creates or updates the service, the function and its asynchronous configuration (three retries,
    task ids for follow-ups). With --alias, publishes a version and points the alias to it. Prints
    the changes and applies them once you agree. Settings and variables that are not given do not
    change. Uses the credentials of the environment (ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET).

    \b
        scalein package
        scalein deploy scalein.zip --env SCALEIN_DRY_RUN=true --alias prod

    With --only-asynchronous and no ZIP, completes a deployment of template.yml.

    The exit status is 0 if it is deployed or nothing changes, 1 if it failed or you did not agree.
    """
    from scalein_cli import compute
    from scalein_cli.deployment import plan_changes

    deployment = _deployment(zip_file, options)
    console = console_for_output()
    changes = plan_changes(compute.open_client(options["endpoint"]), deployment)
    if not changes:
        console.print("Nothing to change.")
        return
    _print_changes(changes, console)
    if options["dry_run"]:
        return
    if not options["yes"]:
        click.confirm("Apply these changes?", abort=True)
    _apply_changes(changes, console)


def _deployment(zip_file: Path | None, options: Mapping[str, Any]) -> Deployment:
    """The deployment that the options describe. Raises click.UsageError."""
    from scalein_cli.compute import parse_address
    from scalein_cli.deployment import Deployment

    if not all("=" in variable for variable in options["variables"]):
        raise click.UsageError("--env takes NAME=VALUE")
    if bool(zip_file) == options["only_asynchronous"]:
        raise click.UsageError("give ZIP, or --only-asynchronous")
    return Deployment(
        parse_address(options["function"]),
        zip_file,
        runtime=options["runtime"],
        timeout=options["timeout"],
        memory=options["memory"],
        variables=dict(variable.partition("=")[::2] for variable in options["variables"]),
        unset=options["unset"],
        role=options["role"],
        alias=options["alias"],
        on_success=options["on_success"],
        on_failure=options["on_failure"],
    )


def _print_changes(changes: list[Change], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Resource", "Before", "After"):
        table.add_column(heading, overflow="fold")
    for change in changes:
        table.add_row(change.subject, change.before, change.after)
    console.print(table)


def _apply_changes(changes: list[Change], console: Console) -> None:
    """Applies the changes in order. Raises CommandError, which says how many were applied."""
    from scalein_cli.compute import call_api

    for number, change in enumerate(changes, 1):
        with console.status(f"{number} of {len(changes)}: {change.subject} ..."):
            try:
                call_api(change.subject, change.apply)
            except CommandError as error:
                raise CommandError(
                    f"{error.message} {number - 1} of {len(changes)} changes were applied. "
                    "Run the command again to apply the others."
                ) from error
        console.print(f"done  {change.subject}")
