"""Scheduled tasks: a rule, or sizes of the group, at a time, once or repeatedly."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.model import ScalingGroup
from localcloud.ess.parameters import (
    NAME,
    REGION,
    Request,
    boolean,
    integer,
    one_of,
    pages,
    text,
    texts,
)
from localcloud.ess.requests import matches, named, page_reply, set_given
from localcloud.ess.resources import ScheduledTask
from localcloud.ess.scaling_rules import rule_by_ari
from localcloud.ess.state import EssState, new_id

MINUTE = "%Y-%m-%dT%H:%MZ"
DAY = "(?:[1-9]|[12][0-9]|3[01])"
VALUES = {"Daily": DAY, "Weekly": "[0-6](,[0-6])*", "Monthly": f"{DAY}-{DAY}"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\dZ"
SETTABLE = (
    text("ScheduledTaskName", pattern=NAME),
    text("Description", pattern="(?s).{2,200}"),
    text("ScheduledAction"),
    text("ScalingGroupId"),
    text("LaunchTime", pattern=TIME),
    integer("LaunchExpirationTime", 0, 21_600),
    one_of("RecurrenceType", "Daily", "Weekly", "Monthly", "Cron"),
    text("RecurrenceValue"),
    text("RecurrenceEndTime", pattern=TIME),
    *(integer(name, 0, 2_000) for name in ("MinValue", "MaxValue", "DesiredCapacity")),
    boolean("TaskEnabled", default=None),
)
FIELDS = {
    "Description": "description",
    "MinValue": "min_value",
    "MaxValue": "max_value",
    "DesiredCapacity": "desired_capacity",
    "LaunchExpirationTime": "launch_expiration_seconds",
    "TaskEnabled": "enabled",
}
MAX_TASKS = 70
MAX_AHEAD = timedelta(days=90)  # of LaunchTime (API reference, CreateScheduledTask)
MAX_RECURRENCE = timedelta(days=365)  # of RecurrenceEndTime (same page)
TASK = text("ScheduledTaskId", required=True)


def create_scheduled_task(state: EssState, request: Request) -> Reply:
    if not request["LaunchTime"]:
        raise errors.MissingParameter("LaunchTime")
    if bool(request["ScheduledAction"]) == bool(request["ScalingGroupId"]):
        raise errors.InvalidParameter("ScheduledAction")
    if len(state.scheduled_tasks) >= MAX_TASKS:
        raise errors.Quota("ScheduledTask")
    id = new_id("sst")
    task = ScheduledTask(id, "", _time(request["LaunchTime"]), request["ScheduledTaskName"] or id)
    _check(state, task, request)
    _set_fields(state, task, request)
    state.scheduled_tasks[id] = task
    return {"ScheduledTaskId": id}


def modify_scheduled_task(state: EssState, request: Request) -> Reply:
    task = named(state.scheduled_tasks, request, "ScheduledTaskId")
    _check(state, task, request)
    changed = replace(task)
    set_given(changed, request, {"ScheduledTaskName": "name"})
    _set_fields(state, changed, request)
    state.scheduled_tasks[task.scheduled_task_id] = changed
    return {}


def delete_scheduled_task(state: EssState, request: Request) -> Reply:
    del state.scheduled_tasks[
        named(state.scheduled_tasks, request, "ScheduledTaskId").scheduled_task_id
    ]
    return {}


def describe_scheduled_tasks(state: EssState, request: Request) -> Reply:
    tasks = [
        task
        for task in state.scheduled_tasks.values()
        if matches(
            request,
            {
                "ScalingGroupId": task.scaling_group_id,
                "ScheduledTaskId": task.scheduled_task_id,
                "ScheduledTaskName": task.name,
                "ScheduledAction": task.scheduled_action,
                "TaskEnabled": task.enabled,
            },
        )
    ]
    return page_reply(request, "ScheduledTasks", tasks, _view)


def _check(state: EssState, task: ScheduledTask, request: Request) -> None:
    """Raises ApiError for a name that another task has, another region, or a time too far off."""
    others = (other for other in state.scheduled_tasks.values() if other is not task)
    if request["ScheduledTaskName"] in [other.name for other in others]:
        raise errors.Duplicate("ScheduledTaskName")
    parts = (request["ScheduledAction"] or "").split(":")  # ari:acs:ess:REGION:...
    if len(parts) > 4 and parts[3] != state.region_id:
        raise refusals.TaskRegionMismatch()
    if request["LaunchTime"] and _time(request["LaunchTime"]) > state.clock.now() + MAX_AHEAD:
        raise errors.InvalidParameter("LaunchTime")
    ends = request["RecurrenceEndTime"]
    if ends and _time(ends, "RecurrenceEndTime") > state.clock.now() + MAX_RECURRENCE:
        raise errors.InvalidParameter("RecurrenceEndTime")


def _set_fields(state: EssState, task: ScheduledTask, request: Request) -> None:
    if request["ScheduledAction"]:
        task.scheduled_action = request["ScheduledAction"]
        task.scaling_group_id = rule_by_ari(state, task.scheduled_action).scaling_group_id
    elif request["ScalingGroupId"]:
        task.scaling_group_id = state.group(request["ScalingGroupId"]).scaling_group_id
    _set_recurrence(task, request)
    task.launch_at = _time(request["LaunchTime"]) if request["LaunchTime"] else task.launch_at
    if request["RecurrenceEndTime"]:
        task.recurrence_ends_at = _time(request["RecurrenceEndTime"], "RecurrenceEndTime")
    set_given(task, request, FIELDS)
    if not task.scheduled_action:
        _check_sizes(state.group(task.scaling_group_id), task, request)


def _check_sizes(group: ScalingGroup, task: ScheduledTask, request: Request) -> None:
    """Raises ApiError for a task without a size to set, or a call with one the group has not."""
    if (task.min_value, task.max_value, task.desired_capacity) == (None, None, None):
        raise errors.InvalidParameter("ScalingGroupId")
    if request["DesiredCapacity"] is not None and group.desired_capacity is None:
        raise errors.InvalidParameter("DesiredCapacity")


def _set_recurrence(task: ScheduledTask, request: Request) -> None:
    kind = request["RecurrenceType"] or task.recurrence_type
    value = request["RecurrenceValue"] or task.recurrence_value
    if kind == "Cron":
        raise errors.NotSupported("CreateScheduledTask with RecurrenceType Cron")
    is_right = re.fullmatch(VALUES[kind], value or "") if kind else not value
    if kind == "Monthly" and is_right:
        first, _, last = (value or "").partition("-")
        is_right = int(first) <= int(last)
    if not is_right:
        raise errors.InvalidParameter("RecurrenceValue")
    task.recurrence_type, task.recurrence_value = kind, value or ""


def _time(text: str, parameter: str = "LaunchTime") -> datetime:
    try:
        return datetime.strptime(text, MINUTE).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise errors.InvalidParameter(parameter) from error


def _view(task: ScheduledTask) -> dict[str, Any]:
    view = {
        "ScheduledTaskId": task.scheduled_task_id,
        "ScheduledTaskName": task.name,
        "Description": task.description,
        "ScheduledAction": task.scheduled_action or None,
        "ScalingGroupId": None if task.scheduled_action else task.scaling_group_id,
        "LaunchTime": task.launch_at.strftime(MINUTE),
        "LaunchExpirationTime": task.launch_expiration_seconds,
        "RecurrenceType": task.recurrence_type or None,
        "RecurrenceValue": task.recurrence_value or None,
        "RecurrenceEndTime": task.recurrence_ends_at.strftime(MINUTE)
        if task.recurrence_ends_at
        else None,
        "MinValue": task.min_value,
        "MaxValue": task.max_value,
        "DesiredCapacity": task.desired_capacity,
        "TaskEnabled": task.enabled,
    }
    return {name: value for name, value in view.items() if value is not None}


ACTIONS = (
    Action(
        "CreateScheduledTask",
        create_scheduled_task,
        (REGION, *SETTABLE),
        "no cron; a refused task is not tried again until LaunchExpirationTime",
    ),
    Action(
        "ModifyScheduledTask", modify_scheduled_task, (TASK, *SETTABLE), "as CreateScheduledTask"
    ),
    Action("DeleteScheduledTask", delete_scheduled_task, (TASK,)),
    Action(
        "DescribeScheduledTasks",
        describe_scheduled_tasks,
        (
            *(REGION, text("ScalingGroupId"), texts("ScheduledTaskId"), texts("ScheduledTaskName")),
            *(texts("ScheduledAction"), boolean("TaskEnabled", default=None), *pages(50)),
        ),
    ),
)
