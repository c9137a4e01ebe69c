"""Makes invocations in a new process, as Function Compute does: import, initialize, handler.

`python -m invoke`, with the package on PYTHONPATH, and SCALEIN_* and ALIBABA_CLOUD_* in the
environment. Each line of the standard input is an event; for each it prints the outcome's status,
and the wall and processor seconds of the handler, as a line of JSON.
"""

import json
import os
import sys
import time
from types import SimpleNamespace

import index


def main() -> None:
    results = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the function logs
    context = SimpleNamespace(
        region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
    )
    index.initialize(context)
    for event in sys.stdin.buffer:
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = index.handler(event, context)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        status = outcome.get("status") or outcome["summary"]
        print(json.dumps({"status": status, "wall": wall, "cpu": cpu}), file=results, flush=True)


if __name__ == "__main__":
    main()
