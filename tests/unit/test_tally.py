"""What a message waited for is told as it was: nothing twice, nothing of another message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.timing import CallTimer
from tests.support.clock import DrivenClock

NAMES = ("DescribeScalingGroups", "RemoveInstances")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("open"), st.sampled_from(NAMES)),
        st.just(("close", "")),
        st.just(("wait", "")),
    )
)


@given(STEPS)
def test_the_time_of_a_message_is_its_waiting_and_its_own(sort_keys: list[tuple[str, str]]) -> None:
    """Calls that overlap, as threads make them; each step takes a second."""
    clock = DrivenClock()
    tally = CallTimer(clock)
    running = []
    made, busy = 0, 0.0
    for step, name in sort_keys:
        if step == "open":
            running.append(tally.call(name))
            running[-1].__enter__()
            made += 1
        elif step == "close" and running:
            running.pop(0).__exit__(None, None, None)
        busy += bool(running)
        clock.sleep(1)
    for call in running:
        call.__exit__(None, None, None)
    spent = tally.take()

    assert spent.seconds == len(sort_keys)
    assert spent.waiting_seconds == busy
    assert sum(number for number, _ in spent.calls.values()) == made
    assert sum(seconds for _, seconds in spent.calls.values()) >= busy


def test_each_message_has_its_own() -> None:
    clock = DrivenClock()
    tally = CallTimer(clock)
    with tally.call("RemoveInstances"):
        clock.sleep(2)
    first = tally.take()
    clock.sleep(1)
    second = tally.take()

    assert first.calls == {"RemoveInstances": (1, 2.0)}
    assert (second.seconds, second.waiting_seconds, second.calls) == (1.0, 0.0, {})


def test_a_call_that_fails_counts_too() -> None:
    tally = CallTimer(DrivenClock())
    with pytest.raises(ValueError, match="no"), tally.call("RemoveInstances"):
        raise ValueError("no")

    assert tally.take().calls["RemoveInstances"][0] == 1
