"""The texts of an activity: what caused it, what it does, what came of it.

The manual has them of a rule that a user or a scheduled task executes (API reference,
DescribeScalingActivities); the others are made alike.
"""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.ess.model import Activity

USER, ALARM, TASK = "A user requests to", "An alarm task", "A scheduled task"


def changing(cause: str, before: int, after: int) -> str:
    """Returns the cause with the change of capacity."""
    return f'{cause}, changing the Total Capacity from "{before}" to "{after}".'


def by_hand(verb: str, instance_ids: Iterable[str]) -> str:
    """Returns that a user does something with instances."""
    return f'{USER} {verb} instance "{", ".join(instance_ids)}"'


def description(verb: str, count: int) -> str:
    return f'{verb} "{count}" ECS instance'


def status_message(activity: Activity) -> str:
    """Returns what came of an activity that has ended."""
    if activity.turns_to:
        return f'"{len(activity.turning_ids)}" ECS instances are {activity.turns_to}'
    if activity.joining_ids or activity.created or activity.started:
        attached = len(activity.joining_ids) - len(activity.created) - len(activity.started)
        if attached > 0:
            return f'"{attached}" ECS instances are attached'
        return f'"{len(activity.created) + len(activity.started)}" ECS instances are added'
    if activity.detaches:
        return f'"{len(activity.instance_ids)}" ECS instances are detached'
    count = len(activity.instance_ids) or len(activity.destroyed)
    return f'"{count}" ECS instances are removed'
