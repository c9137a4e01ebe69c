"""Time of parsing one message of each sender, and of batches for a group at MinSize."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.timing import Row, measure
from scalein.errors import RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import parse_event
from scalein.ledger.memory import process_store
from scalein_cli.local import environment, local_cloud

ROOT = Path(__file__).parent.parent
BATCH = 1_000


def one_message(repeats: int) -> list[Row]:
    """Time of unwrapping, parsing and validating, for every file of events/: median and slowest."""
    times = {}
    for path in sorted((ROOT / "events").glob("*.json")):
        if not path.stem.endswith(".expected"):
            event, count = path.read_bytes(), max(1, len(parse_event(path.read_bytes()).messages))
            times[path.stem] = _median(lambda event=event: _parse(event), repeats) / count  # type: ignore[misc]
    slowest = max(times, key=lambda name: times[name])
    return [
        (
            "parsing and validating one message, median of events/",
            f"{statistics.median(times.values()):.2f} ms",
            "",
        ),
        (f"... the slowest ({slowest})", f"{times[slowest]:.2f} ms", "at most 0.5 ms"),
    ]


def batches(folder: Path, fleet: Callable[[Path, int], Path]) -> list[Row]:
    """Time of a thousand messages for a group at MinSize: all different, or all the same."""
    import index

    rows = []
    for instances in (100, 1_000):
        file = fleet(folder, instances)
        document = json.loads(file.read_bytes())
        document["groups"][0]["minSize"] = instances
        file.write_text(json.dumps(document))
        with local_cloud(file) as ready, _counted_calls() as calls:
            os.environ.update(environment(ready, folder / "policy.json"))
            context = SimpleNamespace(
                region="cn-hangzhou", request_id="bench", function=SimpleNamespace(timeout=60)
            )
            index.initialize(context)
            for name, same in (("no headroom", False), ("duplicates", True)):
                event = _batch(same)
                calls.clear()
                process_store.cache_clear()  # it has the batch before
                started_at = time.perf_counter()
                response = index.handler(event, context)
                wall = time.perf_counter() - started_at
                assert response["summary"]["messages"] == BATCH, response["summary"]
                assert response["summary"]["removed"] == 0, response["summary"]
                figure = f"{BATCH:,} messages, {name}, group of {instances:,}"
                rows.append((f"{figure}: {len(calls)} ESS calls", f"{wall:.2f} s", "at most 2 s"))
    return rows


def _batch(same: bool) -> bytes:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    request = {"scalingGroupId": "asg-bench", "remove": {"count": 1}}
    messages = [
        {
            "id": f"event-{number}",
            "specversion": "1.0",
            "type": "mns:Queue:SendMessage",
            "time": now,
            "data": {"messageId": f"m-{0 if same else number}", "messageBody": json.dumps(request)},
        }
        for number in range(BATCH)
    ]
    return json.dumps(messages).encode()


def _parse(event: bytes) -> None:
    for message in parse_event(event).messages:
        try:
            parse_message(message)
        except RejectedEvent:
            continue


def _median(work: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of the work, after a first time that is not counted."""
    work()
    return statistics.median(measure(work, repeats)) * 1_000


@contextmanager
def _counted_calls() -> Iterator[list[str]]:
    from aliyunsdkcore.client import AcsClient

    import scalein.cloud.sdk

    calls: list[str] = []

    class CountingClient(AcsClient):  # type: ignore[misc]
        def do_action_with_exception(self, request: Any) -> Any:
            calls.append(request.get_action_name())
            return super().do_action_with_exception(request)

    original = vars(scalein.cloud.sdk)["AcsClient"]
    vars(scalein.cloud.sdk)["AcsClient"] = CountingClient
    scalein.cloud.sdk.client.cache_clear()
    try:
        yield calls
    finally:
        vars(scalein.cloud.sdk)["AcsClient"] = original
        scalein.cloud.sdk.client.cache_clear()
