"""The command line: `.venv/bin/scalein --help`."""

from __future__ import annotations

import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from scalein.decision.model import Order
from scalein_cli import __version__, shipping
from scalein_cli.local import EXAMPLE_POLICY
from scalein_cli.options import SMALL_FLEET, console_of
from scalein_cli.run import Form, Run, RunError, run_event

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


class NoAnswer(click.ClickException):
    """Where exit status 1 means something else."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scalein")
def main() -> None:
    """Safe scale-in for Alibaba Cloud Auto Scaling (ESS).

    The exit status is 0 where all is well, 1 where something is not (each command's help says what), 2 where the
    command line is wrong.

    For completion in bash (zsh_source and fish_source for these):

        eval "$(_SCALEIN_COMPLETE=bash_source scalein)"
    """


@main.command()
@click.argument("event", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@fleet_option
@policy_option
@click.option("--now", is_flag=True, help="Read the event by today's clock, however old it is.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the outcome as the function returns it, and nothing else.",
)
@click.option("--audit", is_flag=True, help="Show the audit line as well.")
def run(event: Path, fleet: Path, policy: Path, now: bool, as_json: bool, audit: bool) -> None:
    """Feeds EVENT to the function, against a local Auto Scaling with a small fleet.

    Starts the local cloud, hands the file's bytes to handler/index.py as Function Compute would, and shows for each
    instance whether it leaves or stays and why, and the group before and after. Nothing outside this machine is
    called. An event that says when it was sent is read as if that were five seconds ago, unless --now is given.
    The exit status is 0 whenever the function gave an outcome, whichever it is.
    """
    console = console_of()
    try:
        run_event(Run(event, fleet, policy, now), console, Form(as_json, audit))
    except RunError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.option(
    "--group", "scaling_group_id", metavar="ID", help="Scaling group, such as asg-bp1example."
)
@click.option("--count", type=click.IntRange(1, 1000), help="So many instances.")
@click.option(
    "--percent", type=click.FloatRange(0, 100, min_open=True), help="That share of TotalCapacity."
)
@click.option("--to-capacity", type=click.IntRange(0), help="As much as leaves this capacity.")
@click.option(
    "--instance",
    "instance_ids",
    metavar="ID",
    multiple=True,
    help="This instance; may be given again.",
)
@click.option(
    "--order",
    type=click.Choice([order.value for order in Order]),
    multiple=True,
    help="May be given again.",
)
@click.option(
    "--event",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead: an event's file.",
)
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Of a local Auto Scaling.",
)
@click.option(
    "--local", is_flag=True, help="A local Auto Scaling with localcloud/fleets/small.json."
)
@click.option(
    "--policy",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Policy document.",
)
@click.option(
    "--region", default="", metavar="ID", help="Region of the group.  [default: SCALEIN_REGION_ID]"
)
@click.option("--now", is_flag=True, help="Read the event by today's clock, however old it is.")
@click.option("--all", "every", is_flag=True, help="A row for every instance, however many.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the outcome as the function returns it, and nothing else.",
)
def plan(**options: Any) -> None:
    """Shows who would leave, who would stay, and why; removes nothing.

    The decision is the function's own, from the same reads, under the same policy. Give a request by options

        scalein plan --group asg-bp1example --count 3 --policy policy.json

    or an event, an alarm for instance, with --event FILE. The group is the real one, with the credentials and
    settings of the environment (ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, SCALEIN_REGION_ID), or a local one with
    --local or --fleet. Without a policy only MinSize holds, and that is said.

    The exit status is 0 where somebody would leave, 1 where nobody would, 2 where there was no plan.
    """
    from scalein_cli import plan as command

    ways = {"count": "count", "percent": "percent", "to_capacity": "toCapacity"}
    remove = {name: options[option] for option, name in ways.items() if options[option] is not None}
    remove |= {"instanceIds": list(options["instance_ids"])} if options["instance_ids"] else {}
    group, event = options["scaling_group_id"], options["event"]
    if (
        bool(event) == bool(group)
        or (group and len(remove) != 1)
        or (event and (remove or options["order"]))
    ):
        raise click.UsageError(
            "give --event FILE, or --group with one of --count, --percent, --to-capacity, --instance"
        )
    fleet = options["fleet"] or (SMALL_FLEET if options["local"] else None)
    policy = options["policy"] or (
        EXAMPLE_POLICY if options["local"] and not options["fleet"] else None
    )
    payload = (
        event.read_bytes() if event else command.request_event(group, remove, options["order"])
    )
    question = command.ScaleInQuestion(
        payload, fleet, policy, options["region"], group or "", options["now"]
    )
    try:
        leaves = command.plan(
            question, console_of(), command.Form(options["as_json"], options["every"])
        )
    except RunError as error:
        raise NoAnswer(str(error)) from error
    sys.exit(0 if leaves else 1)


@main.command()
@click.argument("alarms", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@policy_option
@click.option(
    "--fleet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Fleet file with the group.",
)
@click.option(
    "--group", default="", metavar="ID", help="Scaling group.  [default: the policy's first]"
)
@click.option(
    "--size",
    default=100,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Of a made-up group.",
)
@click.option(
    "--min-size", default=20, show_default=True, type=click.IntRange(0), help="Of a made-up group."
)
@click.option(
    "--zones", default=3, show_default=True, type=click.IntRange(1, 26), help="Of a made-up group."
)
@click.option(
    "--activity-seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="How long a removal takes.",
)
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw it: a .png or .svg file.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the summary as JSON, and nothing else."
)
def simulate(**options: Any) -> None:
    """Replays ALARMS over a fleet, to try a policy before it runs.

    ALARMS is a CSV file with a header, or JSON lines: time, and alarm (the name of the alarm rule); further columns
    are what a rule of the policy can match (namespace, level ...), instanceIds those that the alarm names. A line
    with add instead of alarm stands for so many instances that Auto Scaling adds. The fleet is a group of a fleet
    file, as --fleet, or made up. Decisions are the function's own; time is simulated, and nothing is called.

        scalein simulate events/days/flapping.csv --group asg-web --picture day.png
    """
    from scalein_cli import simulate as command

    fleet = command.Fleet(
        options["fleet"], options["group"], options["size"], options["min_size"], options["zones"]
    )
    if options["picture"] and options["picture"].suffix not in (".png", ".svg"):
        raise click.UsageError("--picture takes a file that ends in .png or .svg")
    form = command.Form(options["picture"], options["as_json"])
    try:
        command.run(
            options["alarms"],
            options["policy"],
            fleet,
            options["activity_seconds"],
            console_of(),
            form,
        )
    except RunError as error:
        raise click.ClickException(str(error)) from error


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--group", required=True, metavar="ID", help="Scaling group.")
@click.option(
    "--region", default="", metavar="ID", help="Its region.  [default: SCALEIN_REGION_ID]"
)
@click.option("--metric", is_flag=True, help="With each instance's CPUUtilization.")
def capture(file: Path, group: str, region: str, metric: bool) -> None:
    """Writes a real scaling group to FILE, as a fleet for `scalein simulate` and the local Auto Scaling.

    Reads the group, its instances and its activities of the last day, and changes nothing.
    """
    from scalein_cli.capture import capture as write

    try:
        number = write(group, region, metric, file)
    except RunError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{group}: {number} instances to {file}")


@main.command("run-queue")
@click.option(
    "--broker", default="", metavar="URL", help="AMQP URL of a broker.  [default: one of our own]"
)
@click.option(
    "--batch-size",
    default=10,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Messages at once.",
)
@click.option(
    "--window",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 15),
    help="Seconds to gather them.",
)
@click.option(
    "--deliveries",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Then a message is dead.",
)
@fleet_option
@policy_option
def run_queue(
    broker: str, batch_size: int, window: float, deliveries: int, fleet: Path, policy: Path
) -> None:
    """Runs the main job from a real RabbitMQ.

    Publishes removal requests and alarms, gathers them into batches as Function Compute's RabbitMQ trigger does,
    hands these to the function, and acknowledges them once it has answered. Where it fails, the batch comes again,
    and after the last delivery its messages go to the queue of dead letters. Starts a broker and a local Auto Scaling
    of its own, which vanish with it.
    """
    from localcloud.queues.rabbitmq_trigger import Queue
    from scalein_cli.queue import NAME, run_queue

    queue = Queue(broker, NAME, batch_size, window, deliveries)
    try:
        run_queue(queue, fleet, policy, console_of())
    except RunError as error:
        raise click.ClickException(str(error)) from error


@main.command("broker")
def run_broker() -> None:
    """Starts a RabbitMQ on free ports of this machine, prints its URL, and stops it at SIGINT or SIGTERM."""
    from scalein_cli.broker import BrokerError, broker

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with broker() as url:
            click.echo(url)
            sys.stdout.flush()
            with suppress(KeyboardInterrupt):
                signal.pause()
    except BrokerError as error:
        raise click.ClickException(str(error)) from error


for command in shipping.COMMANDS:
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="scalein")
