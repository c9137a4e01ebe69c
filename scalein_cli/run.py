"""`scalein run`: processes one event with the function of this checkout, against a local cloud."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import click
from rich.console import Console

from scalein.clock import Deadline, SystemClock
from scalein.decision.model import Snapshot
from scalein.errors import ConfigurationError
from scalein.policy import read_policy
from scalein.settings import read_settings
from scalein_cli import show
from scalein_cli.errors import CommandError
from scalein_cli.event_story import NO_WAY, print_stories, stories_of
from scalein_cli.lines import say
from scalein_cli.local import ShiftedClock, clock_for, context, environment, local_cloud
from scalein_cli.local_function import audit_lines, function_code, outcomes_of, snapshots
from scalein_cli.options import (
    console_for_output,
    existing_file,
    fleet_option,
    json_outcome_option,
    now_option,
    policy_option,
    print_json,
    progress,
)
from scalein_cli.resources import resource

EXAMPLE_EVENT = resource("events/remove-two.json")
WAIT_SECONDS = 30  # for the scaling activities
CALL_SECONDS = 10  # for the call that reads them, after the wait


class Run(NamedTuple):
    """What to process, against which local cloud, and what to print."""

    event: Path
    fleet: Path
    policy: Path
    is_at_present_time: bool = False  # else as if the event had just been sent
    as_json: bool = False
    with_audit_line: bool = False


@click.command("run")
@click.argument("event", type=existing_file, default=EXAMPLE_EVENT)
@fleet_option
@policy_option
@now_option
@json_outcome_option
@click.option("--audit", is_flag=True, help="Print the audit line too.")
def run_command(
    event: Path, fleet: Path, policy: Path, now: bool, as_json: bool, audit: bool
) -> None:
    """Process EVENT against a local Auto Scaling.

    EVENT is a file; without it, it is an example: remove two instances.
    Starts the local cloud and passes the file to handler/index.py as Function
    Compute does. Prints for each instance whether it is removed or retained and why, and the
    scaling group before and after. Calls nothing outside this machine. An event with a time is
    processed as if it were sent five seconds ago, unless --now is given.

        scalein run events/http-cloudmonitor-threshold.json

    The exit status is 0 if the function returns an outcome, whatever its status.
    """
    run_event(Run(event, fleet, policy, now, as_json, audit), console_for_output())


def run_event(run: Run, console: Console) -> None:
    """Processes the event against a local cloud and prints the outcome. Raises CommandError."""
    try:
        with local_cloud(run.fleet) as ready:
            os.environ.update(environment(ready, run.policy))
            if not run.as_json:
                fleet = show.relative_path(run.fleet)
                say(console, f"Local Auto Scaling on {ready['endpoint']}, fleet {fleet}")
            _run(run, context(ready), console)
    except ConfigurationError as error:
        raise CommandError(f"The configuration is wrong: {error}") from error


def _run(run: Run, function_context: object, console: Console) -> None:
    payload = run.event.read_bytes()
    index = function_code()
    index.initialize(function_context)
    before = snapshots(function_context)
    clock = SystemClock() if run.is_at_present_time else clock_for(payload)
    with audit_lines() as lines:
        response = _respond(index, payload, function_context, clock)
    if run.as_json:
        print_json(response)
        return
    event, policy = show.relative_path(run.event), show.relative_path(run.policy)
    is_shifted = isinstance(clock, ShiftedClock)
    time_of_day = f", processed as of {clock.now():%Y-%m-%d %H:%M} UTC" if is_shifted else ""
    say(console, f"Event {event}, policy {policy}{time_of_day}")
    _print_story(payload, run.policy, console)
    outcomes = outcomes_of(response)
    if "summary" in response:
        show.print_batch(response, console)
    else:
        show.print_outcome(outcomes[0], before.get(outcomes[0]["scalingGroupId"]), console)
    if run.with_audit_line:
        for line in lines:
            show.print_audit_line(line, console)
    _print_groups(outcomes, before, function_context, console)


def _print_story(event: bytes, policy: Path, console: Console) -> None:
    """How the event was read, unless it is a removal request and nothing around it."""
    stories = stories_of(event, read_policy("", str(policy.resolve())))
    if any(story.attributes or story.way != NO_WAY for story in stories):
        print_stories(stories, console)


def _respond(
    index: ModuleType, event: bytes, function_context: object, clock: SystemClock
) -> dict[str, Any]:
    """What the function returns, or the outcome that its error carries."""
    try:
        return dict(index.serve(event, function_context, clock))
    except index.TryLaterError as error:
        return dict(json.loads(str(error)))


def _print_groups(
    outcomes: list[dict[str, Any]],
    before: Mapping[str, Snapshot],
    function_context: object,
    console: Console,
) -> None:
    """Waits for the scaling activities, then prints the groups of the outcomes before and after."""
    group_ids = {outcome["scalingGroupId"] for outcome in outcomes if outcome["capacity"]}
    if not group_ids:
        return
    activity_ids = [
        id
        for outcome in outcomes
        if outcome["status"] != "duplicate"
        for id in outcome["scalingActivityIds"]
    ]
    statuses = _wait_for_activities(activity_ids, function_context)
    before = {id: before[id] for id in sorted(group_ids)}
    show.print_before_and_after(before, snapshots(function_context), console)
    say(console, f"Scaling activities: {statuses}")


def _wait_for_activities(activity_ids: list[str], function_context: object) -> str:
    """Each activity with its status, once all have ended or the wait is over."""
    if not activity_ids:
        return "none was started"
    from scalein.cloud.ess import EssGateway

    wait = Deadline.after(WAIT_SECONDS, SystemClock())
    settings = read_settings(os.environ, function_context)
    gateway = EssGateway(settings, wait._replace(at=wait.at + CALL_SECONDS))
    with progress(f"Waiting for scaling activity {', '.join(activity_ids)} ..."):
        while True:
            activities = gateway.activities(tuple(activity_ids))
            have_ended = all(activity.ended_at is not None for activity in activities)
            if have_ended or not wait.remaining_seconds():
                return ", ".join(f"{activity.id} {activity.status}" for activity in activities)
            time.sleep(0.2)
