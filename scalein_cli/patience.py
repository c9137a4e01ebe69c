"""Makes calls of Function Compute again, a few times, while it is busy or does not answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from scalein_cli.function_api import ApiError, FunctionApi, NoAnswer

WAITS = (0.5, 1.0, 2.0)  # seconds before each further try
THROTTLED, SERVER_ERROR = 429, 500  # HTTP statuses
# `publish` too: if its answer was lost, the next try is refused, and the version is there.
REPEATABLE = frozenset(
    {"read", "read_code", "update", "versions", "publish", "aliases", "put_alias", "triggers"}
)


class _Patient:
    def __init__(
        self, function: FunctionApi, waits: Iterable[float], sleep: Callable[[float], None]
    ) -> None:
        self._function, self._waits, self._sleep = function, tuple(waits), sleep

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._function, name)
        if name == "companions":
            return lambda: [patient(one, self._waits, self._sleep) for one in found()]
        return partial(self._call, found) if name in REPEATABLE else found

    def _call(self, call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        for seconds in self._waits:
            try:
                return call(*arguments, **named)
            except NoAnswer:
                pass
            except ApiError as error:
                if error.status != THROTTLED and error.status < SERVER_ERROR:
                    raise
            self._sleep(seconds)
        return call(*arguments, **named)


def patient(
    function: FunctionApi,
    waits: Iterable[float] = WAITS,
    sleep: Callable[[float], None] = time.sleep,
) -> FunctionApi:
    """The same function, whose calls that may be repeated are, after these waits in seconds."""
    return cast(FunctionApi, _Patient(function, waits, sleep))
