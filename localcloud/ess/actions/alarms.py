"""Event-triggered tasks: a condition on a metric, and the rules that run while it holds."""

from __future__ import annotations

from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import (
    GROUP,
    REGION,
    Request,
    boolean,
    integer,
    number,
    one_of,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.requests import given, matches, named, page_reply, set_given
from localcloud.ess.resources import Alarm
from localcloud.ess.scaling_rules import rule_by_ari
from localcloud.ess.state import EssState, new_id

DESCRIBED_ONLY = (  # as given, without effect
    text("Description"),
    text("Effective"),
    text("ExpressionsLogicOperator"),
)
PERIODS = (15, 60, 120, 300, 900)
SETTABLE = (
    text("Name"),
    text("MetricName"),
    one_of("MetricType", "system", "custom", "hybrid", "prometheus"),
    integer("Period", PERIODS[0], PERIODS[-1]),
    one_of("Statistics", "Average", "Minimum", "Maximum"),
    one_of("ComparisonOperator", ">=", "<=", ">", "<"),
    number("Threshold"),
    integer("EvaluationCount", 1, 1_000),
    texts("AlarmAction", 5),
    *DESCRIBED_ONLY,
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


def create_alarm(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    if not request["MetricName"] and not request["Expression"]:
        raise errors.MissingParameter("MetricName")
    if request["Threshold"] is None and not request["Expression"]:
        raise errors.MissingParameter("Threshold")
    id = new_id("asg-alarm")
    alarm = Alarm(id, group.scaling_group_id, state.clock.now(), request["Name"] or id)
    _set(state, alarm, request)
    state.alarms[id] = alarm
    return {"AlarmTaskId": id}


def modify_alarm(state: EssState, request: Request) -> Reply:
    _set(state, named(state.alarms, request, "AlarmTaskId"), request)
    return {}


def delete_alarm(state: EssState, request: Request) -> Reply:
    del state.alarms[named(state.alarms, request, "AlarmTaskId").alarm_task_id]
    return {}


def enable_alarm(state: EssState, request: Request) -> Reply:
    alarm = named(state.alarms, request, "AlarmTaskId")
    alarm.enabled, alarm.evaluated_at = True, state.clock.now()
    return {}


def disable_alarm(state: EssState, request: Request) -> Reply:
    named(state.alarms, request, "AlarmTaskId").enabled = False
    return {}


def describe_alarms(state: EssState, request: Request) -> Reply:
    alarms = [
        alarm
        for alarm in state.alarms.values()
        if matches(
            request,
            {
                "ScalingGroupId": alarm.scaling_group_id,
                "AlarmTaskId": alarm.alarm_task_id,
                "State": alarm.state,
                "IsEnable": alarm.enabled,
                "MetricName": alarm.metric_name,
                "MetricType": alarm.metric_type,
            },
        )
    ]
    return page_reply(request, "AlarmList", alarms, _view)


def _is_rule_of(state: EssState, ari: str, scaling_group_id: str) -> bool:
    try:
        return rule_by_ari(state, ari).scaling_group_id == scaling_group_id
    except refusals.RuleAriNotFound:
        return False


def _set(state: EssState, alarm: Alarm, request: Request) -> None:
    if request["Period"] is not None and request["Period"] not in PERIODS:
        raise refusals.AlarmParameter("Period")
    for ari in request["AlarmAction"]:
        if not _is_rule_of(state, ari, alarm.scaling_group_id):
            raise refusals.AlarmParameter("AlarmAction")
    set_given(alarm, request, FIELDS)
    alarm.attributes.update(given(request, DESCRIBED_ONLY))
    for name in ("Dimension", "Expression"):
        if request[name]:
            alarm.attributes[f"{name}s"] = request[name]


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
        "one metric; expressions and effective periods are described, without effect",
        invalid=refusals.AlarmParameter,
    ),
    Action("ModifyAlarm", modify_alarm, (TASK, *SETTABLE), "as CreateAlarm"),
    Action("DeleteAlarm", delete_alarm, (TASK,)),
    Action("EnableAlarm", enable_alarm, (TASK,)),
    Action("DisableAlarm", disable_alarm, (TASK,)),
    Action(
        "DescribeAlarms",
        describe_alarms,
        (
            *(
                REGION,
                text("ScalingGroupId"),
                text("AlarmTaskId"),
                text("MetricName"),
                text("MetricType"),
            ),
            *(
                one_of("State", "ALARM", "OK", "INSUFFICIENT_DATA"),
                boolean("IsEnable", default=None),
                *pages(50),
            ),
        ),
    ),
)
