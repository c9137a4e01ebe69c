"""A story of real invocations of the deployed function, of which the log rows remain."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from localcloud.functions.model import NATIVE
from localcloud.logs.rows import Row
from tests.support.clouds import group, instances
from tests.support.deployment import FOLLOW_UP_KEY
from tests.support.native import zipped_folder
from tests.support.platforms import HANDLER, Compute, compute_of, site_packages

SERVICE = "ops"
SERVICE_BY_FUNCTION = {
    "scale-in": NATIVE,
    "no-follow-ups": SERVICE,
    "no-ledger": SERVICE,
    "mounted": NATIVE,
}
MAX_SECONDS = 60  # for follow-ups to end
GROUPS = ("asg-web", "asg-failing", "asg-warning", "asg-paused", "asg-large", "asg-throttled")
LARGE = 600  # instances of asg-large: their reasons do not fit into one line
POLICY = {
    "groups": {
        **{name: {} for name in GROUPS},
        "asg-paused": {"paused": {"until": "2999-01-01T00:00:00Z", "reason": "sale"}},
    }
}


class Story(NamedTuple):
    """All rows, and when the last one was written, by the cloud's clock."""

    rows: list[Row]
    ended_at: float


def told_story(policy_file: Path) -> Story:
    """Deploys the function, in both generations, and sends it messages of every fate."""
    groups = [
        group(
            *instances(LARGE if name == "asg-large" else 6, name.replace("asg", "i")),
            scalingGroupId=name,
            minSize=LARGE if name == "asg-large" else 1,
        )
        for name in GROUPS
    ]
    with compute_of(*groups) as compute:
        compute.platform.registry.create_service({"serviceName": SERVICE})
        _deploy(compute, "scale-in", {"SCALEIN_FOLLOW_UP_KEY": FOLLOW_UP_KEY})
        _deploy(compute, "no-follow-ups", {})
        _deploy(compute, "no-ledger", {"SCALEIN_LEDGER": "redis://127.0.0.1:1/0"})
        _deploy(compute, "mounted", {"SCALEIN_POLICY": "", "SCALEIN_POLICY_FILE": str(policy_file)})
        _send_messages(compute)
        _send_with_a_wrong_policy(compute, policy_file)
        compute.clock.advance(3_600)
        rows = compute.platform.logs.rows()
        return Story(rows, compute.clock.now().timestamp())


def _send_messages(compute: Compute) -> None:
    web = {"scalingGroupId": "asg-web", "remove": {"count": 2}, "requestId": "web-1"}
    faults = compute.inside.faults
    _send(compute, web)
    _follow(compute, "web-1", "removed")
    _send(compute, web)  # a duplicate
    for name, kind, status in (
        ("asg-failing", "accepted-failed", "failed"),
        ("asg-warning", "accepted-warning", "partly-removed"),
    ):
        faults.add(kind, "RemoveInstances")
        _send(compute, {"scalingGroupId": name, "remove": {"count": 2}, "requestId": name})
        _follow(compute, name, status)
    for name in ("asg-paused", "asg-large", "asg-unknown"):
        _send(compute, {"scalingGroupId": name, "remove": {"count": 1}, "requestId": name})
    _send(compute, {"scalingGroupId": "asg-web", "remove": {"count": -1}})
    faults.add("throttled", "DescribeScalingGroups", times=1_000)
    for _ in range(2):
        request = {"scalingGroupId": "asg-throttled", "remove": {"count": 1}, "requestId": "dead"}
        _send(compute, request, "no-follow-ups")
    faults.clear()
    _send(compute, {"scalingGroupId": "asg-web", "remove": {"count": 1}}, "no-ledger")
    _wait_for_follow_ups(compute)


def _send_with_a_wrong_policy(compute: Compute, policy_file: Path) -> None:
    """A dry run with the policy of the file, and one when the file is wrong."""
    request = {"scalingGroupId": "asg-large", "remove": {"count": 1}, "dryRun": True}
    for text in (json.dumps(POLICY), "no policy"):
        policy_file.write_text(text, encoding="utf-8")
        _send(compute, {**request, "requestId": f"policy-{len(text)}"}, "mounted")


def _wait_for_follow_ups(compute: Compute) -> None:
    """Lets time pass until no invocation waits or runs."""
    until = time.monotonic() + MAX_SECONDS
    while any(
        task.status in ("Enqueued", "Dequeued", "Running", "Retrying")
        for task in compute.platform.queue.tasks.values()
    ):
        assert time.monotonic() < until
        compute.clock.advance(10)
        time.sleep(0.1)


def _deploy(compute: Compute, name: str, variables: Mapping[str, str]) -> None:
    """Deploys the function, with the packages of this Python."""
    registry, service = compute.platform.registry, SERVICE_BY_FUNCTION[name]
    registry.put_function(
        service,
        {
            "functionName": name,
            "runtime": f"python3.{sys.version_info.minor}",
            "handler": "index.handler",
            "code": {"zipFile": base64.b64encode(zipped_folder(HANDLER)).decode()},
            "timeout": 60,
            "memorySize": 256,
            "environmentVariables": {
                "PYTHONPATH": site_packages(),
                "SCALEIN_POLICY": json.dumps(POLICY),
                "SCALEIN_ESS_ENDPOINT": compute.endpoint,
                "SCALEIN_FC_ENDPOINT": compute.endpoint,
                "SCALEIN_SETTLE_SECONDS": "1",
                **variables,
            },
        },
    )
    config = {"statefulInvocation": True, "maxAsyncRetryAttempts": 0}
    registry.put_async_config(service, name, config)


def _send(compute: Compute, request: Mapping[str, Any], name: str = "scale-in") -> None:
    """Invokes the function; whether it fails is in the log."""
    function = compute.platform.registry.function(SERVICE_BY_FUNCTION[name], name)
    compute.platform.invoke(function, json.dumps(request).encode())


def _follow(compute: Compute, request_id: str, status: str) -> None:
    """Lets time pass until a line of the message has the status."""
    until = time.monotonic() + MAX_SECONDS
    while not any(_is_end(row, request_id, status) for row in compute.platform.logs.rows()):
        if time.monotonic() > until:
            raise AssertionError([row.get("message") for row in compute.platform.logs.rows()][-20:])
        compute.clock.advance(10)
        time.sleep(0.1)


def _is_end(row: Row, request_id: str, status: str) -> bool:
    text = str(row.get("message", ""))
    return f'"status": "{status}"' in text and f'"requestId": "{request_id}"' in text
