"""The step adjustments of a scaling rule: which of them fit together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import NamedTuple

from localcloud import errors
from localcloud.ess import refusals

MAX_STEPS = 20
LOWER, UPPER = "MetricIntervalLowerBound", "MetricIntervalUpperBound"
MAX_BOUND = 9.999999e18


class Step(NamedTuple):
    """One interval, from `low` up to `high`, as distances from the threshold."""

    low: float
    high: float


def check_steps(steps: Sequence[Mapping[str, str]]) -> None:
    """Raises ApiError unless the intervals cover one range, each value once."""
    if len(steps) > MAX_STEPS:
        raise refusals.StepsTooMany(str(MAX_STEPS))
    intervals = sorted(_step(step) for step in steps)
    if not intervals:
        return
    _check_ends(intervals)
    for one, following in pairwise(intervals):
        if one.high > following.low:
            raise refusals.StepsOverlap()
        if one.high < following.low:
            raise refusals.StepsGap()


def _check_ends(intervals: Sequence[Step]) -> None:
    lows, highs = [step.low for step in intervals], [step.high for step in intervals]
    if lows.count(-inf) > 1:
        raise refusals.StepsSeveralUnbounded("Lower", "lower")
    if highs.count(inf) > 1:
        raise refusals.StepsSeveralUnbounded("Upper", "upper")
    if min(lows) < 0 and -inf not in lows:
        raise refusals.StepsNoLowerBound()
    if max(highs) > 0 and inf not in highs:
        raise refusals.StepsNoUpperBound()


def _step(fields: Mapping[str, str]) -> Step:
    step = Step(_bound(fields, LOWER, -inf), _bound(fields, UPPER, inf))
    if step == (-inf, inf):
        raise refusals.StepsUnbounded()
    if step.low >= step.high:
        raise refusals.StepsReversed(f"[{step.low:g}, {step.high:g})")
    return step


def _bound(fields: Mapping[str, str], name: str, default: float) -> float:
    if not fields.get(name):
        return default
    try:
        bound = float(fields[name])
    except ValueError as error:
        raise errors.InvalidParameter(f"StepAdjustment.N.{name}") from error
    if not abs(bound) <= MAX_BOUND:
        raise refusals.StepBeyondPermitRange(name)
    return bound
