"""The only module that knows the JSON form of an outcome, how large an answer may be, and what is left out then. Pure.

A destination of an asynchronous invocation in MNS takes 64 KB for event and answer, each as text within JSON. Whatever
senders and ESS write, an answer fits: long texts are cut, with a mark, and lists are left out, with their lengths.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scalein.decision.model import Plan, RankedBy
from scalein.decision.reasons import Status
from scalein.report.outcome import FollowUp, Outcome, Unconfirmed

Json = dict[str, Any]

MAX_BYTES = 60 << 10  # of event and answer: 64 KB less what the destination wraps around them
MIN_BYTES = 8 << 10  # an answer is never cut to less, however large the event
SMALLEST_KEPT = 40  # bytes of {"id": ..., "reason": ...}
MAX_MESSAGE_BYTES, SHORT_MESSAGE_BYTES = 2_000, 800
MAX_ID_BYTES = 700  # of 128 visible characters, however many of them are quotes
MAX_TEXT_BYTES = 200  # of any other
MAX_SHORT_IDS_BYTES = 2_000  # of scaling activities: fifty
MARK = "..."
LOUD = (
    Status.REMOVING,
    Status.REMOVED,
    Status.PARTLY_REMOVED,
    Status.FAILED,
    Status.UNCONFIRMED,
    Status.RETRY,
    Status.DRY_RUN,
)
MAX_DETAILED = 80  # outcomes of a batch; with more of them, an answer has only SHORT of each
SHORT = ("status", "scalingGroupId", "requestId", "removed", "scalingActivityIds")
MAX_SHORT_REMOVED, MAX_SHORT_TOKENS = 20, 3

LISTS = ("removed", "notRemoved", "rankedBy", "unaccounted", "limits")
NO_TRAIL: Json = {
    "requested": None,
    "limits": [],
    "rankedBy": [],
    "shortfall": None,
    "stopped": None,
}


def as_json(outcome: Outcome) -> Json:
    """JSON object of docs/operations.md; every key is always there."""
    plan, rejection = outcome.plan, outcome.rejection
    kept = plan.retained if plan else ()
    return {
        "status": outcome.status.value,
        "scalingGroupId": outcome.scaling_group_id and cut(outcome.scaling_group_id, MAX_ID_BYTES),
        "requestId": cut(outcome.request_id, MAX_ID_BYTES),
        "removed": list(outcome.removed),
        "retained": [{"id": v.instance_id, "reason": v.reason.value} for v in kept],
        "retainedByReason": {
            reason.value: number for reason, number in Counter([v.reason for v in kept]).items()
        },
        "retainedOmitted": False,
        "pending": outcome.pending,
        "notRemoved": [{"id": id, "reason": why} for id, why in outcome.result.not_removed]
        if outcome.result
        else [],
        "unaccounted": list(outcome.result.unaccounted) if outcome.result else [],
        "unconfirmed": [_doubt(doubt) for doubt in outcome.unconfirmed],
        "replacementCapacity": outcome.result.replacement_capacity if outcome.result else None,
        "concurrentRemoval": outcome.concurrent_removal,
        "scalingActivityIds": list(outcome.scaling_activity_ids),
        "capacity": plan
        and {
            "before": plan.capacity_before,
            "minSize": plan.min_size,
            "after": plan.capacity_after,
        },
        **(_trail(plan) if plan else NO_TRAIL),
        "listsOmitted": False,
        "omitted": {},
        "rejection": rejection and {"path": cut(rejection.path), "rule": cut(rejection.rule)},
        "first": outcome.first or None,
        "ignored": outcome.ignored and outcome.ignored.value,
        "followUp": _follow_up(outcome.follow_up),
        "ledger": outcome.ledger or None,
        "message": cut(outcome.message, MAX_MESSAGE_BYTES),
    }


def versions(outcome: Outcome, max_bytes: int) -> Iterator[Json]:
    """The outcome in full, then with less and less. The last fits wherever MIN_BYTES do."""
    if outcome.plan is None or len(outcome.plan.retained) * SMALLEST_KEPT < max_bytes:
        yield as_json(outcome)
    told = _without_kept(outcome)
    yield told
    tokens = [{**doubt, "instanceIds": []} for doubt in told["unconfirmed"]]
    told = {
        **_shortened(told, {name: [] for name in LISTS}),
        "unconfirmed": tokens,
        "listsOmitted": True,
    }
    yield told
    ids = _first(told["scalingActivityIds"], MAX_SHORT_IDS_BYTES)
    short = _shortened(told, {"scalingActivityIds": ids, "unconfirmed": tokens[:MAX_SHORT_TOKENS]})
    yield {**short, "message": cut(told["message"], SHORT_MESSAGE_BYTES)}


def _without_kept(outcome: Outcome) -> Json:
    told = as_json(outcome)
    return {**_shortened(told, {"retained": []}), "retainedOmitted": bool(told["retained"])}


def _shortened(told: Json, lists: Mapping[str, list[Any]]) -> Json:
    """With these lists instead, and the lengths of those that lost something."""
    lengths = {
        name: len(told[name]) for name, entries in lists.items() if len(entries) < len(told[name])
    }
    return {**told, **lists, "omitted": {**told["omitted"], **lengths}}


def _first(texts: Sequence[str], max_bytes: int) -> list[str]:
    """As many as fit."""
    found = list[str]()
    for text in texts:
        max_bytes -= _text_bytes(text)
        if max_bytes < 0:
            break
        found.append(text)
    return found


def cut(text: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text, or its beginning and a mark: so many bytes at most, as text within JSON within JSON."""
    if _text_bytes(text) <= max_bytes:
        return text
    text = text[:max_bytes]
    while text and _text_bytes(text + MARK) > max_bytes:
        text = text[: len(text) * 9 // 10]
    return text + MARK


def _text_bytes(text: str) -> int:
    return len(json.dumps(json.dumps(text)))


def _doubt(doubt: Unconfirmed) -> Json:
    sent_by = doubt.sent_by.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "clientToken": doubt.client_token,
        "instanceIds": list(doubt.instance_ids),
        "sentBy": sent_by,
    }


def _follow_up(follow_up: FollowUp | None) -> Json | None:
    return follow_up and {"number": follow_up.number, "delaySeconds": follow_up.delay_seconds}


def _trail(plan: Plan) -> Json:
    """How the decision came about: what was asked, what each limit allows, what put each leaver before the next."""
    short = plan.shortfall
    return {
        "requested": {"value": plan.requested.value, "unit": plan.requested.unit},
        "limits": [
            {
                "guardrail": limit.guardrail.value,
                "allows": limit.allows,
                "unit": limit.unit,
                "detail": cut(limit.detail),
            }
            for limit in plan.limits
        ],
        "rankedBy": [
            ranked_by_json(v.instance_id, v.ranked_by) for v in plan.verdicts if v.ranked_by
        ],
        "shortfall": short
        and {
            "requested": short.requested,
            "missing": short.missing,
            "unit": short.unit,
            "reason": short.reason.value,
        },
        "stopped": plan.blocked_by
        and {"reason": plan.blocked_by.reason.value, "detail": cut(plan.blocked_by.detail)},
    }


def ranked_by_json(instance_id: str, choice: RankedBy) -> Json:
    """Who leaves, by which order, for which value."""
    return {"id": instance_id, "by": choice.by, "value": choice.value}


def room(event: bytes, is_http: bool) -> int:
    """Bytes of the answer. Whether the invocation is asynchronous, and has a destination that takes
    event and answer together, the function cannot know; an HTTP request is not.
    """
    if is_http:
        return MAX_BYTES
    if len(event) > MAX_BYTES:
        return MIN_BYTES
    return max(MIN_BYTES, MAX_BYTES - len(json.dumps(event.decode("utf-8", "replace"))))


def of_one(outcome: Outcome, max_bytes: int = MAX_BYTES) -> Json:
    """The outcome, as much of it as fits."""
    told: Json = {}
    for told in versions(outcome, max_bytes):
        if _fits(told, max_bytes):
            break
    return valid(told)


def brief(outcome: Outcome) -> Outcome:
    """What an answer of more than MAX_DETAILED outcomes says of each: a plan takes much memory."""
    return outcome._replace(plan=None, accepted=outcome.removed, result=None, unconfirmed=())


def of_batch(outcomes: Sequence[Outcome], max_bytes: int = MAX_BYTES) -> Json:
    """All outcomes in order, and a summary that says what was left out: kept lists, then all but ids, then the quiet
    outcomes from the end.
    """
    summary: Json = {
        "messages": len(outcomes),
        "byStatus": dict(Counter(outcome.status.value for outcome in outcomes)),
        "removed": sum(
            len(outcome.removed) for outcome in outcomes if outcome.status is not Status.DRY_RUN
        ),
        "retainedOmitted": False,
        "detailOmitted": False,
        "outcomesOmitted": 0,
    }
    if (
        sum(len(outcome.plan.retained) for outcome in outcomes if outcome.plan) * SMALLEST_KEPT
        < max_bytes
    ):
        whole = {"outcomes": [as_json(outcome) for outcome in outcomes], "summary": summary}
        if _fits(whole, max_bytes):
            return valid(whole)
    summary["retainedOmitted"] = True
    told = [_without_kept(outcome) for outcome in outcomes]
    if _fits({"outcomes": told, "summary": summary}, max_bytes):
        return valid({"outcomes": told, "summary": summary})
    summary["detailOmitted"] = True
    told = _as_many_as_fit(
        [_short(outcome) for outcome in told], max_bytes - _size({"summary": summary})
    )
    summary["outcomesOmitted"] = len(outcomes) - len(told)
    return valid({"outcomes": told, "summary": summary})


def _short(told: Json) -> Json:
    ids = _first(told["scalingActivityIds"], MAX_SHORT_IDS_BYTES)
    removed = told["removed"] if len(told["removed"]) <= MAX_SHORT_REMOVED else []
    return {**{name: told[name] for name in SHORT}, "removed": removed, "scalingActivityIds": ids}


def http(answer: Json, rejected: bool) -> Json:
    """The reply of an HTTP trigger: 400 for a request that is wrong, so that its sender sees it."""
    return {
        "statusCode": 400 if rejected else 200,
        "headers": {"Content-Type": "application/json"},
        "isBase64Encoded": False,
        "body": json.dumps(answer),
    }


def valid(told: Json) -> Json:
    """What UTF-8 can write: half of a surrogate pair, which JSON can hold, becomes a question mark."""
    if "\\ud" not in json.dumps(told):
        return told
    cleaned: Json = json.loads(json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))
    return cleaned


def _fits(answer: Json, max_bytes: int) -> bool:
    if len(json.dumps(answer)) > max_bytes:
        return False  # quickly: it only grows from here
    return _size(answer) <= max_bytes


def _size(answer: Json) -> int:
    """Bytes within a JSON text: as Function Compute writes a returned object, or the text of an error."""
    returned = json.dumps(json.dumps(answer, indent=4, sort_keys=True))
    raised = json.dumps(json.dumps({"errorMessage": json.dumps(answer)}))
    return max(len(returned), len(raised))


def _as_many_as_fit(told: list[Json], max_bytes: int) -> list[Json]:
    """Those in which something happened come first, and all of them stay in order."""
    fitting = set()
    for index in sorted(
        range(len(told)), key=lambda index: (told[index]["status"] not in LOUD, index)
    ):
        size = _size({"outcomes": [told[index]]})
        if size > max_bytes:
            break
        max_bytes -= size
        fitting.add(index)
    return [outcome for index, outcome in enumerate(told) if index in fitting]
