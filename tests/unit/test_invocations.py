"""What the answer to an asynchronous invocation means."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalein.cloud.invocations import failure_of, is_scheduled
from scalein.errors import TryLater
from tests.unit.test_envelopes import json_values

ALREADY = "StatefulAsyncInvocationAlreadyExists"


def body_of(code: object, field: str = "Code") -> bytes:
    return json.dumps({field: code, "Message": "canary-7731", "RequestId": "r-1"}).encode()


def test_only_202_is_an_acceptance() -> None:
    assert is_scheduled(202, b"", "r-1")
    for status in (200, 201, 204, 302, 404, 429, 502):
        with pytest.raises(TryLater, match=f"HTTP {status}"):
            is_scheduled(status, b"", "r-1")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (409, body_of(ALREADY)),
        (409, body_of(ALREADY, "ErrorCode")),
        (409, body_of("AsyncTaskAlreadyExists")),  # of 3.0 the name is not published
        (400, body_of(ALREADY)),  # of an older help page
    ],
)
def test_a_repeated_task_id_was_scheduled_before(status: int, body: bytes) -> None:
    assert not is_scheduled(status, body, "r-1")


@pytest.mark.parametrize("field", ["Code", "ErrorCode"])
@pytest.mark.parametrize(
    "code", ["ConcurrentUpdateError", "Conflict", "ResourceNotReady", "FunctionNotActive", ""]
)
def test_a_conflict_of_another_kind_scheduled_nothing(field: str, code: str) -> None:
    with pytest.raises(TryLater, match=f"HTTP 409 ?{code}"):
        is_scheduled(409, body_of(code, field), "r-1")


@pytest.mark.parametrize(
    ("status", "body"), [(409, b""), (409, b"<html>"), (503, body_of(ALREADY))]
)
def test_an_answer_that_function_compute_does_not_give_scheduled_nothing(
    status: int, body: bytes
) -> None:
    with pytest.raises(TryLater, match=f"HTTP {status}"):
        is_scheduled(status, body, "r-1")


def test_a_proxy_that_cannot_be_used_is_named() -> None:
    error = failure_of(ValueError("http://user:canary-7731@[::bad"))

    assert error.code == "Misconnected"
    assert "HTTPS_PROXY" in str(error)
    assert "canary" not in str(error)


@given(
    status=st.integers(100, 599),
    body=st.binary() | json_values.map(lambda value: json.dumps(value).encode()),
    request_id=st.none() | st.text(),
)
@example(403, body_of("a\nb"), "r\n1")
@example(403, body_of(["AccessDenied"]), None)
@example(403, b"[" * 100_000, "r-1")
def test_any_answer_is_judged_and_never_quoted(
    status: int, body: bytes, request_id: str | None
) -> None:
    with suppress(TryLater):
        is_scheduled(status, body, request_id)
        return
    with pytest.raises(TryLater) as caught:
        is_scheduled(status, body, request_id)
    text = str(caught.value)
    assert text.isprintable()
    assert text.isascii()
    assert "canary" not in text
