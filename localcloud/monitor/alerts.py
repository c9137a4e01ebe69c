"""Evaluates the alert rules of CloudMonitor, and writes alerts to their targets."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from localcloud.ess.model import STABLE, Instance
from localcloud.ess.state import EssState
from localcloud.monitor.rule import LEVELS, NO_DATA, OK, Escalation, MetricRule, ResourceState
from localcloud.monitor.series import value_at

ECS, ESS = "acs_ecs_dashboard", "acs_ess_dashboard"
OPERATORS = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
    "NotEqualToThreshold": operator.ne,
}
STATISTICS = ("Average", "Minimum", "Maximum")
GROUP_DIMENSIONS = ("scaling_group", "scalingGroupId")


def due_times(state: EssState) -> list[datetime]:
    """Returns when each rule is evaluated next."""
    return [_next_at(rule) for rule in state.metric_rules.values() if rule.enabled]


def evaluate_due(state: EssState, now: datetime) -> None:
    """Evaluates each rule that is due."""
    for rule in list(state.metric_rules.values()):
        if rule.enabled and _next_at(rule) <= now:
            rule.evaluated_at = now
            for resource in rule.resources:
                _evaluate(state, rule, resource, now)


def set_level(state: EssState, rule: MetricRule, level: str, now: datetime) -> None:
    """Brings all resources of a rule to a level, and writes what that means to its targets.

    The next evaluation judges by the metric again.
    """
    for resource in rule.resources:
        known = rule.states.setdefault(json.dumps(resource, sort_keys=True), ResourceState())
        value = known.value or 0.0
        point = _datapoint(state, rule, resource, now)
        point = point or {"Average": value, "Minimum": value, "Maximum": value}
        known.breaches = {
            name: one.times if name == level else 0 for name, one in rule.escalations.items()
        }
        _become(state, rule, resource, point, level, now)


def _next_at(rule: MetricRule) -> datetime:
    return (rule.evaluated_at or rule.created_at) + timedelta(seconds=rule.period)


def _evaluate(
    state: EssState, rule: MetricRule, resource: Mapping[str, str], now: datetime
) -> None:
    known = rule.states.setdefault(json.dumps(resource, sort_keys=True), ResourceState())
    point = _datapoint(state, rule, resource, now)
    if point is None:
        if rule.no_data_policy != "KEEP_LAST_STATE":
            known.level, known.breaches = NO_DATA, {}
        return
    known.value = point["Average"]
    _become(state, rule, resource, point, _level(rule, known, point), now)


def _become(
    state: EssState,
    rule: MetricRule,
    resource: Mapping[str, str],
    point: Mapping[str, float],
    level: str,
    now: datetime,
) -> None:
    """Sets the level of a resource, and sends what is new, or is to be said again."""
    known = rule.states[json.dumps(resource, sort_keys=True)]
    before = known.level
    if level != before:
        known.level, known.since = level, now
    silence = timedelta(seconds=rule.silence_time)
    is_new = level != before and (level in LEVELS or before in LEVELS)
    is_again = (
        level in LEVELS and known.alerted_at is not None and now - known.alerted_at >= silence
    )
    if is_new or is_again:
        known.alerted_at = now
        _send(state, rule, resource, point, before, now)


def _level(rule: MetricRule, known: ResourceState, point: Mapping[str, float]) -> str:
    """Returns the most severe level whose condition has held often enough, and counts."""
    for level, escalation in rule.escalations.items():
        is_breached = OPERATORS[escalation.comparison_operator](
            point[escalation.statistics], escalation.threshold
        )
        known.breaches[level] = known.breaches.get(level, 0) + 1 if is_breached else 0
    reached = (
        level
        for level in LEVELS
        if level in rule.escalations and known.breaches[level] >= rule.escalations[level].times
    )
    return next(reached, OK)


def _datapoint(
    state: EssState, rule: MetricRule, resource: Mapping[str, str], now: datetime
) -> dict[str, float] | None:
    """Returns average, minimum and maximum over the instances of a resource; None: no data."""
    assert state.started_at is not None  # noqa: S101 (set when the state is made)
    seconds = (now - state.started_at).total_seconds()
    found = (
        value_at(instance, rule.metric_name, seconds)
        for instance in _instances(state, rule.namespace, resource)
    )
    values = [value for value in found if value is not None]
    if not values:
        return None
    average = sum(values) / len(values)
    return {"Average": average, "Minimum": min(values), "Maximum": max(values)}


def _instances(state: EssState, namespace: str, resource: Mapping[str, str]) -> list[Instance]:
    """Returns the instances that a resource is: one of ECS, or all of a scaling group."""
    if namespace == ESS:
        id = next((resource[name] for name in GROUP_DIMENSIONS if name in resource), "")
        group = state.groups.get(id)
        members = group.instances.values() if group else ()
        return [instance for instance in members if instance.lifecycle_state in STABLE]
    id = resource.get("instanceId", "")
    group = state.group_of(id)
    return [group.instances[id]] if group and namespace == ECS else []


def _send(
    state: EssState,
    rule: MetricRule,
    resource: Mapping[str, str],
    point: Mapping[str, float],
    before: str,
    now: datetime,
) -> None:
    """Writes an alert, or that it is over, to the targets that have its level."""
    level = rule.states[json.dumps(resource, sort_keys=True)].level
    sent = level if level in LEVELS else before  # of a recovery, the level that it ends
    for target in rule.targets:
        if sent in target.levels:
            content = alert(rule, resource, point, before, now, state.account_id)
            state.send_message(target.arn, content)


def alert(
    rule: MetricRule,
    resource: Mapping[str, str],
    point: Mapping[str, float],
    before: str,
    now: datetime,
    account_id: str,
) -> dict[str, Any]:
    """Returns an alert as CloudMonitor writes it to MNS (its page "Write alerts to MNS")."""
    known = rule.states[json.dumps(resource, sort_keys=True)]
    level = known.level if known.level in LEVELS else before
    escalation = rule.escalations.get(level, Escalation("Average", "", 0.0))
    milliseconds = int(now.timestamp() * 1000)
    lasted = (now - known.since).total_seconds() if known.since else 0
    return {
        "ruleId": rule.rule_id,
        "ruleName": rule.rule_name,
        "curLevel": known.level,
        "preLevel": before,
        "resources": json.dumps(resource),
        "escalation": {
            "comparisonOperator": escalation.comparison_operator,
            "level": LEVELS.get(level, 0),
            "statistics": escalation.statistics,
            "tag": level,
            "threshold": f"{escalation.threshold:g}",
            "times": escalation.times,
        },
        "metricData": {"timestamp": milliseconds, "userId": account_id, **resource, **point},
        "metricName": f"{rule.metric_name}#{rule.period}",
        "namespace": rule.namespace,
        "period": str(rule.period),
        "groupBy": "group" if "groupId" in resource else "",
        "productGroupName": "",
        "groupId": resource.get("groupId", ""),
        "lastTime": int(lasted * 1000),
        "time": milliseconds,
        "userId": account_id,
        # Only AlertOk is documented, for recoveries and in one sample beside WARN (unverified.md).
        "eventName": "AlertFiring" if known.level in LEVELS else "AlertOk",
        "eventType": "Alert",
        "batchId": f"{rule.rule_id}-{milliseconds}-0",
        "version": "1.0",
    }
