"""Follow-ups through the real fc2: what Function Compute answers, and what fc2 alone would do."""

from __future__ import annotations

import logging
import socket
import time
from datetime import timedelta
from functools import partial

import pytest

from scalein.clock import Deadline, SystemClock
from scalein.decision.model import Target
from scalein.decision.progress import Progress
from scalein.errors import TryLater
from scalein.function_ref import FunctionRef
from scalein.processing.dependencies import ScheduleFollowUp
from scalein.processing.follow_ups import schedule, task_id
from scalein.settings import Credentials
from tests.support.clock import NOON
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.fleets import request_for

PROGRESS = Progress(request_for(Target(instances=1)), NOON, follow_ups=1)


def scheduler(
    endpoint: str, credentials: Credentials = KEY, seconds: float = 30
) -> ScheduleFollowUp:
    function_ref = FunctionRef(f"http://{endpoint}", "ops", "scale-in", "LATEST", "k" * 32)
    deadline = Deadline.after(seconds, SystemClock())
    return partial(schedule, function_ref=function_ref, credentials=credentials, deadline=deadline)


def waiting(cloud: Cloud) -> list[tuple[str, str, str, timedelta]]:
    functions = cloud.inside.functions
    assert functions
    return [
        (i.service, i.function, i.task_id, i.due_at - cloud.clock.now()) for i in functions.waiting
    ]


def test_a_follow_up_is_an_asynchronous_delayed_and_numbered_invocation_of_this_function() -> None:
    with cloud_of(group(*instances(1))) as cloud:
        assert scheduler(cloud.endpoint)(PROGRESS, 30)

        assert waiting(cloud) == [("ops", "scale-in", task_id(PROGRESS), timedelta(seconds=30))]


def test_the_second_of_two_equal_follow_ups_is_refused_without_an_error() -> None:
    with cloud_of(group(*instances(1))) as cloud:
        is_new = [scheduler(cloud.endpoint)(PROGRESS, 30) for _ in range(2)]
        is_new.append(scheduler(cloud.endpoint)(PROGRESS.with_next_follow_up(), 30))

        assert is_new == [True, False, True]
        assert len(waiting(cloud)) == 2


def test_the_sts_token_is_sent_and_signed() -> None:
    with cloud_of(group(*instances(1)), token="sts-1") as cloud:
        assert scheduler(cloud.endpoint, KEY._replace(security_token="sts-1"))(PROGRESS, 1)
        with pytest.raises(TryLater, match="HTTP 403"):
            scheduler(cloud.endpoint, KEY._replace(security_token="sts-2"))(PROGRESS, 1)


def test_the_error_for_a_wrong_secret_does_not_quote_it() -> None:
    with (
        cloud_of(group(*instances(1))) as cloud,
        pytest.raises(TryLater, match="HTTP 403") as caught,
    ):
        scheduler(cloud.endpoint, Credentials("test-key", "secret-canary"))(PROGRESS, 1)

    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("kind", ["throttled", "internal-error", "bad-gateway"])
def test_a_follow_up_that_function_compute_does_not_accept_is_retried_later(kind: str) -> None:
    """fc2 would raise JSONDecodeError for the HTML page."""
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add(kind, "InvokeFunction")
        with pytest.raises(TryLater):
            scheduler(cloud.endpoint)(PROGRESS, 1)

        assert scheduler(cloud.endpoint)(PROGRESS, 1)


def test_a_refused_connection_fails_at_once() -> None:
    """fc2 would try for 30 s."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        began = time.monotonic()
        with pytest.raises(TryLater):
            scheduler(f"127.0.0.1:{taken.getsockname()[1]}")(PROGRESS, 1)

    assert time.monotonic() - began < 5


def test_a_server_that_never_answers_is_not_waited_for_beyond_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(TryLater):
            scheduler(f"127.0.0.1:{silent.getsockname()[1]}", seconds=0)(PROGRESS, 1)

    assert time.monotonic() - began < 3


def test_a_follow_up_that_is_too_large_is_not_sent() -> None:
    large = PROGRESS._replace(selected=tuple(f"i-{number:062}" for number in range(4_000)))
    with cloud_of(group(*instances(1))) as cloud:
        with pytest.raises(TryLater, match="TooLarge"):
            scheduler(cloud.endpoint)(large, 1)

        assert waiting(cloud) == []


def test_fc2_logs_nothing_and_other_libraries_may(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with cloud_of(group(*instances(1)), token="sts-canary") as cloud:
        scheduler(cloud.endpoint, KEY._replace(security_token="sts-canary"))(PROGRESS, 1)
    logging.error("of another library")

    assert "canary" not in caplog.text
    assert "of another library" in caplog.text


@pytest.mark.parametrize(
    "kind", ["lost-answer", "half-body", "gateway-timeout", "gateway-redirect", "bad-gateway-after"]
)
def test_a_follow_up_whose_answer_is_lost_is_scheduled_and_the_second_attempt_says_so(
    kind: str,
) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add(kind, "InvokeFunction")
        with pytest.raises(TryLater):
            scheduler(cloud.endpoint)(PROGRESS, 30)

        assert not scheduler(cloud.endpoint)(PROGRESS, 30)
        assert len(waiting(cloud)) == 1


def test_a_follow_up_that_meets_a_broken_connection_is_not_scheduled() -> None:
    with cloud_of(group(*instances(1))) as cloud:
        cloud.inside.faults.add("reset", "InvokeFunction")
        with pytest.raises(TryLater):
            scheduler(cloud.endpoint)(PROGRESS, 30)

        assert waiting(cloud) == []
