"""DescribeMetricLast and DescribeMetricList, from parameters to reply; API 2019-01-01."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.catalogue import perform_beside
from localcloud.ess.model import Instance
from localcloud.ess.parameters import NEXT_TOKEN, Request, integer, text
from localcloud.ess.requests import token_page
from localcloud.ess.service import Service
from localcloud.ess.state import EssState
from localcloud.monitor import event_rules, rules
from localcloud.monitor.series import value_at
from localcloud.wire import Params

NAMESPACE = "acs_ecs_dashboard"
MAX_POINTS = 1_440
METRIC = (
    text("Namespace", required=True),
    text("MetricName", required=True),
    integer("Period", 1, 3_600, default=60),
    text("Dimensions"),
)


def describe_metric_last(state: EssState, request: Request) -> Reply:
    """Returns the newest datapoint of each instance that has one."""
    now = state.clock.now()
    points = []
    for instance in _instances_of(state, request):
        taken_at = now - timedelta(seconds=instance.metrics_age_seconds)
        points += _points(state, instance, request, [taken_at])
    return _reply(request, points)


def describe_metric_list(state: EssState, request: Request) -> Reply:
    """Returns a datapoint for each period, oldest first; the last hour where no time is given."""
    now = state.clock.now()
    newest = _time(request["EndTime"]) or now
    oldest = _time(request["StartTime"]) or newest - timedelta(hours=1)
    period = timedelta(seconds=request["Period"])
    times = [newest - n * period for n in range(MAX_POINTS) if newest - n * period > oldest][::-1]
    points = []
    for instance in _instances_of(state, request):
        age = timedelta(seconds=instance.metrics_age_seconds)
        points += _points(state, instance, request, [time for time in times if now - time >= age])
    page, next_token = token_page(request, points, request["Length"])
    return {**_reply(request, page), **next_token}


def _reply(request: Request, points: Sequence[dict[str, Any]]) -> Reply:
    return {
        "Code": "200",
        "Success": True,
        "Period": str(request["Period"]),
        "Datapoints": json.dumps(points),
    }


def _instances_of(state: EssState, request: Request) -> list[Instance]:
    """Returns the instances that `Dimensions` names; all, where it names none. Raises ApiError."""
    try:
        dimensions = json.loads(request["Dimensions"] or "[]")
        dimensions = dimensions if isinstance(dimensions, list) else [dimensions]
        ids = [str(dimension["instanceId"]) for dimension in dimensions]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.InvalidParameter("Dimensions") from error
    if len(ids) > state.assumptions.max_dimensions:
        raise errors.InvalidParameter("Dimensions")
    instances = {id: i for group in state.groups.values() for id, i in group.instances.items()}
    return [instances[id] for id in ids or instances if id in instances]


def _points(
    state: EssState, instance: Instance, request: Request, times: list[datetime]
) -> list[dict[str, Any]]:
    if request["Namespace"] != NAMESPACE or state.started_at is None:
        return []
    points = []
    for time in times:
        value = value_at(instance, request["MetricName"], (time - state.started_at).total_seconds())
        if value is not None:
            points.append(_point(state, instance, value, time))
    return points


def _point(state: EssState, instance: Instance, value: float, time: datetime) -> dict[str, Any]:
    return {
        "timestamp": int(time.timestamp() * 1000),
        "userId": "0",
        "instanceId": instance.instance_id,
        "regionId": state.region_id,
        "Minimum": value,
        "Average": value,
        "Maximum": value,
    }


def _time(text: str | None) -> datetime | None:
    """Parses milliseconds, or YYYY-MM-DD hh:mm:ss; both are documented. Raises ApiError."""
    if not text:
        return None
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, timezone.utc)
        format = "%Y-%m-%dT%H:%M:%SZ" if "T" in text else "%Y-%m-%d %H:%M:%S"
        return datetime.strptime(text, format).replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError) as error:
        raise errors.InvalidParameter("StartTime") from error


ACTIONS = {
    action.name: action
    for action in (
        Action("DescribeMetricLast", describe_metric_last, METRIC),
        Action(
            "DescribeMetricList",
            describe_metric_list,
            (
                *(*METRIC, text("StartTime"), text("EndTime"), NEXT_TOKEN),
                integer("Length", 1, MAX_POINTS, default=1_000),
            ),
        ),
        *rules.ACTIONS,
        *event_rules.ACTIONS,
    )
}


def perform(service: Service, params: Params) -> Reply:
    """Performs the action that the parameters name; returns its reply. Raises ApiError."""
    return perform_beside(ACTIONS, service, params)
