"""Scheduled tasks: a rule, or capacities, at a time, once or again and again."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.executing import rule_by
from localcloud.ess.parameters import (
    NAME,
    REGION,
    Ask,
    boolean,
    integer,
    one_of,
    page,
    pages,
    text,
    texts,
)
from localcloud.ess.resources import ScheduledTask
from localcloud.ess.service import Service, new_id

MINUTE = "%Y-%m-%dT%H:%MZ"
VALUES = {"Daily": "[1-9][0-9]?", "Weekly": "[0-6](,[0-6])*", "Monthly": "[1-9][0-9]?-[1-9][0-9]?"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\dZ"
SETTABLE = (
    text("ScheduledTaskName", pattern=NAME),
    text("Description"),
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
TASK = text("ScheduledTaskId", required=True)


def create_scheduled_task(service: Service, ask: Ask) -> Reply:
    if not ask["LaunchTime"]:
        raise errors.MissingParameter("LaunchTime")
    if bool(ask["ScheduledAction"]) == bool(ask["ScalingGroupId"]):
        raise errors.InvalidParameter("ScheduledAction")
    id = new_id("sst")
    task = ScheduledTask(id, "", _time(ask["LaunchTime"]), ask["ScheduledTaskName"] or id)
    _set(service, task, ask)
    service.scheduled_tasks[id] = task
    return {"ScheduledTaskId": id}


def modify_scheduled_task(service: Service, ask: Ask) -> Reply:
    task = _named(service, ask)
    task.name = ask["ScheduledTaskName"] or task.name
    _set(service, task, ask)
    return {}


def delete_scheduled_task(service: Service, ask: Ask) -> Reply:
    del service.scheduled_tasks[_named(service, ask).scheduled_task_id]
    return {}


def describe_scheduled_tasks(service: Service, ask: Ask) -> Reply:
    found = [
        task
        for task in service.scheduled_tasks.values()
        if ask["ScalingGroupId"] in (None, task.scaling_group_id)
        and (not ask["ScheduledTaskId"] or task.scheduled_task_id in ask["ScheduledTaskId"])
        and (not ask["ScheduledTaskName"] or task.name in ask["ScheduledTaskName"])
        and (not ask["ScheduledAction"] or task.scheduled_action in ask["ScheduledAction"])
        and ask["TaskEnabled"] in (None, task.enabled)
    ]
    here, told = page(ask, found)
    return {**told, "ScheduledTasks": [_view(task) for task in here]}


def _set(service: Service, task: ScheduledTask, ask: Ask) -> None:
    if ask["ScheduledAction"]:
        task.scheduled_action = ask["ScheduledAction"]
        task.scaling_group_id = rule_by(service, task.scheduled_action).scaling_group_id
    elif ask["ScalingGroupId"]:
        task.scaling_group_id = service.group(ask["ScalingGroupId"]).scaling_group_id
    kind, value = ask["RecurrenceType"] or task.recurrence_type, ask["RecurrenceValue"] or task.recurrence_value
    if kind == "Cron":
        raise errors.NotSupported("CreateScheduledTask with RecurrenceType Cron")
    if kind and not re.fullmatch(VALUES[kind], value or ""):
        raise errors.InvalidParameter("RecurrenceValue")
    task.recurrence_type, task.recurrence_value = kind, value or ""
    task.launch_at = _time(ask["LaunchTime"]) if ask["LaunchTime"] else task.launch_at
    if ask["RecurrenceEndTime"]:
        task.recurrence_ends_at = _time(ask["RecurrenceEndTime"])
    task.description = ask["Description"] or task.description
    for name, field in (("MinValue", "min_value"), ("MaxValue", "max_value"), ("DesiredCapacity", "desired_capacity")):
        if ask[name] is not None:
            setattr(task, field, ask[name])
    if ask["LaunchExpirationTime"] is not None:
        task.launch_expiration_seconds = ask["LaunchExpirationTime"]
    if ask["TaskEnabled"] is not None:
        task.enabled = ask["TaskEnabled"]


def _time(text: str) -> datetime:
    try:
        return datetime.strptime(text, MINUTE).replace(tzinfo=timezone.utc)
    except ValueError as error:
        raise errors.InvalidParameter("LaunchTime") from error


def _named(service: Service, ask: Ask) -> ScheduledTask:
    task = service.scheduled_tasks.get(ask["ScheduledTaskId"])
    if task is None:
        raise errors.NotFound("ScheduledTaskId")
    return task


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
        "RecurrenceEndTime": task.recurrence_ends_at.strftime(MINUTE) if task.recurrence_ends_at else None,
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
        "no cron; one that is refused is not tried again until LaunchExpirationTime",
    ),
    Action("ModifyScheduledTask", modify_scheduled_task, (TASK, *SETTABLE), "as CreateScheduledTask"),
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
