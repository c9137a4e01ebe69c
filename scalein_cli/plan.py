"""`scalein plan`: the decision of the function for a real or a local group, without a removal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console

from scalein.clock import Deadline, SystemClock
from scalein.cloud.gateway import GROUP_ONLY, DryRun, Gateway
from scalein.decision.model import Order, ReadScope, Snapshot
from scalein.decision.progress import Progress
from scalein.decision.reasons import Status
from scalein.intake.envelopes import parse_event
from scalein.ledger.protocol import Ledger
from scalein.processing.batch import BatchProcessor
from scalein.processing.dependencies import Dependencies
from scalein.report import response
from scalein.report.outcome import Outcome, outcome_json
from scalein_cli import show
from scalein_cli.cloud_access import (
    profile_option,
    reading_gateway,
    region_option,
)
from scalein_cli.lines import say
from scalein_cli.local import (
    EXAMPLE_POLICY,
    SMALL_FLEET,
    clock_for,
)
from scalein_cli.options import (
    console_for_output,
    existing_file,
    json_outcome_option,
    now_option,
    print_json,
    progress,
)
from scalein_cli.place import Place, open_place

AMOUNTS = {"count": "count", "percent": "percent", "to_capacity": "toCapacity"}  # field by option
WOULD_REMOVE, NO_ANSWER, WOULD_NOT = 0, 1, 3  # exit status; 2 is wrong usage
UNKNOWN = (Status.RETRY, Status.UNCONFIRMED)
USAGE = "give --event FILE, or --group with one of --count, --percent, --to-capacity, --instance"


class Question(NamedTuple):
    """What to plan: an event, and where."""

    event: bytes
    fleet: Path | None  # None: the real cloud
    policy: Path | None
    scaling_group_id: str = ""  # of a request given by options, which needs no policy
    is_at_present_time: bool = False  # else as if the event had just been sent


@click.command("plan")
@click.option(
    "--group", "scaling_group_id", metavar="ID", help="Scaling group, such as asg-bp1example."
)
@click.option("--count", type=click.IntRange(1, 1000), help="Number of instances to remove.")
@click.option(
    "--percent",
    type=click.FloatRange(0, 100, min_open=True),
    help="Percentage of TotalCapacity to remove.",
)
@click.option("--to-capacity", type=click.IntRange(0), help="Capacity after the removal.")
@click.option(
    "--instance",
    "instance_ids",
    metavar="ID",
    multiple=True,
    help="Instance to remove; may be given several times.",
)
@click.option(
    "--order",
    type=click.Choice([order.value for order in Order]),
    multiple=True,
    metavar="ORDER",
    help=f"Order of removal; may be given several times: {', '.join(Order)}.",
)
@click.option("--event", type=existing_file, help="File of an event, instead of --group.")
@click.option("--fleet", type=existing_file, help="Plan on a local cloud with this fleet file.")
@click.option(
    "--local", is_flag=True, help="Plan on a local cloud with localcloud/fleets/small.json."
)
@click.option("--policy", type=existing_file, help="Policy document.")
@profile_option
@region_option
@now_option
@click.option("--all", "all_rows", is_flag=True, help="Print a row for every instance.")
@json_outcome_option
def plan_command(**options: Any) -> None:
    """Show which instances would be removed, and why.

    Removes nothing. The decision is the one that the function makes, from the same reads and under
    the same policy. Give a request by options

        scalein plan --group asg-bp1example --count 3 --policy policy.json

    or an event, such as an alarm that was sent (its replay)

        scalein plan --event alarm.json --policy policy.json

    The group is a real one, read with the
    credentials that `aliyun` uses and the settings of the environment, or a local one with --local
    or --fleet. Without a policy, only MinSize limits the removal, and the output says so.

    The exit status is 0 if instances would be removed, 3 if none would be, 1 if there is no answer
    (ESS cannot be read, for example), 2 if the command line is wrong.
    """
    question = _question(options)
    console = console_for_output()
    outcomes = _plan(question, console, options["as_json"], options["all_rows"])
    sys.exit(exit_status(outcomes))


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """0 if a message would remove instances; else 1 if one has no answer, 3 if all have."""
    outcomes = tuple(outcomes)
    if any(outcome.selected for outcome in outcomes):
        return WOULD_REMOVE
    is_unknown = any(outcome.status in UNKNOWN for outcome in outcomes)
    return NO_ANSWER if is_unknown else WOULD_NOT


def _question(options: Mapping[str, Any]) -> Question:
    """What the options request to plan. Raises click.UsageError."""
    group, event = options["scaling_group_id"], options["event"]
    remove = {
        field: options[option] for option, field in AMOUNTS.items() if options[option] is not None
    }
    if options["instance_ids"]:
        remove["instanceIds"] = list(options["instance_ids"])
    if bool(event) == bool(group):
        raise click.UsageError(USAGE)
    if group and len(remove) != 1:
        raise click.UsageError(USAGE)
    if event and (remove or options["order"]):
        raise click.UsageError(USAGE)
    is_small_fleet = options["local"] and not options["fleet"]
    return Question(
        event.read_bytes() if event else request_event(group, remove, options["order"]),
        SMALL_FLEET if is_small_fleet else options["fleet"],
        options["policy"] or (EXAMPLE_POLICY if is_small_fleet else None),
        group or "",
        options["now"],
    )


def request_event(scaling_group_id: str, remove: Mapping[str, Any], order: Sequence[str]) -> bytes:
    """A removal request as its sender writes it."""
    request = {"scalingGroupId": scaling_group_id, "remove": dict(remove)}
    return json.dumps(request | ({"order": list(order)} if order else {})).encode()


class RecordingGateway(DryRun):
    """The gateway of a dry run, which stores its snapshots so that they can be printed."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.snapshots: dict[str, Snapshot] = {}  # by group id

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self.snapshots[scaling_group_id] = super().snapshot(scaling_group_id, read_scope)
        return self.snapshots[scaling_group_id]


def _plan(question: Question, console: Console, as_json: bool, all_rows: bool) -> list[Outcome]:
    """Prints the plan of each message, and returns their outcomes. Raises CommandError."""
    without_policy = _policy_without_guardrails(question) if question.scaling_group_id else ""
    with open_place(question.policy, question.fleet, without_policy=without_policy) as place:
        return _process(question, place, console, as_json, all_rows)


def _process(
    question: Question, place: Place, console: Console, as_json: bool, all_rows: bool
) -> list[Outcome]:
    settings = place.settings
    clock = SystemClock() if question.is_at_present_time else clock_for(question.event)
    deadline = Deadline.after(settings.run_seconds, clock)
    gateway = RecordingGateway(reading_gateway(settings, deadline))
    event = parse_event(question.event)
    schedule_follow_up = _schedule_nothing if settings.function_ref else None
    dependencies = Dependencies(
        lambda: gateway,
        _no_ledger,
        deadline,
        schedule_follow_up,
        is_dry_run=True,
        region_id=settings.region_id,
    )
    with progress("Reading the scaling group ..."):
        processor = BatchProcessor(place.policy, dependencies)
        outcomes = list(processor.process(event))
    if as_json:
        is_batch = event.is_batch or len(outcomes) > 1
        document = response.for_batch(outcomes) if is_batch else outcome_json(outcomes[0])
        print_json(document)
        return outcomes
    say(console, f"Plan on {place.name}, {_policy_name(place)}. Nothing is removed.")
    for outcome in outcomes:
        snapshot = gateway.snapshots.get(str(outcome.scaling_group_id))
        show.print_outcome(outcome_json(outcome), snapshot, console, all_rows=all_rows)
    return outcomes


def _policy_name(place: Place) -> str:
    if not place.has_policy:
        return "no policy: only MinSize limits the removal"
    if not place.settings.policy_text:
        return f"policy {show.relative_path(Path(place.settings.policy_file))}"
    return "policy of SCALEIN_POLICY"


def _policy_without_guardrails(question: Question) -> str:
    return json.dumps({"groups": {question.scaling_group_id: {}}})


def _schedule_nothing(progress: Progress, delay_seconds: int) -> bool:  # noqa: ARG001 (protocol)
    """The outcome says that the function would follow the message up."""
    return True


def _no_ledger() -> Ledger:
    raise AssertionError("a dry run opens no ledger")
