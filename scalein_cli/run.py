"""`scalein run`: one event through the function against a local cloud, shown to a person."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

import index
from scalein.clock import Deadline, SystemClock
from scalein.decision.model import Snapshot
from scalein.errors import ConfigurationError, GatewayError
from scalein.policy import read_policy
from scalein.settings import read_settings
from scalein_cli import show
from scalein_cli.local import (
    LocalCloudError,
    ShiftedClock,
    clock_for,
    context,
    environment,
    local_cloud,
)

WAIT_SECONDS = 30
ANSWER_SECONDS = 10  # after which the last look has ended


class RunError(Exception):
    """The run could not be made; the text says what to do."""


class Run(NamedTuple):
    """What to run."""

    event: Path
    fleet: Path
    policy: Path
    by_todays_clock: bool = False


class Form(NamedTuple):
    """How to show an outcome."""

    as_json: bool
    with_audit_line: bool


def run_event(run: Run, console: Console, form: Form) -> None:
    """Raises RunError."""
    try:
        with local_cloud(run.fleet) as ready:
            os.environ.update(environment(ready, run.policy))
            if not form.as_json:
                console.print(
                    f"Local Auto Scaling on {ready['endpoint']}, fleet {show.path(run.fleet)}",
                    highlight=False,
                )
            _run(run, context(ready), console, form)
    except LocalCloudError as error:
        raise RunError(f"the local cloud did not start. {error}") from error
    except ConfigurationError as error:
        raise RunError(f"the deployment is wrong: {error}") from error


def _run(run: Run, here: object, console: Console, form: Form) -> None:
    payload = run.event.read_bytes()
    index.initialize(here)
    before = snapshots(here)
    clock = SystemClock() if run.by_todays_clock else clock_for(payload)
    with audit_lines() as lines:
        answer = _answer(payload, here, clock)
    if form.as_json:
        console.print_json(json.dumps(answer))
        return
    sent = (
        f", read as if it were {clock.now():%Y-%m-%d %H:%M} UTC"
        if isinstance(clock, ShiftedClock)
        else ""
    )
    console.print(
        f"Event {show.path(run.event)}, policy {show.path(run.policy)}{sent}",
        highlight=False,
        soft_wrap=True,
    )
    outcomes = outcomes_of(answer)
    if "summary" in answer:
        show.batch(answer, console)
    else:
        show.one(outcomes[0], before.get(outcomes[0]["scalingGroupId"]), console)
    if form.with_audit_line:
        for line in lines:
            show.audit_line(line, console)
    touched = {told["scalingGroupId"] for told in outcomes if told["capacity"]}
    if touched:
        activities = [
            id
            for told in outcomes
            if told["status"] != "duplicate"
            for id in told["scalingActivityIds"]
        ]
        ended = _wait(activities, here, console)
        show.before_and_after({id: before[id] for id in sorted(touched)}, snapshots(here), console)
        console.print(f"Scaling activities: {ended}", highlight=False, soft_wrap=True)


def outcomes_of(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of a single answer, of a batch's, and of what an HTTP trigger is answered."""
    if "statusCode" in answer:
        return outcomes_of(json.loads(answer["body"]))
    return list(answer["outcomes"]) if "outcomes" in answer else [dict(answer)]


@contextmanager
def audit_lines() -> Iterator[list[str]]:
    """Collects what the function logs as its audit line."""
    lines: list[str] = []
    logger, collector = logging.getLogger("scalein.audit"), logging.Handler()
    collector.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield lines
    finally:
        logger.removeHandler(collector)


def _answer(payload: bytes, here: object, clock: SystemClock) -> dict[str, Any]:
    try:
        return index.serve(payload, here, clock)
    except index.TryLaterError as error:
        return dict(json.loads(str(error)))


def snapshots(here: object) -> dict[str, Snapshot]:
    """The groups of the policy, as far as they are there."""
    from scalein.cloud.ess import EssGateway

    settings = read_settings(os.environ, here)
    gateway, found = EssGateway(settings, Deadline.after(20, SystemClock())), {}
    for group_id in read_policy(settings.policy_text, settings.policy_file).groups:
        with suppress(GatewayError):  # the outcome will say what is wrong with it
            found[group_id] = gateway.snapshot(group_id)
    return found


def _wait(activity_ids: list[str], here: object, console: Console) -> str:
    """How the activities ended, as text."""
    if not activity_ids:
        return "none was started"
    from scalein.cloud.ess import EssGateway

    last = Deadline.after(WAIT_SECONDS, SystemClock())
    gateway = EssGateway(
        read_settings(os.environ, here), last._replace(at=last.at + ANSWER_SECONDS)
    )
    with console.status(f"Waiting for scaling activity {', '.join(activity_ids)} ..."):
        while True:
            activities = gateway.activities(tuple(activity_ids))
            over = all(activity.ended_at is not None for activity in activities)
            if over or not last.remaining_seconds():
                return ", ".join(f"{activity.id} {activity.status}" for activity in activities)
            time.sleep(0.2)
