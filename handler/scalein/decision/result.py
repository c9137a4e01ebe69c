"""How a removal ended: from its activities and a new snapshot to an outcome. Pure.

Accepted is not done. What an activity says it removed is removed; a snapshot may show the past, so that a member in it
proves nothing until the settle time after the activity's end.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from scalein.decision.capacity import OUT_OF_SERVICE, stable_capacity
from scalein.decision.model import Activity, Instance, RemovalResult, Snapshot
from scalein.decision.progress import Call, Progress

DONE, NOT_DONE = ("Successful",), ("Failed", "Rejected")


def is_gone(instance: Instance) -> bool:
    """Or as good as gone. In economical mode it stays a member, and is Stopped."""
    return instance.lifecycle_state in OUT_OF_SERVICE


def is_running(activities: Iterable[Activity]) -> bool:
    return any(activity.ended_at is None for activity in activities)


def ended(
    progress: Progress, activities: tuple[Activity, ...], snapshot: Snapshot, settle_seconds: float
) -> RemovalResult | None:
    """Of a removal of which nothing runs any more; None where it cannot be told yet. `activities`: of all its calls."""
    members = frozenset(instance.id for instance in snapshot.instances if not is_gone(instance))
    listed = frozenset(i.id for i in snapshot.instances if i.lifecycle_state != "Stopped")
    by_id = {activity.id: activity for activity in activities}
    others = [activity for activity in snapshot.activities or () if activity.id not in by_id]
    removed = list[str]()
    not_removed = {id: reason for id, reason in progress.given_up if id in members}
    unaccounted = [*progress.unaccounted, *(id for id, _ in progress.given_up if id not in members)]
    for call in progress.accepted:
        activity = by_id[call.activity_id]
        settled = snapshot.now >= _end(activity) + timedelta(seconds=settle_seconds)
        verdict = _CallResult(call, activity, members, settled)
        verdict.judge_unlisted(listed, others)
        if verdict.is_open:
            return None
        removed += verdict.removed
        not_removed |= verdict.not_removed
        unaccounted += verdict.unaccounted
    taken = frozenset(removed)
    return RemovalResult(
        tuple(id for id in progress.selected if id in taken),
        tuple(
            (id, not_removed[id])
            for id in progress.selected
            if id in not_removed and id not in taken
        ),
        _replacement(progress, snapshot),
        tuple(id for id in progress.selected if id in unaccounted and id not in taken),
    )


class _CallResult:
    """What one activity and the members say of the instances of one call."""

    def __init__(
        self, call: Call, activity: Activity, members: frozenset[str], settled: bool
    ) -> None:
        self.removed, self.unaccounted = list[str](), list[str]()
        self.not_removed: dict[str, str] = {}
        self.is_open = False
        self._activity, self._settled = activity, settled
        self._unlisted = list[
            str
        ]()  # after a Warning: some were removed, and it does not say which
        failures = dict(activity.failures)
        for id in call.instance_ids:
            if id in activity.removed_ids:
                self.removed.append(id)
            elif id in failures:
                self.not_removed[id] = failures[id]
            elif activity.status in NOT_DONE:
                self._of_failed(id, activity, members, settled)
            elif activity.status not in DONE:
                self._unlisted.append(id)
            elif settled and id in members:
                self.not_removed[id] = "still-a-member"
            else:
                self.removed.append(id)  # all that it was asked to

    def judge_unlisted(self, listed: frozenset[str], others: list[Activity]) -> None:
        """`listed`: members, and those that the list shows on their way out, which may come back."""
        for id in self._unlisted:
            if id not in listed:
                found = self.unaccounted if self._is_anothers(id, others) else self.removed
                found.append(id)
            elif self._settled:  # on its way out by now, perhaps, but by another activity
                self.not_removed[id] = "still-a-member"
            else:
                self.is_open = True

    def _is_anothers(self, id: str, others: list[Activity]) -> bool:
        """Whether another activity removed it, or may have: it came back, and was removed later."""
        later = (a for a in others if a.ended_at is None or a.ended_at >= self._activity.started_at)
        return any(
            id in a.removed_ids or not (a.removed_ids or a.added or a.failures) for a in later
        )

    def _of_failed(
        self, id: str, activity: Activity, members: frozenset[str], settled: bool
    ) -> None:
        if id in members:
            self.not_removed[id] = activity.status.lower()
        elif settled:
            self.unaccounted.append(id)  # gone, though not by this activity
        else:
            self.is_open = True  # on its way back, perhaps


def _end(activity: Activity) -> datetime:
    return activity.ended_at or activity.started_at


def _replacement(progress: Progress, snapshot: Snapshot) -> int:
    """Capacity that ESS has created since; and that it will, where the request keeps the desired capacity."""
    own = set(progress.activity_ids)
    begun = progress.first_claimed_at.replace(second=0, microsecond=0)
    since = [
        a
        for a in snapshot.activities or ()
        if a.started_at >= begun and a.id not in own and a.trigger == "Ess"
    ]
    keeps = progress.request.options.decrease_desired_capacity is False
    missing = (snapshot.group.desired_capacity or 0) - stable_capacity(snapshot) if keeps else 0
    return max(0, missing, sum(activity.added for activity in since))
