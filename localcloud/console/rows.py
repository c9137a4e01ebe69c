"""Groups, instances and what belongs to them as the console shows them: values for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.resources import Alarm, Hook, LifecycleAction, Rule, ScheduledTask
from localcloud.ess.scaling_rules import rule_ari
from localcloud.ess.service import Service
from localcloud.monitor.rule import MetricRule
from localcloud.monitor.series import value_at

MAX_ACTIVITIES = 200
Rows = dict[str, Any]


def group_rows(service: Service) -> Rows:
    account_id, region_id = service.place
    place = {"account": account_id, "region": region_id}
    return {id: {**_group(group), **place} for id, group in service.groups.items()}


def instance_rows(service: Service) -> Rows:
    """Returns a tuple for each instance: there may be thousands. page/data.js names its parts."""
    seconds = 0.0
    if service.started_at is not None:
        seconds = (service.clock.now() - service.started_at).total_seconds()
    return {
        f"{group_id} {id}": _instance(group_id, instance, seconds)
        for group_id, group in service.groups.items()
        for id, instance in group.instances.items()
    }


def activity_rows(service: Service) -> Rows:
    """Returns the newest activities, and all that run."""
    newest = list(service.activities.values())[-MAX_ACTIVITIES:]
    shown = {a.scaling_activity_id: a for a in [*service.in_progress(), *newest]}
    return {id: _activity(activity) for id, activity in shown.items()}


def alarm_rows(service: Service) -> Rows:
    return {id: _alarm(alarm) for id, alarm in service.alarms.items()}


def metric_rule_rows(service: Service) -> Rows:
    """Returns the alert rules of CloudMonitor."""
    return {id: _metric_rule(rule) for id, rule in service.metric_rules.items()}


def rule_rows(service: Service) -> Rows:
    return {id: _rule(service, rule) for id, rule in service.rules.items()}


def task_rows(service: Service) -> Rows:
    return {id: _task(task) for id, task in service.scheduled_tasks.items()}


def hook_rows(service: Service) -> Rows:
    return {id: _hook(hook) for id, hook in service.hooks.items()}


def held_rows(service: Service) -> Rows:
    """Returns the lifecycle actions, by token."""
    return {token: _held(service, action) for token, action in _newest_actions(service)}


def _newest_actions(service: Service) -> Iterator[tuple[str, LifecycleAction]]:
    actions = list(service.lifecycle_actions.items())
    yield from actions[-MAX_ACTIVITIES:]
    for token, action in actions[:-MAX_ACTIVITIES]:
        if action.status == "Pending":
            yield token, action


def _group(group: ScalingGroup) -> Rows:
    states = group.capacities()
    return {
        "id": group.scaling_group_id,
        "name": group.name,
        "state": group.lifecycle_state,
        "min": group.min_size,
        "max": group.max_size,
        "desired": group.desired_capacity,
        "total": states.total() - states["Stopped"],
        "count": len(group.instances),
        "states": dict(states),
        "suspended": list(group.suspended_processes),
        "weighted": group.weighted,
        "removalPolicies": list(group.removal_policies),
        "multiAZPolicy": group.multi_az_policy,
        "healthCheckType": group.health_check_type,
        "cooldownUntil": _time(group.cooldown_until),
        "protected": group.group_deletion_protection,
    }


def _instance(group_id: str, instance: Instance, seconds: float) -> tuple[Any, ...]:
    metrics = {
        name: round(value, 2)
        for name in instance.metrics
        if (value := value_at(instance, name, seconds)) is not None
    }
    return (
        instance.instance_id,
        group_id,
        instance.zone_id,
        instance.lifecycle_state,
        instance.health_status,
        instance.instance_type,
        instance.created_at.isoformat(timespec="seconds"),
        instance.creation_type,
        instance.scaling_configuration_id or instance.launch_template_id,
        instance.weighted_capacity,
        instance.spot_strategy,
        metrics or None,
    )


def _activity(activity: Activity) -> Rows:
    return {
        "id": activity.scaling_activity_id,
        "group": activity.scaling_group_id,
        "status": activity.status_code,
        "description": activity.description,
        "cause": activity.cause,
        "source": activity.trigger_source_type,
        "began": activity.started_at.isoformat(),
        "ends": activity.ends_at.isoformat(),
        "waits": activity.waits_for_hooks,
        "joining": [*(activity.joining_ids or [*activity.created, *activity.started])],
        "removing": [*(activity.instance_ids or [*activity.destroyed, *activity.stopped])],
        "turning": list(activity.turning_ids),
        "ignored": dict(activity.ignored),
        "message": activity.status_message or activity.detail,
    }


def _alarm(alarm: Alarm) -> Rows:
    condition = f"{alarm.statistics} {alarm.metric_name} {alarm.comparison_operator}"
    return {
        "id": alarm.alarm_task_id,
        "group": alarm.scaling_group_id,
        "name": alarm.name,
        "state": alarm.state,
        "enabled": alarm.enabled,
        "condition": f"{condition} {alarm.threshold:g}",
        "period": alarm.period,
        "count": alarm.evaluation_count,
        "actions": list(alarm.actions),
    }


def _metric_rule(rule: MetricRule) -> Rows:
    return {
        "id": rule.rule_id,
        "name": rule.rule_name,
        "state": rule.alert_state,
        "enabled": rule.enabled,
        "metric": f"{rule.namespace} {rule.metric_name}",
        "period": rule.period,
        "levels": [
            {
                "level": level,
                "condition": f"{one.statistics} {one.comparison_operator} {one.threshold:g}",
                "times": one.times,
            }
            for level, one in rule.escalations.items()
        ],
        "targets": [target.arn for target in rule.targets],
        "resources": [
            {"name": name, "level": one.level, "value": one.value, "breaches": dict(one.breaches)}
            for name, one in rule.states.items()
        ],
    }


def _rule(service: Service, rule: Rule) -> Rows:
    return {
        "id": rule.scaling_rule_id,
        "group": rule.scaling_group_id,
        "name": rule.name,
        "ari": rule_ari(service, rule),
        "type": rule.rule_type,
        "adjustment": rule.adjustment_type,
        "value": rule.adjustment_value,
        "cooldown": rule.cooldown,
    }


def _task(task: ScheduledTask) -> Rows:
    return {
        "id": task.scheduled_task_id,
        "group": task.scaling_group_id,
        "name": task.name,
        "at": task.launch_at.isoformat(),
        "recurs": f"{task.recurrence_type} {task.recurrence_value}".strip(),
        "action": task.scheduled_action,
        "sizes": [task.min_value, task.max_value, task.desired_capacity],
        "enabled": task.enabled,
    }


def _hook(hook: Hook) -> Rows:
    return {
        "id": hook.lifecycle_hook_id,
        "group": hook.scaling_group_id,
        "name": hook.name,
        "transition": hook.transition,
        "timeout": hook.heartbeat_timeout,
        "default": hook.default_result,
        "status": hook.status,
        "arn": hook.notification_arn,
    }


def _held(service: Service, action: LifecycleAction) -> Rows:
    activity = service.activities.get(action.scaling_activity_id)
    return {
        "token": action.lifecycle_action_token,
        "hook": action.lifecycle_hook_id,
        "activity": action.scaling_activity_id,
        "group": activity.scaling_group_id if activity else "",
        "instances": list(action.instance_ids),
        "ends": action.ends_at.isoformat(),
        "default": action.default_result,
        "result": action.result,
        "status": action.status,
    }


def _time(time: datetime | None) -> str | None:
    return time.isoformat() if time else None
