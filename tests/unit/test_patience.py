"""Calls of Function Compute that may be repeated are, while it is busy or does not answer."""

from __future__ import annotations

from typing import Any

import pytest

from scalein_cli.function_api import ApiError, FunctionApi, NoAnswer
from scalein_cli.patience import patient

BUSY = [ApiError(429, "ResourceThrottled", ""), ApiError(503, "Unavailable", ""), NoAnswer("x")]


class Failing:
    """A function whose calls fail with these errors, one after the other."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0

    def versions(self) -> dict[str, str]:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return {"1": ""}

    def invoke(self, _event: bytes, _headers: object) -> dict[str, str]:
        return self.versions()

    def companions(self) -> list[Any]:
        return [self]


def waiting(function: Failing) -> tuple[FunctionApi, list[float]]:
    api: Any = function
    waited: list[float] = []
    return patient(api, (1.0, 2.0), waited.append), waited


@pytest.mark.parametrize("error", BUSY)
def test_a_call_is_made_again_after_a_wait(error: Exception) -> None:
    api, waited = waiting(Failing(error, error))

    assert api.versions() == {"1": ""}
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize("error", BUSY)
def test_a_call_that_fails_each_time_is_given_up(error: Exception) -> None:
    function = Failing(error, error, error)
    api, _ = waiting(function)
    with pytest.raises(type(error)):
        api.versions()
    assert function.calls == 3


def test_what_is_refused_is_not_asked_again() -> None:
    function = Failing(ApiError(403, "AccessDenied", ""))
    api, waited = waiting(function)
    with pytest.raises(ApiError):
        api.versions()
    assert (function.calls, waited) == (1, [])


def test_an_invocation_is_never_repeated() -> None:
    function = Failing(NoAnswer("x"))
    api, _ = waiting(function)
    with pytest.raises(NoAnswer):
        api.invoke(b"", {})
    assert function.calls == 1


def test_the_other_functions_of_a_service_are_called_as_patiently() -> None:
    function = Failing(NoAnswer("x"))
    [api] = waiting(function)[0].companions()

    assert api.versions() == {"1": ""}
