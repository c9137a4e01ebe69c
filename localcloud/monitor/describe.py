"""DescribeMetricLast and DescribeMetricList, from parameters to reply; API 2019-01-01."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.model import Instance
from localcloud.ess.parameters import Ask, integer, read, text
from localcloud.ess.service import Service
from localcloud.monitor.series import value_at
from localcloud.wire import Params

NAMESPACE = "acs_ecs_dashboard"
MOST_POINTS = 1_440
METRIC = (
    text("Namespace", required=True),
    text("MetricName", required=True),
    integer("Period", 1, 3_600, default=60),
    text("Dimensions"),
)


def describe_metric_last(service: Service, ask: Ask) -> Reply:
    """The newest datapoint of each instance that has one: who has none is left out without a word."""
    now = service.clock.now()
    points = []
    for instance in _asked_for(service, ask):
        taken_at = now - timedelta(seconds=instance.metrics_age_seconds)
        points += _points(service, instance, ask, [taken_at])
    return _reply(ask, points)


def describe_metric_list(service: Service, ask: Ask) -> Reply:
    """A datapoint a period, oldest first; the last hour where no time is given."""
    now = service.clock.now()
    newest = _time(ask["EndTime"]) or now
    oldest, period = _time(ask["StartTime"]) or newest - timedelta(hours=1), timedelta(seconds=ask["Period"])
    times = [newest - n * period for n in range(MOST_POINTS) if newest - n * period > oldest][::-1]
    points = [
        point
        for instance in _asked_for(service, ask)
        for point in _points(
            service, instance, ask, [t for t in times if (now - t).total_seconds() >= instance.metrics_age_seconds]
        )
    ]
    start = int(ask["NextToken"] or 0)
    end = start + ask["Length"]
    reply = _reply(ask, points[start:end])
    return {**reply, "NextToken": str(end)} if end < len(points) else reply


def _reply(ask: Ask, points: list[dict[str, Any]]) -> Reply:
    return {"Code": "200", "Success": True, "Period": str(ask["Period"]), "Datapoints": json.dumps(points)}


def _asked_for(service: Service, ask: Ask) -> list[Instance]:
    """Those that `Dimensions` names; all, where it names none."""
    try:
        dimensions = json.loads(ask["Dimensions"] or "[]")
        dimensions = dimensions if isinstance(dimensions, list) else [dimensions]
        ids = [str(dimension["instanceId"]) for dimension in dimensions]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.InvalidParameter("Dimensions") from error
    if len(ids) > service.knobs.most_dimensions:
        raise errors.InvalidParameter("Dimensions")
    instances = {id: i for group in service.groups.values() for id, i in group.instances.items()}
    return [instances[id] for id in ids or instances if id in instances]


def _points(service: Service, instance: Instance, ask: Ask, times: list[datetime]) -> list[dict[str, Any]]:
    if ask["Namespace"] != NAMESPACE or service.began_at is None:
        return []
    points = []
    for time in times:
        value = value_at(instance, ask["MetricName"], (time - service.began_at).total_seconds())
        if value is not None:
            points.append(_point(service, instance, value, time))
    return points


def _point(service: Service, instance: Instance, value: float, time: datetime) -> dict[str, Any]:
    return {
        "timestamp": int(time.timestamp() * 1000),
        "userId": "0",
        "instanceId": instance.instance_id,
        "regionId": service.region_id,
        "Minimum": value,
        "Average": value,
        "Maximum": value,
    }


def _time(text: str | None) -> datetime | None:
    """Milliseconds, or YYYY-MM-DD hh:mm:ss; both are documented."""
    if not text:
        return None
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text) / 1000, timezone.utc)
        form = "%Y-%m-%dT%H:%M:%SZ" if "T" in text else "%Y-%m-%d %H:%M:%S"
        return datetime.strptime(text, form).replace(tzinfo=timezone.utc)
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
                *(*METRIC, text("StartTime"), text("EndTime"), text("NextToken", pattern="[0-9]{0,9}")),
                integer("Length", 1, MOST_POINTS, default=1_000),
            ),
        ),
    )
}


def perform(service: Service, params: Params) -> Reply:
    """Raises ApiError."""
    if params["Action"] not in ACTIONS:
        raise errors.ApiNotFound()
    action = ACTIONS[params["Action"]]
    ask = read(action.parameters, params, params["Version"])
    service.advance()
    return action.act(service, ask)
