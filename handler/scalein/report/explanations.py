"""Says why a plan removes nothing, or less than is requested, with the values at hand.

Pure.
"""

from __future__ import annotations

from collections import Counter

from scalein.decision.model import Plan, RemovalRequest, RemovalResult, Shortfall
from scalein.decision.reasons import Reason
from scalein.report.outcome import amount_text, shown_ids, uncapitalized
from scalein.report.texts import CODES, REASONS, Text, plain

# The request needs more candidates than there are: each other instance has a reason of its own.
FEW_CANDIDATES = (
    Reason.WARMING_UP,
    Reason.TOO_YOUNG,
    Reason.NO_METRIC,
    Reason.NO_CANDIDATES,
)


def would_remove(request: RemovalRequest, plan: Plan) -> str:
    """What a dry run of this plan would remove."""
    amount = amount_text(len(plan.selected), "instances")
    sentences = (
        f"Dry run: {amount} would be removed ({capacity_text(plan)}).",
        shortfall_text(request, plan),
        replacement_text(request),
    )
    return " ".join(filter(None, sentences))


def why_none(request: RemovalRequest, plan: Plan) -> str:
    """Why a plan selects no instance."""
    veto = plan.blocked_by
    if veto and veto.reason is not Reason.PARTIAL_DENIED:
        why = uncapitalized(veto.detail)
        return " ".join(filter(None, (f"No instances removed: {why}", _text(veto.reason).action)))
    if plan.shortfall is None:
        return f"No instances removed: {_at_target(request, plan)}."
    amount, denied = _requested(plan.shortfall), (_text(veto.reason).sentence,) if veto else ()
    none = f"None of {amount} removed."
    if plan.shortfall.requested == 1:
        none = f"The requested {amount.partition(' requested ')[2]} is not removed."
    return " ".join((none, *denied, *_why(request, plan)))


def shortfall_text(request: RemovalRequest, plan: Plan) -> str:
    """How much of the request a plan does not remove, and why; empty if nothing is missing."""
    shortfall = plan.shortfall
    if shortfall is None:
        return ""
    missing = f"{shortfall.missing} of {_requested(shortfall)} not removed."
    return " ".join((missing, *_why(request, plan)))


def capacity_text(plan: Plan) -> str:
    """The capacity before and after the plan, MinSize, and what of it is being removed already."""
    # TotalCapacity still counts it: by ESS's figures, two messages of a batch do the same step.
    removing = sum(verdict.reason is Reason.REMOVING for verdict in plan.retained)
    others = f"{removing} other {'instance is' if removing == 1 else 'instances are'}"
    also = f"; {others} being removed already" if removing else ""
    return (
        f"capacity {plan.capacity_before} to {plan.capacity_after}, MinSize {plan.min_size}{also}"
    )


def replacement_text(request: RemovalRequest) -> str:
    """Whether ESS replaces what the request removes; empty if it does not."""
    if request.options.decrease_desired_capacity is False:
        return "ESS creates replacements, as decreaseDesiredCapacity is false."
    return ""


def not_removed_text(result: RemovalResult) -> str:
    """Which of the selected instances are not removed, and why."""
    ids_by_code: dict[str, list[str]] = {}
    for id, code in result.not_removed:
        ids_by_code.setdefault(code, []).append(id)
    shown = (f"{shown_ids(ids)} ({_code_text(code)})" for code, ids in ids_by_code.items())
    return f"Not removed: {'; '.join(shown)}."


def _code_text(code: str) -> str:
    """The words of a code of this function, or ESS's code as it is."""
    texts = {**{reason.value: text for reason, text in REASONS.items()}, **CODES}
    return plain(texts[code]).label if code in texts else code


def _at_target(request: RemovalRequest, plan: Plan) -> str:
    """A clause: which capacity is not above which target."""
    capacity = plan.counted_capacity
    without = " without Removing and Stopped instances" if capacity < plan.capacity_before else ""
    target = request.target.to_capacity
    return f"the capacity{without} is {capacity}, not above the target {target}"


def _requested(shortfall: Shortfall) -> str:
    amount = amount_text(shortfall.requested, shortfall.unit)
    return amount.replace(" ", " requested ", 1)


def _why(request: RemovalRequest, plan: Plan) -> list[str]:
    """Sentences that say why the plan has a shortfall, with the values, and what to do."""
    reason = plan.shortfall.reason if plan.shortfall else Reason.NOT_NEEDED
    text = _text(reason)
    limits = [limit.detail for limit in plan.limits if limit.guardrail is reason]
    why = [text.sentence, *limits] if limits else list[str]()
    if request.target.instance_ids is not None:
        named = frozenset(request.target.instance_ids)
        return why + _why_named(named, request.scaling_group_id, plan)
    if reason in FEW_CANDIDATES:
        why = _counts(plan)
    elif reason is Reason.WEIGHT_UNKNOWN:
        ids = [verdict.instance_id for verdict in plan.retained if verdict.reason is reason]
        why = [f"ESS does not report the weight of {shown_ids(ids)}."]
    return [*(why or [text.sentence]), *filter(None, (text.action,))]


def _counts(plan: Plan) -> list[str]:
    """A sentence that counts the instances retained for each reason; none in an empty group."""
    reasons = Counter(verdict.reason for verdict in plan.retained)
    del reasons[Reason.PARTIAL_DENIED]
    counts = [
        f"{number} {'is' if number == 1 else 'are'} {_label(reason, plan)}"
        for reason, number in reasons.items()
    ]
    return [f"No further instance is a candidate: {', '.join(counts)}."] if counts else []


def _why_named(named: frozenset[str], scaling_group_id: str, plan: Plan) -> list[str]:
    """Why each named instance is not selected, and what to do: once for each reason."""
    ids_by_reason: dict[Reason, list[str]] = {}
    for verdict in plan.retained:
        if verdict.instance_id in named and verdict.reason is not Reason.PARTIAL_DENIED:
            ids_by_reason.setdefault(verdict.reason, []).append(verdict.instance_id)
    sentences = []
    for reason, ids in ids_by_reason.items():
        label = _label(reason, plan).replace("the scaling group", scaling_group_id)
        if len(ids) > 1:
            label = label.replace("not a member", "not members")
        sentences.append(f"{shown_ids(ids)} {'is' if len(ids) == 1 else 'are'} {label}.")
        sentences += filter(None, (_text(reason).action,))
    return sentences


def _label(reason: Reason, plan: Plan) -> str:
    """The reason in a few words, with the policy's value where it has one."""
    value = dict(plan.values).get(reason)
    return f"{_text(reason).label} ({value})" if value else _text(reason).label


def _text(reason: Reason) -> Text:
    return plain(REASONS[reason])
