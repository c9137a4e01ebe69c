"""The result of a removal, from its activities and a new snapshot.

Accepted is not removed. What an activity lists as removed is removed. A snapshot may show the
past, so until the settle time after the activity's end a member in it proves nothing.
"""

from collections.abc import Iterable
from datetime import timedelta

from scalein.decision.capacity import OUT_OF_SERVICE, stable_capacity
from scalein.decision.model import Activity, RemovalResult, Snapshot
from scalein.decision.progress import Progress

# What became of one instance of a call.
REMOVED, NOT_REMOVED, UNACCOUNTED, UNKNOWN = "removed", "not-removed", "unaccounted", "unknown"
STILL_A_MEMBER = "still-a-member"  # why it is not removed, if ESS gives no code


def is_running(activities: Iterable[Activity]) -> bool:
    """Whether one of these activities is in progress."""
    return any(activity.ended_at is None for activity in activities)


def removal_result(
    progress: Progress, activities: tuple[Activity, ...], snapshot: Snapshot, settle_seconds: float
) -> RemovalResult | None:
    """The result of a removal whose activities have ended; None while it is not known yet.

    `activities` are those of all accepted calls of the message.
    """
    state_by_id = {instance.id: instance.lifecycle_state for instance in snapshot.instances}
    activity_by_id = {activity.id: activity for activity in activities}
    others = [a for a in snapshot.activities or () if a.id not in activity_by_id]
    given_up = dict(progress.given_up)
    member_ids = {id for id in given_up if _is_member(state_by_id.get(id))}
    code_by_id = {id: reason for id, reason in given_up.items() if id in member_ids}
    removed, unaccounted = set[str](), {*progress.unaccounted, *(given_up.keys() - member_ids)}
    for call in progress.accepted_calls:
        activity = activity_by_id[call.activity_id]
        ended_at = activity.ended_at or activity.started_at
        is_settled = snapshot.now >= ended_at + timedelta(seconds=settle_seconds)
        for id in call.instance_ids:
            result, code = _instance_result(id, state_by_id.get(id), activity, others, is_settled)
            if result == UNKNOWN:
                return None
            if result == REMOVED:
                removed.add(id)
            elif result == NOT_REMOVED:
                code_by_id[id] = code
            else:
                unaccounted.add(id)
    selected = progress.selected
    return RemovalResult(
        tuple(id for id in selected if id in removed),
        tuple((id, code_by_id[id]) for id in selected if id in code_by_id and id not in removed),
        _replacement_capacity(progress, snapshot),
        tuple(id for id in selected if id in unaccounted and id not in removed),
    )


def _is_member(state: str | None) -> bool:
    """Whether an instance is still in the group. In economical mode a removed one is Stopped."""
    return state is not None and state not in OUT_OF_SERVICE


def _instance_result(
    id: str, state: str | None, activity: Activity, others: list[Activity], is_settled: bool
) -> tuple[str, str]:
    """What became of one instance of a call; and if it was not removed, ESS's code or the reason.

    `state` is None if the snapshot does not list it; `others` are activities of no call of this
    message.
    """
    code_by_id = dict(activity.failures)
    if id in activity.removed_ids:
        return REMOVED, ""
    if id in code_by_id:
        return NOT_REMOVED, code_by_id[id]
    if activity.status == "Successful":  # it did all that was requested
        return (NOT_REMOVED, STILL_A_MEMBER) if is_settled and _is_member(state) else (REMOVED, "")
    if activity.status in ("Failed", "Rejected"):
        if _is_member(state):
            return NOT_REMOVED, activity.status.lower()
        # Before the settle time it may be coming back; after it, something else removed it.
        return (UNACCOUNTED if is_settled else UNKNOWN), ""
    # Warning: some were removed, and the activity does not list which.
    if state is None or state == "Stopped":
        return (UNACCOUNTED if _is_of_another(id, activity, others) else REMOVED), ""
    # Where it is Removing now, that may be another activity's; before the settle time it may
    # still be this one's, or come back.
    return (NOT_REMOVED, STILL_A_MEMBER) if is_settled else (UNKNOWN, "")


def _is_of_another(id: str, activity: Activity, others: list[Activity]) -> bool:
    """Whether another activity removed, or may have removed, the instance after it came back."""
    later = [a for a in others if a.ended_at is None or a.ended_at >= activity.started_at]
    return any(id in a.removed_ids or not (a.removed_ids or a.added or a.failures) for a in later)


def _replacement_capacity(progress: Progress, snapshot: Snapshot) -> int:
    """The capacity that ESS has created since the removal began, or will still create.

    ESS creates it again if the request keeps the desired capacity.
    """
    own_ids = set(progress.activity_ids)
    since = progress.first_claimed_at.replace(second=0, microsecond=0)
    added = sum(
        activity.added
        for activity in snapshot.activities or ()
        if activity.started_at >= since and activity.id not in own_ids and activity.trigger == "Ess"
    )
    missing = 0
    if progress.request.options.decrease_desired_capacity is False:
        missing = (snapshot.group.desired_capacity or 0) - stable_capacity(snapshot)
    return max(0, missing, added)
