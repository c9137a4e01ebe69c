"""The only module that writes the audit line: one for each outcome, JSON, readable by Simple Log Service."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from scalein.decision.model import RankedBy
from scalein.decision.reasons import Ignored, Status
from scalein.report.outcome import Outcome
from scalein.report.response import Json, cut, ranked_by_json, valid, versions
from scalein.timing import CallTimes

MAX_BYTES = 16_000  # 16 KB less what the platform writes before it
MAX_REASON_BYTES = 3_000
LOUD = {
    Status.REJECTED: logging.WARNING,
    Status.EXPIRED: logging.WARNING,
    Status.RETRY: logging.WARNING,
    Status.REFUSED: logging.ERROR,
    Status.PARTLY_REMOVED: logging.WARNING,
    Status.FAILED: logging.ERROR,
    Status.UNCONFIRMED: logging.ERROR,
}
QUIET = (Ignored.RECOVERY, Ignored.SELF_TRIGGERED)


def record(outcome: Outcome, function_request_id: str, spent: CallTimes) -> None:
    """Logs the outcome."""
    _log(_level(outcome), line(outcome, function_request_id, spent))


def record_choice(
    scaling_group_id: str,
    choices: Sequence[tuple[str, RankedBy]],
    function_request_id: str,
    spent: CallTimes,
) -> None:
    """Logs what a custom scale-in policy was answered."""
    told = {
        **_head(function_request_id, spent),
        "status": "custom-policy",
        "scalingGroupId": scaling_group_id,
        "rankedBy": [ranked_by_json(id, choice) for id, choice in choices],
        "omitted": {},
    }
    text = json.dumps(valid(told))
    if len(text) > MAX_BYTES:
        text = json.dumps({**told, "rankedBy": [], "omitted": {"rankedBy": len(choices)}})
    _log(logging.INFO, text)


def _log(level: int, text: str) -> None:
    logger = logging.getLogger("scalein.audit")
    logger.setLevel(
        logging.INFO
    )  # an audit line does not vanish because somebody wants a quieter root logger
    logger.log(level, text)


def _level(outcome: Outcome) -> int:
    if outcome.ignored and outcome.ignored not in QUIET:
        return logging.WARNING  # an alarm that nobody heeds is worth a look
    return LOUD.get(outcome.status, logging.INFO)


def line(outcome: Outcome, function_request_id: str, spent: CallTimes) -> str:
    """JSON text of 16,000 bytes at most: as much of the outcome as fits."""
    head = {**_head(function_request_id, spent), "reason": cut(outcome.reason, MAX_REASON_BYTES)}
    text = ""
    for told in versions(outcome, MAX_BYTES):
        text = json.dumps(valid({**head, **told}))
        if len(text) <= MAX_BYTES:
            break
    return text


def _head(function_request_id: str, spent: CallTimes) -> Json:
    """What every line begins with. Names stay as they are within a version (docs/observability.md)."""
    return {
        "audit": "scalein/1",
        "functionRequestId": function_request_id,
        "milliseconds": round(spent.seconds * 1_000),
        "waitingMilliseconds": round(spent.waiting_seconds * 1_000),
        "calls": {
            name: {"number": number, "milliseconds": round(seconds * 1_000)}
            for name, (number, seconds) in spent.calls.items()
        },
    }
