"""Scaling activities of the policy's groups, as ESS remembers them: a source without a log."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from scalein.decision.model import Activity
from scalein.errors import GatewayError
from scalein_cli.errors import CommandError
from scalein_cli.options import progress
from scalein_cli.place import Place

GROUP_OPTION = "Give --policy, or --group ID."


class GroupActivity(NamedTuple):
    """A scaling activity, and its group."""

    scaling_group_id: str
    activity: Activity


def group_ids_of(place: Place, group_id: str) -> list[str]:
    """The groups to read. Raises CommandError."""
    if group_id:
        return [group_id]
    if not place.has_policy:
        raise CommandError(f"Nothing says which scaling groups to read. {GROUP_OPTION}")
    return list(place.policy.groups)


def read_history(
    place: Place, group_ids: Iterable[str], since: datetime
) -> tuple[list[GroupActivity], dict[str, str]]:
    """The activities that ran since then, newest first; and an error by group that was not read.

    Raises CommandError if ESS does not answer, or none of the groups was read.
    """
    activities: list[GroupActivity] = []
    error_by_id: dict[str, str] = {}
    group_ids = list(group_ids)
    with progress("Reading the scaling activities ..."):
        for id in group_ids:
            try:
                history = place.open_gateway().history(id, since)
            except GatewayError as error:
                error_by_id[id] = str(error)
                continue
            activities += [GroupActivity(id, one) for one in history if is_since(one, since)]
    if len(error_by_id) == len(group_ids):
        raise CommandError(f"No scaling group was read. {' '.join(error_by_id.values())}")
    activities.sort(key=lambda one: one.activity.started_at, reverse=True)
    return activities, error_by_id


def is_since(activity: Activity, since: datetime) -> bool:
    """Whether the activity ran at any time since then."""
    return activity.ended_at is None or activity.ended_at >= since
