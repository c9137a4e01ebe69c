"""A function of Function Compute 3.0 removes more than one call takes, and checks the end."""

from __future__ import annotations

import base64
import json
import logging
from functools import partial
from typing import Any

import pytest

from localcloud.functions.pythons import python_of
from scalein_cli.options import RUNTIMES
from tests.support.clouds import group, instances
from tests.support.deployment import FOLLOW_UP_KEY, KEY, native_context
from tests.support.native import Native, zipped
from tests.support.needs import skip_without
from tests.support.platforms import Compute, compute_of
from tests.support.shared import package_of
from tests.support.waits import soon
from tests.support.worlds import world_of

QUEUE = "acs:mns:cn-hangzhou:1:/queues/outcomes/messages"
BROKEN = b"def handler(event, context):\n    raise RuntimeError('the code of LATEST')\n"
REQUEST = {"scalingGroupId": "asg-1", "remove": {"count": 40}}  # two calls: each is waited for


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_sixty_are_removed_twenty_by_twenty_and_the_end_is_checked(runtime: str) -> None:
    with world_of(group(*instances(100), minSize=10)) as world:
        world.context = partial(native_context, runtime)
        first = world.send({"remove": {"count": 60}})
        functions = world.cloud.inside.functions
        assert functions
        (waiting,) = functions.waiting
        last = world.follow()

        assert (first["status"], len(first["pending"])) == ("removing", 40)
        assert (waiting.service, waiting.function, waiting.qualifier) == ("", "scale-in", "LATEST")
        assert [len(removal) for removal in world.removals] == [20] * 3
        assert (last["status"], len(last["removed"]), last["notRemoved"]) == ("removed", 60, [])
        assert len(world.cloud.states()) == 40


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nothing_secret_is_logged(runtime: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = "token-canary-7731"
    with world_of(group(*instances(90)), token=token) as world:
        world.set("ALIBABA_CLOUD_SECURITY_TOKEN", token)
        credentials = native_context("python3.10").credentials
        credentials.security_token = token
        fields = {"credentials": credentials} if runtime == "python3.10" else {}
        world.context = partial(native_context, runtime, **fields)
        for kind in ("throttled", "bad-gateway", "forbidden", "reset", "lost-answer"):
            world.cloud.inside.faults.add(kind, "InvokeFunction")
            world.send({"remove": {"count": 30}, "requestId": kind})
        world.follow()

        assert world.removals
    output = caplog.text + json.dumps(world.outcomes)
    secrets = (KEY.access_key_secret, token, FOLLOW_UP_KEY, "Signature=")
    assert [secret for secret in secrets if secret in output] == []


@pytest.fixture(scope="module", params=RUNTIMES)
def package(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, bytes]:
    """A runtime, and the package for it."""
    runtime = str(request.param)
    if python_of(runtime) is None:
        skip_without(runtime, f"pyenv install {runtime.removeprefix('python')}")
    return runtime, package_of(tmp_path_factory, runtime).read_bytes()


def variables_at(compute: Compute, group_policy: dict[str, int]) -> dict[str, str]:
    return {
        "SCALEIN_POLICY": json.dumps({"groups": {"asg-1": group_policy}}),
        "SCALEIN_ESS_ENDPOINT": compute.endpoint,
        "SCALEIN_FC_ENDPOINT": compute.endpoint,
        "SCALEIN_FOLLOW_UP_KEY": FOLLOW_UP_KEY,
    }


def deploy(compute: Compute, runtime: str, archive: bytes) -> None:
    """The package as version 1 of a native function, behind the alias prod; LATEST is broken."""
    variables = variables_at(compute, {})
    Native(compute.endpoint).create(
        "scale-in", archive, runtime=runtime, timeout=60, environment_variables=variables
    )
    registry, destination = compute.platform.registry, {"destination": QUEUE}
    registry.publish_version("", {}, function="scale-in")
    registry.put_alias("", {"aliasName": "prod", "versionId": "1"}, function="scale-in")
    config = {"destinationConfig": {"onSuccess": destination, "onFailure": destination}}
    registry.put_async_config("", "scale-in", config, "prod")
    code = {"zipFile": base64.b64encode(zipped(BROKEN)).decode()}
    registry.put_function("", {"code": code}, "scale-in")


@pytest.mark.slow
def test_the_package_follows_up_through_the_alias_that_was_called(
    package: tuple[str, bytes],
) -> None:
    with compute_of(group(*instances(100), minSize=10)) as compute:
        deploy(compute, *package)
        answer = Native(compute.endpoint).invoke("scale-in", json.dumps(REQUEST).encode(), "prod")
        first = json.loads(answer.body)
        assert (first["status"], len(first["pending"])) == ("removing", 20), first

        final = soon(lambda: final_outcome(compute), 60)
        assert (final["status"], len(final["removed"]), final["notRemoved"]) == ("removed", 40, [])
        tasks = compute.platform.queue.tasks.values()
        assert {(task.service, task.qualifier, task.status) for task in tasks} == {
            ("", "prod", "Succeeded")
        }
        assert len(compute.inside.service.groups["asg-1"].instances) == 60


@pytest.mark.slow
def test_a_removal_ends_once_in_the_new_version_if_its_alias_moves_meanwhile(
    package: tuple[str, bytes],
) -> None:
    with compute_of(group(*instances(100), minSize=10)) as compute:
        deploy(compute, *package)
        publish_again(compute, package[1])
        answer = Native(compute.endpoint).invoke("scale-in", json.dumps(REQUEST).encode(), "prod")
        first = json.loads(answer.body)
        assert (first["status"], len(first["pending"])) == ("removing", 20), first
        compute.platform.registry.put_alias("", {"versionId": "2"}, "prod", "scale-in")

        final = soon(lambda: final_outcome(compute), 60)
        assert (final["status"], len(final["removed"]), final["notRemoved"]) == ("removed", 40, [])
        assert final["policy"] != first["policy"]  # the new version's
        activities = compute.inside.service.activities.values()
        removed = [id for activity in activities for id in activity.requested_ids]
        assert len(removed) == len(set(removed)) == 40
        assert len(compute.inside.service.groups["asg-1"].instances) == 60


def publish_again(compute: Compute, archive: bytes) -> None:
    """The same package with another policy as version 2."""
    registry = compute.platform.registry
    change = {
        "code": {"zipFile": base64.b64encode(archive).decode()},
        "environmentVariables": variables_at(compute, {"floor": 1}),
    }
    registry.put_function("", change, "scale-in")
    registry.publish_version("", {}, function="scale-in")


def final_outcome(compute: Compute) -> dict[str, Any] | None:
    """The last outcome, as the destination of the function gets it; None before it came."""
    compute.clock.advance(10)
    payloads = [m["content"]["responsePayload"] for m in compute.inside.service.sent_messages]
    outcomes: list[dict[str, Any]] = [json.loads(payload) for payload in payloads]
    return next((o for o in outcomes if o["status"] in ("removed", "partly-removed")), None)
