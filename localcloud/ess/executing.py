"""A scaling rule, or an adjustment by hand, carried out: clamped to MinSize and MaxSize, unlike a removal by id."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple

from localcloud import errors
from localcloud.ess import capacity
from localcloud.ess.capacity import Why
from localcloud.ess.model import ScalingGroup
from localcloud.ess.resources import Rule

if TYPE_CHECKING:
    from localcloud.ess.service import Service

QUANTITY, PERCENT, TOTAL = "QuantityChangeInCapacity", "PercentChangeInCapacity", "TotalCapacity"


class Adjustment(NamedTuple):
    type: str
    value: int
    least: int = 0  # MinAdjustmentMagnitude, of a percentage


def ari(service: Service, rule: Rule) -> str:
    return f"ari:acs:ess:{service.region_id}:1:scalingrule/{rule.scaling_rule_id}"


def rule_by(service: Service, ari: str) -> Rule:
    """Raises ApiError."""
    rule = service.rules.get(ari.rpartition("/")[2])
    if rule is None:
        raise errors.NotFound("ScalingRuleId")
    return rule


def execute(service: Service, rule: Rule, why: Why, now: datetime, breach: float | None = None) -> str:
    """Gives the id of the activity. An alarm's is held back by cooldown. Raises ApiError."""
    group = service.group(rule.scaling_group_id)
    by_alarm = why.source == "Cms"
    if by_alarm and group.cools_until and now < group.cools_until:
        raise errors.CooldownInProgress()
    id = adjust(service, group, _adjustment(rule, breach), why, now)
    if by_alarm:
        seconds = group.default_cooldown if rule.cooldown is None else rule.cooldown
        group.cools_until = now + timedelta(seconds=service.knobs.activity_seconds + seconds)  # from its end
    return id


def adjust(service: Service, group: ScalingGroup, by: Adjustment, why: Why, now: datetime) -> str:
    """With a desired capacity, by hand, only that is changed, and what follows from it at once. Raises ApiError."""
    before = group.total_capacity if group.desired_capacity is None else group.desired_capacity
    after = max(group.min_size, min(group.max_size, _changed(before, by)))
    capacity.check_may_start(service, group, "ScaleOut" if after > before else "ScaleIn", parallel=why.parallel)
    if after == before:
        raise errors.IncorrectCapacityNoChange()
    why = why._replace(cause=f'{why.cause.rstrip(".")}, changing the Total Capacity from "{before}" to "{after}".')
    if group.desired_capacity is not None:
        group.desired_capacity = after
        if why.parallel:
            return capacity.control(service, group, now)
    if after > before:
        return capacity.scale_out(service, group, after - before, why, now).scaling_activity_id
    return capacity.scale_in(service, group, before - after, why, now).scaling_activity_id


def _adjustment(rule: Rule, breach: float | None) -> Adjustment:
    if rule.rule_type == "SimpleScalingRule":
        return Adjustment(rule.adjustment_type, rule.adjustment_value or 0, rule.min_adjustment_magnitude)
    if rule.rule_type == "StepScalingRule" and breach is not None:
        for step in rule.steps:
            low, high = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
            if (low is None or float(low) <= breach) and (high is None or breach < float(high)):
                return Adjustment(rule.adjustment_type, int(step["ScalingAdjustment"]), rule.min_adjustment_magnitude)
    raise errors.InvalidParameter("ScalingRuleAri")  # a target is tracked by alarms of ESS's own, which are not here


def _changed(before: int, by: Adjustment) -> int:
    if by.type == TOTAL:
        return by.value
    if by.type == PERCENT:
        change = before * by.value / 100
        amount = max(floor(abs(change)) or ceil(abs(change)), by.least)
        return before + (amount if by.value > 0 else -amount)
    return before + by.value
