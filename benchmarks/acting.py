"""Time of a warm removal, and the billed time of a removal of two hundred instances."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import index
from benchmarks.timing import Row, median_and_best
from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.server import LocalCloud, running
from scalein.clock import SystemClock
from scalein.ledger.memory import process_store
from scalein_cli.local import environment, local_cloud

CALL_SECONDS = 0.05  # that a slow cloud takes for each call
KEY = "benchmark"


def figures(folder: Path, repeats: int) -> list[Row]:
    sizes, call_times = (10, 100, 1_000, 2_000), (0.0, CALL_SECONDS)
    rows = [
        row
        for call_seconds in call_times
        for size in sizes
        for row in warm(folder, size, call_seconds, min(repeats, 15))
    ]
    return [*rows, *billed()]


def group(instances: int) -> dict[str, Any]:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    members = [
        {
            "instanceId": f"i-{n:05}",
            "createdTime": f"{start + timedelta(minutes=n):%Y-%m-%dT%H:%M:%SZ}",
        }
        for n in range(instances)
    ]
    return {"scalingGroupId": "asg-bench", "minSize": 0, "maxSize": 2_000, "instances": members}


def warm(folder: Path, instances: int, call_seconds: float, repeats: int) -> list[Row]:
    """Wall and processor time of a warm removal, while the cloud takes so long for each call."""
    fleet = folder / "slow.json"
    fleet.write_text(json.dumps({"activitySeconds": 0, "groups": [group(instances)]}))
    slow = ("--fault", f"slow:*:1000000:{call_seconds}") if call_seconds else ()
    with local_cloud(fleet, *slow) as ready:
        os.environ.update(environment(ready, folder / "policy.json"))
        context = SimpleNamespace(
            region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
        )
        walls, processor = [], []
        process_store.cache_clear()  # it has the removals of other clouds
        for number in range(min(repeats, instances - 1) + 1):
            event = {
                "scalingGroupId": "asg-bench",
                "remove": {"count": 1},
                "requestId": f"trip-{instances}-{number}",
            }
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = index.handler(json.dumps(event).encode(), context)
            walls.append(time.perf_counter() - wall)
            processor.append(time.process_time() - cpu)
            assert outcome["status"] == "removing", outcome
    figure = f"warm removal, {instances:,} instances, calls of {call_seconds * 1_000:.0f} ms"
    if not call_seconds:
        return [
            (figure, median_and_best(walls[1:]), ""),
            ("... processor time, which is billed", median_and_best(processor[1:]), ""),
        ]
    ratios = [wall / call_seconds for wall in walls[1:]]  # the first one is cold
    text = f"{statistics.median(ratios):.2f} calls (best {min(ratios):.2f})"
    return [(figure, f"{median_and_best(walls[1:])}: {text}", "at most 2.3")]


def billed() -> list[Row]:
    """Time in the function for a removal of 200 instances, at calls of 5 ms.

    The group runs one activity at a time.
    """
    clock = DrivenClock(datetime.now(timezone.utc))
    service = service_of({"groups": [group(300)]}, clock, Assumptions())
    cloud = LocalCloud(service, Authenticator(KEY, KEY), functions=InvocationQueue(clock))
    cloud.faults.add("slow", times=1_000_000, seconds=0.005)
    durations: list[float] = []
    with running(cloud) as endpoint, function_at(endpoint) as context:
        assert cloud.functions

        def serve(event: bytes) -> None:
            started_at = time.perf_counter()
            index.serve(event, context, CloudClock(clock))
            durations.append(time.perf_counter() - started_at)

        serve(b'{"scalingGroupId": "asg-bench", "remove": {"count": 200}}')
        while (due := cloud.functions.next_due()) is not None:
            clock.advance(max(0.0, (due - clock.now()).total_seconds()))
            cloud.functions.deliver(lambda invocation: serve(invocation.event))
        calls = len(service.activities)
        assert calls == 10 and len(service.groups["asg-bench"].instances) == 100
    return [
        (
            "200 of 300, billed time for each call of 20",
            f"{sum(durations) / calls:.3f} s",
            "at most 0.2 s",
        ),
        ("200 of 300, invocations for each call of 20", f"{len(durations) / calls:.1f}", ""),
    ]


class CloudClock(SystemClock):
    """A clock with the time of day of the cloud, and real time spans."""

    def __init__(self, clock: DrivenClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@contextmanager
def function_at(endpoint: str) -> Iterator[SimpleNamespace]:
    """The context of a function whose environment names this endpoint."""
    variables = {
        "SCALEIN_ESS_ENDPOINT": endpoint,
        "SCALEIN_FC_ENDPOINT": endpoint,
        "SCALEIN_FOLLOW_UP_KEY": "a key for benchmarks that is long enough",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY,
    }
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield SimpleNamespace(
            request_id="bench",
            region="cn-hangzhou",
            account_id="1",
            function=SimpleNamespace(name="scale-in", timeout=60),
            service=SimpleNamespace(name="ops", qualifier=""),
        )
    finally:
        os.environ.clear()
        os.environ.update(before)
