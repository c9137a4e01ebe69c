"""The actions of alert rules on metrics, from parameters to reply; API 2019-01-01."""

from __future__ import annotations

import json
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import Request, integer, number, one_of, records, text, texts
from localcloud.ess.state import EssState
from localcloud.json_text import parse_json
from localcloud.monitor.alerts import OPERATORS, STATISTICS
from localcloud.monitor.rule import LEVELS, Escalation, MetricRule, Target

SUCCESS: Reply = {"Code": "200", "Success": True}
DEFAULT_TIMES = 3
ATTRIBUTES = ("ContactGroups", "Webhook", "EffectiveInterval", "NoEffectiveInterval")
RULE_ID = text("RuleId", required=True)


def put_resource_metric_rule(state: EssState, request: Request) -> Reply:
    """Creates a rule, or changes the one with this id; its targets stay."""
    known = state.metric_rules.get(request["RuleId"])
    rule = MetricRule(
        request["RuleId"],
        request["RuleName"] or request["RuleId"],
        request["Namespace"],
        request["MetricName"],
        state.clock.now(),
        _resources(request["Resources"]),
        request["Period"],
        request["SilenceTime"],
        _escalations(request),
        known.targets if known else [],
        no_data_policy=request["NoDataPolicy"],
        attributes={name: request[name] or "" for name in ATTRIBUTES},
    )
    if not rule.escalations:
        raise errors.InvalidParameter("Escalations")
    state.metric_rules[rule.rule_id] = rule
    return dict(SUCCESS)


def put_metric_rule_targets(state: EssState, request: Request) -> Reply:
    """Adds targets to a rule, or changes those with the same id."""
    rule = _rule(state, request["RuleId"])
    by_id = {target.id: target for target in rule.targets}
    for record in request["Targets"]:
        levels = _levels(record.get("Level"))
        target = Target(record.get("Id", ""), record.get("Arn", ""), levels)
        if not target.id or not target.arn.startswith("acs:mns:"):
            raise errors.InvalidParameter("Targets")
        by_id[target.id] = target
    rule.targets = list(by_id.values())
    return dict(SUCCESS)


def describe_metric_rule_targets(state: EssState, request: Request) -> Reply:
    targets = [
        {"Id": target.id, "Arn": target.arn, "Level": json.dumps(target.levels)}
        for target in _rule(state, request["RuleId"]).targets
    ]
    return {**SUCCESS, "Targets": {"Target": targets}}


def delete_metric_rule_targets(state: EssState, request: Request) -> Reply:
    rule = _rule(state, request["RuleId"])
    rule.targets = [target for target in rule.targets if target.id not in request["TargetIds"]]
    return dict(SUCCESS)


def describe_metric_rule_list(state: EssState, request: Request) -> Reply:
    ids = request["RuleIds"].split(",") if request["RuleIds"] else None
    found = [
        rule
        for rule in state.metric_rules.values()
        if (ids is None or rule.rule_id in ids)
        and (request["RuleName"] or "") in rule.rule_name
        and request["AlertState"] in (None, rule.alert_state)
    ]
    start = (request["Page"] - 1) * request["PageSize"]
    page = found[start : start + request["PageSize"]]
    alarms = [_view(rule) for rule in page]
    return {**SUCCESS, "Total": str(len(found)), "Alarms": {"Alarm": alarms}}


def delete_metric_rules(state: EssState, request: Request) -> Reply:
    for id in request["Id"]:
        state.metric_rules.pop(id, None)
    return dict(SUCCESS)


def enable_metric_rules(state: EssState, request: Request) -> Reply:
    return _enable(state, request, True)


def disable_metric_rules(state: EssState, request: Request) -> Reply:
    return _enable(state, request, False)


def _enable(state: EssState, request: Request, is_enabled: bool) -> Reply:
    for id in request["RuleId"]:
        _rule(state, id).enabled = is_enabled
    return dict(SUCCESS)


def _rule(state: EssState, id: str) -> MetricRule:
    if id not in state.metric_rules:
        raise errors.NotFound("RuleId")
    return state.metric_rules[id]


def _resources(value: str) -> list[dict[str, str]]:
    """Returns the dimensions of each resource. Raises ApiError."""
    try:
        resources = parse_json(value)
        resources = resources if isinstance(resources, list) else [resources]
        found = [{str(k): str(v) for k, v in dict(one).items()} for one in resources]
    except (AttributeError, TypeError, ValueError) as error:
        raise errors.InvalidParameter("Resources") from error
    if not found:
        raise errors.InvalidParameter("Resources")
    return found


def _escalations(request: Request) -> dict[str, Escalation]:
    """Returns the conditions that have a threshold, by level."""
    found = {}
    for level in LEVELS:
        prefix = f"Escalations.{level.title()}"
        if request[f"{prefix}.Threshold"] is not None:
            found[level] = Escalation(
                request[f"{prefix}.Statistics"],
                request[f"{prefix}.ComparisonOperator"],
                request[f"{prefix}.Threshold"],
                request[f"{prefix}.Times"],
            )
    return found


def _levels(text: str | None) -> list[str]:
    """Returns the levels of a target: a JSON array as text; all of them by default."""
    try:
        levels = parse_json(text or json.dumps(list(LEVELS)))
    except ValueError as error:
        raise errors.InvalidParameter("Targets.Level") from error
    if not isinstance(levels, list) or not set(levels) <= LEVELS.keys():
        raise errors.InvalidParameter("Targets.Level")
    return levels


def _view(rule: MetricRule) -> dict[str, Any]:
    escalations = {
        level.title(): {
            "Statistics": escalation.statistics,
            "ComparisonOperator": escalation.comparison_operator,
            "Threshold": f"{escalation.threshold:g}",
            "Times": escalation.times,
        }
        for level, escalation in rule.escalations.items()
    }
    return {
        **rule.attributes,
        "RuleId": rule.rule_id,
        "RuleName": rule.rule_name,
        "Namespace": rule.namespace,
        "MetricName": rule.metric_name,
        "Resources": json.dumps(rule.resources),
        "Period": str(rule.period),
        "SilenceTime": rule.silence_time,
        "EnableState": rule.enabled,
        "AlertState": rule.alert_state,
        "NoDataPolicy": rule.no_data_policy,
        "SourceType": "METRIC",
        "Escalations": escalations,
    }


PUT = (
    *(RULE_ID, text("RuleName"), text("Namespace", required=True)),
    *(text("MetricName", required=True), text("Resources", required=True)),
    integer("Period", 1, 86_400, default=60),
    integer("SilenceTime", 1, 86_400 * 7, default=86_400),
    one_of("NoDataPolicy", "KEEP_LAST_STATE", "INSUFFICIENT_DATA", "OK", default="KEEP_LAST_STATE"),
    *(text(name) for name in ATTRIBUTES),
    *(
        parameter
        for level in LEVELS
        for parameter in (
            one_of(f"Escalations.{level.title()}.Statistics", *STATISTICS, default="Average"),
            one_of(
                f"Escalations.{level.title()}.ComparisonOperator",
                *OPERATORS,
                default="GreaterThanOrEqualToThreshold",
            ),
            number(f"Escalations.{level.title()}.Threshold"),
            integer(f"Escalations.{level.title()}.Times", 1, 180, default=DEFAULT_TIMES),
        )
    ),
)
ACTIONS = (
    Action("PutResourceMetricRule", put_resource_metric_rule, PUT),
    Action("PutMetricRuleTargets", put_metric_rule_targets, (RULE_ID, records("Targets"))),
    Action("DescribeMetricRuleTargets", describe_metric_rule_targets, (RULE_ID,)),
    Action("DeleteMetricRuleTargets", delete_metric_rule_targets, (RULE_ID, texts("TargetIds"))),
    Action(
        "DescribeMetricRuleList",
        describe_metric_rule_list,
        (
            *(text("RuleIds"), text("RuleName")),
            one_of("AlertState", "OK", "ALARM", "INSUFFICIENT_DATA"),
            *(integer("Page", 1, 99_999, default=1), integer("PageSize", 1, 100, default=10)),
        ),
    ),
    Action("DeleteMetricRules", delete_metric_rules, (texts("Id", 100, required=True),)),
    Action("EnableMetricRules", enable_metric_rules, (texts("RuleId", required=True),)),
    Action("DisableMetricRules", disable_metric_rules, (texts("RuleId", required=True),)),
)
