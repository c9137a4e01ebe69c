"""The guard of tests that open no sockets, by planted defects."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.support.sockets import no_sockets


def connect() -> None:
    socket.create_connection(("127.0.0.1", 9), timeout=0.1)


def listen() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))


def look_up() -> None:
    socket.getaddrinfo("localhost", 80)


@pytest.mark.parametrize("attempt", [connect, listen, look_up])
def test_a_test_that_opens_a_socket_fails_and_is_named(attempt: Callable[[], None]) -> None:
    with no_sockets("tests/unit/test_x.py::test_y"), pytest.raises(pytest.fail.Exception) as caught:
        attempt()

    assert "tests/unit/test_x.py::test_y calls socket." in str(caught.value)


def test_an_attempt_that_the_code_under_test_hides_is_remembered() -> None:
    with no_sockets("a test") as guard, suppress(pytest.fail.Exception):
        listen()

    assert len(guard.attempts) == 1


def test_sockets_open_as_ever_once_the_guard_is_over() -> None:
    with no_sockets("a test"):
        pass
    listen()
