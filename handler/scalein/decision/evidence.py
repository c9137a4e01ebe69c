"""What ESS's lists and history prove about a call whose own answer was lost.

What they show is proof. What they do not show proves nothing until the settle time has passed, for
each of them may show the past.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from scalein.decision.capacity import REMOVING_STATES
from scalein.decision.model import Activity, RemovalRequest, Snapshot
from scalein.decision.progress import Call

CLOCK_SKEW = timedelta(minutes=5)  # how far the clocks of sender, this machine and ESS may differ
# The greatest age of a message without a time: Function Compute repeats an event for a day.
AGE_UNKNOWN = timedelta(days=1)
BY_THE_API = ("APIs", "")  # TriggerSourceType


def is_settled(call: Call, read_at: datetime, settle_seconds: float) -> bool:
    """Whether a read that began at this moment shows the call if it happened."""
    return read_at >= call.send_by + timedelta(seconds=settle_seconds)


def since_sent(
    request: RemovalRequest, first_claimed_at: datetime, unknown_age: timedelta = AGE_UNKNOWN
) -> datetime:
    """When an activity of this message may have begun at the earliest, by ESS's clock."""
    sent_at = min(first_claimed_at, request.sent_at or first_claimed_at - unknown_age)
    return (sent_at - CLOCK_SKEW).replace(second=0, microsecond=0)


def is_api_removal(activity: Activity) -> bool:
    """Whether a call of the API may have begun this activity, and as a removal."""
    return activity.trigger in BY_THE_API and not activity.added


def activity_of(
    call: Call, history: Iterable[Activity], foreign_ids: frozenset[str], settle_seconds: float
) -> Activity | None:
    """The activity that this call began, or None if the history shows none.

    It lists exactly the call's instances, began while the call may have, and is not one of
    `foreign_ids`, which other messages began. ESS carries a call out for all of its instances or
    none, as ignoreInvalidInstance is never sent: an activity that lists more or fewer instances is
    another caller's. After the settle time the instances are free for other messages.
    """
    ids, latest = frozenset(call.instance_ids), call.send_by + timedelta(seconds=settle_seconds)
    earliest = call.intended_at.replace(second=0, microsecond=0)  # ESS gives times to the minute
    listing = (a for a in history if ids == a.removed_ids.union(id for id, _ in a.failures))
    matching = (a for a in listing if is_api_removal(a) and earliest <= a.started_at <= latest)
    return next((a for a in matching if a.id not in foreign_ids), None)


def unowned_removals(
    history: Iterable[Activity], owned_ids: frozenset[str], since: datetime
) -> tuple[str, ...]:
    """Ids of removals by the API since then that no message is known to own.

    An earlier delivery of a message may have made them.
    """
    return tuple(
        a.id
        for a in history
        if a.started_at >= since and a.id not in owned_ids and is_api_removal(a)
    )


def unexplained_removals(
    snapshot: Snapshot, in_flight: frozenset[str], history: Iterable[Activity]
) -> frozenset[str]:
    """Ids of instances that are being removed by no known call and no listed activity.

    If there are any, the history shows the past.
    """
    running = [activity for activity in history if activity.ended_at is None]
    if running:  # it explains them: an activity may list its instances at its end only
        return frozenset()
    ids = (i.id for i in snapshot.instances if i.lifecycle_state in REMOVING_STATES)
    return frozenset(ids) - in_flight
