"""The only module that judges how a removal ended: from its activities and a fresh picture to an outcome. Pure.

Accepted is not done. Whoever an activity says it removed is gone, and whoever is no member any more; whoever still is
stays, for ESS's reason.
"""

from collections.abc import Iterable

from scalein import outcome
from scalein.guardrails import LEAVING_STATES, stable_capacity
from scalein.model import Activity, Ending, Instance, Outcome, Snapshot
from scalein.progress import Progress


def gone(instance: Instance) -> bool:
    """Or as good as gone. In economical mode it stays a member, and is Stopped."""
    return instance.lifecycle_state in ("Stopped", *LEAVING_STATES)


def running(activities: Iterable[Activity]) -> bool:
    return any(activity.ended_at is None for activity in activities)


def ended(progress: Progress, activities: tuple[Activity, ...], snapshot: Snapshot) -> Outcome:
    """Of a removal of which nothing runs any more."""
    listed = frozenset[str]().union(*(activity.removed_ids for activity in activities))
    members = {instance.id for instance in snapshot.instances if not gone(instance)} - listed
    whole = next((a.status.lower() for a in activities if a.status not in ("Successful", "Warning")), "stayed")
    why = {**dict.fromkeys(progress.chosen, whole), **dict(progress.given_up)}
    why |= {id: code for activity in activities for id, code in activity.failures}
    removed = tuple(id for id in progress.chosen if id not in members)
    stayed = tuple((id, why[id]) for id in progress.chosen if id in members)
    return outcome.ended(progress, Ending(removed, stayed, _refilled(progress, snapshot)))


def _refilled(progress: Progress, snapshot: Snapshot) -> int:
    """Capacity that ESS has created since, or will: it compares desired with stable capacity."""
    own = set(progress.activity_ids)
    begun = progress.begun_at.replace(second=0, microsecond=0)
    since = [a for a in snapshot.activities or () if a.started_at >= begun and a.id not in own and a.trigger == "Ess"]
    missing = (snapshot.group.desired_capacity or 0) - stable_capacity(snapshot)
    return max(0, missing, sum(activity.added for activity in since))
