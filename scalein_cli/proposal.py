"""A first policy for a group, from the group and its history: each value with its why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import Any, NamedTuple

from scalein.decision.capacity import OUT_OF_SERVICE, capacity_of
from scalein.decision.guardrails import KNOWN_REMOVAL_POLICIES
from scalein.decision.model import Activity, Order, Snapshot
from scalein.decision.removal_order import DEFAULT_POLICIES
from scalein.report.outcome import amount_text

FLOOR_SHARE = 2  # the floor is the capacity divided by it
BUDGET_PERCENT, BUDGET_SECONDS = 25, 3_600
MIN_COOLDOWN_SECONDS, MAX_COOLDOWN_SECONDS = 600, 3_600
SETTLES = 2  # a cooldown is so many times as long as the longest removal
SMALL = 4  # instances: a quarter of fewer is none


class Proposal(NamedTuple):
    """One field of the group's policy."""

    field: str
    value: Any
    why: str


def proposals(snapshot: Snapshot, history: Sequence[Activity] | None, days: int) -> list[Proposal]:
    """The proposed fields. `history`: of so many days; None if it was not read."""
    return [
        _order(snapshot),
        _floor(snapshot),
        _cooldown(history, days),
        _budget(snapshot, history, days),
    ]


def policy_document(snapshot: Snapshot, fields: Sequence[Proposal]) -> dict[str, Any]:
    """The policy with these fields for the group."""
    group = snapshot.group
    comment = (
        f"Proposed by scalein init on {snapshot.taken_at:%Y-%m-%d}: capacity "
        f"{group.total_capacity}, MinSize {group.min_size}, {len(snapshot.instances)} instances."
    )
    values = {proposal.field: proposal.value for proposal in fields}
    return {"groups": {group.id: {"comment": comment, **values}}}


def _order(snapshot: Snapshot) -> Proposal:
    group = snapshot.group
    own, unknown = group.removal_policies, set(group.removal_policies) - KNOWN_REMOVAL_POLICIES
    orders = [Order(policy) for policy in own] if own and not unknown else [*DEFAULT_POLICIES]
    if unknown:
        why = f"The group's own {', '.join(sorted(unknown))} is not known here; this is ESS's order"
    elif own:
        why = "As the group's own removal policies"
    else:
        why = "As ESS does by default: the group has no removal policies of its own"
    attached = sum(instance.attached for instance in snapshot.instances)
    if attached:
        orders.insert(0, Order.ATTACHED_LAST)
        amount = amount_text(attached, "instances")
        why += f". {amount} attached by hand, which ESS does not create again: last"
    if group.multi_az_policy == "BALANCE":
        orders.insert(0, Order.FULLEST_ZONE)
        why += ". The group balances its zones: from the fullest first"
    return Proposal("order", [order.value for order in orders], f"{why}.")


def _floor(snapshot: Snapshot) -> Proposal:
    group = snapshot.group
    capacity = min(
        group.total_capacity,
        sum(
            capacity_of(instance, snapshot)
            for instance in snapshot.instances
            if instance.lifecycle_state not in OUT_OF_SERVICE
        ),
    )
    half = ceil(capacity / FLOOR_SHARE)
    if half <= group.min_size:
        why = f"MinSize is {group.min_size}, at least half of the capacity of {capacity}: no more."
        return Proposal("floor", group.min_size, why)
    why = (
        f"Half of the capacity of {capacity}, above MinSize {group.min_size}: whatever alarms say, "
        "a person should see to the rest."
    )
    return Proposal("floor", half, why)


def _cooldown(history: Sequence[Activity] | None, days: int) -> Proposal:
    spans = [
        (activity.ended_at - activity.started_at).total_seconds()
        for activity in history or ()
        if activity.removed and activity.ended_at
    ]
    longest = max(spans, default=0)
    wanted = ceil(SETTLES * longest / 60) * 60
    seconds = min(MAX_COOLDOWN_SECONDS, max(MIN_COOLDOWN_SECONDS, wanted))
    known = _history_text(history, days, len(spans))
    if spans:
        known = f"{known} The longest took {longest / 60:.0f} min (ESS gives minutes)."
    why = f"ESS's cooldown does not apply; load must settle before the next removal. {known}"
    return Proposal("cooldownSeconds", seconds, why)


def _history_text(history: Sequence[Activity] | None, days: int, removals: int) -> str:
    if history is None:
        return "The history of the group was not read."
    if not removals:
        return f"ESS shows no removal in {days} days."
    return f"ESS shows {removals} removals in {days} days."


def _budget(snapshot: Snapshot, history: Sequence[Activity] | None, days: int) -> Proposal:
    members = len(snapshot.instances)
    if members < SMALL:
        value = {"instances": 1, "windowSeconds": BUDGET_SECONDS}
        amount, allowed = "1 instance an hour", 1
    else:
        value = {"percent": BUDGET_PERCENT, "windowSeconds": BUDGET_SECONDS}
        allowed = members * BUDGET_PERCENT // 100
        amount = f"{BUDGET_PERCENT} % an hour, {allowed} of {members} now"
    peak = _peak(history or ())
    why = f"{amount}: a wrong alarm cannot empty the group before a person looks."
    if peak:
        why += f" At most {peak} were removed in an hour, in {days} days."
    if peak > allowed:
        why += " That is more: raise the budget if it was intended."
    return Proposal("budget", value, why)


def _peak(history: Sequence[Activity]) -> int:
    """The most instances that were removed in any hour."""
    removals = sorted((a.ended_at, a.removed) for a in history if a.ended_at and a.removed)
    window = timedelta(seconds=BUDGET_SECONDS)
    return max(
        (
            sum(removed for ended_at, removed in removals if 0 <= (ended_at - start) / window < 1)
            for start, _ in removals
        ),
        default=0,
    )
