"""Scaling rules, and scaling by hand: the actions. `scaling_rules` carries them out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess import refusals, scaling_rules
from localcloud.ess.actions.action import Action
from localcloud.ess.capacity import Cause
from localcloud.ess.causes import USER
from localcloud.ess.parameters import (
    GROUP,
    NAME,
    REGION,
    TOKEN,
    Parameter,
    Request,
    boolean,
    document,
    integer,
    number,
    one_of,
    pages,
    records,
    text,
    texts,
)
from localcloud.ess.requests import given, matches, named, page_reply, set_given
from localcloud.ess.resources import Rule
from localcloud.ess.scaling_rules import PERCENT, QUANTITY, TOTAL, Adjustment
from localcloud.ess.state import EssState, new_id
from localcloud.ess.step_adjustments import MAX_BOUND, check_steps

TYPES = (
    "SimpleScalingRule",
    "TargetTrackingScalingRule",
    "StepScalingRule",
    "PredictiveScalingRule",
)
DESCRIBED_ONLY: tuple[Parameter, ...] = (  # as given, without effect
    *(
        text(name)
        for name in ("MetricName", "MetricType", "PredictiveScalingMode", "PredictiveValueBehavior")
    ),
    number("TargetValue"),
    boolean("DisableScaleIn", default=None),
    *(
        integer(name, 0, 86_400)
        for name in ("EstimatedInstanceWarmup", "InitialMaxSize", "PredictiveTaskBufferTime")
    ),
    *(
        integer(name, 1, 100)
        for name in ("ScaleInEvaluationCount", "ScaleOutEvaluationCount", "PredictiveValueBuffer")
    ),
)
SETTABLE = (
    text("ScalingRuleName", pattern=NAME),
    one_of("AdjustmentType", QUANTITY, PERCENT, TOTAL),
    integer("AdjustmentValue", -1_000, 10_000),
    integer("MinAdjustmentMagnitude", 0, 1_000),
    integer("Cooldown", 0, 86_400),
    records("StepAdjustment", 1_000),
    *DESCRIBED_ONLY,
)


MAX_RULES = 50
TRACKED_METRICS = (  # (API reference, CreateScalingRule; newer: LoadBalancerRealServerAverageQps)
    "CpuUtilizationAgent",
    *("CpuUtilization", "ClassicInternetRx", "ClassicInternetTx", "VpcInternetRx"),
    *("VpcInternetTx", "IntranetRx", "IntranetTx", "MemoryUtilization"),
    "LoadBalancerRealServerAverageQps",
)
FIELDS = {
    "AdjustmentType": "adjustment_type",
    "AdjustmentValue": "adjustment_value",
    "MinAdjustmentMagnitude": "min_adjustment_magnitude",
    "Cooldown": "cooldown",
    "StepAdjustment": "steps",
}
VALUE_BOUNDS = {QUANTITY: (-1_000, 1_000), PERCENT: (-100, 10_000), TOTAL: (0, 2_000)}


def create_scaling_rule(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    id = new_id("asr")
    in_group = [r for r in state.rules.values() if r.scaling_group_id == group.scaling_group_id]
    if len(in_group) >= MAX_RULES:
        raise refusals.QuotaInGroup("ScalingRule")
    rule = Rule(
        id, group.scaling_group_id, request["ScalingRuleName"] or id, request["ScalingRuleType"]
    )
    if rule.rule_type in ("SimpleScalingRule", "StepScalingRule") and not request["AdjustmentType"]:
        raise errors.MissingParameter("AdjustmentType")
    if rule.rule_type == "SimpleScalingRule" and request["AdjustmentValue"] is None:
        raise errors.MissingParameter("AdjustmentValue")
    _set_fields(state, rule, request)
    state.rules[id] = rule
    return {"ScalingRuleId": id, "ScalingRuleAri": scaling_rules.rule_ari(state, rule)}


def modify_scaling_rule(state: EssState, request: Request) -> Reply:
    rule = named(state.rules, request, "ScalingRuleId")
    changed = replace(rule, attributes=dict(rule.attributes))
    _set_fields(state, changed, request)
    state.rules[rule.scaling_rule_id] = changed
    return {}


def delete_scaling_rule(state: EssState, request: Request) -> Reply:
    del state.rules[named(state.rules, request, "ScalingRuleId").scaling_rule_id]
    return {}


def describe_scaling_rules(state: EssState, request: Request) -> Reply:
    rules = [
        rule
        for rule in state.rules.values()
        if matches(
            request,
            {
                "ScalingGroupId": rule.scaling_group_id,
                "ScalingRuleId": rule.scaling_rule_id,
                "ScalingRuleName": rule.name,
                "ScalingRuleAri": scaling_rules.rule_ari(state, rule),
                "ScalingRuleType": rule.rule_type,
            },
        )
    ]
    with_alarms = request["ShowAlarmRules"]
    return page_reply(request, "ScalingRules", rules, lambda rule: _view(state, rule, with_alarms))


def execute_scaling_rule(state: EssState, request: Request) -> Reply:
    rule = scaling_rules.rule_by_ari(state, request["ScalingRuleAri"])
    cause = Cause(USER, "APIs", rule.scaling_rule_id)
    breach = _breach(request) if rule.rule_type == "StepScalingRule" else None
    return {
        "ScalingActivityId": scaling_rules.execute(state, rule, cause, state.clock.now(), breach)
    }


def _set_fields(state: EssState, rule: Rule, request: Request) -> None:
    """Sets what the call has, of a rule that is not in use yet. Raises ApiError."""
    set_given(rule, request, {**FIELDS, "ScalingRuleName": "name"})
    rule.attributes.update(given(request, DESCRIBED_ONLY))
    others = [
        other
        for id, other in state.rules.items()
        if other.scaling_group_id == rule.scaling_group_id and id != rule.scaling_rule_id
    ]
    _check_value(rule.adjustment_type, rule.adjustment_value)
    if rule.name in [other.name for other in others]:
        raise errors.Duplicate("ScalingRuleName")
    if rule.min_adjustment_magnitude and rule.adjustment_type != PERCENT:
        raise refusals.MagnitudeMismatch()
    check_steps(rule.steps)
    if rule.rule_type == "TargetTrackingScalingRule":
        _check_metric(rule, others)
        _check_target(rule.attributes.get("TargetValue"))


def _check_value(type: str, value: int | None) -> None:
    low, high = VALUE_BOUNDS.get(type, (-1_000, 10_000))
    if value is not None and not low <= value <= high:
        raise errors.InvalidParameter("AdjustmentValue")


def _check_target(value: float | None) -> None:
    if value is None:
        raise errors.MissingParameter("TargetValue")
    if not value > 0:
        raise errors.InvalidParameter("TargetValue")


def _check_metric(rule: Rule, others: list[Rule]) -> None:
    metric = rule.attributes.get("MetricName")
    if rule.attributes.get("MetricType") in (None, "system") and metric not in TRACKED_METRICS:
        raise refusals.UnsupportedMetric()
    tracking = (other for other in others if other.rule_type == rule.rule_type)
    if metric in [other.attributes.get("MetricName") for other in tracking]:
        raise refusals.DuplicateMetric()


def _breach(request: Request) -> float:
    """Returns how far the metric is from its threshold. Raises ApiError."""
    value, threshold = request["MetricValue"], request["BreachThreshold"]
    if value is None:
        raise refusals.MissingMetricValue()
    if threshold is None:
        raise refusals.MissingBreachThreshold()
    for name in ("MetricValue", "BreachThreshold"):
        if not abs(request[name]) <= MAX_BOUND:
            raise refusals.BeyondPermitRange(name)
    return float(value - threshold)


def scale_with_adjustment(state: EssState, request: Request) -> Reply:
    group = state.group(request["ScalingGroupId"])
    if request["ExecutionMode"] == "PlanOnly":
        raise errors.NotSupported("ScaleWithAdjustment with ExecutionMode PlanOnly")
    _check_value(request["AdjustmentType"], request["AdjustmentValue"])
    by = Adjustment(
        request["AdjustmentType"],
        request["AdjustmentValue"],
        request["MinAdjustmentMagnitude"] or 0,
    )
    cause = Cause(
        f"{USER} scale the scaling group",
        "APIs",
        metadata=request["ActivityMetadata"] or "",
        hook_context=request["LifecycleHookContext"],
    )
    return {"ScalingActivityId": scaling_rules.adjust(state, group, by, cause, state.clock.now())}


def _view(state: EssState, rule: Rule, with_alarms: bool) -> dict[str, Any]:
    view = {
        **rule.attributes,
        "ScalingRuleId": rule.scaling_rule_id,
        "ScalingRuleAri": scaling_rules.rule_ari(state, rule),
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
        alarms = [
            a for a in state.alarms.values() if scaling_rules.rule_ari(state, rule) in a.actions
        ]
        view["Alarms"] = [{"AlarmTaskId": a.alarm_task_id, "AlarmTaskName": a.name} for a in alarms]
    return {name: value for name, value in view.items() if value is not None}


ACTIONS = (
    Action(
        "CreateScalingRule",
        create_scaling_rule,
        (GROUP, one_of("ScalingRuleType", *TYPES, default=TYPES[0]), *SETTABLE),
        "rules that track a target or predict are described as given, and make no alarms",
    ),
    Action(
        "ModifyScalingRule", modify_scaling_rule, (text("ScalingRuleId", required=True), *SETTABLE)
    ),
    Action("DeleteScalingRule", delete_scaling_rule, (text("ScalingRuleId", required=True),)),
    Action(
        "DescribeScalingRules",
        describe_scaling_rules,
        (
            *(
                REGION,
                text("ScalingGroupId"),
                texts("ScalingRuleId", 10),
                texts("ScalingRuleName", 10),
            ),
            *(
                texts("ScalingRuleAri", 10),
                one_of("ScalingRuleType", *TYPES),
                boolean("ShowAlarmRules"),
                *pages(50),
            ),
        ),
    ),
    Action(
        "ExecuteScalingRule",
        execute_scaling_rule,
        (
            text("ScalingRuleAri", required=True),
            TOKEN,
            number("BreachThreshold"),
            number("MetricValue"),
        ),
    ),
    Action(
        "ScaleWithAdjustment",
        scale_with_adjustment,
        (
            *(GROUP, TOKEN, one_of("AdjustmentType", QUANTITY, PERCENT, TOTAL, required=True)),
            integer("AdjustmentValue", -1_000, 10_000, required=True),
            integer("MinAdjustmentMagnitude", 1, 1_000),
            *(text("ActivityMetadata", max_length=1_024), boolean("SyncActivity")),
            one_of("ExecutionMode", "None", "PlanOnly"),
            document("LifecycleHookContext"),
        ),
        "no overrides; ExecutionMode PlanOnly is refused (`UnsupportedOperation`)",
    ),
)
