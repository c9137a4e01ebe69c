"""Log rows of an invocation, as Function Compute delivers them to Simple Log Service.

Each line that a function writes is a row, with its text in `message`. No row of a function's lines
has the request id: lines of the platform around them do. A row of request metrics follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_LINE_BYTES = 32 << 10  # the platform cuts longer lines
# With the rule DefaultRegex, only such a line begins a row (help page "LogConfig").
BEGINS_ROW = re.compile(r"\s*\d{4}-\d{2}-\d{2}")

Row = dict[str, str | int]


class Invocation(NamedTuple):
    """What the platform knows of an invocation."""

    service_name: str  # empty: of Function Compute 3.0
    function_name: str
    qualifier: str
    version_id: str
    request_id: str
    instance_id: str
    seconds: float
    memory_mb: int
    max_memory_used_mb: float
    has_function_error: bool
    is_cold_start: bool


def rows_of(
    invocation: Invocation, output: bytes, time: int, begin_rule: str = "None"
) -> list[Row]:
    """The rows of an invocation that wrote `output`; `time` in seconds, as all rows have it."""
    common: Row = {
        "__time__": time,
        "functionName": invocation.function_name,
        "qualifier": invocation.qualifier,
        "versionId": invocation.version_id,
        "instanceID": invocation.instance_id,
    }
    name = invocation.function_name
    if invocation.service_name:
        common["serviceName"] = invocation.service_name
    topic = invocation.service_name or f"FCLogs:{name}"
    lines: list[Row] = [
        {**common, "__topic__": topic, "message": text} for text in _texts(output, begin_rule)
    ]
    return [*lines, {**common, **_metrics(invocation)}]


def _texts(output: bytes, begin_rule: str) -> Iterator[str]:
    """Yields the text of each row; with a rule, lines without a date belong to the one before."""
    text = ""
    for line in output.split(b"\n"):
        cut = line[:MAX_LINE_BYTES].decode("utf-8", "replace")
        if not cut.strip():
            continue
        is_new = begin_rule != "DefaultRegex" or BEGINS_ROW.match(cut)
        if text and is_new:
            yield text
            text = ""
        text = f"{text}\n{cut}" if text else cut
    if text:
        yield text


def _metrics(invocation: Invocation) -> Row:
    """The row of the invocation's metrics (help page "Request-level metric logs")."""
    return {
        "__topic__": f"FCRequestMetrics:{invocation.service_name}/{invocation.function_name}",
        "requestId": invocation.request_id,
        "durationMs": f"{invocation.seconds * 1_000:.2f}",
        "memoryMB": str(invocation.memory_mb),
        "memoryUsageMB": f"{invocation.max_memory_used_mb:.2f}",
        "hasFunctionError": str(invocation.has_function_error).lower(),
        "isColdStart": str(invocation.is_cold_start).lower(),
        "statusCode": "200",
    }
