"""Judges of what the function said and did, by the cloud's own record.

Pure: each returns what is wrong, as sentences.
Nothing here looks at what the function read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from localcloud.ess.model import Activity
from scalein.decision.model import MAX_INSTANCES_PER_CALL
from scalein.decision.reasons import Status

Json = Mapping[str, Any]

END_STATUSES = {status.value for status in (Status.REMOVED, Status.PARTLY_REMOVED, Status.FAILED)}
NOTHING_DONE = {
    status.value
    for status in (
        Status.AT_TARGET,
        Status.BLOCKED,
        Status.REFUSED,
        Status.EXPIRED,
        Status.SUPERSEDED,
        Status.REJECTED,
        Status.IGNORED,
    )
}
FINAL = END_STATUSES | NOTHING_DONE | {Status.UNCONFIRMED.value}


class Said(NamedTuple):
    """One outcome, as the function returned or raised it."""

    at: datetime  # by the cloud's clock
    outcome: Json


class Did(NamedTuple):
    """A removal that the cloud accepted."""

    activity_id: str
    group: str
    instance_ids: tuple[str, ...]  # that it was asked to remove
    removed: frozenset[str]
    started_at: datetime
    ended_at: datetime | None  # None: it runs

    @classmethod
    def of(cls, activity: Activity) -> Did:
        """As the cloud has it now."""
        over = activity.status_code != "InProgress"
        removed = frozenset(activity.destroyed + activity.stopped) if over else frozenset[str]()
        return cls(
            activity.scaling_activity_id,
            activity.scaling_group_id,
            tuple(activity.requested_ids),
            removed,
            activity.started_at,
            activity.ends_at if over else None,
        )


def excess(requested: int, own: Sequence[Did]) -> list[str]:
    """More than requested, an instance twice, or more calls than needed. `own`: of one message."""
    ids = [id for did in own for id in did.instance_ids]
    found = []
    if len(ids) > requested:
        found.append(f"{requested} requested, {len(ids)} accepted")
    if len(set(ids)) < len(ids):
        found.append("an instance was removed twice")
    calls = -(-requested // MAX_INSTANCES_PER_CALL)
    if len(own) > calls + (calls > 1):  # one call more, where the first was cut short
        found.append(f"{len(own)} removals of {requested} instances")
    return found


def ends(said: Sequence[Said]) -> list[str]:
    """A message has exactly one final outcome."""
    found = finals(said)
    if not found:
        statuses = [one.outcome["status"] for one in said]
        return [f"no final outcome; the last were {statuses[-3:]}" if said else "no outcome at all"]
    return [f"several final outcomes: {', '.join(sorted(found))}"] if len(found) > 1 else []


def finals(said: Iterable[Said]) -> set[str]:
    """Statuses that end a message; the answer to a duplicate says which one stands."""
    outcomes = [one.outcome for one in said]
    return FINAL & {
        str(status)
        for outcome in outcomes
        for status in (outcome["status"], outcome["originalStatus"])
    }


def lies(said: Iterable[Said], own: Sequence[Did]) -> list[str]:
    """Where an outcome says what the cloud did not do, or not yet. `own`: at the end of all."""
    return [f"{one.outcome['status']}: {lie}" for one in said for lie in _lies(one, own)]


def _lies(said: Said, own: Sequence[Did]) -> Iterator[str]:
    outcome, status = said.outcome, said.outcome["status"]
    accepted = frozenset(id for did in own for id in did.instance_ids)
    activities = {did.activity_id for did in own if did.started_at <= said.at}
    listed = {*outcome["accepted"], *outcome["removed"]}
    if not accepted.issuperset(listed):
        yield "it lists instances of which no removal by this message was accepted"
    names_others = Status.UNCONFIRMED.value in (
        status,
        outcome["originalStatus"],
    )  # activities that may be the message's
    if not names_others and not activities.issuperset(outcome["scalingActivityIds"]):
        yield "it lists scaling activities that are not of this message"
    if status in NOTHING_DONE and own:
        yield f"the message removed {len(accepted)} instances"
    if status in END_STATUSES:
        yield from _lies_of_an_end(said, own)


def _lies_of_an_end(said: Said, own: Sequence[Did]) -> Iterator[str]:
    outcome, status = said.outcome, said.outcome["status"]
    removed = frozenset(id for did in own for id in did.removed)
    not_removed = {one["id"] for one in outcome["notRemoved"]} | set(outcome["unaccounted"])
    if any(did.ended_at is None or did.ended_at > said.at for did in own):
        yield "a scaling activity of the message still runs, or began later"
    if {did.activity_id for did in own} != set(outcome["scalingActivityIds"]):
        yield "it does not list exactly the scaling activities of the message"
    if {"removed", "notRemoved", "unaccounted"} & outcome["omitted"].keys():
        return
    if removed != set(outcome["removed"]):
        listed = len(outcome["removed"])
        yield f"it lists {listed} removed instances, the cloud removed {len(removed)}"
    if removed & not_removed:
        yield "it lists instances as not removed that were"
    right = "removed" if not not_removed else "partly-removed" if removed else "failed"
    if status != right:
        yield f"it should be {right}"


def over_budget(dids: Iterable[Did], instances: int, window: timedelta) -> list[str]:
    """More than so many instances of one group within any window that ends with a removal."""
    removals = sorted(dids, key=lambda did: did.started_at)
    found = []
    for last in removals:
        inside = (
            did for did in removals if last.started_at - window < did.started_at <= last.started_at
        )
        spent = sum(
            len(did.instance_ids if did.ended_at is None else did.removed) for did in inside
        )
        if spent > instances:
            found.append(f"{spent} within a window, {instances} may")
    return found
