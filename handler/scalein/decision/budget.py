"""How much of a budget is unspent: a budget limits the instances removed in a window of time."""

from datetime import timedelta

from scalein.decision.capacity import (
    PENDING_STATES,
    REMOVING_STATES,
    STABLE_STATES,
    count_in,
    percentage_of,
)
from scalein.decision.group_policy import Budget
from scalein.decision.model import Activity, Limit, Snapshot
from scalein.decision.reasons import Reason


def budget_limit(budget: Budget, snapshot: Snapshot) -> Limit:
    """How many instances the budget still allows.

    Spent is what the history shows as removed in the window, by any caller, and what is being
    removed now.
    """
    since = snapshot.now - timedelta(seconds=budget.window_seconds)
    recent = [a for a in snapshot.activities or () if a.ended_at is None or a.ended_at > since]
    spent = sum(activity.removed for activity in recent) + count_in(REMOVING_STATES, snapshot)
    if budget.instances is not None:
        total, share = budget.instances, ""
    else:
        members = _members_at_start(budget, snapshot, recent)
        total = percentage_of(members, budget.percent or 0)
        share = f" ({budget.percent or 0:g} % of {members})"
    detail = (
        f"The budget is {total} instances{share} in {budget.window_seconds} s; "
        f"{spent} {'is' if spent == 1 else 'are'} spent."
    )
    return Limit(Reason.BUDGET, max(0, total - spent), "instances", detail)


def _members_at_start(budget: Budget, snapshot: Snapshot, recent: list[Activity]) -> int:
    """The number of instances that were members when the window began, removed since or not.

    Each counts once, and only if it is known to have been a member then: if two numbers are
    possible, the smaller one is safe.
    """
    since = snapshot.now - timedelta(seconds=budget.window_seconds)
    added_ids = set[str]().union(*(activity.added_ids for activity in recent))
    # An activity without an id stands for removals that the history does not show yet. Neither
    # would it show when those instances were added.
    removed_ids = set[str]().union(*(activity.removed_ids for activity in recent if activity.id))
    long_standing_ids = {
        i.id
        for i in snapshot.instances
        if i.joined_at and i.joined_at <= since and i.id not in added_ids
    }
    states = STABLE_STATES + REMOVING_STATES
    member_ids = {
        i.id for i in snapshot.instances if i.id in removed_ids or i.lifecycle_state in states
    }
    unlisted_ids = removed_ids - added_ids - {instance.id for instance in snapshot.instances}
    known_removed = max(0, len(unlisted_ids) - _max_unlisted_additions(snapshot, recent))
    return len(long_standing_ids & member_ids) + known_removed


def _max_unlisted_additions(snapshot: Snapshot, recent: list[Activity]) -> int:
    """How many instances may have been added in the window without their ids in the history."""
    has_pending = count_in(PENDING_STATES, snapshot) > 0
    for activity in recent:
        # An activity in progress lists no ids yet; instances attached by hand are never listed.
        is_running = activity.ended_at is None
        may_add = is_running and (has_pending or activity.trigger not in ("APIs", ""))
        lists_nothing = (
            activity.status in ("Successful", "Warning")
            and not activity.added
            and not activity.removed
        )
        if may_add or lists_nothing:
            return sum(len(a.removed_ids) for a in recent)
    return sum(max(0, activity.added - len(activity.added_ids)) for activity in recent)
