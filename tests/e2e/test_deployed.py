"""The function, deployed with the real fc2: it removes, follows up and reports the result."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest

from tests.support.clouds import group, instances
from tests.support.platforms import HANDLER, Compute, compute_of, site_packages

pytestmark = pytest.mark.slow
FOLLOW_UP_KEY = "a key for tests that is long enough"


def deploy(compute: Compute) -> None:
    client = compute.client
    client.create_service("ops")
    client.create_function(
        "ops",
        "scale-in",
        f"python3.{sys.version_info.minor}",  # whose packages these are
        "index.handler",
        initializer="index.initialize",
        codeDir=str(HANDLER),
        timeout=60,
        environmentVariables={
            "PYTHONPATH": site_packages(),
            "SCALEIN_POLICY": json.dumps({"groups": {"asg-1": {}}}),
            "SCALEIN_ESS_ENDPOINT": compute.endpoint,
            "SCALEIN_FC_ENDPOINT": compute.endpoint,
            "SCALEIN_FOLLOW_UP_KEY": FOLLOW_UP_KEY,
            # The context of python3.12 does not name the service.
            "SCALEIN_FC_FUNCTION": "ops/scale-in",
        },
    )
    destination = {"destination": "acs:mns:cn-hangzhou:1:/queues/outcomes/messages"}
    config = {
        "statefulInvocation": True,
        "destinationConfig": {"onSuccess": destination, "onFailure": destination},
    }
    client.put_function_async_invoke_config("ops", "LATEST", "scale-in", config)


def final_outcome(compute: Compute) -> dict[str, Any]:
    """The last outcome, as the destination of the function gets it."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        compute.clock.advance(10)
        for sent in compute.inside.service.sent_messages:
            outcome: dict[str, Any] = json.loads(sent["content"]["responsePayload"])
            if outcome["status"] == "removed":
                return outcome
        time.sleep(0.1)
    raise AssertionError(list(compute.inside.service.sent_messages))


def test_forty_five_instances_are_removed_in_three_calls_and_the_destination_gets_the_result() -> (
    None
):
    with compute_of(group(*instances(60), minSize=10)) as compute:
        deploy(compute)
        event = {"scalingGroupId": "asg-1", "remove": {"count": 45}}
        answer = compute.client.invoke_function("ops", "scale-in", json.dumps(event).encode())
        first = json.loads(answer.data)
        assert (first["status"], len(first["pending"]), first["followUp"]["number"]) == (
            "removing",
            25,
            1,
        )

        final = final_outcome(compute)
        assert (len(final["removed"]), final["notRemoved"]) == (45, [])
        assert len(compute.inside.service.groups["asg-1"].instances) == 15
        tasks = compute.platform.queue.tasks.values()
        assert {task.status for task in tasks} == {"Succeeded"}
        assert len({task.task_id for task in tasks}) == len(tasks) >= 3
