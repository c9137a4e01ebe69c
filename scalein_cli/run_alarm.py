"""`scalein run-alarm`: the whole path of an alarm, from a metric to the outcome in a queue."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

import scalein
from scalein.errors import ConfigurationError
from scalein_cli import show
from scalein_cli.errors import CommandError
from scalein_cli.local import LOCAL_CLOUD, context, environment, local_cloud
from scalein_cli.local_function import outcomes_of, snapshots
from scalein_cli.local_queue import advance, take_message, watch
from scalein_cli.options import console_for_output, existing_file, policy_option
from scalein_cli.resources import resource

ALARM_FLEET = LOCAL_CLOUD / "fleets" / "alarm.json"
OUTCOMES = "scalein-outcomes"
DEAD_LETTERS = "scalein-dead-letters"
MINUTE = 60
MAX_MINUTES = 60  # of the metric, until the alarm
WAIT_SECONDS = 25  # of real time, for each step after the alarm
LOOK_SECONDS = 0.1
STEP_WIDTH = 11


class Story(NamedTuple):
    """A run, and where it is shown."""

    ready: Mapping[str, str]
    console: Console

    def show(self, step: str, text: str, at: str = "") -> None:
        """Prints one step: when it was by the local cloud's clock, what, and what happened."""
        moment = datetime.fromisoformat(at) if at else None
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(width=8, no_wrap=True)
        grid.add_column(width=STEP_WIDTH, no_wrap=True, style="bold")
        grid.add_column(overflow="fold")
        grid.add_row(f"{moment:%H:%M:%S}" if moment else "", step, text)
        self.console.print(grid, highlight=False)


@click.command("run-alarm")
@click.option(
    "--fleet",
    type=existing_file,
    default=ALARM_FLEET,
    help="Fleet file with an alert rule, queues and triggers.  "
    "[default: localcloud/fleets/alarm.json]",
)
@policy_option
def run_alarm_command(fleet: Path, policy: Path) -> None:
    """Run the whole path of an alarm, on a local cloud.

    A metric falls, CloudMonitor writes an alert to a queue of MNS, the queue's trigger invokes the
    function in a process of its own, the function removes instances, and its follow-up sends what
    came of it to the queue of outcomes. Prints each step when it happens; minutes of the metric
    pass in no time. Calls nothing outside this machine.

        scalein run-alarm

    The exit status is 1 if no outcome arrives.
    """
    console = console_for_output()
    try:
        with (
            _runnable(fleet, policy) as runnable,
            local_cloud(runnable) as ready,
        ):
            os.environ.update(environment(ready, policy))
            endpoint, path = ready["endpoint"], show.relative_path(fleet)
            console.print(f"Local cloud on {endpoint}, fleet {path}\n", highlight=False)
            _run(Story(ready, console))
    except ConfigurationError as error:
        raise CommandError(f"The configuration is wrong: {error}") from error


@contextmanager
def _runnable(fleet: Path, policy: Path) -> Iterator[Path]:
    """A copy of the fleet file whose function is this one, under this policy."""
    document = json.loads(fleet.read_text(encoding="utf-8"))
    function = document.get("function") or {}
    if not function.get("triggers") or not document.get("metricRules"):
        raise CommandError(f"{fleet} has no metricRules, or no function with triggers.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "code"
        folder.mkdir()
        shutil.copyfile(resource("handler/index.py"), folder / "index.py")
        package = Path(scalein.__file__).parent
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(package, folder / "scalein", ignore=ignored)
        function["folder"] = str(folder)
        function.setdefault("environment", {})["SCALEIN_POLICY_FILE"] = str(policy.resolve())
        runnable = Path(name) / "fleet.json"
        runnable.write_text(json.dumps(document), encoding="utf-8")
        yield runnable


def _run(story: Story) -> None:
    function_context = context(story.ready)
    before = snapshots(function_context)
    _show_metric(story)
    delivery = _wait_for_delivery(story)
    if not _show_delivery(story, delivery):
        raise CommandError(f"There is no follow-up, so no outcome comes to {OUTCOMES}.")
    outcome = _wait_for_outcome(story)
    after = snapshots(function_context)
    _show_outcome(story, outcome)
    changed = [id for id in before if after[id].instances != before[id].instances]
    show.print_before_and_after({id: before[id] for id in changed}, after, story.console)


def _show_metric(story: Story) -> None:
    """Lets minutes pass until a rule alerts. Raises CommandError where none does."""
    for _ in range(MAX_MINUTES):
        advance(story.ready, MINUTE)
        seen = watch(story.ready)
        for rule in seen["metricRules"]:
            for state in rule["states"]:
                resource_text = ", ".join(json.loads(state["resource"]).values())
                text = f"{rule['metricName']} of {resource_text}: {state['value']:g}"
                story.show("metric", text, seen["now"])
            if rule["alertState"] == "ALARM":
                levels = ", ".join(state["level"] for state in rule["states"])
                text = f"CloudMonitor's rule {rule['ruleName']} alerts: {levels}"
                story.show("alarm", text, seen["now"])
                return
    raise CommandError(f"No rule of the fleet alerts within {MAX_MINUTES} minutes.")


def _wait_for_delivery(story: Story) -> dict[str, Any]:
    """The first delivery of a trigger that has ended."""
    deadline = time.monotonic() + WAIT_SECONDS
    shown: set[str] = set()
    while time.monotonic() < deadline:
        seen = watch(story.ready)
        for queue in seen["queues"]:
            if queue["sent"] and queue["name"] not in shown:
                shown.add(queue["name"])
                story.show("queue", f"{queue['name']} has the alert", seen["now"])
        if seen["deliveries"]:
            return dict(seen["deliveries"][0])
        time.sleep(LOOK_SECONDS)
    raise CommandError(f"No trigger delivered the alert within {WAIT_SECONDS} seconds.")


def _show_delivery(story: Story, delivery: Mapping[str, Any]) -> bool:
    """Prints what the function did; returns whether it follows that up."""
    at, function = delivery["at"], delivery["function"]
    event = json.loads(delivery["event"])
    count = len(event) if isinstance(event, list) else 1
    noun = "message" if count == 1 else "messages"
    story.show("trigger", f"{delivery['trigger']} gave {function} {count} {noun}", at)
    if delivery["error"]:
        story.show("function", f"failed: {delivery['error']}: {delivery['answer']}", at)
        return False
    outcomes = outcomes_of(json.loads(delivery["answer"]))
    for outcome in outcomes:
        story.show("function", f"{outcome['status']}: {outcome['message']}", at)
        accepted, activities = outcome.get("accepted"), outcome.get("scalingActivityIds")
        if accepted:
            text = f"RemoveInstances {', '.join(accepted)}: {', '.join(activities or ())}"
            story.show("ESS", text, at)
        if outcome.get("followUp"):
            text = f"invokes itself in {outcome['followUp']['delaySeconds']} s, to see the end"
            story.show("follow-up", text, at)
    return any(outcome.get("followUp") for outcome in outcomes)


def _wait_for_outcome(story: Story) -> dict[str, Any]:
    """The first message in the queue of outcomes. Raises CommandError without one.

    The function knows real time alone, so its follow-up is waited for in real time.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        message = take_message(story.ready, OUTCOMES)
        if message is not None:
            return message
        dead = take_message(story.ready, DEAD_LETTERS)
        if dead is not None:
            raise CommandError(f"The alert went to {DEAD_LETTERS}: {json.dumps(dead)[:500]}")
        time.sleep(LOOK_SECONDS)
    raise CommandError(f"No outcome came to {OUTCOMES} within {WAIT_SECONDS} seconds.")


def _show_outcome(story: Story, message: Mapping[str, Any]) -> None:
    """Prints what the destination got: the function's answer, and of which invocation."""
    at = watch(story.ready)["now"]
    condition = message["requestContext"]["condition"]
    story.show("destination", f"{OUTCOMES} has a message: {condition}", at)
    for outcome in outcomes_of(json.loads(message["responsePayload"])):
        story.show("outcome", f"{outcome['status']}: {outcome['message']}", at)
