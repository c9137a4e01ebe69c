"""The billed time of a removal of two hundred instances, over HTTPS, in calls of 20.

The group runs one activity at a time, and follow-ups carry on. The local cloud answers, for its
state decides what the next call does: a part of the time is its own, in this process.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import datetime, timezone
from types import SimpleNamespace

import index
from benchmarks.clouds import GROUP_ID, POLICY, fleet_document, removal_event
from benchmarks.code import Code
from benchmarks.command import command_for
from benchmarks.timing import Row, at_most
from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.server import LocalCloud, running
from scalein.clock import SystemClock

CALL_SECONDS = 0.005  # that the cloud takes for each call
INSTANCES, REMOVED, CALLS = 300, 200, 10
KEY = "benchmark"
MAX_SECONDS_FOR_EACH_CALL = 0.2


def figures(code: Code, _repeats: int) -> list[Row]:
    """Time in the function, and invocations, for each call of 20."""
    clock = DrivenClock(datetime.now(timezone.utc))
    fleet = fleet_document(INSTANCES, min_size=0, is_parallel=False)
    service = service_of(fleet, clock, Assumptions())
    cloud = LocalCloud(service, Authenticator(KEY, KEY), functions=InvocationQueue(clock))
    cloud.faults.add("slow", times=1_000_000, seconds=CALL_SECONDS)
    certificate = (str(code.authority.server_certificate), str(code.authority.server_key))
    durations: list[float] = []
    with running(cloud, certificate) as address, _function_at(code, address) as context:
        assert cloud.functions

        def serve(event: bytes) -> None:
            started_at = time.perf_counter()
            with _silence():
                index.serve(event, context, CloudClock(clock))
            durations.append(time.perf_counter() - started_at)

        serve(removal_event("billing", REMOVED))
        while (due := cloud.functions.next_due()) is not None:
            clock.advance(max(0.0, (due - clock.now()).total_seconds()))
            cloud.functions.deliver(lambda invocation: serve(invocation.event))
        calls = len(service.activities)
        assert calls == CALLS and len(service.groups[GROUP_ID].instances) == INSTANCES - REMOVED
    return [
        at_most(
            f"{REMOVED} of {INSTANCES}, billed time for each call of 20",
            sum(durations) / calls,
            MAX_SECONDS_FOR_EACH_CALL,
            "{:.3f} s",
        ),
        Row(
            f"{REMOVED} of {INSTANCES}, invocations for each call of 20",
            f"{len(durations) / calls:.1f}",
        ),
    ]


class CloudClock(SystemClock):
    """A clock with the time of day of the cloud, and real time spans."""

    def __init__(self, clock: DrivenClock) -> None:
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now()


@contextmanager
def _silence() -> Iterator[None]:
    """Has what the function logs made, and not printed."""
    lines = io.StringIO()
    with redirect_stdout(lines), redirect_stderr(lines):
        yield


@contextmanager
def _function_at(code: Code, address: str) -> Iterator[SimpleNamespace]:
    """The context of a function whose environment names this address."""
    endpoint = f"https://localhost:{address.rpartition(':')[2]}"
    bundle = str(code.trust_bundle)
    variables = {
        "SCALEIN_POLICY": json.dumps(POLICY),
        "SCALEIN_ESS_ENDPOINT": endpoint,
        "SCALEIN_FC_ENDPOINT": endpoint,
        "SCALEIN_FOLLOW_UP_KEY": "a key for benchmarks that is long enough",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY,
        "ALIBABA_CLOUD_CA_BUNDLE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
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


main = command_for("Billed time of a long removal", 1, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.billing")
