"""Starts the local cloud in a process of its own, and imitates what Function Compute hands a function."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

from scalein.clock import SystemClock
from scalein.decision.model import Notice
from scalein.errors import RejectedEvent
from scalein.intake import ParsedMessage, parse_event, parse_message
from scalein.intake.dialects import SignedFollowUp

ROOT = Path(__file__).parent.parent
EXAMPLE_POLICY = ROOT / "policy.example.json"


class LocalCloudError(Exception):
    """The local cloud did not start; the text is what it said."""


@contextmanager
def local_cloud(fleet: Path, *options: str) -> Iterator[Mapping[str, str]]:
    """Gives its ready line: endpoint, accessKeyId, accessKeySecret, regionId. Raises LocalCloudError."""
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
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise LocalCloudError(process.communicate()[1].strip())
        yield json.loads(line)
    finally:
        process.terminate()
        process.communicate(timeout=10)


class ShiftedClock(SystemClock):
    """Reads an old event as if it had just arrived: the time of day runs on from `start`."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - super().now()

    def now(self) -> datetime:
        return super().now() + self._ahead


def clock_for(event: bytes) -> SystemClock:
    """As if the newest message of the event had been sent five seconds ago; by today's clock where none says when."""
    times = [
        parsed.sent_at
        for parsed in _readings(event)
        if not isinstance(parsed, Notice | SignedFollowUp)
    ]
    newest = max((time for time in times if time is not None), default=None)
    return SystemClock() if newest is None else ShiftedClock(newest + timedelta(seconds=5))


def _readings(event: bytes) -> Iterator[ParsedMessage]:
    for message in parse_event(event).messages:
        with suppress(RejectedEvent):
            yield parse_message(message)


def environment(ready: Mapping[str, str], policy: Path = EXAMPLE_POLICY) -> dict[str, str]:
    """What a function's environment needs to reach the local cloud."""
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
    """A context of the python3.12 runtime: no credentials, they come from the environment."""
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
