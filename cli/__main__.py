"""The command line: `python -m cli --help`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from cli.local import EXAMPLE_POLICY
from cli.run import Form, Run, RunError, run_event

SMALL_FLEET = Path(__file__).parent.parent / "localcloud" / "fleets" / "small.json"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Safe scale-in for Alibaba Cloud Auto Scaling (ESS)."""


@main.command()
@click.argument("event", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=SMALL_FLEET,
    help="Scaling groups of the local cloud.  [default: localcloud/fleets/small.json]",
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=EXAMPLE_POLICY,
    help="Policy document.  [default: policy.example.json]",
)
@click.option("--now", is_flag=True, help="Read the event by today's clock, however old it is.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as the function returns it, and nothing else.")
@click.option("--audit", is_flag=True, help="Show the audit line as well.")
def run(event: Path, fleet: Path, policy: Path, now: bool, as_json: bool, audit: bool) -> None:
    """Feeds EVENT to the function, against a local Auto Scaling with a small fleet.

    Starts the local cloud, hands the file's bytes to handler/index.py as Function Compute would, and shows for each
    instance whether it leaves or stays and why, and the group before and after. Nothing outside this machine is
    called. An event that says when it was sent is read as if that were five seconds ago, unless --now is given.
    The exit status is 0 whenever the function gave an outcome, whichever it is.
    """
    console = Console(width=None if Console().is_terminal else 110)
    try:
        run_event(Run(event, fleet, policy, now), console, Form(as_json, audit))
    except RunError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m cli")
