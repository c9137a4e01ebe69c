"""Event-triggered tasks: a condition on a metric of the group, and the rules that run while it holds."""

from __future__ import annotations

from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.executing import rule_by
from localcloud.ess.parameters import (
    GROUP,
    REGION,
    Ask,
    boolean,
    integer,
    number,
    one_of,
    page,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.resources import Alarm
from localcloud.ess.service import Service, new_id

SETTABLE = (
    text("Name"),
    text("Description"),
    text("MetricName"),
    one_of("MetricType", "system", "custom", "hybrid", "prometheus"),
    integer("Period", 15, 900),
    one_of("Statistics", "Average", "Minimum", "Maximum"),
    one_of("ComparisonOperator", ">=", "<=", ">", "<"),
    number("Threshold"),
    integer("EvaluationCount", 1, 1_000),
    texts("AlarmAction", 5),
    text("Effective"),
    text("ExpressionsLogicOperator"),
    records("Dimension", 10),
    records("Expression", 10),
    integer("GroupId", 0, 1 << 29),
)
FIELDS = {
    "Name": "name",
    "MetricName": "metric_name",
    "MetricType": "metric_type",
    "Period": "period",
    "Statistics": "statistics",
    "ComparisonOperator": "comparison_operator",
    "Threshold": "threshold",
    "EvaluationCount": "evaluation_count",
    "AlarmAction": "actions",
}
TASK = text("AlarmTaskId", required=True)


def create_alarm(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    if not ask["MetricName"] and not ask["Expression"]:
        raise errors.MissingParameter("MetricName")
    id = new_id("asg-alarm")
    alarm = Alarm(id, group.scaling_group_id, service.clock.now(), ask["Name"] or id)
    _set(service, alarm, ask)
    service.alarms[id] = alarm
    return {"AlarmTaskId": id}


def modify_alarm(service: Service, ask: Ask) -> Reply:
    _set(service, _named(service, ask), ask)
    return {}


def delete_alarm(service: Service, ask: Ask) -> Reply:
    del service.alarms[_named(service, ask).alarm_task_id]
    return {}


def enable_alarm(service: Service, ask: Ask) -> Reply:
    alarm = _named(service, ask)
    alarm.enabled, alarm.evaluated_at = True, service.clock.now()
    return {}


def disable_alarm(service: Service, ask: Ask) -> Reply:
    _named(service, ask).enabled = False
    return {}


def describe_alarms(service: Service, ask: Ask) -> Reply:
    found = [
        alarm
        for alarm in service.alarms.values()
        if ask["ScalingGroupId"] in (None, alarm.scaling_group_id)
        and ask["AlarmTaskId"] in (None, alarm.alarm_task_id)
        and ask["State"] in (None, alarm.state)
        and ask["IsEnable"] in (None, alarm.enabled)
        and ask["MetricName"] in (None, alarm.metric_name)
        and ask["MetricType"] in (None, alarm.metric_type)
    ]
    here, told = page(ask, found)
    return {**told, "AlarmList": [_view(alarm) for alarm in here]}


def _set(service: Service, alarm: Alarm, ask: Ask) -> None:
    for ari in ask["AlarmAction"]:
        if rule_by(service, ari).scaling_group_id != alarm.scaling_group_id:
            raise errors.InvalidParameter("AlarmAction.N")
    for name, field in FIELDS.items():
        if ask[name] not in (None, []):
            setattr(alarm, field, ask[name])
    kept = ("Description", "Effective", "ExpressionsLogicOperator")
    alarm.attributes.update((name, ask[name]) for name in kept if ask[name])
    alarm.attributes.update((f"{name}s", ask[name]) for name in ("Dimension", "Expression") if ask[name])


def _named(service: Service, ask: Ask) -> Alarm:
    alarm = service.alarms.get(ask["AlarmTaskId"])
    if alarm is None:
        raise errors.NotFound("AlarmTaskId")
    return alarm


def _view(alarm: Alarm) -> dict[str, Any]:
    return {
        **alarm.attributes,
        "AlarmTaskId": alarm.alarm_task_id,
        "ScalingGroupId": alarm.scaling_group_id,
        "Name": alarm.name,
        "State": alarm.state,
        "Enable": alarm.enabled,
        "MetricName": alarm.metric_name,
        "MetricType": alarm.metric_type,
        "Period": alarm.period,
        "Statistics": alarm.statistics,
        "ComparisonOperator": alarm.comparison_operator,
        "Threshold": alarm.threshold,
        "EvaluationCount": alarm.evaluation_count,
        "AlarmActions": alarm.actions,
    }


ACTIONS = (
    Action(
        "CreateAlarm",
        create_alarm,
        (REGION, GROUP, *SETTABLE),
        "one metric; expressions and effective periods are kept and told, and have no effect",
    ),
    Action("ModifyAlarm", modify_alarm, (TASK, *SETTABLE), "as CreateAlarm"),
    Action("DeleteAlarm", delete_alarm, (TASK,)),
    Action("EnableAlarm", enable_alarm, (TASK,)),
    Action("DisableAlarm", disable_alarm, (TASK,)),
    Action(
        "DescribeAlarms",
        describe_alarms,
        (
            *(REGION, text("ScalingGroupId"), text("AlarmTaskId"), text("MetricName"), text("MetricType")),
            *(one_of("State", "ALARM", "OK", "INSUFFICIENT_DATA"), boolean("IsEnable", default=None), *pages(50)),
        ),
    ),
)
