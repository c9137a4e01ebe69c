"""`scalein invoke` waits for a function that is busy, and repeats no other invocation."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein_cli.errors import CommandError
from scalein_cli.function_api import Answer, ApiError, FunctionAddress, NoAnswer
from scalein_cli.invocation import invoke

BUSY = ApiError(429, "ResourceExhausted", "")
OTHERS = (ApiError(403, "AccessDenied", ""), ApiError(500, "InternalError", ""), NoAnswer("x"))


class Failing:
    """A function whose invocations fail with these errors, one after the other."""

    address = FunctionAddress("", "f")

    def __init__(self, errors: list[Exception]) -> None:
        self._errors = list(errors)
        self.events: list[bytes] = []

    def invoke(self, event: bytes, _headers: object) -> Answer:
        self.events.append(event)
        if self._errors:
            raise self._errors.pop(0)
        return Answer({}, b'{"status": "removed"}')


def invoked(errors: list[Exception], wait_seconds: float) -> tuple[int, float, bool]:
    """How often the function was invoked, the seconds waited, and whether it answered."""
    function: Any = Failing(errors)
    waited: list[float] = []
    try:
        answered = bool(invoke(function, b"event", wait_seconds, waited.append).response)
    except CommandError:
        answered = False
    assert set(function.events) == {b"event"}
    return len(function.events), sum(waited), answered


@given(st.integers(0, 9), st.integers(0, 9))
def test_a_busy_function_is_invoked_again_until_it_is_free_or_the_wait_is_over(
    refusals: int, wait_seconds: int
) -> None:
    calls, waited, answered = invoked([BUSY] * refusals, wait_seconds)

    assert answered == (refusals <= wait_seconds)
    assert calls == min(refusals, wait_seconds) + 1
    assert waited == calls - 1


@pytest.mark.parametrize("error", OTHERS)
def test_an_invocation_that_may_have_been_executed_or_is_refused_is_not_repeated(
    error: Exception,
) -> None:
    assert invoked([error], 60) == (1, 0, False)
    assert invoked([BUSY, error], 60) == (2, 1, False)
