"""What ESS does by itself: reconciles capacities, checks health, runs alarm and scheduled tasks."""

from __future__ import annotations

import operator
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from localcloud import errors
from localcloud.ess import capacity, refusals
from localcloud.ess.capacity import Cause
from localcloud.ess.causes import ALARM, TASK, changing
from localcloud.ess.model import STABLE, ScalingGroup
from localcloud.ess.resources import Alarm, ScheduledTask
from localcloud.ess.scaling_rules import by_rule, execute, rule_by_ari
from localcloud.ess.state import EssState
from localcloud.monitor.series import value_at

COMPARISONS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}


def due_times(state: EssState) -> list[datetime]:
    """Returns when each health check, alarm task and scheduled task is due next."""
    checks = [_next_check_at(state, g) for g in state.groups.values() if _is_checked(g)]
    alarms = [_next_evaluation_at(alarm) for alarm in state.alarms.values() if alarm.enabled]
    tasks = [task.launch_at for task in state.scheduled_tasks.values() if task.enabled]
    return [*checks, *alarms, *tasks]


def do_due(state: EssState, now: datetime) -> None:
    """Does what is due, and then reconciles the capacities."""
    if not state.assumptions.acts:
        return
    for group in state.groups.values():
        if _is_checked(group) and _next_check_at(state, group) <= now:
            group.health_checked_at = now
            _remove_unhealthy(state, group, now)
    for alarm in list(state.alarms.values()):
        if alarm.enabled and _next_evaluation_at(alarm) <= now:
            _evaluate(state, alarm, now)
    for task in list(state.scheduled_tasks.values()):
        if task.enabled and task.launch_at <= now:
            _launch(state, task, now)
    reconcile_capacities(state, now)


def reconcile_capacities(state: EssState, now: datetime) -> None:
    """Moves every group towards MinSize, MaxSize and desired capacity."""
    if state.assumptions.acts:
        for group in state.groups.values():
            capacity.reconcile_capacity(state, group, now)


def _is_checked(group: ScalingGroup) -> bool:
    return (
        group.health_check_type != "NONE"
        and group.lifecycle_state == "Active"
        and "HealthCheck" not in group.suspended_processes
    )


def _next_check_at(state: EssState, group: ScalingGroup) -> datetime:
    interval = timedelta(seconds=state.assumptions.health_check_seconds)
    return (group.health_checked_at or group.created_at) + interval


def _remove_unhealthy(state: EssState, group: ScalingGroup, now: datetime) -> None:
    """Starts to remove unhealthy instances.

    MinSize does not stop it (ESS manual, Remove an unhealthy ECS instance).
    """
    unhealthy = [
        instance
        for instance in group.instances.values()
        if instance.lifecycle_state == "InService"
        and (instance.health_status == "Unhealthy" or instance.ecs_status != "Running")
    ]
    if unhealthy and capacity.may_start(state, group):
        total, count = group.total_capacity, len(unhealthy)
        text = f'The health check finds "{count}" unhealthy ECS instances'
        cause = Cause(changing(text, total, total - group.counted(unhealthy)))
        capacity.remove(state, group, unhealthy, cause, now)


def _next_evaluation_at(alarm: Alarm) -> datetime:
    return (alarm.evaluated_at or alarm.created_at) + timedelta(seconds=alarm.period)


def _evaluate(state: EssState, alarm: Alarm, now: datetime) -> None:
    alarm.evaluated_at = now
    group = state.groups[alarm.scaling_group_id]
    values = _metric_values(state, group, alarm.metric_name, now)
    if not values:
        alarm.state, alarm.breaches = "INSUFFICIENT_DATA", 0
        return
    measured = STATISTICS[alarm.statistics](values)
    is_breached = COMPARISONS[alarm.comparison_operator](measured, alarm.threshold)
    alarm.breaches = alarm.breaches + 1 if is_breached else 0
    alarm.state = "ALARM" if alarm.breaches >= alarm.evaluation_count else "OK"
    if alarm.state == "ALARM":
        run_alarm(state, alarm, now, measured - alarm.threshold)


def run_alarm(state: EssState, alarm: Alarm, now: datetime, breach: float = 0.0) -> None:
    """Executes the rules of an alarm task that fired, unless its group ignores alarms.

    `breach`: by how much the metric is beyond the threshold.
    """
    if "AlarmNotification" not in state.groups[alarm.scaling_group_id].suspended_processes:
        cause = Cause(ALARM, "Cms", alarm.alarm_task_id, parallel=False)
        for ari in alarm.actions:
            _execute_if_allowed(state, ari, cause, now, breach)


def _metric_values(
    state: EssState, group: ScalingGroup, metric_name: str, now: datetime
) -> list[float]:
    assert state.started_at is not None  # noqa: S101 (set when the state is made)
    seconds = (now - state.started_at).total_seconds()
    stable = (i for i in group.instances.values() if i.lifecycle_state in STABLE)
    values = (value_at(instance, metric_name, seconds) for instance in stable)
    return [value for value in values if value is not None]


def _launch(state: EssState, task: ScheduledTask, now: datetime) -> None:
    group = state.groups.get(task.scaling_group_id)
    if group is not None and "ScheduledAction" not in group.suspended_processes:
        if task.scheduled_action:
            cause = Cause(TASK, "Ess", task.scheduled_task_id)
            _execute_if_allowed(state, task.scheduled_action, cause, now)
        else:
            _set_sizes(group, task)
    following = _next_launch_at(task)
    if following is None or (task.recurrence_ends_at and following > task.recurrence_ends_at):
        task.enabled = False
    else:
        task.launch_at = following


def _set_sizes(group: ScalingGroup, task: ScheduledTask) -> None:
    group.min_size = group.min_size if task.min_value is None else task.min_value
    group.max_size = group.max_size if task.max_value is None else task.max_value
    if task.desired_capacity is not None:
        group.desired_capacity = task.desired_capacity


def _next_launch_at(task: ScheduledTask) -> datetime | None:
    if task.recurrence_type == "Daily":
        return task.launch_at + timedelta(days=int(task.recurrence_value or 1))
    if task.recurrence_type not in ("Weekly", "Monthly"):
        return None
    low, _, high = task.recurrence_value.partition("-")
    days = set(range(int(low), int(high) + 1)) if high else {int(day) for day in low.split(",")}
    following = task.launch_at + timedelta(days=1)
    while _day(task, following) not in days:
        following += timedelta(days=1)
    return following


def _day(task: ScheduledTask, time: datetime) -> int:
    """Returns the day of the week, 0 for Sunday, of a weekly task, else the day of the month."""
    return time.isoweekday() % 7 if task.recurrence_type == "Weekly" else time.day


def _execute_if_allowed(
    state: EssState, ari: str, cause: Cause, now: datetime, breach: float | None = None
) -> None:
    """Executes a rule; where that is refused, an activity says so.

    An alarm comes again while its condition holds.
    """
    with suppress(refusals.RuleAriNotFound):
        rule = rule_by_ari(state, ari)
        try:
            execute(state, rule, cause, now, breach)
        except errors.ApiError as error:
            group = state.groups[rule.scaling_group_id]
            capacity.reject(state, group, by_rule(cause, rule), str(error), now)
