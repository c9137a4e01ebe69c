"""Carries out a scaling rule, or an adjustment by hand, within MinSize and MaxSize."""

from __future__ import annotations

from datetime import datetime
from math import ceil, floor
from typing import NamedTuple

from localcloud import errors
from localcloud.ess import capacity, refusals
from localcloud.ess.capacity import Cause
from localcloud.ess.causes import changing
from localcloud.ess.model import STABLE, ScalingGroup
from localcloud.ess.resources import Rule
from localcloud.ess.state import EssState

QUANTITY, PERCENT, TOTAL = "QuantityChangeInCapacity", "PercentChangeInCapacity", "TotalCapacity"


class Adjustment(NamedTuple):
    """A change of capacity."""

    type: str
    value: int
    min_magnitude: int = 0  # MinAdjustmentMagnitude, of a percentage


def rule_ari(state: EssState, rule: Rule) -> str:
    """Returns the rule's Alibaba Cloud resource identifier."""
    return f"ari:acs:ess:{state.region_id}:{state.account_id}:scalingrule/{rule.scaling_rule_id}"


def rule_by_ari(state: EssState, ari: str) -> Rule:
    """Returns the rule. Raises ApiError where there is none."""
    rule = state.rules.get(ari.rpartition("/")[2])
    if rule is None:
        raise refusals.RuleAriNotFound()
    return rule


def by_rule(cause: Cause, rule: Rule) -> Cause:
    """Returns the cause of what a rule starts; the text of `cause` says who executes it."""
    text = f'{cause.text} execute scaling rule "{rule.scaling_rule_id}"'
    return cause._replace(text=text, cooldown=rule.cooldown)


def execute(
    state: EssState, rule: Rule, cause: Cause, now: datetime, breach: float | None = None
) -> str:
    """Starts what the rule says; returns the activity's id. Raises ApiError.

    The text of `cause` says who executes it.
    """
    group = state.group(rule.scaling_group_id)
    return adjust(state, group, _adjustment(rule, breach), by_rule(cause, rule), now)


def adjust(
    state: EssState, group: ScalingGroup, by: Adjustment, cause: Cause, now: datetime
) -> str:
    """Changes the capacity; returns the activity's id, or "". Raises ApiError.

    Of a group with desired capacity, it becomes what is stable and the change, whatever it was
    (ESS guide, Expected number of instances). A parallel adjustment changes nothing else, and what
    follows from that comes at once. A cooldown holds back what an alarm starts.
    """
    has_desired = group.desired_capacity is not None
    before = group.capacity(*STABLE) if has_desired else group.total_capacity
    after = max(group.min_size, min(group.max_size, _new_capacity(before, by)))
    process = "ScaleOut" if after > before else "ScaleIn"
    capacity.check_may_start(state, group, process, parallel=cause.parallel)
    is_by_alarm = cause.source == "Cms"
    if is_by_alarm and group.cooldown_until and now < group.cooldown_until:
        raise errors.CooldownInProgress()
    if after == before and group.desired_capacity in (None, after):
        raise errors.IncorrectCapacityNoChange()
    cause = cause._replace(text=changing(cause.text, before, after))
    if has_desired:
        group.desired_capacity = after
        if cause.parallel:
            return capacity.reconcile_capacity(state, group, now, cause)
    if after > before:
        activity = capacity.scale_out(state, group, after - before, cause, now)
    else:
        activity = capacity.scale_in(state, group, before - after, cause, now)
    return activity.scaling_activity_id


def _adjustment(rule: Rule, breach: float | None) -> Adjustment:
    min_magnitude = rule.min_adjustment_magnitude
    if rule.rule_type == "SimpleScalingRule":
        return Adjustment(rule.adjustment_type, rule.adjustment_value or 0, min_magnitude)
    if rule.rule_type == "StepScalingRule" and breach is not None:
        for step in rule.steps:
            low = step.get("MetricIntervalLowerBound")
            high = step.get("MetricIntervalUpperBound")
            if (low is None or float(low) <= breach) and (high is None or breach < float(high)):
                value = int(step["ScalingAdjustment"])
                return Adjustment(rule.adjustment_type, value, min_magnitude)
        raise refusals.NoStepFound(f"{breach:g}")
    # Others are run by alarms that ESS makes for them, which this cloud lacks.
    raise refusals.RuleTypeNotExecutable(rule.rule_type)


def _new_capacity(before: int, by: Adjustment) -> int:
    if by.type == TOTAL:
        return by.value
    if by.type == PERCENT:
        change = abs(before * by.value / 100)
        magnitude = max(floor(change) or ceil(change), by.min_magnitude)
        return before + (magnitude if by.value > 0 else -magnitude)
    return before + by.value
