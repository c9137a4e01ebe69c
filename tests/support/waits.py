"""Waits for processes, which take real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def soon(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """The condition's first true value; fails after so many seconds without one."""
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found
