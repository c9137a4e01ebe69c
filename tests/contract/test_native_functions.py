"""Functions of Function Compute 3.0 in the local cloud, through the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from scalein.settings import Credentials
from tests.support.deployment import KEY
from tests.support.native import Native, refusal
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon

ECHO = b"def handler(event, context):\n    return event\n"
CONTEXT = b"""
import json
def handler(event, context):
    service = getattr(context, "service", None)
    return json.dumps({
        "credentials": hasattr(context, "credentials"),
        "function": sorted(vars(context.function)),
        "service": service and sorted(vars(service)),
        "qualifier": getattr(service or context.function, "qualifier"),
        "timeout": context.function.timeout,
    })
"""
TASK = {"x_fc_invocation_type": "Async", "x_fc_async_task_id": "task-1"}


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of() as found:
        yield found


@pytest.fixture
def native(compute: Compute) -> Native:
    client = Native(compute.endpoint)
    client.create("f", ECHO)
    return client


def test_a_native_function_answers_and_each_answer_has_a_request_id_of_its_own(
    native: Native,
) -> None:
    answers = [native.invoke("f", b"hello") for _ in range(2)]

    assert [(answer.status, answer.body) for answer in answers] == [(200, b"hello")] * 2
    assert len({answer.headers["x-fc-request-id"] for answer in answers}) == 2


@pytest.mark.parametrize(
    ("runtime", "has_credentials", "function", "service"),
    [
        (
            "python3.10",
            True,
            ["handler", "memory", "name", "timeout"],
            ["log_project", "log_store", "qualifier", "version_id"],
        ),
        (
            "python3.12",
            False,
            ["handler", "memory", "name", "qualifier", "timeout", "version_id"],
            None,
        ),
    ],
)
def test_the_context_of_3_0_names_no_service(
    compute: Compute, runtime: str, has_credentials: bool, function: Any, service: Any
) -> None:
    native = Native(compute.endpoint)
    native.create("f", CONTEXT, runtime=runtime, timeout=7)

    assert json.loads(native.invoke("f", b"").body) == {
        "credentials": has_credentials,
        "function": function,
        "service": service,
        "qualifier": "LATEST",
        "timeout": 7,
    }


def test_an_asynchronous_call_is_delayed_and_its_task_id_counts_once(
    compute: Compute, native: Native
) -> None:
    accepted = native.invoke("f", b"x", **TASK, x_fc_async_delay="600")
    again = refusal(lambda: native.invoke("f", b"x", **TASK))

    assert (accepted.status, again[0]) == (202, 409)
    (task,) = compute.platform.queue.tasks.values()
    assert (task.service, task.function, task.qualifier) == ("", "f", "LATEST")
    assert task.due_at - compute.clock.now() > timedelta(seconds=590)
    compute.clock.advance(600)
    assert soon(lambda: task.status == "Succeeded")
    assert task.answer == b"x"


def test_two_functions_may_use_the_same_task_id(
    compute: Compute, native: Native, tmp_path: Path
) -> None:
    native.create("g", ECHO)
    compute.deploy(tmp_path)

    assert native.invoke("f", b"x", **TASK).status == 202
    assert native.invoke("g", b"x", **TASK).status == 202
    headers = {"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": "task-1"}
    compute.client.invoke_function("s", "f", b"x", headers=headers)
    assert len(compute.platform.queue.tasks) == 3


def test_versions_and_aliases_are_the_function_s_own(compute: Compute, native: Native) -> None:
    registry = compute.platform.registry
    native.create("g", ECHO)
    version = registry.publish_version("", {}, function="f")["versionId"]
    registry.put_alias("", {"aliasName": "prod", "versionId": version}, function="f")

    assert native.invoke("f", b"x", qualifier="prod").body == b"x"
    absent = refusal(lambda: native.invoke("g", b"x", qualifier="prod"))
    assert absent == (404, "VersionNotFound")


def test_what_is_sent_to_a_destination_names_the_function_as_3_0_does(
    compute: Compute, native: Native
) -> None:
    arn = "acs:fc:cn-hangzhou:1:functions/g/LATEST"
    native.create("g", ECHO)
    config = {"destinationConfig": {"onSuccess": {"destination": arn}}}
    compute.platform.registry.put_async_config("", "f", config)
    seen: list[tuple[str, bytes]] = []
    compute.platform.on_invocation = lambda function, _, result: seen.append(
        (function.name, result.body)
    )
    native.invoke("f", b"x", x_fc_invocation_type="Async")

    assert soon(lambda: len(seen) == 2)
    assert seen[1][0] == "g"
    sent = json.loads(seen[1][1])
    assert sent["requestContext"]["functionArn"].endswith(":functions/f/LATEST")


def ago(seconds: int) -> str:
    return (datetime.now(timezone.utc) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("credentials", "headers", "expected"),
    [
        (KEY._replace(access_key_secret="wrong"), {}, (403, "SignatureNotMatch")),
        (KEY._replace(access_key_id="wrong"), {}, (403, "InvalidAccessKeyID")),
        (KEY._replace(security_token="wrong"), {}, (403, "InvalidSecurityToken.Malformed")),
        (KEY._replace(security_token="old"), {}, (403, "InvalidSecurityToken.Expired")),
        (KEY._replace(security_token=""), {}, (403, "InvalidSecurityToken.Malformed")),
        (None, {"x_acs_date": 960}, (403, "InvalidTimeStamp.Expired")),
        (None, {"x_acs_date": -960}, (403, "InvalidTimeStamp.Expired")),
        (None, {"x_acs_date": "yesterday"}, (403, "InvalidTimeStamp.Format")),
        (None, {"x_acs_signature_nonce": ""}, (400, "MissingRequiredHeader")),
    ],
)
def test_a_request_that_is_not_genuine_is_refused_with_its_own_code(
    compute: Compute,
    native: Native,
    credentials: Credentials,
    headers: dict[str, str | int],
    expected: Any,
) -> None:
    """A number is how many seconds ago the request was signed."""
    compute.inside.authenticator.security_token = "now"
    compute.inside.authenticator.expired_security_token = "old"
    signed = Native(compute.endpoint, credentials or KEY._replace(security_token="now"))

    texts = {
        name: ago(value) if isinstance(value, int) else value for name, value in headers.items()
    }

    assert refusal(lambda: signed.invoke("f", b"x", **texts)) == expected


def test_a_nonce_counts_once(native: Native) -> None:
    nonce = {"x_acs_signature_nonce": "n-1"}

    assert native.invoke("f", b"x", **nonce).status == 200
    assert refusal(lambda: native.invoke("f", b"x", **nonce)) == (403, "SignatureNonceUsed")


def test_an_error_is_worded_as_3_0_words_it_and_has_a_request_id(
    compute: Compute, native: Native
) -> None:
    compute.inside.faults.add("throttled", "InvokeFunction")

    assert refusal(lambda: native.invoke("f", b"x")) == (429, "ResourceThrottled")
    assert refusal(lambda: native.invoke("absent", b"x")) == (404, "FunctionNotFound")
    assert refusal(lambda: native.invoke("f", b"x", qualifier="9")) == (404, "VersionNotFound")


def test_an_initializer_of_3_0_runs_before_the_first_invocation(compute: Compute) -> None:
    from alibabacloud_fc20230330 import models

    code = (
        b"seen = []\n"
        b"def initialize(context):\n    seen.append('i')\n"
        b"def handler(event, context):\n    return ''.join(seen)\n"
    )
    hook = models.LifecycleHook(handler="index.initialize", timeout=5)
    native = Native(compute.endpoint)
    native.create(
        "f",
        code,
        instance_lifecycle_config=models.InstanceLifecycleConfig(initializer=hook),
    )

    assert native.invoke("f", b"").body == b"i"
