"""The only module that writes the audit line: one for each outcome, JSON, readable by Simple Log Service."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence

from scalein.answer import as_json, choice_json
from scalein.model import Choice, Outcome
from scalein.reasons import Ignored, Status

MAX_BYTES = 30_000  # the platform cuts a line at 32 KB
MOST_KEPT = 750  # more would not fit, however short their ids
LOUD = {
    Status.REJECTED: logging.WARNING,
    Status.EXPIRED: logging.WARNING,
    Status.TRY_LATER: logging.WARNING,
    Status.REFUSED: logging.ERROR,
    Status.PARTLY_REMOVED: logging.WARNING,
    Status.FAILED: logging.ERROR,
}
QUIET = (Ignored.RECOVERY, Ignored.OWN_ECHO)


def record(outcome: Outcome, function_request_id: str) -> None:
    """Logs the outcome; a kept list that does not fit is left to its counts, and the line says so."""
    _log(_level(outcome), line(outcome, function_request_id))


def record_choice(scaling_group_id: str, choices: Sequence[tuple[str, Choice]], function_request_id: str) -> None:
    """Logs what a custom scale-in policy was answered."""
    told = {
        "audit": "scalein/1",
        "functionRequestId": function_request_id,
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


def line(outcome: Outcome, function_request_id: str) -> str:
    few = outcome.plan is None or len(outcome.plan.verdicts) <= MOST_KEPT
    text = _text(outcome, function_request_id, with_kept=few)
    if len(text) > MAX_BYTES:
        text = _text(outcome, function_request_id, with_kept=False)
    return text if len(text) <= MAX_BYTES else _text(outcome, function_request_id, with_kept=False, with_lists=False)


def _text(outcome: Outcome, function_request_id: str, with_kept: bool, with_lists: bool = True) -> str:
    return json.dumps(
        {
            "audit": "scalein/1",
            "functionRequestId": function_request_id,
            "reason": outcome.reason,
            **as_json(outcome, with_kept, with_lists),
        }
    )
