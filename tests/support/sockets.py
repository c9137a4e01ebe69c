"""A guard for tests that claim to open no socket: the interpreter reports each attempt."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

OPENING = frozenset(("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"))
_guards: list[Guard] = []


class Guard:
    """What a guarded test tried: as sentences."""

    def __init__(self, test: str) -> None:
        self.test = test
        self.attempts: list[str] = []

    def refuse(self, event: str) -> None:
        self.attempts.append(
            f"{self.test} calls {event}, and its folder opens no sockets: "
            "use a fake of tests/support/fakes.py, or move the test to tests/contract"
        )
        pytest.fail(self.attempts[-1])  # no `except Exception` of the code under test hides it


def _hear(event: str, _: object) -> None:
    if _guards and event in OPENING:
        _guards[-1].refuse(event)


sys.addaudithook(_hear)  # one for the life of the process: a hook cannot be removed


@contextmanager
def no_sockets(test: str) -> Iterator[Guard]:
    """Fails what opens a socket while this lasts, in any thread of this process."""
    guard = Guard(test)
    _guards.append(guard)
    try:
        yield guard
    finally:
        _guards.remove(guard)
