"""How an activity proceeds from stage to stage: hooks let go, instances join or leave, it ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from localcloud.ess.backends import leave_behind
from localcloud.ess.model import STABLE, Activity, ScalingGroup
from localcloud.ess.resources import LifecycleAction
from localcloud.ess.state import EssState

CONTINUE = "CONTINUE"
MAX_DEPARTED = 10_000
NOTICE_BY_STATUS = {"Successful": "SUCCESS", "Warning": "WARN"}  # ERROR for all others


def due_at(state: EssState, activity: Activity) -> datetime:
    """Returns when the activity has to be looked at next."""
    if not activity.waits_for_hooks:
        return activity.ends_at
    ends = (action.ends_at for action in _pending_actions(state, activity))
    return min(ends, default=activity.started_at)


def proceed(state: EssState, activity: Activity, now: datetime) -> None:
    """Moves the activity on: its stage is over, or one of its hooks completed or timed out."""
    group = state.groups[activity.scaling_group_id]
    if activity.turns_to:
        _turn(state, group, activity, now)
    elif activity.waits_for_hooks:
        result = _hook_result(state, activity, now)
        if result is not None:
            activity.waits_for_hooks = False
            _apply_hook_result(state, group, activity, result, now)
    elif activity.joining_ids and state.hold(group, activity, "SCALE_OUT", now):
        for id in activity.joining_ids:
            group.instances[id].lifecycle_state = "Pending:Wait"
    elif activity.joining_ids:
        _join(state, group, activity, now)
    else:
        _remove(state, group, activity, now)


def _actions(state: EssState, activity: Activity) -> list[LifecycleAction]:
    id = activity.scaling_activity_id
    return [a for a in state.lifecycle_actions.values() if a.scaling_activity_id == id]


def _pending_actions(state: EssState, activity: Activity) -> list[LifecycleAction]:
    return [action for action in _actions(state, activity) if action.status == "Pending"]


def _hook_result(state: EssState, activity: Activity, now: datetime) -> str | None:
    """Settles what has timed out, and returns what the hooks decided; None while one is waited for.

    The first result other than CONTINUE completes the other actions with itself.
    """
    for action in _pending_actions(state, activity):
        if action.ends_at <= now:
            action.status, action.result = "Timeout", action.default_result
    results = [action.result for action in _actions(state, activity) if action.result]
    decisive = next((result for result in results if result != CONTINUE), None)
    if decisive is None:
        return None if _pending_actions(state, activity) else CONTINUE
    for action in _pending_actions(state, activity):
        action.status, action.result = "Completed", decisive
    return decisive


def _apply_hook_result(
    state: EssState, group: ScalingGroup, activity: Activity, result: str, now: datetime
) -> None:
    if activity.joining_ids and result == CONTINUE:
        _join(state, group, activity, now)
    elif activity.joining_ids:
        _release_joining(state, group, activity, now)
    elif result == "ROLLBACK":  # ABANDON does not keep an instance that is on its way out
        activity.forced_status = "Failed"
        _remove(state, group, activity, now)
    else:
        for id in activity.instance_ids:
            group.instances[id].lifecycle_state = "Removing"
        activity.ends_at = now + timedelta(seconds=state.assumptions.activity_seconds)


def _release_joining(
    state: EssState, group: ScalingGroup, activity: Activity, now: datetime
) -> None:
    for id in activity.joining_ids:
        group.departed[id] = group.instances.pop(id)
        group.departed[id].ecs_status = "Released"
        activity.ignored[id] = "LifecycleHookAbandon"
    activity.joining_ids, activity.created, activity.started = [], [], []
    activity.forced_status = "Failed"
    _end(state, group, activity, now)


def _join(state: EssState, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    for id in activity.joining_ids:
        instance = group.instances[id]
        instance.lifecycle_state, instance.ecs_status = "InService", "Running"
        instance.created_at = now
    _end(state, group, activity, now)


def _turn(state: EssState, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    """Gives instances the state that they are to have, where they are in the group still."""
    for id in activity.turning_ids:
        if id in group.instances and group.instances[id].lifecycle_state in STABLE:
            group.instances[id].lifecycle_state = activity.turns_to
    _end(state, group, activity, now)


def _remove(state: EssState, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    _retain_what_cannot_go(activity, group)
    for instance_id in activity.instance_ids:
        instance = group.instances[instance_id]
        is_own = instance.creation_type == "AutoCreated" or instance.entrusted
        if activity.detaches or not is_own:
            instance.ecs_status = "Running"  # it only leaves the group, and is still paid for
        elif activity.recycles:  # it stays a member, in economical mode
            instance.lifecycle_state = instance.ecs_status = "Stopped"
            activity.stopped.append(instance_id)
        else:
            instance.ecs_status = "Released"
            activity.destroyed.append(instance_id)
        if activity.keeps_backends:
            leave_behind(group, instance)
        if instance.ecs_status != "Stopped":
            group.departed[instance_id] = group.instances.pop(instance_id)
    while len(group.departed) > MAX_DEPARTED:
        del group.departed[next(iter(group.departed))]
    _end(state, group, activity, now)


def _retain_what_cannot_go(activity: Activity, group: ScalingGroup) -> None:
    """Puts instances back into service: one if the activity is to end in Warning, else all."""
    if not activity.forced_status:
        return
    is_warning = activity.forced_status == "Warning"
    retained = activity.instance_ids[: 1 if is_warning else None]
    activity.instance_ids = [id for id in activity.instance_ids if id not in retained]
    if not activity.instance_ids and is_warning:
        activity.forced_status = "Failed"  # a Warning removes at least one
    for id in retained:
        group.instances[id].lifecycle_state = "InService"
        activity.ignored[id] = "IncorrectInstanceStatus"
    if activity.decreases and group.desired_capacity is not None:
        group.desired_capacity += group.counted(group.instances[id] for id in retained)


def _end(state: EssState, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    natural_status = "Warning" if activity.ignored else "Successful"
    activity.status_code = activity.forced_status or natural_status
    activity.detail = _detail(activity)
    activity.ends_at = max(now, activity.started_at)
    total = {"TotalCapacity": group.total_capacity}
    activity.capacities_at_end = total | group.capacities_by_origin()
    if activity.turns_to:
        return
    _begin_cooldown(group, activity)
    direction = "IN" if activity.requested_ids or activity.instance_ids else "OUT"
    notice = NOTICE_BY_STATUS.get(activity.status_code, "ERROR")
    state.notify(group, f"SCALE_{direction}_{notice}", activity, now)
    for token, action in list(state.lifecycle_actions.items()):
        if action.ends_at < now - timedelta(days=1):
            del state.lifecycle_actions[token]


def _begin_cooldown(group: ScalingGroup, activity: Activity) -> None:
    """Holds alarms back from when the last instance came or left (ESS guide, Cooldown time)."""
    if activity.joining_ids or activity.instance_ids:
        seconds = group.default_cooldown if activity.cooldown is None else activity.cooldown
        until = activity.ends_at + timedelta(seconds=seconds)
        group.cooldown_until = max(until, group.cooldown_until or until)


def _detail(activity: Activity) -> str:
    released_or_stopped = {*activity.destroyed, *activity.stopped}
    detached = [id for id in activity.instance_ids if id not in released_or_stopped]
    came = {*activity.created, *activity.started}
    attached = [id for id in activity.joining_ids if id not in came]
    rows = (
        ("new ECS instances", activity.created, "are created"),
        ("ECS instances", activity.started, "are started"),
        ("ECS instances", attached, "are attached"),
        ("ECS instances", activity.turning_ids, f"are {activity.turns_to}"),
        ("ECS instances", activity.destroyed, "are released"),
        ("ECS instances", activity.stopped, "are stopped"),
        ("ECS instances", detached, "left the scaling group"),
    )
    lines = [f'{what} "{", ".join(ids)}" {verb}.' for what, ids, verb in rows if ids]
    verb = "attach" if activity.joining_ids else "remove"
    for instance_id, code in activity.ignored.items():
        lines.append(f'Ignore to {verb} instance "{instance_id}"({code}).')
    return "\n".join(lines) + "\n"
