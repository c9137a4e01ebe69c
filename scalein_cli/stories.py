"""The story of one message or one instance, as sentences, from the outcomes in a log. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from scalein.decision.reasons import Status
from scalein.report.outcome import amount_text
from scalein.report.texts import CODES, REASONS, plain
from scalein_cli.audit_lines import Json, LoggedOutcome

MAX_IDS = 20  # in a sentence
LABELS = {reason.value: plain(text).label for reason, text in REASONS.items()}
SENTENCES = {reason.value: plain(text).sentence for reason, text in REASONS.items()}
CODE_LABELS = {**LABELS, **{code: plain(text).label for code, text in CODES.items()}}
ENDS = (  # statuses after which the function does no more for a message
    *(Status.REMOVED, Status.PARTLY_REMOVED, Status.FAILED, Status.UNCONFIRMED, Status.AT_TARGET),
    *(Status.BLOCKED, Status.DRY_RUN, Status.REJECTED, Status.REFUSED, Status.EXPIRED),
    *(Status.SUPERSEDED, Status.IGNORED),
)


class Step(NamedTuple):
    """One outcome in a story."""

    outcome: LoggedOutcome
    sentences: tuple[str, ...]


def message_story(outcomes: Sequence[LoggedOutcome]) -> list[Step]:
    """The steps of a message, from its outcomes in the order of time."""
    steps, accepted_ids = list[Step](), set[str]()
    for outcome in outcomes:
        is_first = not steps
        steps.append(Step(outcome, tuple(_sentences(outcome, accepted_ids, is_first))))
        accepted_ids.update(outcome["accepted"])
    return steps


def instance_story(instance_id: str, outcomes: Sequence[LoggedOutcome]) -> list[Step]:
    """The steps of an instance: of each outcome that names it, what it says about it."""
    steps = []
    for outcome in outcomes:
        sentences = tuple(_about(instance_id, outcome))
        if sentences:
            steps.append(Step(outcome, sentences))
    return steps


def end_text(outcomes: Sequence[LoggedOutcome]) -> str:
    """How the message ended, as far as the log says."""
    own = [one for one in outcomes if one["status"] != Status.DUPLICATE]
    last = (own or outcomes)[-1]
    if last["status"] in ENDS:
        return f"The end: {last['status']}."
    if last["status"] == Status.DUPLICATE:
        return f"The end is not in this log: {last['originalStatus']} when it came again."
    return (
        f"The end is not in this log: its last outcome is {last['status']}. A line that is absent "
        "proves nothing."
    )


def _sentences(
    outcome: LoggedOutcome, accepted_ids: Collection[str], is_first: bool
) -> Iterator[str]:
    """Yields what is new in an outcome, and its own message at the end.

    `accepted_ids`: of earlier outcomes.
    """
    if is_first:
        yield from _received(outcome)
    yield from _plan(outcome)
    accepted = [id for id in outcome["accepted"] if id not in accepted_ids]
    if accepted:
        yield f"Called RemoveInstances: ESS accepted {_ids(accepted)}{_activities(outcome)}."
    for call in outcome["unconfirmed"]:
        yield (
            f"A call is in doubt: token {call.get('clientToken')}, sent by {call.get('sentBy')}, "
            f"for {_ids(call.get('instanceIds'))}."
        )
    if outcome["pending"]:
        yield f"Selected, for a later call: {_ids(outcome['pending'])}."
    yield from _result(outcome)
    if outcome["followUp"]:
        follow_up = outcome["followUp"]
        yield (
            f"Scheduled follow-up {follow_up.get('number')}, "
            f"{follow_up.get('delaySeconds')} s later."
        )
    if outcome["ledger"] == "unavailable":
        yield "The ledger did not answer."
    if outcome["policyWarning"]:
        yield outcome["policyWarning"]
    yield outcome["message"]


def _received(outcome: LoggedOutcome) -> Iterator[str]:
    group = f" for {outcome['scalingGroupId']}" if outcome["scalingGroupId"] else ""
    policy = f", under policy {outcome['policy']}" if outcome["policy"] else ""
    yield f"Received{group}{policy}."
    if outcome["requestReason"]:
        yield f"Why it was requested, by its rule or sender: {outcome['requestReason']}."


def _plan(outcome: LoggedOutcome) -> Iterator[str]:
    """Yields the plan, if one was made in this step."""
    requested, capacity = outcome["requested"], outcome["capacity"]
    if not requested:
        return
    amount = amount_text(requested.get("value"), requested.get("unit"))
    yield (
        f"Plan: {amount} requested; capacity {capacity.get('before')} to {capacity.get('after')}, "
        f"MinSize {capacity.get('minSize')}."
    )
    if outcome["selected"]:
        yield f"Selected {_ids(outcome['selected'], _ranked_by(outcome))}."
    if outcome["retainedByReason"]:
        counts = [f"{n} {LABELS.get(r, r)}" for r, n in outcome["retainedByReason"].items()]
        yield f"Retained: {', '.join(counts)}."
    limits = [f"{one.get('guardrail')} {one.get('allows')}" for one in outcome["limits"]]
    if limits:
        yield f"Guardrails allow: {', '.join(limits)}."


def _result(outcome: LoggedOutcome) -> Iterator[str]:
    if outcome["removed"]:
        yield f"Removed: {_ids(outcome['removed'])}{_activities(outcome)}."
    if outcome["notRemoved"]:
        code_by_id = {str(one.get("id")): str(one.get("code")) for one in outcome["notRemoved"]}
        texts = {id: CODE_LABELS.get(code, code) for id, code in code_by_id.items()}
        yield f"Not removed: {_ids(list(texts), texts)}."
    if outcome["unaccounted"]:
        yield f"No longer in the group, by an unknown activity: {_ids(outcome['unaccounted'])}."
    if outcome["replacementCapacity"]:
        yield f"ESS creates {outcome['replacementCapacity']} again: the desired capacity is above."


def _about(id: str, outcome: LoggedOutcome) -> Iterator[str]:
    """Yields what an outcome says about an instance."""
    ranked_by, activities = _ranked_by(outcome).get(id), _activities(outcome)
    why = f": {ranked_by}" if ranked_by else ""
    says: Mapping[str, str] = {
        "selected": f"Selected{why}." if outcome["requested"] else "",
        "pending": "Selected, for a later call.",
        "accepted": f"ESS accepted its removal{activities}.",
        "removed": f"Removed{activities}.",
        "unaccounted": "No longer in the group, by an unknown activity.",
    }
    yield from (text for name, text in says.items() if text and id in outcome[name])
    if outcome["status"] == "custom-policy" and ranked_by:
        yield f"Selected for ESS's own scale-in: {ranked_by}."
    yield from (
        f"Retained: {LABELS.get(reason, reason)}. {SENTENCES.get(reason, '')}".strip()
        for reason in _values(outcome["retained"], id, "reason")
    )
    yield from (
        f"Not removed: {CODE_LABELS.get(code, code)}."
        for code in _values(outcome["notRemoved"], id, "code")
    )
    for call in outcome["unconfirmed"]:
        if id in (call.get("instanceIds") or ()):
            yield f"In a call of which no answer is known, sent by {call.get('sentBy')}."


def _values(entries: Sequence[Json], id: str, name: str) -> Iterator[str]:
    return (str(entry.get(name)) for entry in entries if entry.get("id") == id)


def _ranked_by(outcome: LoggedOutcome) -> dict[str, str]:
    """For each selected instance: which order puts it first, with its value."""
    return {
        str(one.get("id")): " ".join(str(one.get(name) or "") for name in ("by", "value")).strip()
        for one in outcome["rankedBy"]
    }


def _activities(outcome: LoggedOutcome) -> str:
    ids = outcome["scalingActivityIds"]
    return f", in scaling activity {', '.join(ids)}" if ids else ""


def _ids(ids: Sequence[str] | None, text_by_id: Mapping[str, str] | None = None) -> str:
    """How many, and the first of them, each with its text."""
    ids, texts = ids or (), text_by_id or {}
    shown = [f"{id} ({texts[id]})" if texts.get(id) else id for id in ids[:MAX_IDS]]
    more = f" and {len(ids) - MAX_IDS} more" if len(ids) > MAX_IDS else ""
    return f"{amount_text(len(ids), 'instances')}: {', '.join(shown)}{more}"


def outcomes_of_message(
    request_id: str, outcomes: Sequence[LoggedOutcome]
) -> tuple[LoggedOutcome, ...]:
    """The outcomes of the message, in their order."""
    return tuple(one for one in outcomes if request_id and one["requestId"] == request_id)


def step_json(step: Step, time_json: Callable[[datetime | None], str | None]) -> Json:
    """The step as a JSON object."""
    outcome: Mapping[str, Any] = step.outcome.fields
    names = ("status", "requestId", "scalingGroupId", "functionRequestId")
    return {
        "time": time_json(step.outcome.logged_at),
        **{name: outcome[name] or None for name in names},
        "sentences": list(step.sentences),
    }
