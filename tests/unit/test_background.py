"""Work beside the requests of the local cloud."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from localcloud.background import Background


def failing_first(reached: threading.Event) -> Callable[[], None]:
    steps: list[int] = []

    def step() -> None:
        steps.append(1)
        if len(steps) == 1:
            raise ValueError("the first step")
        reached.set()

    return step


def test_a_step_that_fails_is_logged_and_does_not_end_the_steps(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reached = threading.Event()
    background = Background("test", 1, failing_first(reached))
    with caplog.at_level(logging.ERROR):
        background.start()
        assert reached.wait(10)
        background.close()

    assert "ValueError: the first step" in caplog.text


def test_at_its_end_jobs_that_run_have_ended_and_those_that_wait_are_not_done() -> None:
    begun, may_end, done = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        begun.set()
        may_end.wait(10)
        done.append("first")

    background = Background("test", 1, lambda: None)
    background.submit(first)
    background.submit(done.append, "second")
    assert begun.wait(10)
    threading.Timer(0.05, may_end.set).start()
    background.close()

    assert done == ["first"]
