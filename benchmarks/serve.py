"""Serves events in a new process, by a clock that its parent moves on: import, initialize, serve.

`python -m serve`, with the package on PYTHONPATH, and SCALEIN_* and ALIBABA_CLOUD_* in the
environment. Each line of the standard input is {"event": TEXT, "ahead": SECONDS that the clock is
ahead of real time}. For each it prints a line of JSON: the wall and processor seconds of the
invocation, whether it raised, each message's status, and how many connections to ESS it tried to
open.
"""

import json
import os
import sys
import time
from collections import Counter
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import index
from scalein.clock import SystemClock


class Clock(SystemClock):
    """Real time, and the seconds that were skipped."""

    ahead_seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.ahead_seconds)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_seconds


def main() -> None:
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the function logs
    context = SimpleNamespace(  # of Function Compute 3.0: without a service
        region="cn-hangzhou",
        account_id="1234567890123456",
        request_id="bench",
        function=SimpleNamespace(name="scale-in", timeout=60, qualifier="LATEST"),
    )
    connections, clock = _connections(), Clock()
    port = int(os.environ["SCALEIN_ESS_ENDPOINT"].rpartition(":")[2])
    index.initialize(context)
    for line in sys.stdin:
        invocation = json.loads(line)
        clock.ahead_seconds = invocation["ahead"]
        connections.clear()
        result = _result(invocation["event"].encode(), context, clock)
        result["connections"] = connections[port]
        print(json.dumps(result), file=results, flush=True)


def _result(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """Makes one invocation."""
    has_raised, wall, cpu = False, time.perf_counter(), time.process_time()
    try:
        response = index.serve(event, context, clock)
    except index.TryLaterError as error:
        has_raised, response = True, json.loads(str(error))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    outcomes = response.get("outcomes", [response])
    statuses = {outcome["requestId"]: outcome["status"] for outcome in outcomes}
    return {"wall": wall, "cpu": cpu, "raised": has_raised, "statuses": statuses}


def _connections() -> Counter[int]:
    """Counts, by port, the connections that this process tries to open from now on."""
    connections = Counter[int]()

    def count(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "socket.connect" and isinstance(arguments[1], tuple):
            connections[arguments[1][1]] += 1

    sys.addaudithook(count)
    return connections


if __name__ == "__main__":
    main()
