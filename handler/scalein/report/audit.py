"""Writes the audit line: one JSON line for each outcome, which Simple Log Service can query.

It goes to standard output as it is. Lines of `logging` are no JSON once the platform has put time,
request id and level before them. Simple Log Service indexes the leaves of JSON objects, nothing
within lists, and analyses 2,048 bytes of a text: so what queries ask for stands first, in leaves;
`counts` has the lengths of lists, `asText` has maps as JSON text.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from scalein.decision.model import RankedBy
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.report.outcome import Json, Outcome, outcome_json, ranked_by_json
from scalein.report.response import encodable
from scalein.timing import CallTimes

VERSION = "scalein/3"  # fields keep their names within a version (docs/observability.md)
MAX_BYTES = 16_000  # of a line: 16 KB, of which Simple Log Service analyses no more, with a margin
MAX_HEADER_BYTES = 2_000  # of what a follow-on line has besides its list
MAX_SLICE_BYTES = MAX_BYTES - MAX_HEADER_BYTES
TYPICAL_SLICE = 240  # entries; those of `retained`, mostly the longest list, have 55 bytes
MAX_ENTRIES = 500  # of a list in the first line: a large one moves without being measured
HEADER = ("audit", "part", "parts", "requestId", "scalingGroupId", "functionRequestId")
PARTS_BYTES = 3  # by which the number of parts may be longer than "1"
LISTS = (  # in the order in which they move to follow-on lines, until the line fits
    "retained",
    "rankedBy",
    "pending",
    "selected",
    "accepted",
    "removed",
    "notRemoved",
    "unaccounted",
    "unconfirmed",
    "limits",
    "scalingActivityIds",
)
LEADING = (  # fields of the outcome that stand first, for queries
    "status",
    "requestId",
    "scalingGroupId",
    "originalStatus",
    "ignored",
    "ledger",
    "followUp",
    "blockedBy",
    "policy",
)
LEVELS = {  # the other statuses have INFO
    Status.REJECTED: "WARNING",
    Status.EXPIRED: "WARNING",
    Status.SUPERSEDED: "WARNING",
    Status.RETRY: "WARNING",
    Status.REFUSED: "ERROR",
    Status.PARTLY_REMOVED: "WARNING",
    Status.FAILED: "ERROR",
    Status.UNCONFIRMED: "ERROR",
}
ERRORS = (  # of BLOCKED: a person must act on these; the other reasons pass by themselves
    Reason.GROUP_NOT_ACTIVE,
    Reason.SCALE_IN_SUSPENDED,
    Reason.UNKNOWN_REMOVAL_POLICY,
    Reason.UNHEALTHY_GROUP,
    Reason.PARTIAL_DENIED,
)
EXPECTED = (
    *(Ignored.RECOVERY, Ignored.NO_DATA, Ignored.STAGE),
    *(Ignored.SELF_TRIGGERED, Ignored.NO_SCALING_GROUP),
)


def record(outcome: Outcome, function_request_id: str, times: CallTimes) -> None:
    """Writes the outcome as one audit line, and what does not fit in follow-on lines."""
    _write(lines(outcome, function_request_id, times))


def record_choice(
    scaling_group_id: str,
    ranked: Sequence[tuple[str, RankedBy]],
    policy: Json,
    function_request_id: str,
    times: CallTimes,
) -> None:
    """Writes the answer to a custom scale-in policy as one audit line, with follow-on lines.

    `policy`: of `policy_json`.
    """
    fields = {
        "level": "INFO",
        "status": "custom-policy",
        "scalingGroupId": scaling_group_id,
        "functionRequestId": function_request_id,
        "durations": _durations(times),
        "rankedBy": ranked_by_json(ranked),
        **policy,
        "omitted": {},
    }
    _write(_parts(fields))


def lines(outcome: Outcome, function_request_id: str, times: CallTimes) -> list[str]:
    """The audit line and its follow-on lines: JSON texts of at most 16,000 bytes, in ASCII.

    The first has every field of the outcome. A list that does not fit is empty there, with its
    length in `omitted`, and its entries are in the lines that follow.
    """
    fields = outcome_json(outcome)
    durations = _durations(times)
    as_text = {"retainedByReason": fields["retainedByReason"], "calls": durations["calls"]}
    return _parts(
        {
            "level": _level(outcome),
            **{name: fields[name] for name in LEADING},
            "functionRequestId": function_request_id,
            "counts": {name: len(fields[name]) for name in LISTS},
            "asText": {name: json.dumps(value) for name, value in as_text.items()},
            "durations": durations,
            **fields,
        }
    )


def _parts(fields: Json) -> list[str]:
    """The fields as one line, or as several of which the later ones have the lists."""
    fields = {"audit": VERSION, "part": 1, "parts": 1, **fields}
    moved = [name for name in LISTS if len(fields.get(name, ())) > MAX_ENTRIES]
    others = [name for name in LISTS if fields.get(name) and name not in moved]
    first = _text(_without(fields, moved))
    while others and len(first) > MAX_BYTES - PARTS_BYTES:
        moved.append(others.pop(0))
        first = _text(_without(fields, moved))
    if not moved:
        return [first]
    slices = [(name, text) for name in moved for text in _slices(fields[name])]
    header: Json = {name: fields[name] for name in HEADER if name in fields}
    parts = len(slices) + 1
    follow_on = (
        f'{_text({**header, "part": number, "parts": parts})[:-1]}, "{name}": {text}}}'
        for number, (name, text) in enumerate(slices, 2)
    )
    return [_text({**_without(fields, moved), "parts": parts}), *follow_on]


def _without(fields: Json, names: Sequence[str]) -> Json:
    """The fields with these lists empty, and their lengths in `omitted`."""
    emptied: Json = {name: [] for name in names}
    omitted = {name: len(fields[name]) for name in names}
    return {**fields, **emptied, "omitted": {**fields["omitted"], **omitted}}


def _slices(entries: list[Any], step: int = TYPICAL_SLICE) -> Iterator[str]:
    """Yields the entries as JSON lists that fit into a line, as many as `step` in each.

    Where absurdly long texts of ESS make an entry too large alone, its ids are left out (of a call
    in doubt, whose token matters more), or the entry.
    """
    for start in range(0, len(entries), step):
        some = entries[start : start + step]
        text = _text(some)
        if len(text) <= MAX_SLICE_BYTES:
            yield text
        elif len(some) > 1:
            fitting = len(some) * MAX_SLICE_BYTES // (len(text) + MAX_HEADER_BYTES)
            yield from _slices(some, max(1, fitting))
        elif "instanceIds" in some[0]:
            yield _text([{**some[0], "instanceIds": []}])


def _text(value: Json | list[Any]) -> str:
    """The value as JSON in ASCII, without halves of surrogate pairs."""
    text = json.dumps(value)
    return json.dumps(encodable({"": value}, text)[""]) if "\\ud" in text else text


def _write(texts: Sequence[str]) -> None:
    """Writes lines to standard output, or where it is broken to standard error.

    Each is one call of `write`: between two, another thread's line could come. An invocation never
    fails for its audit line, for its removal is done.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            for text in texts:
                stream.write(text + "\n")
                stream.flush()
        except (OSError, ValueError, AttributeError):  # broken; closed; none at all
            continue
        return


def _level(outcome: Outcome) -> str:
    if outcome.ignored and outcome.ignored not in EXPECTED:
        return "WARNING"  # an alarm without a rule is worth a look
    veto = outcome.plan and outcome.plan.blocked_by
    if outcome.status is Status.BLOCKED and veto and veto.reason in ERRORS:
        return "ERROR"
    return LEVELS.get(outcome.status, "INFO")


def _durations(times: CallTimes) -> Json:
    return {
        "totalMilliseconds": round(times.seconds * 1_000),
        "waitingMilliseconds": round(times.waiting_seconds * 1_000),
        "calls": {
            name: {"count": count, "milliseconds": round(seconds * 1_000)}
            for name, (count, seconds) in times.calls.items()
        },
    }
