"""Makes invocations in a new process, as Function Compute does: import, initialize, handler.

`python -m invoke`, with the package on PYTHONPATH, and SCALEIN_* and ALIBABA_CLOUD_* in the
environment. Each line of the standard input is an event. For each it prints a line of JSON: the
outcome's status, and the wall and processor seconds of the handler. With the argument `own`, it
also prints the seconds in which no call to ESS ran.
"""

import json
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

import index


def main() -> None:
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the function logs
    context = SimpleNamespace(
        region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
    )
    index.initialize(context)
    calls = _timed_calls() if sys.argv[1:] == ["own"] else None
    for event in sys.stdin.buffer:
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = index.handler(event, context)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        result = {"status": _status(outcome), "wall": wall, "cpu": cpu}
        if calls is not None:
            result["own"] = wall - calls.take().waiting_seconds
        print(json.dumps(result), file=results, flush=True)


def _status(outcome: dict[str, Any]) -> Any:
    """The status of one message, or the summary of a batch."""
    return outcome.get("status") or outcome["summary"]


def _timed_calls() -> Any:
    """Has the SDK's client time its calls; returns the timer."""
    import scalein.cloud.sdk
    from scalein.clock import SystemClock
    from scalein.timing import CallTimer

    client_class = vars(scalein.cloud.sdk)["AcsClient"]
    timer, send = CallTimer(SystemClock()), client_class.do_action_with_exception

    def timed(client: Any, request: Any) -> Any:
        with timer.call(request.get_action_name()):
            return send(client, request)

    client_class.do_action_with_exception = timed
    return timer


if __name__ == "__main__":
    main()
