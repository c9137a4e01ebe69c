"""Makes the response: one outcome or those of a batch, within the size that fits. Pure.

A destination of an asynchronous invocation in MNS takes 64 KB for event and response, each as text
within JSON. Whatever senders and ESS write, a response fits: long texts are cut, and end in a mark;
lists are left out, and `omitted` has their lengths.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scalein.decision.reasons import Status
from scalein.report.outcome import Json, Outcome, cut, outcome_json, text_bytes

MAX_BYTES = 60 << 10  # of event and response: 64 KB less what the destination wraps around them
MIN_BYTES = 8 << 10  # a response is never cut to less, however large the event
MIN_RETAINED_BYTES = 80  # of {"id": ..., "reason": ...}, in four lines
SHORT_TEXT_BYTES = 800  # of message and request reason, if little fits
SHORTEST_TEXT_BYTES = 200  # if almost nothing fits, for texts are full of marks to escape
ACTIVITY_ID_BYTES = 40
MAX_ACTIVITY_IDS_BYTES = 2_000  # fifty scaling activities
MAX_BRIEF_IDS, MAX_TOKENS = 20, 3  # if little fits
MAX_WRAPPER_BYTES = 40  # around the text of an error
MAX_LINE_BYTES = 40  # of a line's break and indent, nine levels deep
RETAINED_LINES_BYTES = 48  # breaks and indents of a retained instance's four lines in one outcome
MAX_DETAILED = 80  # outcomes of a batch; with more of them, a response has only BRIEF of each
RETRY_AFTER_SECONDS = 15  # if nothing is known: as long as a busy group is waited for
LISTS = (
    "selected",
    "accepted",
    "removed",
    "notRemoved",
    "unaccounted",
    "pending",
    "rankedBy",
    "limits",
)
BRIEF_IDS = ("selected", "accepted", "removed")
BRIEF = ("status", "scalingGroupId", "requestId", *BRIEF_IDS, "scalingActivityIds")
EVENTFUL = (
    Status.REMOVING,
    Status.REMOVED,
    Status.PARTLY_REMOVED,
    Status.FAILED,
    Status.UNCONFIRMED,
    Status.RETRY,
    Status.DRY_RUN,
)


def max_bytes_for(event: bytes, is_http: bool) -> int:
    """Bytes that the response may have beside this event.

    The function cannot know whether its invocation is asynchronous and has a destination that takes
    event and response together. An HTTP request has none.
    """
    if is_http:
        return MAX_BYTES
    if len(event) > MAX_BYTES:
        return MIN_BYTES
    return max(MIN_BYTES, MAX_BYTES - len(json.dumps(event.decode("utf-8", "replace"))))


def for_one(outcome: Outcome, max_bytes: int = MAX_BYTES) -> Json:
    """The outcome, as much of it as fits."""
    fields: Json = {}
    text = ""
    for fields in forms(outcome, max_bytes):
        text = json.dumps(fields)
        if _fits(fields, text, max_bytes):
            break
    return encodable(fields, text)


def forms(outcome: Outcome, max_bytes: int) -> Iterator[Json]:
    """Yields the outcome in full, then with less and less. The last one fits into MIN_BYTES."""
    if outcome.plan is None or len(outcome.plan.retained) * MIN_RETAINED_BYTES < max_bytes:
        yield outcome_json(outcome)
    fields = _without_retained(outcome)
    yield fields
    tokens = [{**call, "instanceIds": []} for call in fields["unconfirmed"]]
    fields = {**_shortened(fields, {name: [] for name in LISTS}), "unconfirmed": tokens}
    yield fields
    fields = _shortened(fields, {"unconfirmed": tokens[:MAX_TOKENS]})
    yield _with_short_texts(fields, SHORT_TEXT_BYTES, MAX_ACTIVITY_IDS_BYTES)
    for max_ids_bytes in range(MAX_ACTIVITY_IDS_BYTES, -1, -ACTIVITY_ID_BYTES):
        fields = _with_short_texts(fields, SHORTEST_TEXT_BYTES, max_ids_bytes)
        yield fields


def _with_short_texts(fields: Json, max_text_bytes: int, max_ids_bytes: int) -> Json:
    activity_ids = _those_that_fit(fields["scalingActivityIds"], max_ids_bytes)
    return {
        **_shortened(fields, {"scalingActivityIds": activity_ids}),
        "message": cut(fields["message"], max_text_bytes),
        "requestReason": cut(fields["requestReason"] or "", max_text_bytes) or None,
        "policyWarning": cut(fields["policyWarning"] or "") or None,
    }


def without_detail(outcome: Outcome) -> Outcome:
    """The outcome without what a brief form lacks: a plan takes much memory."""
    result = outcome.result and outcome.result._replace(not_removed=(), unaccounted=())
    return outcome._replace(plan=None, result=result, unconfirmed=())


def for_batch(outcomes: Sequence[Outcome], max_bytes: int = MAX_BYTES) -> Json:
    """All outcomes in order, and a summary that says what was left out.

    Retained instances are left out first, then all but BRIEF, then whole outcomes: those in which
    nothing happened before the others, from the end.
    """
    summary: Json = {
        "messages": len(outcomes),
        "byStatus": dict(Counter(outcome.status.value for outcome in outcomes)),
        "accepted": sum(len(outcome.accepted) for outcome in outcomes),
        "removed": sum(len(outcome.removed) for outcome in outcomes),
        "retainedOmitted": False,
        "detailOmitted": False,
        "outcomesOmitted": 0,
    }
    retained = sum(len(outcome.plan.retained) for outcome in outcomes if outcome.plan)
    if retained * MIN_RETAINED_BYTES < max_bytes:
        body = {"outcomes": [outcome_json(outcome) for outcome in outcomes], "summary": summary}
        text = json.dumps(body)
        if _fits(body, text, max_bytes):
            return encodable(body, text)
    summary["retainedOmitted"] = True
    shorter = [_without_retained(outcome) for outcome in outcomes]
    body = {"outcomes": shorter, "summary": summary}
    text = json.dumps(body)
    if _fits(body, text, max_bytes):
        return encodable(body, text)
    summary["detailOmitted"] = True
    briefs = [_brief(fields) for fields in shorter]
    fitting = _as_many_as_fit(briefs, max_bytes - _size({"summary": summary}))
    summary["outcomesOmitted"] = len(outcomes) - len(fitting)
    body = {"outcomes": fitting, "summary": summary}
    return encodable(body, json.dumps(body))


def for_http(body: Json, outcomes: Sequence[Outcome]) -> Json:
    """The reply of an HTTP trigger: 400 if all is wrong, and 503 with Retry-After for what its
    sender must send again, because this function does not do so itself.
    """
    status, headers = 200, {"Content-Type": "application/json"}
    open_outcomes = [o for o in outcomes if o.status is Status.RETRY and o.follow_up is None]
    if all(outcome.status is Status.REJECTED for outcome in outcomes):
        status = 400
    elif open_outcomes:
        status = 503
        pauses = [o.retry_after_seconds or RETRY_AFTER_SECONDS for o in open_outcomes]
        headers["Retry-After"] = str(math.ceil(max(pauses)))
    return {
        "statusCode": status,
        "headers": headers,
        "isBase64Encoded": False,
        "body": json.dumps(body),
    }


def encodable(fields: Json, text: str) -> Json:
    """The fields, with a question mark for each half of a surrogate pair: UTF-8 has no such.

    `text`: the fields as JSON in ASCII.
    """
    if "\\ud" not in text:
        return fields
    cleaned: Json = json.loads(json.dumps(fields, ensure_ascii=False).encode("utf-8", "replace"))
    return cleaned


def _without_retained(outcome: Outcome) -> Json:
    return _shortened(outcome_json(outcome), {"retained": []})


def _shortened(fields: Json, lists: Mapping[str, list[Any]]) -> Json:
    """The fields with these lists, and in `omitted` the lengths at first of those now shorter."""
    lengths = {
        name: len(fields[name])
        for name, entries in lists.items()
        if len(entries) < len(fields[name])
    }
    return {**fields, **lists, "omitted": {**lengths, **fields["omitted"]}}


def _brief(fields: Json) -> Json:
    brief = {name: fields[name] for name in BRIEF}
    for name in BRIEF_IDS:
        brief[name] = brief[name] if len(brief[name]) <= MAX_BRIEF_IDS else []
    brief["scalingActivityIds"] = _those_that_fit(
        brief["scalingActivityIds"], MAX_ACTIVITY_IDS_BYTES
    )
    return brief


def _those_that_fit(texts: Sequence[str], max_bytes: int) -> list[str]:
    """As many of the first texts as fit."""
    fitting = list[str]()
    for text in texts:
        max_bytes -= text_bytes(text)
        if max_bytes < 0:
            break
        fitting.append(text)
    return fitting


def _as_many_as_fit(briefs: list[Json], max_bytes: int) -> list[Json]:
    """As many briefs as fit, EVENTFUL ones before the others; all in the order of the batch."""
    fitting = set()
    by_weight = sorted(range(len(briefs)), key=lambda n: (briefs[n]["status"] not in EVENTFUL, n))
    for number in by_weight:
        max_bytes -= _size({"outcomes": [briefs[number]]})
        if max_bytes < 0:
            break
        fitting.add(number)
    return [brief for number, brief in enumerate(briefs) if number in fitting]


def _fits(body: Json, text: str, max_bytes: int) -> bool:
    """Whether the body fits as Function Compute writes it, within JSON: an object in lines, or the
    text of an error. `text`: the body as JSON.
    """
    lines = text.count(",") + 2 * (text.count("{") + text.count("["))
    marks = text.count('"') + text.count("\\")  # each takes three characters more in an error
    if len(text) + lines * MAX_LINE_BYTES + 3 * marks + MAX_WRAPPER_BYTES <= max_bytes:
        return True  # quickly, as most do
    if len(text) > max_bytes or _size_raised(text) > max_bytes:
        return False  # quickly: every other form is longer
    retained = body.get("retained", [])  # by far the longest list of one outcome
    size = _size_returned({**body, "retained": []}) + len(retained) * RETAINED_LINES_BYTES
    return size + len(json.dumps(json.dumps(retained))) <= max_bytes


def _size(body: Json) -> int:
    return max(_size_returned(body), _size_raised(json.dumps(body)))


def _size_returned(body: Json) -> int:
    """Bytes as an object. JSON with an indent is made in Python: it takes 40 times as long."""
    return len(json.dumps(json.dumps(body, indent=4, sort_keys=True)))


def _size_raised(text: str) -> int:
    return len(json.dumps(json.dumps({"errorMessage": text})))
