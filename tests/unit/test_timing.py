"""The durations of a message are its own: no second counts twice, none is another message's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.timing import CallTimer
from tests.support.clock import DrivenClock

NAMES = ("DescribeScalingGroups", "RemoveInstances")
SCHEDULES = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(NAMES)),
        st.just(("close", "")),
        st.just(("wait", "")),
    )
)


@given(SCHEDULES)
def test_the_time_of_a_message_is_its_waiting_and_its_own(steps: list[tuple[str, str]]) -> None:
    """Calls that overlap, as threads make them; each step takes a second."""
    clock = DrivenClock()
    timer = CallTimer(clock)
    running = []
    count, busy_seconds = 0, 0.0
    for step, name in steps:
        if step == "open":
            running.append(timer.call(name))
            running[-1].__enter__()
            count += 1
        elif step == "close" and running:
            running.pop(0).__exit__(None, None, None)
        busy_seconds += bool(running)
        clock.sleep(1)
    for call in running:
        call.__exit__(None, None, None)
    times = timer.take()

    assert times.seconds == len(steps)
    assert times.waiting_seconds == busy_seconds
    assert sum(number for number, _ in times.calls.values()) == count
    assert sum(seconds for _, seconds in times.calls.values()) >= busy_seconds


def test_each_message_has_its_own() -> None:
    clock = DrivenClock()
    timer = CallTimer(clock)
    with timer.call("RemoveInstances"):
        clock.sleep(2)
    first = timer.take()
    clock.sleep(1)
    second = timer.take()

    assert first.calls == {"RemoveInstances": (1, 2.0)}
    assert (second.seconds, second.waiting_seconds, second.calls) == (1.0, 0.0, {})


def test_a_call_that_fails_counts_too() -> None:
    timer = CallTimer(DrivenClock())
    with pytest.raises(ValueError, match="no"), timer.call("RemoveInstances"):
        raise ValueError("no")

    assert timer.take().calls["RemoveInstances"][0] == 1
