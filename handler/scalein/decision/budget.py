"""What is left of a budget: the most that is removed from a group in any window of time. Pure."""

from datetime import datetime, timedelta
from typing import NamedTuple

from scalein.decision.capacity import COMING_STATES, LEAVING_STATES, STABLE_STATES, count_in, share
from scalein.decision.model import Activity, Limit, Snapshot
from scalein.decision.reasons import Reason


class Budget(NamedTuple):
    """No more than so much in any window of time; one of `instances`, `percent`."""

    window_seconds: int
    instances: int | None = None
    percent: float | None = None


def budget_limit(budget: Budget, snapshot: Snapshot) -> Limit:
    """What is left of it: less what ESS's history says was removed in the window, by whomever, and what is leaving."""
    since = snapshot.now - timedelta(seconds=budget.window_seconds)
    recent = [a for a in snapshot.activities or () if a.ended_at is None or a.ended_at > since]
    spent = sum(activity.removed for activity in recent) + count_in(LEAVING_STATES, snapshot)
    whole = budget.instances
    if whole is None:
        whole = share(_members_at(since, snapshot, recent), budget.percent or 0)
    told = f"{whole} in {budget.window_seconds} s, of which {spent} are spent"
    return Limit(Reason.BUDGET, max(0, whole - spent), "instances", told)


def _members_at(since: datetime, snapshot: Snapshot, recent: list[Activity]) -> int:
    """Members that were there when the window began, removed since or not; each once, and no newcomer.

    Only what is known to have been there counts: of two possible numbers the smaller one is safe.
    """
    added = set[str]().union(*(activity.added_ids for activity in recent))
    # An activity without id stands for removals that the history does not show yet: nor would it show their arrival.
    removed = set[str]().union(*(activity.removed_ids for activity in recent if activity.id))
    old = {
        i.id
        for i in snapshot.instances
        if i.joined_at and i.joined_at <= since and i.id not in added
    }
    states = STABLE_STATES + LEAVING_STATES
    members = {i.id for i in snapshot.instances if i.id in removed or i.lifecycle_state in states}
    gone = removed - added - {instance.id for instance in snapshot.instances}
    return len(old & members) + max(0, len(gone) - _unlisted_newcomers(snapshot, recent))


def _unlisted_newcomers(snapshot: Snapshot, recent: list[Activity]) -> int:
    """At most so many were added in the window and are in no list: the history does not tell which they were."""
    is_coming = count_in(COMING_STATES, snapshot) > 0
    for activity in recent:
        # What runs lists nothing yet; and what was attached by hand is in no list.
        may_add = activity.ended_at is None and (is_coming or activity.trigger not in ("APIs", ""))
        is_mute = (
            activity.status in ("Successful", "Warning")
            and not activity.added
            and not activity.removed
        )
        if may_add or is_mute:
            return sum(len(one.removed_ids) for one in recent)
    return sum(max(0, activity.added - len(activity.added_ids)) for activity in recent)
