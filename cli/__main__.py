"""The command line: `python -m cli --help`."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console

from cli.local import EXAMPLE_POLICY
from cli.run import Form, Run, RunError, run_event

SMALL_FLEET = Path(__file__).parent.parent / "localcloud" / "fleets" / "small.json"


fleet_option = click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=SMALL_FLEET,
    help="Scaling groups of the local cloud.  [default: localcloud/fleets/small.json]",
)
policy_option = click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=EXAMPLE_POLICY,
    help="Policy document.  [default: policy.example.json]",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Safe scale-in for Alibaba Cloud Auto Scaling (ESS)."""


@main.command()
@click.argument("event", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@fleet_option
@policy_option
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


@main.command("run-queue")
@click.option("--broker", default="", metavar="URL", help="AMQP URL of a broker.  [default: one of our own]")
@click.option("--batch-size", default=10, show_default=True, type=click.IntRange(1, 10_000), help="Messages at once.")
@click.option(
    "--window", default=1.0, show_default=True, type=click.FloatRange(0.1, 15), help="Seconds to gather them."
)
@click.option("--deliveries", default=3, show_default=True, type=click.IntRange(1), help="Then a message is dead.")
@fleet_option
@policy_option
def run_queue(broker: str, batch_size: int, window: float, deliveries: int, fleet: Path, policy: Path) -> None:
    """Runs the main job from a real RabbitMQ.

    Publishes removal requests and alarms, gathers them into batches as Function Compute's RabbitMQ trigger does,
    hands these to the function, and acknowledges them once it has answered. Where it fails, the batch comes again,
    and after the last delivery its messages go to the queue of dead letters. Starts a broker and a local Auto Scaling
    of its own, which vanish with it.
    """
    from cli.queue import NAME, run_queue
    from localcloud.rabbitmq_trigger import Queue

    queue = Queue(broker, NAME, batch_size, window, deliveries)
    try:
        run_queue(queue, fleet, policy, Console(width=None if Console().is_terminal else 110))
    except RunError as error:
        raise click.ClickException(str(error)) from error


@main.command("broker")
def run_broker() -> None:
    """Starts a RabbitMQ on free ports of this machine, prints its URL, and stops it at SIGINT or SIGTERM."""
    from cli.broker import BrokerError, broker

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with broker() as url:
            click.echo(url)
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                signal.pause()
    except BrokerError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main(prog_name="python -m cli")
