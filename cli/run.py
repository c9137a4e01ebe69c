"""`scalein run`: one event through the function against a local cloud, shown to a person."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

import index
from cli import show
from cli.local import LocalCloudError, context, environment, local_cloud
from scalein.clock import Deadline, SystemClock
from scalein.errors import ConfigurationError, GatewayError
from scalein.model import Snapshot
from scalein.settings import read_settings

WAIT_SECONDS = 30


class RunError(Exception):
    """The run could not be made; the text says what to do."""


class Form(NamedTuple):
    """How to show an outcome."""

    as_json: bool
    with_audit_line: bool


def run_event(event: Path, fleet: Path, console: Console, form: Form) -> None:
    """Raises RunError."""
    try:
        with local_cloud(fleet) as ready:
            os.environ.update(environment(ready))
            if not form.as_json:
                console.print(f"Local Auto Scaling on {ready['endpoint']}, fleet {show.path(fleet)}", highlight=False)
            _run(event, ready, console, form)
    except LocalCloudError as error:
        raise RunError(f"the local cloud did not start. {error}") from error
    except ConfigurationError as error:
        raise RunError(f"the deployment is wrong: {error}") from error


def _run(event: Path, ready: Mapping[str, str], console: Console, form: Form) -> None:
    payload, here = event.read_bytes(), context(ready)
    before = _snapshot(payload, here)
    index.initialize(here)
    with _audit_lines() as lines:
        outcome = _outcome(payload, here)
    if form.as_json:
        console.print_json(json.dumps(outcome))
        return
    console.print(f"Event {show.path(event)}", highlight=False)
    if before is not None and outcome["capacity"]:
        show.verdicts(outcome, before, console)
    show.outcome(outcome, console)
    if form.with_audit_line:
        show.audit_line(lines[0], console)
    if before is not None and outcome["capacity"]:
        activity = _wait(outcome["scalingActivityIds"], here, console)
        show.before_and_after(before, _snapshot(payload, here) or before, activity, console)


@contextmanager
def _audit_lines() -> Iterator[list[str]]:
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


def _outcome(payload: bytes, here: object) -> dict[str, Any]:
    try:
        return dict(index.handler(payload, here))
    except index.TryLaterError as error:
        return dict(json.loads(str(error)))


def _snapshot(payload: bytes, here: object) -> Snapshot | None:
    """The group that the event speaks of, if it speaks of one."""
    from scalein.ess import EssGateway

    try:
        group_id = json.loads(payload)["scalingGroupId"]
        return EssGateway(read_settings(os.environ, here), Deadline.after(20, SystemClock())).snapshot(group_id)
    except (ValueError, LookupError, TypeError, RecursionError, GatewayError):
        return None  # whatever is wrong with it, the outcome will say so


def _wait(activity_ids: list[str], here: object, console: Console) -> str:
    """How the activities ended, as text."""
    if not activity_ids:
        return "none was started"
    from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import DescribeScalingActivitiesRequest

    from scalein.ess import client

    settings = read_settings(os.environ, here)
    sdk = client(settings.credentials, settings.region_id, local=True)
    request = DescribeScalingActivitiesRequest()
    request.set_endpoint(os.environ["SCALEIN_ESS_ENDPOINT"])
    request.set_ScalingActivityIds(activity_ids)
    last = time.monotonic() + WAIT_SECONDS
    with console.status(f"Waiting for scaling activity {', '.join(activity_ids)} ..."):
        while True:
            activities = json.loads(sdk.do_action_with_exception(request))["ScalingActivities"]["ScalingActivity"]
            states = [f"{activity['ScalingActivityId']} {activity['StatusCode']}" for activity in activities]
            if all(activity["StatusCode"] != "InProgress" for activity in activities) or time.monotonic() > last:
                return ", ".join(states)
            time.sleep(0.2)
