"""What ESS does by itself: it refills and trims, checks health, and runs alarm tasks and scheduled tasks."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from localcloud import errors
from localcloud.ess import capacity
from localcloud.ess.capacity import Why
from localcloud.ess.executing import execute, rule_by
from localcloud.ess.model import STABLE, ScalingGroup
from localcloud.ess.resources import Alarm, ScheduledTask
from localcloud.monitor.series import value_at

if TYPE_CHECKING:
    from localcloud.ess.service import Service

COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}


def moments(service: Service) -> list[datetime]:
    """When something of this is due next."""
    checks = [_check_at(service, group) for group in service.groups.values() if _checked(group)]
    alarms = [_evaluated_next(alarm) for alarm in service.alarms.values() if alarm.enabled]
    return [*checks, *alarms, *(task.launch_at for task in service.scheduled_tasks.values() if task.enabled)]


def happen(service: Service, now: datetime) -> None:
    """What is due, and then what follows of it."""
    if not service.knobs.acts:
        return
    for group in service.groups.values():
        if _checked(group) and _check_at(service, group) <= now:
            group.checked_at = now
            _remove_unhealthy(service, group, now)
    for alarm in list(service.alarms.values()):
        if alarm.enabled and _evaluated_next(alarm) <= now:
            _evaluate(service, alarm, now)
    for task in list(service.scheduled_tasks.values()):
        if task.enabled and task.launch_at <= now:
            _launch(service, task, now)
    control_all(service, now)


def control_all(service: Service, now: datetime) -> None:
    if service.knobs.acts:
        for group in service.groups.values():
            capacity.control(service, group, now)


def _checked(group: ScalingGroup) -> bool:
    return (
        group.health_check_type != "NONE"
        and group.lifecycle_state == "Active"
        and "HealthCheck" not in group.suspended_processes
    )


def _check_at(service: Service, group: ScalingGroup) -> datetime:
    return (group.checked_at or group.created_at) + timedelta(seconds=service.knobs.health_check_seconds)


def _remove_unhealthy(service: Service, group: ScalingGroup, now: datetime) -> None:
    """MinSize does not hold it back (ESS manual, Remove an unhealthy ECS instance)."""
    unhealthy = [
        instance
        for instance in group.instances.values()
        if instance.lifecycle_state == "InService"
        and (instance.health_status == "Unhealthy" or instance.ecs_status != "Running")
    ]
    if unhealthy and capacity.may_start(service, group):
        capacity.remove(service, group, unhealthy, Why("Instances are unhealthy."), now)


def _evaluated_next(alarm: Alarm) -> datetime:
    return (alarm.evaluated_at or alarm.created_at) + timedelta(seconds=alarm.period)


def _evaluate(service: Service, alarm: Alarm, now: datetime) -> None:
    alarm.evaluated_at = now
    group = service.groups[alarm.scaling_group_id]
    assert service.began_at is not None  # noqa: S101 (set when the service is made)
    values = [
        value
        for instance in group.instances.values()
        if instance.lifecycle_state in STABLE
        and (value := value_at(instance, alarm.metric_name, (now - service.began_at).total_seconds())) is not None
    ]
    if not values:
        alarm.state, alarm.breaches = "INSUFFICIENT_DATA", 0
        return
    measured = STATISTICS[alarm.statistics](values)
    alarm.breaches = alarm.breaches + 1 if COMPARISONS[alarm.comparison_operator](measured, alarm.threshold) else 0
    alarm.state = "ALARM" if alarm.breaches >= alarm.evaluation_count else "OK"
    if alarm.state == "ALARM" and "AlarmNotification" not in group.suspended_processes:
        for ari in alarm.actions:
            _run(service, ari, Why(f'The alarm task "{alarm.name}" fired.', "Cms", alarm.alarm_task_id, False), now)


def _launch(service: Service, task: ScheduledTask, now: datetime) -> None:
    group = service.groups.get(task.scaling_group_id)
    if group is not None and "ScheduledAction" not in group.suspended_processes:
        if task.scheduled_action:
            why = Why(f'The scheduled task "{task.name}" is due.', "Ess", task.scheduled_task_id)
            _run(service, task.scheduled_action, why, now)
        else:
            group.min_size = group.min_size if task.min_value is None else task.min_value
            group.max_size = group.max_size if task.max_value is None else task.max_value
            if task.desired_capacity is not None:
                group.desired_capacity = task.desired_capacity
    following = _again(task)
    if following is None or (task.recurrence_ends_at and following > task.recurrence_ends_at):
        task.enabled = False
    else:
        task.launch_at = following


def _again(task: ScheduledTask) -> datetime | None:
    if task.recurrence_type == "Daily":
        return task.launch_at + timedelta(days=int(task.recurrence_value or 1))
    if task.recurrence_type in ("Weekly", "Monthly"):
        low, _, high = task.recurrence_value.partition("-")
        days = set(range(int(low), int(high) + 1)) if high else {int(day) for day in low.split(",")}
        following = task.launch_at + timedelta(days=1)
        while (following.isoweekday() % 7 if task.recurrence_type == "Weekly" else following.day) not in days:
            following += timedelta(days=1)
        return following
    return None


def _run(service: Service, ari: str, why: Why, now: datetime) -> None:
    """A rule; where it is refused, an alarm comes again while its condition holds."""
    with suppress(errors.ApiError):
        execute(service, rule_by(service, ari), why, now)
