"""Writes the audit line: one JSON line for each outcome, readable by Simple Log Service."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from scalein.decision.model import RankedBy
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.report.outcome import Json, Outcome, ranked_by_json
from scalein.report.response import encodable, forms
from scalein.timing import CallTimes

VERSION = "scalein/2"  # fields keep their names within a version (docs/observability.md)
MAX_BYTES = 16_000  # 16 KB less what the platform writes before it
LEVELS = {  # the other statuses have INFO
    Status.REJECTED: logging.WARNING,
    Status.EXPIRED: logging.WARNING,
    Status.SUPERSEDED: logging.WARNING,
    Status.RETRY: logging.WARNING,
    Status.REFUSED: logging.ERROR,
    Status.PARTLY_REMOVED: logging.WARNING,
    Status.FAILED: logging.ERROR,
    Status.UNCONFIRMED: logging.ERROR,
}
ERRORS = (  # of BLOCKED: a person must act on these; the other reasons pass by themselves
    Reason.GROUP_NOT_ACTIVE,
    Reason.SCALE_IN_SUSPENDED,
    Reason.UNKNOWN_REMOVAL_POLICY,
    Reason.UNHEALTHY_GROUP,
    Reason.PARTIAL_DENIED,
)
EXPECTED = (Ignored.RECOVERY, Ignored.SELF_TRIGGERED, Ignored.NO_SCALING_GROUP)


def record(outcome: Outcome, function_request_id: str, times: CallTimes) -> None:
    """Logs the outcome as one audit line."""
    _log(_level(outcome), line(outcome, function_request_id, times))


def record_choice(
    scaling_group_id: str,
    ranked: Sequence[tuple[str, RankedBy]],
    policy: Json,
    function_request_id: str,
    times: CallTimes,
) -> None:
    """Logs the answer to a custom scale-in policy as one audit line. `policy`: of `policy_json`."""
    fields = {
        **_envelope(function_request_id, times),
        "status": "custom-policy",
        "scalingGroupId": scaling_group_id,
        "rankedBy": ranked_by_json(ranked),
        **policy,
        "omitted": {},
    }
    text = json.dumps(encodable(fields))
    if len(text) > MAX_BYTES:
        text = json.dumps({**fields, "rankedBy": [], "omitted": {"rankedBy": len(ranked)}})
    _log(logging.INFO, text)


def line(outcome: Outcome, function_request_id: str, times: CallTimes) -> str:
    """The audit line: JSON text of at most 16,000 bytes, as much of the outcome as fits."""
    envelope = _envelope(function_request_id, times)
    text = ""
    for fields in forms(outcome, MAX_BYTES):
        text = json.dumps(encodable({**envelope, **fields}))
        if len(text) <= MAX_BYTES:
            break
    return text


def _log(level: int, text: str) -> None:
    logger = logging.getLogger("scalein.audit")
    logger.setLevel(logging.INFO)  # a quieter root logger does not silence audit lines
    logger.log(level, text)


def _level(outcome: Outcome) -> int:
    if outcome.ignored and outcome.ignored not in EXPECTED:
        return logging.WARNING  # an alarm without a rule is worth a look
    veto = outcome.plan and outcome.plan.blocked_by
    if outcome.status is Status.BLOCKED and veto and veto.reason in ERRORS:
        return logging.ERROR
    return LEVELS.get(outcome.status, logging.INFO)


def _envelope(function_request_id: str, times: CallTimes) -> Json:
    """What an audit line has besides the outcome."""
    calls = {
        name: {"count": count, "milliseconds": round(seconds * 1_000)}
        for name, (count, seconds) in times.calls.items()
    }
    return {
        "audit": VERSION,
        "functionRequestId": function_request_id,
        "durations": {
            "totalMilliseconds": round(times.seconds * 1_000),
            "waitingMilliseconds": round(times.waiting_seconds * 1_000),
            "calls": calls,
        },
    }
