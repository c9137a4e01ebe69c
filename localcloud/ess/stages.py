"""An activity from stage to stage: instances come or go, hooks hold them, and it ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.resources import LifecycleAction

if TYPE_CHECKING:
    from localcloud.ess.service import Service

LETS_GO = "CONTINUE"


def due(service: Service, activity: Activity) -> datetime:
    """When something happens to it next."""
    if not activity.waits:
        return activity.ends_at
    return min((action.ends_at for action in pending(service, activity)), default=activity.started_at)


def pending(service: Service, activity: Activity) -> list[LifecycleAction]:
    id = activity.scaling_activity_id
    return [a for a in service.lifecycle_actions.values() if a.scaling_activity_id == id and a.status == "Pending"]


def start_leaving(service: Service, group: ScalingGroup, leaving: list[Instance], activity: Activity) -> None:
    """Hooks hold them before they go (CreateLifecycleHook: after they left the load balancer)."""
    service.notify(group, "SCALE_IN_START", activity, activity.started_at)
    held = _hold(service, group, activity, "SCALE_IN", activity.started_at)
    for instance in leaving:
        instance.lifecycle_state = "Removing:Wait" if held else "Removing"


def start_joining(service: Service, group: ScalingGroup, joining: list[Instance], activity: Activity) -> None:
    service.notify(group, "SCALE_OUT_START", activity, activity.started_at)
    for instance in joining:
        instance.lifecycle_state = "Pending"
        instance.scaling_activity_id = activity.scaling_activity_id
        group.instances[instance.instance_id] = instance
    activity.joining = [instance.instance_id for instance in joining]
    service.begin(activity)


def go_on(service: Service, activity: Activity, now: datetime) -> None:
    """Its present stage is over, or a hook of it timed out."""
    group = service.groups[activity.scaling_group_id]
    if activity.waits:
        result = _result(service, activity, now)
        if result is not None:
            activity.waits = False
            _let_go(service, group, activity, result, now)
    elif activity.joining and _hold(service, group, activity, "SCALE_OUT", now):
        for id in activity.joining:
            group.instances[id].lifecycle_state = "Pending:Wait"
    elif activity.joining:
        _join(service, group, activity, now)
    else:
        _leave(service, group, activity, now)


def _hold(service: Service, group: ScalingGroup, activity: Activity, transition: str, now: datetime) -> bool:
    hooks = service.hooks_of(group.scaling_group_id, transition, activity.hook_context)
    ids = activity.joining or activity.instance_ids
    for hook in hooks if ids else ():
        action = LifecycleAction(
            lifecycle_action_token=str(uuid4()).upper(),
            lifecycle_hook_id=hook.lifecycle_hook_id,
            scaling_activity_id=activity.scaling_activity_id,
            instance_ids=list(ids),
            ends_at=now + timedelta(seconds=hook.heartbeat_timeout),
            default_result=hook.default_result,
        )
        service.lifecycle_actions[action.lifecycle_action_token] = action
        if hook.notification_arn:
            content = {
                "lifecycleHookId": hook.lifecycle_hook_id,
                "lifecycleActionToken": action.lifecycle_action_token,
                "lifecycleHookName": hook.name,
                "scalingGroupId": group.scaling_group_id,
                "scalingGroupName": group.name,
                "lifecycleTransition": transition,
                "defaultResult": hook.default_result,
                "scalingActivityId": activity.scaling_activity_id,
                "instanceIds": action.instance_ids,
                "notificationMetadata": hook.notification_metadata,
            }
            service.send(hook.notification_arn, group, content, now)
    activity.waits = bool(hooks and ids)
    return activity.waits


def _result(service: Service, activity: Activity, now: datetime) -> str | None:
    """What its hooks decided; None while one is waited for. The first that does not let go ends the others."""
    waited = pending(service, activity)
    for action in waited:
        if action.ends_at <= now:
            action.status, action.result = "Timeout", action.default_result
    id = activity.scaling_activity_id
    over = [a.result for a in service.lifecycle_actions.values() if a.scaling_activity_id == id and a.result]
    found = next((result for result in over if result != LETS_GO), None)
    if found is None:
        return None if pending(service, activity) else LETS_GO
    for action in pending(service, activity):
        action.status, action.result = "Completed", found
    return found


def _let_go(service: Service, group: ScalingGroup, activity: Activity, result: str, now: datetime) -> None:
    if activity.joining:
        if result != LETS_GO:  # they are released again
            for id in activity.joining:
                group.left[id] = group.instances.pop(id)
                group.left[id].ecs_status = "Released"
                activity.ignored[id] = "LifecycleHookAbandon"
            activity.joining, activity.created, activity.started = [], [], []
            activity.ending = "Failed"
            _over(service, group, activity, now)
        else:
            _join(service, group, activity, now)
        return
    if result == "ROLLBACK":  # ABANDON does not save anybody on the way out
        activity.ending = "Failed"
        _leave(service, group, activity, now)
        return
    for id in activity.instance_ids:
        group.instances[id].lifecycle_state = "Removing"
    activity.ends_at = now + timedelta(seconds=service.knobs.activity_seconds)


def _join(service: Service, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    for id in activity.joining:
        instance = group.instances[id]
        instance.lifecycle_state, instance.ecs_status, instance.created_at = "InService", "Running", now
    _over(service, group, activity, now)


def _leave(service: Service, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    _let_stay(activity, group)
    for instance_id in activity.instance_ids:
        instance = group.instances[instance_id]
        if activity.detaches or (instance.creation_type != "AutoCreated" and not instance.entrusted):
            fate = "Running"  # it only leaves the group, and keeps billing
        elif activity.recycles:
            instance.lifecycle_state = fate = "Stopped"  # stays a member, in economical mode
            activity.stopped.append(instance_id)
        else:
            fate = "Released"
            activity.destroyed.append(instance_id)
        instance.ecs_status = fate
        if fate != "Stopped":
            group.left[instance_id] = group.instances.pop(instance_id)
    while len(group.left) > 10_000:
        del group.left[next(iter(group.left))]
    _over(service, group, activity, now)


def _over(service: Service, group: ScalingGroup, activity: Activity, now: datetime) -> None:
    activity.status_code = activity.ending or ("Warning" if activity.ignored else "Successful")
    activity.detail = _detail(activity)
    activity.ends_at = max(now, activity.started_at)
    direction = "IN" if activity.told or activity.instance_ids else "OUT"
    kind = {"Successful": "SUCCESS", "Warning": "WARN"}.get(activity.status_code, "ERROR")
    service.notify(group, f"SCALE_{direction}_{kind}", activity, now)
    for token in [t for t, a in service.lifecycle_actions.items() if a.ends_at < now - timedelta(days=1)]:
        del service.lifecycle_actions[token]


def _let_stay(activity: Activity, group: ScalingGroup) -> None:
    """Those that cannot leave after all, where the activity is to end badly."""
    if not activity.ending:
        return
    staying = activity.instance_ids[: 1 if activity.ending == "Warning" else None]
    activity.instance_ids = [id for id in activity.instance_ids if id not in staying]
    if not activity.instance_ids and activity.ending == "Warning":
        activity.ending = "Failed"  # a Warning has at least one that left
    for id in staying:
        group.instances[id].lifecycle_state = "InService"
        activity.ignored[id] = "IncorrectInstanceStatus"
    if activity.decreases and group.desired_capacity is not None:
        group.desired_capacity += group.counted(group.instances[id] for id in staying)


def _detail(activity: Activity) -> str:
    lines = []
    if activity.created:
        lines.append(f'new ECS instances "{", ".join(activity.created)}" are created.')
    if activity.started:
        lines.append(f'ECS instances "{", ".join(activity.started)}" are started.')
    if activity.destroyed:
        lines.append(f'ECS instances "{", ".join(activity.destroyed)}" are released.')
    if activity.stopped:
        lines.append(f'ECS instances "{", ".join(activity.stopped)}" are stopped.')
    gone = set(activity.destroyed) | set(activity.stopped)
    left = [instance_id for instance_id in activity.instance_ids if instance_id not in gone]
    if left:
        lines.append(f'ECS instances "{", ".join(left)}" left the scaling group.')
    lines += [f'Ignore to remove instance "{instance_id}"({code}).' for instance_id, code in activity.ignored.items()]
    return "\n".join(lines) + "\n"
