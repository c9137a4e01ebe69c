"""Waits for processes, which take real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def soon(condition: Callable[[], Any]) -> Any:
    """The condition's first true value; fails after ten seconds without one."""
    until = time.monotonic() + 10
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found
