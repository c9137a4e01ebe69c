"""What an answer of ESS proves of a call whose own answer was lost. Pure.

A positive answer proves; an absent one proves nothing until the settle time has passed: lists and history may show the
past, each on its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from scalein.decision.capacity import LEAVING_STATES
from scalein.decision.model import Activity, RemovalRequest, Snapshot
from scalein.decision.progress import Call

CLOCK_SKEW = timedelta(minutes=5)  # how far clocks may differ: a sender's, this one, ESS's
AGE_UNKNOWN = timedelta(
    days=1
)  # of a message that does not say its time: Function Compute repeats it so long
BY_THE_API = ("APIs", "")  # TriggerSourceType


def is_settled(call: Call, read_at: datetime, settle_seconds: float) -> bool:
    """Whether what a read that began then does not show of the call did not happen."""
    return read_at >= call.send_by + timedelta(seconds=settle_seconds)


def since_sent(
    request: RemovalRequest, first_claimed_at: datetime, unknown_age: timedelta = AGE_UNKNOWN
) -> datetime:
    """From when on an activity may be the message's. ESS says times to the minute, by its own clock."""
    sent_at = min(first_claimed_at, request.sent_at or first_claimed_at - unknown_age)
    return (sent_at - CLOCK_SKEW).replace(second=0, microsecond=0)


def is_api_removal(activity: Activity) -> bool:
    return activity.trigger in BY_THE_API and not activity.added


def activity_of(
    call: Call, history: Iterable[Activity], known: frozenset[str], settle_seconds: float
) -> Activity | None:
    """The activity that lists exactly the call's instances, began while it may have, and is not known as another's.

    A call is carried out for all of its instances or none, for ignoreInvalidInstance is never sent: more, or fewer, are
    another caller's. After the settle time the instances are free for other messages.
    """
    ids, latest = frozenset(call.instance_ids), call.send_by + timedelta(seconds=settle_seconds)
    earliest = call.intended_at.replace(second=0, microsecond=0)  # ESS says times to the minute
    listing = (a for a in history if ids == a.removed_ids.union(id for id, _ in a.failures))
    fitting = (a for a in listing if is_api_removal(a) and earliest <= a.started_at <= latest)
    return next((a for a in fitting if a.id not in known), None)


def unowned_removals(
    history: Iterable[Activity], known: frozenset[str], since: datetime
) -> tuple[str, ...]:
    """Removals by the API since then that no message is known to own: an earlier delivery may have made them."""
    return tuple(
        a.id for a in history if a.started_at >= since and a.id not in known and is_api_removal(a)
    )


def unexplained_removals(
    snapshot: Snapshot, in_flight: frozenset[str], history: Iterable[Activity]
) -> frozenset[str]:
    """Members on their way out that neither a known call nor a listed activity explains: the history may be late."""
    activities = [activity for activity in history if activity.ended_at is None]
    if any(not is_api_removal(activity) for activity in activities):
        return (
            frozenset()
        )  # an alarm task, ESS itself: which instances it takes is listed at its end only
    listed = in_flight.union(*(activity.removed_ids for activity in activities))
    going = frozenset(i.id for i in snapshot.instances if i.lifecycle_state in LEAVING_STATES)
    return frozenset() if activities else going - listed
