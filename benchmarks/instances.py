"""Instances of the deployed function before a local cloud over HTTPS, and their follow-ups.

The local cloud runs in this process, for its state and its queue decide what happens next; each
instance has a process of its own (benchmarks/serve.py). All use real time. Between invocations
the time can be moved on, for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from benchmarks.code import Code
from benchmarks.processes import WarmProcess, warm_process
from localcloud.authenticator import Authenticator
from localcloud.clock import SystemClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.server import LocalCloud, running

KEY = "benchmark"
FOLLOW_UP_KEY = "a key for benchmarks that is long enough"
SERVE = ("-m", "serve")


class MovedClock(SystemClock):
    """Real time, and the seconds that were skipped."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_seconds)

    def move_to(self, moment: datetime) -> None:
        """Skips the time until then, if there is any."""
        self.ahead_seconds += max(0.0, (moment - self.now()).total_seconds())


class LivingCloud(NamedTuple):
    """A local cloud, its queue of follow-ups, and where both are."""

    inside: LocalCloud
    queue: InvocationQueue
    clock: MovedClock
    endpoint: str


class Instance:
    """One instance of the function, and what it is billed."""

    def __init__(self, process: WarmProcess, clock: MovedClock) -> None:
        self.wall_seconds: list[float] = []  # of each invocation
        self.cpu_seconds = 0.0
        self.raised = 0
        self.connections = 0  # to ESS, that it tried to open
        self.last_status_by_id: dict[str, str] = {}
        self._process = process
        self._clock = clock

    def serve(self, event: bytes) -> None:
        """Makes one invocation."""
        line = json.dumps({"event": event.decode(), "ahead": self._clock.ahead_seconds})
        result = self._process.exchange(line.encode())
        self.wall_seconds.append(result["wall"])
        self.cpu_seconds += result["cpu"]
        self.raised += result["raised"]
        self.connections += result["connections"]
        self.last_status_by_id |= result["statuses"]


@contextmanager
def living_cloud(code: Code, fleet: dict[str, Any]) -> Iterator[LivingCloud]:
    """Runs a local cloud with this fleet, which queues invocations and delivers none."""
    clock = MovedClock()
    queue = InvocationQueue(clock)
    service = service_of(fleet, clock, Assumptions())
    cloud = LocalCloud(service, Authenticator(KEY, KEY), functions=queue)
    certificate = (str(code.authority.server_certificate), str(code.authority.server_key))
    with running(cloud, certificate) as address:
        endpoint = f"https://localhost:{address.rpartition(':')[2]}"
        yield LivingCloud(cloud, queue, clock, endpoint)


@contextmanager
def instance(
    code: Code, cloud: LivingCloud, policy: dict[str, Any], ess_endpoint: str = ""
) -> Iterator[Instance]:
    """Starts an instance with follow-ups. `ess_endpoint`: of ESS, if that is somewhere else."""
    variables = {
        "SCALEIN_POLICY": json.dumps(policy),
        "SCALEIN_ESS_ENDPOINT": ess_endpoint or cloud.endpoint,
        "SCALEIN_FC_ENDPOINT": cloud.endpoint,
        "SCALEIN_FOLLOW_UP_KEY": FOLLOW_UP_KEY,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY,
    }
    program = code.scalein._replace(arguments=SERVE)
    with warm_process(code, variables, program=program) as process:
        yield Instance(process, cloud.clock)


def follow(instance: Instance, cloud: LivingCloud, until: datetime | None = None) -> None:
    """Delivers follow-ups when they are due, one after the other: all, or those until then."""
    while (due := cloud.queue.next_due()) is not None and (until is None or due <= until):
        cloud.clock.move_to(due)
        cloud.queue.deliver(lambda invocation: instance.serve(invocation.event))
