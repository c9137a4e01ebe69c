"""The only module that writes the audit line: one for each outcome, JSON, readable by Simple Log Service."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from scalein.answer import Json, as_json, choice_json
from scalein.model import Choice, Outcome
from scalein.reasons import Ignored, Status
from scalein.tally import Spent

MAX_BYTES = 30_000  # the platform cuts a line at 32 KB
MOST_KEPT = 750  # more would not fit, however short their ids
LOUD = {
    Status.REJECTED: logging.WARNING,
    Status.EXPIRED: logging.WARNING,
    Status.TRY_LATER: logging.WARNING,
    Status.REFUSED: logging.ERROR,
    Status.PARTLY_REMOVED: logging.WARNING,
    Status.FAILED: logging.ERROR,
    Status.UNCONFIRMED: logging.ERROR,
}
QUIET = (Ignored.RECOVERY, Ignored.OWN_ECHO)


def record(outcome: Outcome, function_request_id: str, spent: Spent) -> None:
    """Logs the outcome; a kept list that does not fit is left to its counts, and the line says so."""
    _log(_level(outcome), line(outcome, function_request_id, spent))


def record_choice(
    scaling_group_id: str, choices: Sequence[tuple[str, Choice]], function_request_id: str, spent: Spent
) -> None:
    """Logs what a custom scale-in policy was answered."""
    told = {
        **_head(function_request_id, spent),
        "status": "custom-policy",
        "scalingGroupId": scaling_group_id,
        "chosen": [choice_json(id, choice) for id, choice in choices],
    }
    _log(logging.INFO, json.dumps(told))


def _log(level: int, text: str) -> None:
    logger = logging.getLogger("scalein.audit")
    logger.setLevel(logging.INFO)  # an audit line does not vanish because somebody wants a quieter root logger
    logger.log(level, text)


def _level(outcome: Outcome) -> int:
    if outcome.ignored and outcome.ignored not in QUIET:
        return logging.WARNING  # an alarm that nobody heeds is worth a look
    return LOUD.get(outcome.status, logging.INFO)


def line(outcome: Outcome, function_request_id: str, spent: Spent) -> str:
    head = _head(function_request_id, spent)
    few = outcome.plan is None or len(outcome.plan.verdicts) <= MOST_KEPT
    text = _text(outcome, head, with_kept=few)
    if len(text) > MAX_BYTES:
        text = _text(outcome, head, with_kept=False)
    return text if len(text) <= MAX_BYTES else _text(outcome, head, with_kept=False, with_lists=False)


def _head(function_request_id: str, spent: Spent) -> Json:
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


def _text(outcome: Outcome, head: Json, with_kept: bool, with_lists: bool = True) -> str:
    return json.dumps({**head, "reason": outcome.reason, **as_json(outcome, with_kept, with_lists)})
