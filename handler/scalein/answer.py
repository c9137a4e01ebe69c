"""The only module that knows how large an answer may be, and what is left out of one that would be larger. Pure.

A destination of an asynchronous invocation in MNS takes 64 KB, and the answer travels in it as text within JSON.
Whatever is left out here stands in the audit lines.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scalein.model import Outcome, Status

MAX_BYTES = 62 << 10  # 64 KB less what the destination wraps around it
SMALLEST_KEPT = 40  # bytes of {"id": ..., "reason": ...}
LOUD = (Status.REMOVING.value, Status.TRY_LATER.value, Status.DRY_RUN.value)
SHORT = ("status", "scalingGroupId", "requestId", "removed", "scalingActivityIds")

Json = dict[str, Any]


def of_one(outcome: Outcome) -> Json:
    """The outcome; without its kept list where that would be too much."""
    told = outcome.as_json()
    return told if _fits(told) else outcome.as_json(with_kept=False)


def of_batch(outcomes: Sequence[Outcome]) -> Json:
    """All outcomes in order, and a summary that says what was left out: kept lists, then all but ids, then the quiet
    outcomes from the end.
    """
    summary: Json = {
        "messages": len(outcomes),
        "byStatus": dict(Counter(outcome.status.value for outcome in outcomes)),
        "removed": sum(len(outcome.removed) for outcome in outcomes if outcome.status is Status.REMOVING),
        "keptOmitted": False,
        "detailOmitted": False,
        "outcomesOmitted": 0,
    }
    if sum(len(outcome.plan.kept) for outcome in outcomes if outcome.plan) * SMALLEST_KEPT < MAX_BYTES:
        whole = {"outcomes": [outcome.as_json() for outcome in outcomes], "summary": summary}
        if _fits(whole):
            return whole
    summary["keptOmitted"] = True
    told = [outcome.as_json(with_kept=False) for outcome in outcomes]
    if _fits({"outcomes": told, "summary": summary}):
        return {"outcomes": told, "summary": summary}
    summary["detailOmitted"] = True
    told = _as_many_as_fit([{name: outcome[name] for name in SHORT} for outcome in told], MAX_BYTES - _size(summary))
    summary["outcomesOmitted"] = len(outcomes) - len(told)
    return {"outcomes": told, "summary": summary}


def http(answer: Json, rejected: bool) -> Json:
    """The reply of an HTTP trigger: 400 for a request that is wrong, so that its sender sees it."""
    return {
        "statusCode": 400 if rejected else 200,
        "headers": {"Content-Type": "application/json"},
        "isBase64Encoded": False,
        "body": json.dumps(answer),
    }


def _fits(answer: Json) -> bool:
    if len(json.dumps(answer)) > MAX_BYTES:
        return False  # quickly: it only grows from here
    return _size(answer) <= MAX_BYTES


def _size(answer: Json) -> int:
    """Bytes, as Function Compute writes a returned object, within a JSON text."""
    return len(json.dumps(json.dumps(answer, indent=4, sort_keys=True)))


def _as_many_as_fit(told: list[Json], room: int) -> list[Json]:
    """Those in which something happened come first, and all of them stay in order."""
    kept = set()
    for index in sorted(range(len(told)), key=lambda index: (told[index]["status"] not in LOUD, index)):
        room -= _size({"outcomes": [told[index]]})
        if room < 0:
            break
        kept.add(index)
    return [outcome for index, outcome in enumerate(told) if index in kept]
