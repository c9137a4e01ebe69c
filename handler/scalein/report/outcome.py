"""What came of one message: the value that is logged, returned and saved, and its JSON form. Pure.

schemas/outcome.schema.json describes the JSON form.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from scalein.decision.model import Plan, RankedBy, RemovalResult
from scalein.decision.progress import Call
from scalein.decision.reasons import Ignored, Status

Json = dict[str, Any]

VERSION = 1  # of the JSON form
MAX_MESSAGE_BYTES = 2_000
MAX_REQUEST_REASON_BYTES = 3_000
MAX_WARNING_BYTES = 700
MAX_ID_BYTES = 700  # of 128 visible characters, however many of them are quotes
MAX_TEXT_BYTES = 200  # of any other text
MARK = "..."  # ends a text that was cut
MAX_SHOWN_IDS = 5  # in a message
# Whether this function does so is known only once the follow-up is scheduled.
AGAIN = (
    "The same request never removes twice; deliver it again, unless followUp says that this "
    "function does."
)


class FollowUp(NamedTuple):
    """This function is called again for this message."""

    number: int
    delay_seconds: int


class Outcome(NamedTuple):
    """What came of one message. `plan` is None where nothing was decided."""

    status: Status
    request_id: str
    message: str  # a sentence for a person
    scaling_group_id: str | None = None
    plan: Plan | None = None
    scaling_activity_ids: tuple[str, ...] = ()
    rejection: tuple[str, str] | None = None  # JSON path, and the rule broken there
    ignored: Ignored | None = None
    request_reason: str = ""  # the sender's free text
    selected: tuple[str, ...] = ()  # ids that the plan picks
    accepted: tuple[str, ...] = ()  # ids that ESS took in a RemoveInstances call
    pending: tuple[str, ...] = ()  # ids that are selected and not sent to ESS yet
    result: RemovalResult | None = None  # once it is known
    follow_up: FollowUp | None = None
    original_status: str = ""  # of a duplicate: the status that stands
    concurrent_removal: bool = False  # another invocation removed at the same moment
    unconfirmed: tuple[tuple[str, Call], ...] = ()  # ClientToken and call
    ledger: str = ""  # which one: redis, memory, unavailable
    policy: str = ""  # fingerprint of the policy that decided
    policy_warning: str = ""  # why a newer policy document is not in use
    retry_after_seconds: float = 0.0  # of a retry: when it may succeed, if that is known

    @property
    def removed(self) -> tuple[str, ...]:
        """Ids that an ended scaling activity confirms as removed."""
        return self.result.removed if self.result else ()


def outcome_json(outcome: Outcome) -> Json:
    """The outcome as the JSON object of schemas/outcome.schema.json; every field is present."""
    plan = outcome.plan
    return {
        "version": VERSION,
        "status": outcome.status.value,
        "scalingGroupId": outcome.scaling_group_id and cut(outcome.scaling_group_id, MAX_ID_BYTES),
        "requestId": cut(outcome.request_id, MAX_ID_BYTES),
        "message": cut(outcome.message, MAX_MESSAGE_BYTES),
        "requestReason": cut(outcome.request_reason, MAX_REQUEST_REASON_BYTES) or None,
        "requested": plan and {"value": plan.requested.value, "unit": plan.requested.unit},
        "selected": list(outcome.selected),
        "accepted": list(outcome.accepted),
        **_result_json(outcome.result),
        "pending": list(outcome.pending),
        **_plan_json(plan),
        "scalingActivityIds": list(outcome.scaling_activity_ids),
        "unconfirmed": [_unconfirmed_json(*call) for call in outcome.unconfirmed],
        "replacementCapacity": outcome.result and outcome.result.replacement_capacity,
        "concurrentRemoval": outcome.concurrent_removal,
        **_end_json(outcome),
        "ledger": outcome.ledger or None,
        **policy_json(outcome.policy, outcome.policy_warning),
        "omitted": {},
    }


def policy_json(fingerprint: str, warning: str) -> Json:
    """Which policy decided, and why a newer document of it is not in use."""
    warning = cut(warning, MAX_WARNING_BYTES)
    return {"policy": fingerprint or None, "policyWarning": warning or None}


def _result_json(result: RemovalResult | None) -> Json:
    if result is None:
        return {"removed": [], "notRemoved": [], "unaccounted": []}
    return {
        "removed": list(result.removed),
        "notRemoved": [{"id": id, "code": cut(code)} for id, code in result.not_removed],
        "unaccounted": list(result.unaccounted),
    }


def _plan_json(plan: Plan | None) -> Json:
    """How the plan came about: the reason of each instance, what each guardrail allows."""
    if plan is None:
        empty: Json = {"retained": [], "retainedByReason": {}, "rankedBy": [], "limits": []}
        return {**empty, "blockedBy": None, "shortfall": None, "capacity": None}
    retained = plan.retained
    by_reason = Counter(verdict.reason for verdict in retained)
    text_by_reason = {reason: reason.value for reason in by_reason}  # `value` is slow
    ranked = ((v.instance_id, v.ranked_by) for v in plan.verdicts if v.ranked_by)
    veto, shortfall = plan.blocked_by, plan.shortfall
    return {
        "retained": [{"id": v.instance_id, "reason": text_by_reason[v.reason]} for v in retained],
        "retainedByReason": {
            text_by_reason[reason]: number for reason, number in by_reason.items()
        },
        "rankedBy": ranked_by_json(ranked),
        "limits": [
            {
                "guardrail": limit.guardrail.value,
                "allows": limit.allows,
                "unit": limit.unit,
                "detail": cut(limit.detail),
            }
            for limit in plan.limits
        ],
        "blockedBy": veto and {"reason": veto.reason.value, "detail": cut(veto.detail)},
        "shortfall": shortfall
        and {
            "requested": shortfall.requested,
            "missing": shortfall.missing,
            "unit": shortfall.unit,
            "reason": shortfall.reason.value,
        },
        "capacity": {
            "before": plan.capacity_before,
            "after": plan.capacity_after,
            "minSize": plan.min_size,
        },
    }


def ranked_by_json(ranked: Iterable[tuple[str, RankedBy]]) -> list[Json]:
    """For each selected instance, by which order it is before the next, and for which value."""
    return [{"id": id, "by": ranked_by.by, "value": ranked_by.value} for id, ranked_by in ranked]


def _end_json(outcome: Outcome) -> Json:
    """What ends a message without a removal, and whether more of it follows."""
    follow_up = outcome.follow_up
    return {
        "rejection": outcome.rejection and _rejection_json(*outcome.rejection),
        "ignored": outcome.ignored and outcome.ignored.value,
        "originalStatus": outcome.original_status or None,
        "followUp": follow_up
        and {"number": follow_up.number, "delaySeconds": follow_up.delay_seconds},
        "retryAfterSeconds": math.ceil(outcome.retry_after_seconds) or None,
    }


def _rejection_json(path: str, rule: str) -> Json:
    return {"path": cut(path), "rule": cut(rule)}


def _unconfirmed_json(client_token: str, call: Call) -> Json:
    return {
        "clientToken": client_token,
        "instanceIds": list(call.instance_ids),
        "sentBy": call.send_by.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def cut(text: str, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text, or its beginning and a mark: at most so many `text_bytes`."""
    if text_bytes(text) <= max_bytes:
        return text
    text = text[:max_bytes]
    while text and text_bytes(text + MARK) > max_bytes:
        text = text[: len(text) * 9 // 10]
    return text + MARK


def text_bytes(text: str) -> int:
    """Bytes of the text as text within JSON within JSON."""
    return len(json.dumps(json.dumps(text)))


def shown_ids(ids: Sequence[str]) -> str:
    """The first ids, and how many more there are."""
    more = f" and {len(ids) - MAX_SHOWN_IDS} more" if len(ids) > MAX_SHOWN_IDS else ""
    return ", ".join(ids[:MAX_SHOWN_IDS]) + more


def amount_text(value: int, unit: str) -> str:
    """The amount with its unit: 1 instance, 3 units of capacity."""
    noun = "instance" if unit == "instances" else "unit"
    of = "" if unit == "instances" else " of capacity"
    return f"{value} {noun}{'' if value == 1 else 's'}{of}"


def activities_text(ids: Sequence[str]) -> str:
    """The scaling activities by their ids."""
    return f"Scaling activit{'y' if len(ids) == 1 else 'ies'} {shown_ids(ids)}"


def activities_run(ids: Sequence[str]) -> str:
    """A sentence that says which activities run; "" for none."""
    return f"{activities_text(ids)} {'runs' if len(ids) == 1 else 'run'}." if ids else ""


def seconds_text(span: timedelta) -> str:
    """The span in whole seconds, with the unit."""
    return f"{span.total_seconds():.0f} s"


def uncapitalized(text: str) -> str:
    """The text as it goes on after a colon; names such as MinSize and ESS keep their capitals."""
    first = text.partition(" ")[0]
    is_name = first[1:] != first[1:].lower()
    return text if is_name else text[:1].lower() + text[1:]
