"""Scaling rules, and scaling by hand."""

from __future__ import annotations

from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import executing
from localcloud.ess.action import Action
from localcloud.ess.capacity import Why
from localcloud.ess.executing import PERCENT, QUANTITY, TOTAL, Adjustment
from localcloud.ess.parameters import (
    GROUP,
    NAME,
    REGION,
    TOKEN,
    Ask,
    Parameter,
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
from localcloud.ess.resources import Rule
from localcloud.ess.service import Service, new_id

TYPES = ("SimpleScalingRule", "TargetTrackingScalingRule", "StepScalingRule", "PredictiveScalingRule")
KEPT: tuple[Parameter, ...] = (  # and told again, without effect
    *(text(name) for name in ("MetricName", "MetricType", "PredictiveScalingMode", "PredictiveValueBehavior")),
    number("TargetValue"),
    boolean("DisableScaleIn", default=None),
    *(integer(name, 0, 86_400) for name in ("EstimatedInstanceWarmup", "InitialMaxSize", "PredictiveTaskBufferTime")),
    *(integer(name, 1, 100) for name in ("ScaleInEvaluationCount", "ScaleOutEvaluationCount", "PredictiveValueBuffer")),
)
SETTABLE = (
    text("ScalingRuleName", pattern=NAME),
    one_of("AdjustmentType", QUANTITY, PERCENT, TOTAL),
    integer("AdjustmentValue", -1_000, 10_000),
    integer("MinAdjustmentMagnitude", 0, 1_000),
    integer("Cooldown", 0, 86_400),
    records("StepAdjustment", 20),
    *KEPT,
)


def create_scaling_rule(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    id = new_id("asr")
    rule = Rule(id, group.scaling_group_id, ask["ScalingRuleName"] or id, ask["ScalingRuleType"])
    if rule.rule_type in ("SimpleScalingRule", "StepScalingRule") and not ask["AdjustmentType"]:
        raise errors.MissingParameter("AdjustmentType")
    if rule.rule_type == "SimpleScalingRule" and ask["AdjustmentValue"] is None:
        raise errors.MissingParameter("AdjustmentValue")
    if any((r.scaling_group_id, r.name) == (rule.scaling_group_id, rule.name) for r in service.rules.values()):
        raise errors.Duplicate("ScalingRuleName")
    _set(rule, ask)
    service.rules[id] = rule
    return {"ScalingRuleId": id, "ScalingRuleAri": executing.ari(service, rule)}


def modify_scaling_rule(service: Service, ask: Ask) -> Reply:
    rule = _named(service, ask)
    rule.name = ask["ScalingRuleName"] or rule.name
    _set(rule, ask)
    return {}


def delete_scaling_rule(service: Service, ask: Ask) -> Reply:
    del service.rules[_named(service, ask).scaling_rule_id]
    return {}


def describe_scaling_rules(service: Service, ask: Ask) -> Reply:
    found = [
        rule
        for rule in service.rules.values()
        if ask["ScalingGroupId"] in (None, rule.scaling_group_id)
        and (not ask["ScalingRuleId"] or rule.scaling_rule_id in ask["ScalingRuleId"])
        and (not ask["ScalingRuleName"] or rule.name in ask["ScalingRuleName"])
        and (not ask["ScalingRuleAri"] or executing.ari(service, rule) in ask["ScalingRuleAri"])
        and ask["ScalingRuleType"] in (None, rule.rule_type)
    ]
    here, told = page(ask, found)
    return {**told, "ScalingRules": [_view(service, rule, ask["ShowAlarmRules"]) for rule in here]}


def execute_scaling_rule(service: Service, ask: Ask) -> Reply:
    rule = executing.rule_by(service, ask["ScalingRuleAri"])
    why = Why(f'A user requests to execute scaling rule "{rule.scaling_rule_id}".', "APIs", rule.scaling_rule_id)
    breach = None
    if ask["MetricValue"] is not None:
        breach = ask["MetricValue"] - (ask["BreachThreshold"] or 0.0)
    return {"ScalingActivityId": executing.execute(service, rule, why, service.clock.now(), breach)}


def scale_with_adjustment(service: Service, ask: Ask) -> Reply:
    group = service.group(ask["ScalingGroupId"])
    low, high = {QUANTITY: (-1_000, 1_000), PERCENT: (-100, 10_000), TOTAL: (0, 2_000)}[ask["AdjustmentType"]]
    if not low <= ask["AdjustmentValue"] <= high:
        raise errors.InvalidParameter("AdjustmentValue")
    by = Adjustment(ask["AdjustmentType"], ask["AdjustmentValue"], ask["MinAdjustmentMagnitude"] or 0)
    why = Why("A user requests to scale the group.", "APIs", metadata=ask["ActivityMetadata"] or "")
    return {"ScalingActivityId": executing.adjust(service, group, by, why, service.clock.now())}


def _set(rule: Rule, ask: Ask) -> None:
    rule.adjustment_type = ask["AdjustmentType"] or rule.adjustment_type
    if ask["AdjustmentValue"] is not None:
        rule.adjustment_value = ask["AdjustmentValue"]
    rule.min_adjustment_magnitude = ask["MinAdjustmentMagnitude"] or rule.min_adjustment_magnitude
    rule.cooldown = rule.cooldown if ask["Cooldown"] is None else ask["Cooldown"]
    rule.steps = ask["StepAdjustment"] or rule.steps
    rule.attributes.update((p.name, ask[p.name]) for p in KEPT if ask[p.name] is not None)


def _named(service: Service, ask: Ask) -> Rule:
    rule = service.rules.get(ask["ScalingRuleId"])
    if rule is None:
        raise errors.NotFound("ScalingRuleId")
    return rule


def _view(service: Service, rule: Rule, with_alarms: bool) -> dict[str, Any]:
    view = {
        **rule.attributes,
        "ScalingRuleId": rule.scaling_rule_id,
        "ScalingRuleAri": executing.ari(service, rule),
        "ScalingRuleName": rule.name,
        "ScalingRuleType": rule.rule_type,
        "ScalingGroupId": rule.scaling_group_id,
        "AdjustmentType": rule.adjustment_type,
        "AdjustmentValue": rule.adjustment_value,
        "MinAdjustmentMagnitude": rule.min_adjustment_magnitude,
        "Cooldown": rule.cooldown,
        "StepAdjustments": rule.steps,
    }
    if with_alarms:
        alarms = [a for a in service.alarms.values() if executing.ari(service, rule) in a.actions]
        view["Alarms"] = [{"AlarmTaskId": a.alarm_task_id, "AlarmTaskName": a.name} for a in alarms]
    return {name: value for name, value in view.items() if value is not None}


ACTIONS = (
    Action(
        "CreateScalingRule",
        create_scaling_rule,
        (GROUP, one_of("ScalingRuleType", *TYPES, default=TYPES[0]), *SETTABLE),
        "rules that track a target or predict are kept and told, and make no alarms",
    ),
    Action("ModifyScalingRule", modify_scaling_rule, (text("ScalingRuleId", required=True), *SETTABLE)),
    Action("DeleteScalingRule", delete_scaling_rule, (text("ScalingRuleId", required=True),)),
    Action(
        "DescribeScalingRules",
        describe_scaling_rules,
        (
            *(REGION, text("ScalingGroupId"), texts("ScalingRuleId", 10), texts("ScalingRuleName", 10)),
            *(texts("ScalingRuleAri", 10), one_of("ScalingRuleType", *TYPES), boolean("ShowAlarmRules"), *pages(50)),
        ),
    ),
    Action(
        "ExecuteScalingRule",
        execute_scaling_rule,
        (text("ScalingRuleAri", required=True), TOKEN, number("BreachThreshold"), number("MetricValue")),
        "rules that track a target or predict cannot be executed",
    ),
    Action(
        "ScaleWithAdjustment",
        scale_with_adjustment,
        (
            *(GROUP, TOKEN, one_of("AdjustmentType", QUANTITY, PERCENT, TOTAL, required=True)),
            integer("AdjustmentValue", -1_000, 10_000, required=True),
            integer("MinAdjustmentMagnitude", 1, 1_000),
            *(text("ActivityMetadata", most=1_024), boolean("SyncActivity")),
        ),
        "no overrides, no plan only",
    ),
)
