"""An invocation returns before its timeout, however slowly the cloud answers. In real time."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import datetime, timezone

import pytest

import index
from localcloud.ess.model import Assumptions
from tests.support.clouds import cloud_of, group, instances
from tests.support.deployment import KEY, context

TIMEOUT_SECONDS = 2.0
LEAST_SECONDS_BEFORE = 0.3
GROUP = {"budget": {"instances": 40, "windowSeconds": 3_600}}
BY_METRIC = {**GROUP, "order": ["LowestMetric"]}
ACTIONS = (
    *(
        "DescribeScalingGroups",
        "DescribeScalingInstances",
        "DescribeScalingActivities",
        "DescribeMetricLast",
    ),
    *("RemoveInstances", "*"),
)


@pytest.mark.parametrize("kind", ["drip", "slow"])
@pytest.mark.parametrize("action", ACTIONS)
def test_an_invocation_returns_before_its_timeout_however_slowly_the_cloud_answers(
    kind: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assumptions = Assumptions(activity_seconds=5)
    with cloud_of(
        group(*instances(60), desiredCapacity=60),
        assumptions=assumptions,
        start=datetime.now(timezone.utc),
    ) as cloud:
        for name in ("ESS", "CMS", "FC"):
            monkeypatch.setenv(f"SCALEIN_{name}_ENDPOINT", cloud.endpoint)
        policy = {"groups": {"asg-1": BY_METRIC if action == "DescribeMetricLast" else GROUP}}
        monkeypatch.setenv("SCALEIN_POLICY", json.dumps(policy))
        monkeypatch.setenv("SCALEIN_FOLLOW_UP_KEY", "k" * 32)
        monkeypatch.setenv("SCALEIN_FC_FUNCTION", "ops/scale-in")
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.access_key_id)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.access_key_secret)
        cloud.inside.faults.add(kind, action, times=10_000, seconds=0.02 if kind == "drip" else 5.0)
        event = json.dumps(
            {"scalingGroupId": "asg-1", "remove": {"count": 25}, "wait": True}
        ).encode()

        began = time.monotonic()
        with suppress(index.TryLaterError):
            index.handler(event, context(timeout=str(TIMEOUT_SECONDS)))
        elapsed = time.monotonic() - began

        assert cloud.inside.faults.occurrences[kind] > 0

    assert elapsed < TIMEOUT_SECONDS - LEAST_SECONDS_BEFORE
