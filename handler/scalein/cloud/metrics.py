"""Reads the newest metric value of instances from CloudMonitor, API 2019-01-01.

The vendor's package for CloudMonitor is not deployed: the SDK's core sends the one request that
is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeGuard

from scalein.cloud.error_codes import printable
from scalein.cloud.fields import Reply
from scalein.cloud.sdk import Sdk, common_request, parse_json
from scalein.decision.model import Metric, Sample
from scalein.errors import TryLater

ACTION = "DescribeMetricLast"
MAX_PAGES = 20


def newest_samples(sdk: Sdk, metric: Metric, instance_ids: Sequence[str]) -> dict[str, Sample]:
    """Returns the newest value of each instance that has one, in as few calls as the API allows.

    Raises GatewayError.
    """
    sample_by_id: dict[str, Sample] = {}
    for start in range(0, len(instance_ids), metric.instances_per_call):
        ids = instance_ids[start : start + metric.instances_per_call]
        for reply in _pages(sdk, metric, ids):
            for id, sample in _samples_of(reply, metric, ids):
                # Of several values at one moment, such as those of an instance's disks, the largest
                # counts: the instance is idle only if all of them are.
                sample_by_id[id] = max(
                    sample_by_id.get(id, sample), sample, key=lambda one: (one.taken_at, one.value)
                )
    return sample_by_id


def _pages(sdk: Sdk, metric: Metric, instance_ids: Sequence[str]) -> Iterator[Reply]:
    token = ""
    for _ in range(MAX_PAGES):
        reply = sdk.read(partial(_request, metric, instance_ids, token))
        code = str(reply.get("Code"))
        if code != "200":
            raise TryLater(ACTION, printable(code), "CloudMonitor does not return the metric.")
        yield reply
        next_token = reply.get("NextToken") or ""
        if not isinstance(next_token, str):
            raise _malformed()
        token = next_token
        if not token:
            return
    raise TryLater(ACTION, "TooMany", f"CloudMonitor returns more than {MAX_PAGES} pages.")


def _request(metric: Metric, instance_ids: Sequence[str], token: str) -> Any:
    request = common_request("Cms", "2019-01-01", ACTION)
    request.add_query_param("Namespace", metric.namespace)
    request.add_query_param("MetricName", metric.name)
    request.add_query_param("Period", str(metric.period_seconds))
    request.add_query_param("Dimensions", json.dumps([{"instanceId": id} for id in instance_ids]))
    if token:
        request.add_query_param("NextToken", token)
    return request


def _samples_of(
    reply: Reply, metric: Metric, instance_ids: Sequence[str]
) -> Iterator[tuple[str, Sample]]:
    """Yields an instance id and its value for each data point; `Datapoints` is a JSON text.

    A point without the statistic or the time is skipped: it is not zero.
    """
    text = reply.get("Datapoints") or "[]"
    points = parse_json(text.encode("utf-8", "replace")) if isinstance(text, str) else None
    if not isinstance(points, list):
        raise _malformed()
    for point in points:
        if not isinstance(point, dict) or point.get("instanceId") not in instance_ids:
            raise _malformed()
        value, milliseconds = point.get(metric.statistic), point.get("timestamp")
        if _is_number(value) and _is_number(milliseconds):
            try:
                taken_at = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
            except (OverflowError, OSError, ValueError) as error:
                raise _malformed() from error
            yield point["instanceId"], Sample(value, taken_at)


def _malformed() -> TryLater:
    return TryLater(ACTION, "NotUnderstood", "the metric's values are not in the documented form.")


def _is_number(value: object) -> TypeGuard[float]:
    # The comparison is False for NaN.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18
