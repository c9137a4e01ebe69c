"""What ESS costs while it fails: billed seconds and calls for messages, none of which is lost.

`python -m benchmarks.outage`; `--before FOLDER` measures another version's folder of the function
too (its `handler`). Each figure is of a new process: one instance of the function with follow-ups,
which takes one event after the other.

All in real time, so a version that waits long gets fewer messages. Only the ten minutes are not:
there the clock is moved on by each pause, and to when the next follow-up is due.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import click
from rich.console import Console

from benchmarks.timing import Row, print_table

ROOT = Path(__file__).parent.parent
KEY = "benchmark"
FOLLOW_UP_KEY = "a key for benchmarks, long enough"
GROUPS, GROUP_SIZE = 20, 10
ACTIONS = (
    "DescribeScalingGroups",
    "DescribeScalingInstances",
    "DescribeScalingActivities",
    "RemoveInstances",
)
OUTAGE_SECONDS = 600.0
SLOW_SECONDS = 3.0
ALWAYS = 10**9
MAX_BILLED_SECONDS, MAX_CALLS = 15.0, 60  # for a hundred messages, while ESS fails


class Scenario(NamedTuple):
    title: str
    fault: str  # of the local cloud; refused: a closed port; hang: no answer ever
    messages: int
    messages_before: int  # 0: it would take hours
    mode: str = "events"  # or batch: in one event; or outage: until all are done


SCENARIOS = (
    Scenario("ESS refuses connections", "refused", 100, 2),
    Scenario("ESS answers 503", "unavailable", 100, 2),
    Scenario("ESS throttles", "throttled", 100, 2),
    Scenario("ESS accepts and never answers", "hang", 100, 2),
    Scenario("ESS answers after 3 s", "slow", 5, 5),
    Scenario("ESS refuses connections, one event", "refused", 100, 100, "batch"),
    Scenario("ESS answers 503, one event", "unavailable", 100, 100, "batch"),
    Scenario("ESS answers 503 for ten minutes, with follow-ups", "unavailable", 100, 0, "outage"),
)


class SkippingClock:
    """Real time, and the pauses that were skipped, if any are."""

    def __init__(self, skips: bool) -> None:
        self.skips = skips
        self.skipped_seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self.skipped_seconds)

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped_seconds

    def sleep(self, seconds: float) -> None:
        if self.skips:
            self.skipped_seconds += max(0.0, seconds)
        else:
            time.sleep(seconds)


class Function:
    """One instance of the function, and what it is billed."""

    def __init__(self, clock: SkippingClock) -> None:
        self.clock = clock
        self.billed_seconds = 0.0
        self.raised = 0
        self.last_status_by_id: dict[str, str] = {}

    def invoke(self, event: bytes) -> None:
        import index

        context = SimpleNamespace(
            request_id="bench",
            region="cn-hangzhou",
            account_id="1",
            function=SimpleNamespace(name="scale-in", timeout=60),
            service=SimpleNamespace(name="ops", qualifier="LATEST"),
        )
        began = self.clock.monotonic()
        try:
            response = index.serve(event, context, self.clock)
        except index.TryLaterError as error:
            self.raised += 1
            response = json.loads(str(error))
        self.billed_seconds += self.clock.monotonic() - began
        for outcome in response.get("outcomes", [response]):
            self.last_status_by_id[outcome["requestId"]] = outcome["status"]


def request_of(number: int) -> dict[str, Any]:
    group_id = f"asg-{number % GROUPS:02}"
    return {"scalingGroupId": group_id, "remove": {"count": 1}, "requestId": f"m-{number}"}


def events_of(count: int, is_batch: bool) -> list[bytes]:
    documents = [request_of(number) for number in range(count)]
    if not is_batch:
        return [json.dumps(document).encode() for document in documents]
    queued = {"specversion": "1.0", "type": "mns:Queue:SendMessage"}
    events = []
    for document in documents:
        data = {"messageId": document["requestId"], "messageBody": json.dumps(document)}
        events.append({**queued, "id": document["requestId"], "data": data})
    return [json.dumps(events).encode()]


def fleet() -> dict[str, Any]:
    sizes = {"minSize": 0, "maxSize": 100, "desiredCapacity": GROUP_SIZE}
    groups = [
        {
            "scalingGroupId": f"asg-{group:02}",
            **sizes,
            "instances": [
                {"instanceId": f"i-{group:02}-{n:02}", "createdTime": "2026-01-01T00:00:00Z"}
                for n in range(GROUP_SIZE)
            ],
        }
        for group in range(GROUPS)
    ]
    return {"activitySeconds": 5, "groups": groups}


def measure(fault: str, mode: str, count: int) -> dict[str, Any]:
    """The figures of one scenario, in this process."""
    from localcloud.authenticator import Authenticator
    from localcloud.ess.model import Assumptions
    from localcloud.fleet import service_of
    from localcloud.functions.invocation_queue import InvocationQueue
    from localcloud.server import LocalCloud, running

    logging.disable(logging.CRITICAL)
    clock = SkippingClock(skips=mode == "outage")
    function = Function(clock)
    queue = InvocationQueue(clock)
    cloud = LocalCloud(
        service_of(fleet(), clock, Assumptions()), Authenticator(KEY, KEY), functions=queue
    )
    is_at_cloud = fault not in ("refused", "hang")
    for action in ACTIONS if is_at_cloud else ():
        cloud.faults.add(fault, action, ALWAYS, SLOW_SECONDS)
    with running(cloud) as endpoint, ess_at(fault, endpoint) as (ess_endpoint, other_calls):
        os.environ.update(variables_of(ess_endpoint, endpoint))
        for event in events_of(count, mode == "batch"):
            function.invoke(event)
        if mode == "outage":
            follow(function, queue, until_seconds=OUTAGE_SECONDS)
            cloud.faults.clear()
            follow(function, queue, until_seconds=86_400)
        calls = cloud.faults.occurrences.total() if is_at_cloud else other_calls()
        removed = {id for a in cloud.service.activities.values() for id in a.requested_ids}
    return {
        "billedSeconds": function.billed_seconds,
        "calls": calls,
        "raised": function.raised,
        "statuses": Counter(function.last_status_by_id.values()),
        "removed": len(removed),
    }


def follow(function: Function, queue: Any, until_seconds: float) -> None:
    """Delivers follow-ups when they are due, one after the other, until then."""
    end = function.clock.now() + timedelta(seconds=until_seconds)
    while (due := queue.next_due()) is not None and due <= end:
        function.clock.sleep((due - function.clock.now()).total_seconds())
        queue.deliver(lambda invocation: function.invoke(invocation.event))


def variables_of(ess_endpoint: str, endpoint: str) -> dict[str, str]:
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY,
        "SCALEIN_ESS_ENDPOINT": ess_endpoint,
        "SCALEIN_FC_ENDPOINT": endpoint,
        "SCALEIN_FOLLOW_UP_KEY": FOLLOW_UP_KEY,
        "SCALEIN_POLICY": json.dumps({"groups": {f"asg-{n:02}": {} for n in range(GROUPS)}}),
    }


@contextmanager
def ess_at(fault: str, endpoint: str) -> Iterator[tuple[str, Callable[[], int]]]:
    """Yields where ESS is, and how many calls it had if it is not the local cloud."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        place, calls = "{}:{}".format(*address), Counter[str]()
        if fault == "hang":
            threading.Thread(target=_hang, args=(listener, calls), daemon=True).start()
            yield place, calls.total
        elif fault == "refused":
            listener.close()

            def count(name: str, arguments: tuple[Any, ...]) -> None:
                if name == "socket.connect" and arguments[1] == address:
                    calls["connect"] += 1

            sys.addaudithook(count)
            yield place, calls.total
        else:
            yield endpoint, calls.total


def _hang(listener: socket.socket, calls: Counter[str]) -> None:
    """Accepts connections, counts them as calls, and answers nothing: none is used twice."""
    connections = []
    with suppress(OSError):
        while True:
            connections.append(listener.accept()[0])
            calls["accept"] += 1


def run(scenario: Scenario, folder: Path, count: int) -> dict[str, Any]:
    """The figures of one scenario, by the handler in the folder, in a new process."""
    command = [sys.executable, "-m", "benchmarks.outage", "--scenario"]
    path = os.pathsep.join([str(folder / "handler"), str(ROOT)])
    process = subprocess.run(
        [*command, scenario.fault, scenario.mode, str(count)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise click.ClickException(process.stderr[-2_000:])
    figures: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return figures


def text_of(figures: dict[str, Any], count: int) -> str:
    statuses = ", ".join(f"{number} {name}" for name, number in figures["statuses"].items())
    raised = f", {figures['raised']} invocations raised" if figures["raised"] else ""
    return (
        f"{count} messages: {figures['billedSeconds']:,.1f} s, {figures['calls']:,} calls"
        f" ({statuses}{raised})"
    )


def is_cheap(figures: dict[str, Any], scenario: Scenario) -> bool:
    is_lost = scenario.mode == "outage" and figures["removed"] < scenario.messages
    is_dear = figures["billedSeconds"] > MAX_BILLED_SECONDS or figures["calls"] > MAX_CALLS
    return not (is_lost or is_dear or figures["raised"])


def rows(folder: Path, before: Path | None, console: Console) -> Iterator[Row]:
    for scenario in SCENARIOS:
        with console.status(f"{scenario.title} ..."):
            figures = run(scenario, folder, scenario.messages)
            is_met = None if scenario.fault == "slow" else is_cheap(figures, scenario)
            goal = "" if is_met is None else f"{MAX_BILLED_SECONDS:.0f} s, {MAX_CALLS} calls"
            yield Row(scenario.title, text_of(figures, scenario.messages), goal, is_met)
            if before and scenario.messages_before:
                count = scenario.messages_before
                yield Row("  before", text_of(run(scenario, before, count), count))


@click.command()
@click.option("--before", type=click.Path(path_type=Path, exists=True), help="Another version.")
@click.option("--scenario", nargs=3, hidden=True)
def main(before: Path | None, scenario: tuple[str, str, str] | None) -> None:
    """Measures and prints one table."""
    if scenario:
        fault, mode, count = scenario
        print(json.dumps(measure(fault, mode, int(count))))
        return
    console = Console()
    table = list(rows(ROOT, before, console))
    print_table(table, console, "Billed seconds and calls while ESS fails")


if __name__ == "__main__":
    main()
