"""Starts a server of prepared answers, with a group as large as wanted, for one measurement."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.code import ROOT
from benchmarks.trust import Authority
from scalein_cli.local import environment, local_cloud

# As long as those of the cloud: a prefix and 20 letters or digits.
GROUP_ID = "asg-bp1benchmark00000001"
POLICY: dict[str, Any] = {"groups": {GROUP_ID: {}}}
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Counts(NamedTuple):
    """What the server counted since it was last asked (benchmarks/prepared_server.py)."""

    handshakes: int
    resumed: int
    forwarded: int
    first_removal_at: float | None  # s, by time.monotonic
    calls: dict[str, int]
    connections: int


class PreparedCloud:
    """A running server: how a function reaches it, and what it counts."""

    def __init__(self, process: subprocess.Popen[str], variables: dict[str, str]) -> None:
        self.variables = variables  # environment of the function
        self._process = process

    def take_counts(self) -> Counts:
        """Returns what happened since this was last called."""
        _stream(self._process.stdin).write("\n")
        _stream(self._process.stdin).flush()
        return Counts(**json.loads(_stream(self._process.stdout).readline()))


@contextmanager
def prepared_cloud(
    folder: Path,
    authority: Authority,
    instances: int,
    delay_seconds: float = 0.0,
    min_size: int = 0,
    is_parallel: bool = True,
) -> Iterator[PreparedCloud]:
    """Runs a local cloud, and before it a server of HTTPS that repeats its answers."""
    fleet, policy = folder / "fleet.json", folder / "policy.json"
    fleet.write_text(json.dumps(fleet_document(instances, min_size, is_parallel)))
    policy.write_text(json.dumps(POLICY))
    with local_cloud(fleet) as ready:
        command = [
            *(sys.executable, "-m", "benchmarks.prepared_server", "--cloud", ready["endpoint"]),
            *("--certificate", str(authority.server_certificate)),
            *("--key", str(authority.server_key), "--delay", str(delay_seconds)),
        ]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with process:
            endpoint = json.loads(_stream(process.stdout).readline())["endpoint"]
            variables = environment({**ready, "endpoint": endpoint}, policy)
            try:
                yield PreparedCloud(process, variables)
            finally:
                _stream(process.stdin).close()


def fleet_document(instances: int, min_size: int, is_parallel: bool) -> dict[str, Any]:
    """A fleet of one group. `is_parallel`: it has a desired capacity, so that it takes removals
    at the same time.
    """
    members = [
        {
            "instanceId": f"i-bp1benchmark{number:08}",
            "createdTime": f"{START + timedelta(minutes=number):%Y-%m-%dT%H:%M:%SZ}",
            "zoneId": f"cn-hangzhou-{'ghi'[number % 3]}",
            "scalingConfigurationId": f"asc-bp1benchmark{number * 4 // instances:08}",
        }
        for number in range(instances)
    ]
    group: dict[str, Any] = {
        "scalingGroupId": GROUP_ID,
        "minSize": min_size,
        "maxSize": 2_000,
        "instances": members,
    }
    if is_parallel:
        group["desiredCapacity"] = instances
    return {"activitySeconds": 0, "groups": [group]}


def removal_event(request_id: str, count: int = 1) -> bytes:
    """The event that removes so many instances, without a line break."""
    request = {"scalingGroupId": GROUP_ID, "remove": {"count": count}, "requestId": request_id}
    return json.dumps(request).encode()


def _stream(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream
