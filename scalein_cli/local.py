"""Starts the local cloud in its own process, and makes the context that Function Compute passes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import localcloud
from scalein.clock import SystemClock
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.alert_list import AlertList
from scalein.intake.dialects import ParsedMessage, SignedFollowUp, parse_message
from scalein.intake.envelopes import parse_event
from scalein_cli.errors import CommandError
from scalein_cli.extras import require
from scalein_cli.resources import resource

EXAMPLE_POLICY = resource("policy.example.json")
LOCAL_CLOUD = Path(localcloud.__file__).parent
SMALL_FLEET = LOCAL_CLOUD / "fleets" / "small.json"
TRANSIT = timedelta(seconds=5)  # from the sender to the function, for an event that is replayed


@contextmanager
def local_cloud(fleet: Path, *options: str) -> Iterator[Mapping[str, str]]:
    """Runs the local cloud and gives its ready line. Raises CommandError.

    The ready line has endpoint, accessKeyId, accessKeySecret and regionId.
    """
    require("local")
    command = [
        sys.executable,
        "-m",
        "localcloud",
        "--port",
        "0",
        "--fleet",
        str(fleet.resolve()),
        *options,
    ]
    process = subprocess.Popen(
        command, cwd=LOCAL_CLOUD.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            errors = process.communicate()[1].strip()
            raise CommandError(f"The local cloud did not start. {errors}")
        yield json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=10)


class ShiftedClock(SystemClock):
    """A clock whose time of day runs on from `start`, so that an old event is not expired."""

    def __init__(self, start: datetime) -> None:
        self._offset = start - super().now()

    def now(self) -> datetime:
        return super().now() + self._offset


def clock_for(event: bytes) -> SystemClock:
    """A clock by which the newest message of the event was sent five seconds ago.

    It is the system's clock if no message has a time.
    """
    times = [time for parsed in _parsed_messages(event) for time in _times_of(parsed)]
    newest = max((time for time in times if time is not None), default=None)
    return SystemClock() if newest is None else ShiftedClock(newest + TRANSIT)


def _times_of(parsed: ParsedMessage) -> list[datetime | None]:
    if isinstance(parsed, AlertList):
        return [alarm.sent_at for alarm in parsed.alarms]
    return [] if isinstance(parsed, Ignored | SignedFollowUp) else [parsed.sent_at]


def _parsed_messages(event: bytes) -> Iterator[ParsedMessage]:
    for message in parse_event(event).messages:
        with suppress(RejectedEvent):
            yield parse_message(message)


def environment(ready: Mapping[str, str], policy: Path = EXAMPLE_POLICY) -> dict[str, str]:
    """The environment variables by which the function reaches the local cloud."""
    return {
        "SCALEIN_POLICY_FILE": str(policy.resolve()),
        "SCALEIN_POLICY": "",
        "SCALEIN_ESS_ENDPOINT": ready["endpoint"],
        "SCALEIN_CMS_ENDPOINT": ready["endpoint"],
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ready["accessKeyId"],
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ready["accessKeySecret"],
        "ALIBABA_CLOUD_SECURITY_TOKEN": "",
    }


def context(ready: Mapping[str, str], timeout_seconds: int = 60) -> SimpleNamespace:
    """A context of the python3.12 runtime, which has no credentials: the environment has them."""
    function = SimpleNamespace(
        name="scalein",
        handler="index.handler",
        memory=256,
        timeout=timeout_seconds,
        version_id="",
        qualifier="LATEST",
    )
    return SimpleNamespace(
        request_id="local-run",
        function=function,
        region=ready["regionId"],
        account_id="0",
        logger=None,
    )
