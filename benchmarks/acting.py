"""Acting: a plain removal, in milliseconds and in answers, and what a removal of two hundred costs in billed time."""

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
from benchmarks.timing import Row, both
from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.server import LocalCloud, running
from scalein.clock import SystemClock
from scalein.ledger.memory import process_store
from scalein_cli.local import environment, local_cloud

ANSWER_SECONDS = 0.05
KEY = "benchmark"


def figures(folder: Path, repeats: int) -> list[Row]:
    sizes, answers = (10, 100, 1_000, 2_000), (0.0, ANSWER_SECONDS)
    rows = [
        row
        for answer in answers
        for size in sizes
        for row in warm(folder, size, answer, min(repeats, 15))
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


def warm(folder: Path, instances: int, answer_seconds: float, repeats: int) -> list[Row]:
    """A warm removal of one instance, the cloud holding back each answer for so long: wall, and processor time."""
    fleet = folder / "slow.json"
    fleet.write_text(json.dumps({"activitySeconds": 0, "groups": [group(instances)]}))
    slow = ("--fault", f"slow:*:1000000:{answer_seconds}") if answer_seconds else ()
    with local_cloud(fleet, *slow) as ready:
        os.environ.update(environment(ready, folder / "policy.json"))
        context = SimpleNamespace(
            region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
        )
        walls, processor = [], []
        process_store.cache_clear()  # of other clouds' removals
        for number in range(min(repeats, instances - 1) + 1):
            event = {
                "scalingGroupId": "asg-bench",
                "remove": {"count": 1},
                "requestId": f"trip-{instances}-{number}",
            }
            began, worked = time.perf_counter(), time.process_time()
            outcome = index.handler(json.dumps(event).encode(), context)
            walls.append(time.perf_counter() - began)
            processor.append(time.process_time() - worked)
            assert outcome["status"] == "removing", outcome
    what = f"warm removal, {instances:,} instances, answers of {answer_seconds * 1_000:.0f} ms"
    if not answer_seconds:
        return [
            (what, both(walls[1:]), ""),
            ("... processor time, which is billed", both(processor[1:]), ""),
        ]
    trips = [wall / answer_seconds for wall in walls[1:]]  # the first one is cold
    return [
        (
            what,
            f"{both(walls[1:])}: {statistics.median(trips):.2f} answers (best {min(trips):.2f})",
            "at most 2.3",
        )
    ]


def billed() -> list[Row]:
    """Two hundred leave a group that runs one activity at a time, at answers of 5 ms: time in the function."""
    clock = DrivenClock(datetime.now(timezone.utc))
    service = service_of({"groups": [group(300)]}, clock, Assumptions())
    cloud = LocalCloud(service, Authenticator(KEY, KEY), functions=InvocationQueue(clock))
    cloud.faults.add("slow", times=1_000_000, seconds=0.005)
    spent: list[float] = []
    with running(cloud) as endpoint, function_at(endpoint) as context:
        assert cloud.functions

        def serve(event: bytes) -> None:
            began = time.perf_counter()
            index.serve(event, context, Ahead(clock))
            spent.append(time.perf_counter() - began)

        serve(b'{"scalingGroupId": "asg-bench", "remove": {"count": 200}}')
        while (due := cloud.functions.next_due()) is not None:
            clock.advance(max(0.0, (due - clock.now()).total_seconds()))
            cloud.functions.deliver(lambda invocation: serve(invocation.event))
        calls = len(service.activities)
        assert calls == 10 and len(service.groups["asg-bench"].instances) == 100
    return [
        (
            "200 of 300, billed time for each call of 20",
            f"{sum(spent) / calls:.3f} s",
            "at most 0.2 s",
        ),
        ("200 of 300, invocations for each call of 20", f"{len(spent) / calls:.1f}", ""),
    ]


class Ahead(SystemClock):
    """Real time spans, and the time of day of the cloud."""

    def __init__(self, clock: DrivenClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@contextmanager
def function_at(endpoint: str) -> Iterator[SimpleNamespace]:
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
