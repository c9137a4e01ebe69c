"""What each answer of the local Function Compute carries: request ids, logs, ETags, refusals."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import fc2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.clock import DrivenClock
from localcloud.functions.crc64 import MASK, POLYNOMIAL, crc64
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.functions.signatures import authorization
from scalein.settings import Credentials
from tests.support.deployment import KEY
from tests.support.native import Native, refusal, zipped
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon

INVOCATIONS = "/2016-08-15/services/s/functions/f/invocations"
WHO = "def handler(event, context):\n    return context.request_id\n"
OLDER_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NEWER_ID = re.compile("1-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{12}")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str:
        return self.headers["x-fc-request-id"]


@pytest.fixture
def compute(tmp_path: Path) -> Iterator[Compute]:
    with compute_of() as found:
        found.deploy(tmp_path, WHO)
        Native(found.endpoint).create("f", WHO.encode())
        yield found


def send(
    compute: Compute, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> Answer:
    connection = http.client.HTTPConnection(compute.endpoint)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, response.read())
    finally:
        connection.close()


def signed(
    method: str,
    path: str,
    age_seconds: float = 0,
    key: Credentials = KEY,
    **headers: str,
) -> dict[str, str]:
    """Headers with the signature of API 2016-08-15, made so many seconds ago."""
    date = formatdate(time.time() - age_seconds, usegmt=True)
    named = {"date": date, **{name.replace("_", "-"): text for name, text in headers.items()}}
    own = (key.access_key_id, key.access_key_secret)
    text = authorization(*own, method, path.partition("?")[0], named)
    return {**named, "authorization": text}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", INVOCATIONS, 200),
        ("GET", "/2016-08-15/services", 200),
        ("GET", "/2016-08-15/services/none", 404),
        ("DELETE", "/2016-08-15/services/s", 409),
        ("GET", "/2016-08-15/nowhere", 400),
        ("PATCH", "/2016-08-15/services", 400),
        ("GET", "/2023-03-30/functions/f", 200),
        ("DELETE", "/2023-03-30/functions/f", 204),
        ("GET", "/2023-03-30/nowhere", 400),
    ],
)
def test_every_answer_has_a_request_id_of_its_own(
    compute: Compute, method: str, path: str, status: int
) -> None:
    first = send(compute, method, path, signed(method, path))
    unsigned = send(compute, method, path, {})

    assert (first.status, unsigned.status) == (status, 400)
    shape = NEWER_ID if path.startswith("/2023") else OLDER_ID
    assert shape.fullmatch(first.request_id)
    assert shape.fullmatch(unsigned.request_id)
    assert first.request_id != unsigned.request_id


def test_an_asynchronous_call_is_answered_with_the_id_that_its_context_has(
    compute: Compute,
) -> None:
    ask = {"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": "older"}
    task = {"x_fc_invocation_type": "Async", "x_fc_async_task_id": "newer"}
    older = compute.client.invoke_function("s", "f", b"x", headers=ask)
    newer = Native(compute.endpoint).invoke("f", b"x", **task)
    tasks = compute.platform.queue.tasks

    for key, answer in (("s", "f", "older"), older), (("", "f", "newer"), newer):
        seen = soon(partial(getattr, tasks[key], "answer"))
        assert seen.decode() == answer.headers["x-fc-request-id"]


def test_what_has_no_route_names_method_and_path(compute: Compute) -> None:
    path = "/2016-08-15/services/s/functions/f/anything"
    answer = send(compute, "GET", path, signed("GET", path))

    assert answer.status == 400
    assert json.loads(answer.body) == {
        "ErrorCode": "PathNotSupported",
        "ErrorMessage": f"'GET' against '{path}' is not supported",
    }


def tail(compute: Compute, event: bytes = b"", name: str = "f") -> bytes:
    headers = {"x-fc-log-type": "Tail"}
    answer = compute.client.invoke_function("s", name, event, headers=headers)
    return base64.b64decode(answer.headers["x-fc-log-result"])


def test_a_cold_start_and_its_initializer_have_lines_of_their_own(
    compute: Compute, tmp_path: Path
) -> None:
    code = (
        "import logging\n"
        "def initialize(context):\n    print('prepares')\n"
        "def handler(event, context):\n    logging.info('works')\n"
    )
    compute.deploy(tmp_path, code, name="g", initializer="index.initialize")
    cold, warm = (tail(compute, name="g").decode() for _ in range(2))

    id = cold.partition("RequestId: ")[2].partition("\n")[0]
    *lines, logged, end, empty, figures = cold.splitlines()
    assert lines == [
        "FunctionCompute python3 runtime inited.",
        f"FC Initialize Start RequestId: {id}",
        "prepares",
        f"FC Initialize End RequestId: {id}",
        f"FC Invoke Start RequestId: {id}",
    ]
    moment = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z {id} \[INFO\] works")
    assert moment.fullmatch(logged)
    assert (end, empty) == (f"FC Invoke End RequestId: {id}", "")
    assert re.fullmatch(
        r"Duration: \d+\.\d\d ms, Billed Duration: \d+ ms, "
        r"Memory Size: 256 MB, Max Memory Used: \d+\.\d\d MB",
        figures,
    )
    assert warm.startswith("FC Invoke Start RequestId: ")


def test_an_initializer_that_fails_ends_the_log_without_an_invocation(
    compute: Compute, tmp_path: Path
) -> None:
    code = (
        "def initialize(context):\n    raise ValueError('no')\ndef handler(event, context): pass\n"
    )
    compute.deploy(tmp_path, code, name="g", initializer="index.initialize")
    with pytest.raises(fc2.FcError, match="ValueError"):
        compute.client.invoke_function("s", "g", b"")
    rows = [row for row in compute.platform.logs.rows() if row["functionName"] == "g"]
    lines = [str(row["message"]) for row in rows if "message" in row]

    assert any(re.fullmatch("FC Initialize End .*, Error: Unhandled .*", line) for line in lines)
    assert not any("FC Invoke" in line for line in lines)


@pytest.mark.parametrize("size", [3_000, 4_096, 50_000])
def test_the_log_comes_back_with_its_last_4_kb(compute: Compute, tmp_path: Path, size: int) -> None:
    code = f"def handler(event, context):\n    print('a' * 10 + 'b' * {size})\n"
    compute.deploy(tmp_path, code, name="g")
    log = tail(compute, name="g")

    assert len(log) == 4_096 if size > 4_000 else log.startswith(b"FunctionCompute")
    assert b"FC Invoke End RequestId: " in log
    assert log.endswith(b" MB")


def test_without_log_type_tail_no_log_comes_back_and_another_type_is_refused(
    compute: Compute,
) -> None:
    answer = compute.client.invoke_function("s", "f", b"", headers={"x-fc-log-type": "None"})
    assert "x-fc-log-result" not in answer.headers
    for name in ("x-fc-log-type", "x-fc-invocation-type"):
        with pytest.raises(fc2.FcError) as caught:
            compute.client.invoke_function("s", "f", b"", headers={name: "tail"})
        assert (caught.value.status_code, caught.value.err_code) == (400, "InvalidArgument")


def test_an_event_that_is_too_large_is_refused_with_its_limit(compute: Compute) -> None:
    with pytest.raises(fc2.FcError) as caught:
        headers = {"x-fc-invocation-type": "Async"}
        compute.client.invoke_function("s", "f", b"x" * (128 * 1_024 + 1), headers=headers)

    assert (caught.value.status_code, caught.value.err_code) == (400, "EntityTooLarge")
    assert "(131072 bytes)" in str(caught.value.message)


def other(**fields: str) -> Credentials:
    return KEY._replace(**fields)


@pytest.mark.parametrize(
    ("key", "age_seconds", "code"),
    [
        (other(access_key_id="unknown"), 0, "InvalidAccessKeyID"),
        (other(access_key_secret="wrong"), 0, "SignatureNotMatch"),
        (KEY, 901, "InvalidTimeStamp.Expired"),
        (KEY, -905, "InvalidTimeStamp.Expired"),
    ],
)
def test_both_signatures_are_refused_with_the_same_codes(
    compute: Compute, key: Credentials, age_seconds: int, code: str
) -> None:
    older = send(compute, "POST", INVOCATIONS, signed("POST", INVOCATIONS, age_seconds, key))
    moment = datetime.now(timezone.utc) - timedelta(seconds=age_seconds)
    date = {"x_acs_date": moment.strftime("%Y-%m-%dT%H:%M:%SZ")} if age_seconds else {}
    newer = refusal(lambda: Native(compute.endpoint, key).invoke("f", b"", **date))

    assert (older.status, json.loads(older.body)["ErrorCode"]) == (403, code)
    assert newer == (403, code)


def test_a_request_that_is_sent_again_is_refused_where_the_signature_has_a_nonce(
    compute: Compute,
) -> None:
    headers, native = signed("POST", INVOCATIONS), Native(compute.endpoint)
    older = [send(compute, "POST", INVOCATIONS, headers) for _ in range(2)]
    nonce = {"x_acs_signature_nonce": "n-1"}
    native.invoke("f", b"", **nonce)

    assert [answer.status for answer in older] == [200, 200]
    assert len({answer.request_id for answer in older}) == 2
    assert refusal(lambda: native.invoke("f", b"", **nonce)) == (403, "SignatureNonceUsed")


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 400, "required HTTP header Date was not specified"),
        ({"date": formatdate(usegmt=True)}, 403, "invalid access key ID ''"),
        (
            {"authorization": "ACS3-HMAC-SHA256 Credential=x"},
            400,
            "required HTTP header x-acs-action was not specified",
        ),
    ],
)
def test_a_refusal_names_what_is_missing(
    compute: Compute, headers: dict[str, str], status: int, message: str
) -> None:
    answer = send(compute, "POST", INVOCATIONS, headers)

    assert (answer.status, json.loads(answer.body)["ErrorMessage"]) == (status, message)


def test_a_change_with_the_etag_of_another_state_is_refused(compute: Compute) -> None:
    client = compute.client
    etag = client.get_function("s", "f").headers["etag"]
    client.update_function("s", "f", description="first", headers={"if-match": etag})

    changes: list[Callable[[], Any]] = [
        lambda: client.update_function("s", "f", description="x", headers={"if-match": etag}),
        lambda: client.delete_function("s", "f", headers={"if-match": etag}),
    ]
    for change in changes:
        with pytest.raises(fc2.FcError) as caught:
            change()
        assert (caught.value.status_code, caught.value.err_code) == (412, "PreconditionFailed")
    assert client.get_function("s", "f").data["description"] == "first"


def test_triggers_of_2_0_are_managed_through_fc2(compute: Compute) -> None:
    client, config = compute.client, {"enable": True, "cronExpression": "@every 1m"}
    client.create_trigger("s", "f", "t", "timer", config, "", "")
    client.update_trigger("s", "f", "t", triggerConfig={**config, "enable": False})

    assert client.get_trigger("s", "f", "t").data["triggerConfig"]["enable"] is False
    (found,) = client.list_triggers("s", "f").data["triggers"]
    assert found["triggerName"] == "t"
    with pytest.raises(fc2.FcError) as caught:
        client.delete_function("s", "f")
    assert caught.value.err_code == "FunctionNotEmpty"
    client.delete_trigger("s", "f", "t")
    assert client.list_triggers("s", "f").data["triggers"] == []


def test_a_limit_of_instances_of_2_0_holds_for_its_qualifier(
    compute: Compute, tmp_path: Path
) -> None:
    compute.client.put_on_demand_config("s", "LATEST", "f", 0)
    with pytest.raises(fc2.FcError) as caught:
        compute.client.invoke_function("s", "f", b"")
    assert (caught.value.status_code, caught.value.err_code) == (429, "ResourceExhausted")
    compute.client.delete_on_demand_config("s", "LATEST", "f")
    assert compute.client.invoke_function("s", "f", b"").data


def test_a_throttled_asynchronous_call_waits_and_uses_no_retry_up(compute: Compute) -> None:
    client = compute.client
    client.put_on_demand_config("s", "LATEST", "f", 0)
    headers = {"x-fc-invocation-type": "Async", "x-fc-stateful-async-invocation-id": "t"}
    client.invoke_function("s", "f", b"", headers=headers)
    (task,) = compute.platform.queue.tasks.values()
    assert soon(lambda: task.throttled == 1)
    compute.clock.advance(1)
    assert soon(lambda: task.throttled >= 2)
    client.put_on_demand_config("s", "LATEST", "f", 1)
    compute.clock.advance(8)

    assert soon(lambda: task.status == "Succeeded")
    assert task.attempts == 0


def test_the_pauses_of_a_throttled_call_grow_for_five_hours() -> None:
    clock = DrivenClock(datetime(2026, 1, 1, tzinfo=timezone.utc))
    queue = InvocationQueue(clock)
    invocation = queue.accept("s", "f", b"", 0, "")
    pauses = []
    while queue.take_due() and queue.postpone(invocation):
        pauses.append((invocation.due_at - clock.now()).total_seconds())
        clock.advance(pauses[-1])

    assert pauses[:7] == [0.5, 1, 2, 4, 8, 8, 8]
    assert 5 * 3_600 <= sum(pauses) <= 5 * 3_600 + 8


def test_an_invocation_that_is_stopped_before_it_has_an_instance_does_not_run(
    compute: Compute,
) -> None:
    platform = compute.platform
    function = platform.registry.function("s", "f")
    platform.pool.stop("r-1")

    assert platform.invoke(function, b"", "r-1").error
    assert platform.invoke(function, b"", "r-2").body == b"r-2"


def test_a_throttled_call_that_is_being_stopped_comes_not_again() -> None:
    queue = InvocationQueue(DrivenClock(datetime(2026, 1, 1, tzinfo=timezone.utc)))
    invocation = queue.accept("s", "f", b"", 0, "t")
    queue.take_due()
    queue.begin(invocation)

    assert queue.stop(invocation)
    assert queue.postpone(invocation)
    assert (invocation.status, queue.waiting) == ("Stopped", [])


def test_the_checksum_of_code_is_its_crc64(compute: Compute) -> None:
    content = zipped(WHO.encode())
    native = Native(compute.endpoint)
    native.create("g", content)

    assert crc64(b"123456789") == 0x995DC9BBDF1939FA  # the check value of this CRC
    found = native.client.get_function("g", _any_version()).body
    assert found.code_checksum == str(crc64(content))


def _any_version() -> Any:
    from alibabacloud_fc20230330 import models

    return models.GetFunctionRequest()


@given(st.binary(max_size=40))
def test_a_crc64_is_that_of_the_definition(content: bytes) -> None:
    value = MASK
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)

    assert crc64(content) == value ^ MASK
