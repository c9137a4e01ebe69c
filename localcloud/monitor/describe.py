"""DescribeMetricLast, from parameters to reply."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from localcloud import errors
from localcloud.ess import parameters
from localcloud.ess.model import Instance
from localcloud.ess.service import Service
from localcloud.wire import Params, Reply

NAMESPACE = "acs_ecs_dashboard"


def describe_metric_last(service: Service, params: Params) -> Reply:
    """The newest datapoint of each instance that has one: who has none is left out without a word."""
    now = service.advance()
    namespace, name = parameters.required(params, "Namespace"), parameters.required(params, "MetricName")
    period = parameters.integer(params, "Period", 60, 1, 3600)
    instances = {id: i for group in service.groups.values() for id, i in group.instances.items()}
    points = []
    for id in _instance_ids(params, list(instances), service.knobs.most_dimensions):
        instance = instances.get(id)
        value = instance.metrics.get(name) if instance and namespace == NAMESPACE else None
        if instance and value is not None:
            taken_at = now - timedelta(seconds=instance.metrics_age_seconds)
            points.append(_point(instance, value, int(taken_at.timestamp() * 1000), service.region_id))
    return {"Code": "200", "Success": True, "Period": str(period), "Datapoints": json.dumps(points)}


def _instance_ids(params: Params, known: list[str], most: int) -> list[str]:
    """Those that `Dimensions` names; all, where it names none."""
    try:
        dimensions = json.loads(params.get("Dimensions") or "[]")
        ids = [str(dimension["instanceId"]) for dimension in dimensions]
    except (ValueError, KeyError, TypeError) as error:
        raise errors.InvalidParameter("Dimensions") from error
    if len(ids) > most:
        raise errors.InvalidParameter("Dimensions")
    return ids or known


def _point(instance: Instance, value: float, timestamp: int, region_id: str) -> dict[str, Any]:
    return {
        "timestamp": timestamp,
        "userId": "0",
        "instanceId": instance.instance_id,
        "regionId": region_id,
        "Minimum": value,
        "Average": value,
        "Maximum": value,
    }
