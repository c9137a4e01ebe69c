"""The only module that knows CloudMonitor: the newest metric value of instances. API 2019-01-01.

The vendor's package for CloudMonitor is not deployed: the SDK's core sends the one request that is needed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeGuard

from scalein.addresses import Endpoint
from scalein.cloud.error_codes import printable
from scalein.cloud.sdk import Answered, Reply, Sdk, common_request, parse
from scalein.decision.model import Metric, Sample
from scalein.errors import TryLater

ACTION = "DescribeMetricLast"
MOST_PAGES = 20


class Monitor:
    def __init__(self, sdk: Sdk, endpoint: Endpoint | None) -> None:
        self._sdk = sdk
        self._endpoint = endpoint

    def samples(self, metric: Metric, instance_ids: Sequence[str]) -> dict[str, Sample]:
        """The newest value of each instance that has one, in as few calls as the API takes. Raises GatewayError."""
        found: dict[str, Sample] = {}
        for start in range(0, len(instance_ids), metric.instances_per_call):
            ids = instance_ids[start : start + metric.instances_per_call]
            for reply in self._pages(metric, ids):
                for id, sample in _samples(reply, metric, ids):
                    # Of several at one moment (an instance's disks) the largest: idle is who is idle in all of them.
                    found[id] = max(
                        found.get(id, sample), sample, key=lambda one: (one.taken_at, one.value)
                    )
        return found

    def _pages(self, metric: Metric, instance_ids: Sequence[str]) -> Iterable[Reply]:
        token = ""
        for _ in range(MOST_PAGES):
            reply = self._sdk.repeated(partial(self._call, metric, instance_ids, token)).reply
            if str(reply.get("Code")) != "200":
                raise TryLater(
                    ACTION,
                    printable(str(reply.get("Code"))),
                    "CloudMonitor does not give the metric.",
                )
            yield reply
            next_token = reply.get("NextToken") or ""
            if not isinstance(next_token, str):
                raise _not_understood()
            token = next_token
            if not token:
                return
        raise TryLater(ACTION, "TooMany", "CloudMonitor gives more values than can be looked at.")

    def _call(self, metric: Metric, instance_ids: Sequence[str], token: str) -> Answered:
        return self._sdk.call(
            _request(metric, instance_ids, token), self._endpoint, "SCALEIN_CMS_ENDPOINT"
        )


def _request(metric: Metric, instance_ids: Sequence[str], token: str) -> Any:
    request = common_request("Cms", "2019-01-01", ACTION)
    request.add_query_param("Namespace", metric.namespace)
    request.add_query_param("MetricName", metric.name)
    request.add_query_param("Period", str(metric.period_seconds))
    request.add_query_param("Dimensions", json.dumps([{"instanceId": id} for id in instance_ids]))
    if token:
        request.add_query_param("NextToken", token)
    return request


def _samples(
    reply: Reply, metric: Metric, instance_ids: Sequence[str]
) -> Iterator[tuple[str, Sample]]:
    """`Datapoints` is a JSON text. What lacks the statistic, or a time, is missing: missing is not zero."""
    points = reply.get("Datapoints") or "[]"
    listed = parse(points.encode("utf-8", "replace")) if isinstance(points, str) else None
    if not isinstance(listed, list):
        raise _not_understood()
    for point in listed:
        if not isinstance(point, dict) or point.get("instanceId") not in instance_ids:
            raise _not_understood()
        value, milliseconds = point.get(metric.statistic), point.get("timestamp")
        if _is_number(value) and _is_number(milliseconds):
            try:
                taken_at = datetime.fromtimestamp(milliseconds / 1000, timezone.utc)
            except (OverflowError, OSError, ValueError) as error:
                raise _not_understood() from error
            yield point["instanceId"], Sample(value, taken_at)


def _not_understood() -> TryLater:
    return TryLater(ACTION, "NotUnderstood", "the metric's values are not of the documented form.")


def _is_number(value: object) -> TypeGuard[float]:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18
    )  # not NaN
