"""The only module that knows the JSON form of an outcome, how large an answer may be, and what is left out then. Pure.

A destination of an asynchronous invocation in MNS takes 64 KB, and the answer travels in it as text within JSON.
Whatever is left out here stands in the audit lines.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from scalein.model import Choice, FollowUp, Outcome, Plan, Unconfirmed
from scalein.reasons import Status

Json = dict[str, Any]

MAX_BYTES = 62 << 10  # 64 KB less what the destination wraps around it
SMALLEST_KEPT = 40  # bytes of {"id": ..., "reason": ...}
LOUD = (
    Status.REMOVING,
    Status.REMOVED,
    Status.PARTLY_REMOVED,
    Status.FAILED,
    Status.UNCONFIRMED,
    Status.TRY_LATER,
    Status.DRY_RUN,
)
SHORT = ("status", "scalingGroupId", "requestId", "removed", "scalingActivityIds")

LISTS = ("removed", "stayed", "chosen", "unaccounted", "unconfirmed")
NO_TRAIL: Json = {"asked": None, "limits": [], "chosen": [], "shortfall": None, "stopped": None}


def as_json(outcome: Outcome, with_kept: bool = True, with_lists: bool = True) -> Json:
    """JSON object of docs/operations.md; every key is always there. Lists of a large group can be left out."""
    plan, rejection = outcome.plan, outcome.rejection
    kept = plan.kept if plan else ()
    return {
        "status": outcome.status.value,
        "scalingGroupId": outcome.scaling_group_id,
        "requestId": outcome.request_id,
        "removed": list(outcome.removed),
        "kept": [{"id": v.instance_id, "reason": v.reason.value} for v in kept] if with_kept else [],
        "keptByReason": {reason.value: number for reason, number in Counter([v.reason for v in kept]).items()},
        "keptOmitted": bool(kept and not with_kept),
        "remaining": outcome.remaining,
        "stayed": [{"id": id, "reason": why} for id, why in outcome.ending.stayed] if outcome.ending else [],
        "unaccounted": list(outcome.ending.unaccounted) if outcome.ending else [],
        "unconfirmed": [_doubt(doubt) for doubt in outcome.doubts],
        "refilled": outcome.ending.refilled if outcome.ending else None,
        "raced": outcome.raced,
        "scalingActivityIds": list(outcome.scaling_activity_ids),
        "capacity": plan and {"before": plan.capacity_before, "minSize": plan.min_size, "after": plan.capacity_after},
        **(_trail(plan) if plan else NO_TRAIL),
        **({} if with_lists else {name: [] for name in LISTS}),
        "listsOmitted": not with_lists,
        "rejection": rejection and {"path": rejection.path, "rule": rejection.rule},
        "first": outcome.first or None,
        "ignored": outcome.ignored and outcome.ignored.value,
        "followUp": _follow_up(outcome.follow_up),
        "ledger": outcome.ledger or None,
        "message": outcome.message,
    }


def _doubt(doubt: Unconfirmed) -> Json:
    sent_by = doubt.sent_by.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"clientToken": doubt.client_token, "instanceIds": list(doubt.instance_ids), "sentBy": sent_by}


def _follow_up(follow_up: FollowUp | None) -> Json | None:
    return follow_up and {"number": follow_up.number, "delaySeconds": follow_up.delay_seconds}


def _trail(plan: Plan) -> Json:
    """How the decision came about: what was asked, what each limit allows, what put each leaver before the next."""
    short = plan.shortfall
    return {
        "asked": {"value": plan.asked.value, "unit": plan.asked.unit},
        "limits": [
            {"reason": limit.reason.value, "allows": limit.allows, "unit": limit.unit, "because": limit.because}
            for limit in plan.limits
        ],
        "chosen": [choice_json(v.instance_id, v.choice) for v in plan.verdicts if v.choice],
        "shortfall": short
        and {"asked": short.asked, "missing": short.missing, "unit": short.unit, "reason": short.reason.value},
        "stopped": plan.refusal and {"reason": plan.refusal.value, "because": plan.because},
    }


def choice_json(instance_id: str, choice: Choice) -> Json:
    """Who leaves, by which order, for which value."""
    return {"id": instance_id, "by": choice.by, "value": choice.value}


def of_one(outcome: Outcome) -> Json:
    """The outcome; without its kept list where that would be too much, then without all lists."""
    told = as_json(outcome)
    if _fits(told):
        return told
    told = as_json(outcome, with_kept=False)
    return told if _fits(told) else as_json(outcome, with_kept=False, with_lists=False)


def of_batch(outcomes: Sequence[Outcome]) -> Json:
    """All outcomes in order, and a summary that says what was left out: kept lists, then all but ids, then the quiet
    outcomes from the end.
    """
    summary: Json = {
        "messages": len(outcomes),
        "byStatus": dict(Counter(outcome.status.value for outcome in outcomes)),
        "removed": sum(len(outcome.removed) for outcome in outcomes if outcome.status is not Status.DRY_RUN),
        "keptOmitted": False,
        "detailOmitted": False,
        "outcomesOmitted": 0,
    }
    if sum(len(outcome.plan.kept) for outcome in outcomes if outcome.plan) * SMALLEST_KEPT < MAX_BYTES:
        whole = {"outcomes": [as_json(outcome) for outcome in outcomes], "summary": summary}
        if _fits(whole):
            return whole
    summary["keptOmitted"] = True
    told = [as_json(outcome, with_kept=False) for outcome in outcomes]
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
