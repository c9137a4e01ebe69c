"""Says why a plan removes nothing, or less than is requested, with the values at hand. Pure."""

from __future__ import annotations

from scalein.decision.model import Plan, RemovalRequest, Shortfall
from scalein.decision.reasons import Reason
from scalein.report.outcome import amount_text, shown_ids, uncapitalized
from scalein.report.texts import REASONS, Text, plain

# If one explains a shortfall, it is the reason of all instances that could be selected else.
SHARED = (Reason.WARMING_UP, Reason.TOO_YOUNG, Reason.NO_METRIC)


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
        capacity = plan.capacity_before
        return f"No instances removed: the capacity is {capacity}, not more than requested."
    amount = _requested(plan.shortfall)
    denied = (_text(veto.reason).sentence,) if veto else ()
    return " ".join((f"None of {amount} removed.", *denied, *_why(request, plan)))


def shortfall_text(request: RemovalRequest, plan: Plan) -> str:
    """How much of the request a plan does not remove, and why; empty if nothing is missing."""
    shortfall = plan.shortfall
    if shortfall is None:
        return ""
    missing = f"{shortfall.missing} of {_requested(shortfall)} not removed."
    return " ".join((missing, *_why(request, plan)))


def capacity_text(plan: Plan) -> str:
    """The capacity before and after the plan, and MinSize."""
    return f"capacity {plan.capacity_before} to {plan.capacity_after}, MinSize {plan.min_size}"


def replacement_text(request: RemovalRequest) -> str:
    """Whether ESS replaces what the request removes; empty if it does not."""
    if request.options.decrease_desired_capacity is False:
        return "ESS creates replacements, as decreaseDesiredCapacity is false."
    return ""


def _requested(shortfall: Shortfall) -> str:
    unit = "instances" if shortfall.unit == "instances" else "units of capacity"
    return f"{shortfall.requested} requested {unit}"


def _why(request: RemovalRequest, plan: Plan) -> list[str]:
    """Sentences that say why the plan has a shortfall, with the values."""
    reason = plan.shortfall.reason if plan.shortfall else Reason.NOT_NEEDED
    limits = [limit for limit in plan.limits if limit.guardrail is reason]
    sentences = list[str]()
    if limits:
        sentences += [_text(reason).sentence, *(limit.detail for limit in limits)]
    if request.target.instance_ids is not None:
        named = frozenset(request.target.instance_ids)
        return sentences + _why_named(named, request.scaling_group_id, plan)
    if reason in SHARED:
        return [f"The other instances are {_text(reason).label}."]
    text = _text(reason)
    return sentences or [text.sentence, *filter(None, (text.action,))]


def _why_named(named: frozenset[str], scaling_group_id: str, plan: Plan) -> list[str]:
    """Why each named instance is not selected: one sentence for each reason."""
    ids_by_reason: dict[Reason, list[str]] = {}
    for verdict in plan.retained:
        if verdict.instance_id in named and verdict.reason is not Reason.PARTIAL_DENIED:
            ids_by_reason.setdefault(verdict.reason, []).append(verdict.instance_id)
    sentences = []
    for reason, ids in ids_by_reason.items():
        label = _text(reason).label.replace("the scaling group", scaling_group_id)
        if len(ids) > 1:
            label = label.replace("not a member", "not members")
        sentences.append(f"{shown_ids(ids)} {'is' if len(ids) == 1 else 'are'} {label}.")
    return sentences


def _text(reason: Reason) -> Text:
    return plain(REASONS[reason])
