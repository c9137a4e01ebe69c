"""Time of parsing one message of each sender, and of batches for a group at MinSize."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

from benchmarks.clouds import GROUP_ID, prepared_cloud
from benchmarks.code import ROOT, Code
from benchmarks.command import command_for
from benchmarks.processes import warm_process
from benchmarks.timing import Row, at_most, measure, span
from scalein.errors import RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import parse_event

BATCH = 1_000
MAX_BATCH_SECONDS = 2.0
MAX_MEDIAN_MILLISECONDS = 0.3
MAX_MESSAGE_MILLISECONDS = 0.6  # of the slowest dialect


def figures(code: Code, repeats: int) -> list[Row]:
    """The time of one message, without any call, and of batches over HTTPS."""
    return [*one_message(repeats), *batches(code)]


def one_message(repeats: int) -> list[Row]:
    """Time of unwrapping, parsing and validating, for every file of events/: median and slowest."""
    times = {}
    for path in sorted((ROOT / "events").glob("*.json")):
        if not path.stem.endswith(".expected"):
            event, count = path.read_bytes(), max(1, len(parse_event(path.read_bytes()).messages))
            times[path.stem] = _median(lambda event=event: _parse(event), repeats) / count  # type: ignore[misc]
    slowest = max(times, key=lambda name: times[name])
    figure, limit = f"... the slowest ({slowest})", MAX_MESSAGE_MILLISECONDS
    return [
        at_most(
            "parsing and validating one message, median of events/",
            statistics.median(times.values()),
            MAX_MEDIAN_MILLISECONDS,
            "{:.2f} ms",
        ),
        at_most(figure, times[slowest], limit, "{:.2f} ms"),
    ]


def batches(code: Code) -> list[Row]:
    """Time of a thousand messages for a group at MinSize: all different, or all the same."""
    rows = []
    for instances in (100, 1_000):
        for name, is_same in (("no headroom", False), ("duplicates", True)):
            with (
                prepared_cloud(code.folder, code.authority, instances, min_size=instances) as cloud,
                warm_process(code, cloud.variables) as process,
            ):
                process.invoke(_batch(is_same, 1))  # cold; it brings the server its answers
                cloud.take_counts()
                invocation = process.invoke(_batch(is_same, BATCH))
                counts = cloud.take_counts()
            summary = invocation.status
            assert summary["messages"] == BATCH and summary["removed"] == 0, summary
            figure = f"{BATCH:,} messages, {name}, group of {instances:,}"
            detail = (
                f"{invocation.cpu_seconds:.2f} s processor; "
                f"{span([sum(counts.calls.values())], 'call')} to ESS"
            )
            seconds = invocation.wall_seconds
            rows.append(at_most(figure, seconds, MAX_BATCH_SECONDS, "{:.2f} s", detail))
    return rows


def _batch(is_same: bool, size: int) -> bytes:
    """An event of so many messages: copies of one message, or each another."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    request = {"scalingGroupId": GROUP_ID, "remove": {"count": 1}}
    messages = []
    for number in range(size):
        id = f"{size}-{0 if is_same else number}"
        messages.append(
            {
                "id": f"event-{size}-{number}",
                "specversion": "1.0",
                "type": "mns:Queue:SendMessage",
                "time": now,
                "data": {"messageId": f"m-{id}", "messageBody": json.dumps(request)},
            }
        )
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


main = command_for("Messages and batches", 20, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.intake")
