"""`scalein invoke`: sends an event to the deployed function and prints its outcome."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from scalein_cli import show
from scalein_cli.cloud_access import profile_option
from scalein_cli.local import EXAMPLE_POLICY, SMALL_FLEET
from scalein_cli.local_function import outcomes_of
from scalein_cli.options import (
    console_for_output,
    endpoint_option,
    function_option,
    print_json,
)
from scalein_cli.run import Run, run_event

if TYPE_CHECKING:
    from scalein_cli.invocation import Invocation


@click.command("invoke")
@click.argument("event", type=click.File("rb"))
@function_option
@endpoint_option
@profile_option
@click.option("--qualifier", default="LATEST", show_default=True, help="Version or alias.")
@click.option(
    "--local",
    is_flag=True,
    help="Invoke the function of this checkout, against a local Auto Scaling.",
)
@click.option(
    "--async",
    "is_async",
    is_flag=True,
    help="Invoke the function asynchronously and wait for the end of the task.",
)
@click.option(
    "--delay",
    default=0,
    show_default=True,
    type=click.IntRange(0, 3_600),
    help="With --async: seconds before the invocation.",
)
@click.option(
    "--wait",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds to wait for an instance while all are busy; with --async, for the end.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only the response, as JSON.")
@click.option("--log", is_flag=True, help="Print the last 4 KB of the function's log too.")
def invoke_command(event: Any, **options: Any) -> None:
    """Send EVENT to the deployed function, and print its outcome.

    EVENT is a file, or - for standard input. Prints the outcome. The exit status is 0 if the
    function returned, 1 if it raised or could not be called. With --async, the exit status is 0 if
    the task succeeded.

    \b
        scalein invoke events/dry-run.json
        scalein invoke event.json --qualifier prod --log
    """
    if options["delay"] and not options["is_async"]:
        raise click.UsageError("--delay needs --async: without it the event acts at once")
    payload, console = event.read(), console_for_output()
    if options["local"]:
        _invoke_locally(payload, options["as_json"], console)
        return
    invocation = _invoke(payload, options, console)
    if options["as_json"]:
        print_json(invocation.response)
    else:
        _print_outcomes(invocation, console)
    if options["log"]:
        beside = Console(stderr=True) if options["as_json"] else console
        beside.print(invocation.log, highlight=False, markup=False)
    sys.exit(invocation.failed)


def _invoke(payload: bytes, options: dict[str, Any], console: Console) -> Invocation:
    """The invocation; exits if Function Compute returns no payload. Raises CommandError."""
    from scalein_cli import compute, invocation

    function = compute.open_function(options["function"], options["endpoint"], options["qualifier"])
    if not options["is_async"]:
        return invocation.invoke(function, payload, options["wait"])
    progress = Console(stderr=True) if options["as_json"] else console
    status, ended = invocation.invoke_asynchronously(
        function, payload, options["delay"], options["wait"], progress
    )
    progress.print(f"{status}.")
    if ended is None:
        progress.print(
            "Function Compute did not return the outcome. It is in the function's log, and the "
            "destination of the function gets it."
        )
        sys.exit(status != "Succeeded")
    return ended


def _print_outcomes(invocation: Invocation, console: Console) -> None:
    for outcome in outcomes_of(invocation.response):
        if "status" in outcome:
            show.print_outcome(outcome, None, console)
        else:
            console.print_json(json.dumps(outcome))
    if invocation.failed:
        console.print("The function raised an error. A trigger would deliver the event again.")


def _invoke_locally(payload: bytes, as_json: bool, console: Console) -> None:
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(payload)
        file.flush()
        run = Run(Path(file.name), SMALL_FLEET, EXAMPLE_POLICY, as_json=as_json)
        run_event(run, console)
