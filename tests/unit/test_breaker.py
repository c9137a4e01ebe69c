"""The breaker: an action that fails is paused, one invocation probes, an answer ends the pause."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalein.cloud.breaker import (
    FIRST_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    MAX_SINGLE_FAILURES,
    PROBE_SECONDS,
    Breaker,
)
from scalein.errors import LedgerUnavailable, Paused
from scalein.ledger.memory import MemoryStore
from scalein.ledger.pauses import FORGET_SECONDS, MemoryPauses
from tests.support.clock import DrivenClock
from tests.support.examples import max_examples

READ, REMOVE = "DescribeScalingGroups", "RemoveInstances"


class Process:
    """A process of the function: each invocation has a breaker, all share the store."""

    def __init__(self) -> None:
        self.clock, self.store = DrivenClock(), MemoryStore()

    def invocation(self) -> Breaker:
        return Breaker(lambda: MemoryPauses(self.store, self.clock), self.clock)

    def fail(self, breaker: Breaker, action: str = READ, retry_after: float = 0.0) -> None:
        """A call that was attempted several times and given up."""
        breaker.record_failure(action, self.clock.monotonic(), True, retry_after)

    def is_paused(self, action: str = READ) -> bool:
        return is_paused(self.invocation(), action)


def is_paused(breaker: Breaker, action: str = READ) -> bool:
    try:
        breaker.check(action)
    except Paused:
        return True
    return False


def test_a_call_that_was_given_up_pauses_its_action_for_the_next_invocations_too() -> None:
    process = Process()
    first = process.invocation()
    assert not is_paused(first)
    process.fail(first)

    assert is_paused(first)
    assert process.is_paused()


def test_a_pause_is_of_one_action() -> None:
    process = Process()
    process.fail(process.invocation(), READ)

    assert not process.is_paused(REMOVE)


def test_the_error_of_a_pause_says_when_it_is_over() -> None:
    process = Process()
    process.fail(process.invocation())
    process.clock.advance(2)
    with pytest.raises(Paused, match="the next attempt is in 3 s") as caught:
        process.invocation().check(READ)

    assert caught.value.retry_after_seconds == pytest.approx(FIRST_PAUSE_SECONDS - 2)


def test_a_single_failure_without_time_for_a_second_attempt_is_no_proof() -> None:
    process = Process()
    breaker = process.invocation()
    for _ in range(MAX_SINGLE_FAILURES - 1):
        breaker.record_failure(READ, process.clock.monotonic(), False, 0.0)
        assert not is_paused(breaker)
    breaker.record_failure(READ, process.clock.monotonic(), False, 0.0)

    assert is_paused(breaker)


def test_a_page_that_fails_while_others_are_answered_pauses_nothing() -> None:
    process = Process()
    breaker, began = process.invocation(), process.clock.monotonic()
    process.clock.advance(1)
    breaker.record_answer(READ)
    process.clock.advance(1)
    breaker.record_failure(READ, began, True, 0.0)

    assert not is_paused(breaker)


def test_after_a_pause_one_invocation_probes_with_all_of_its_calls_and_the_others_wait() -> None:
    process = Process()
    process.fail(process.invocation())
    process.clock.advance(FIRST_PAUSE_SECONDS)
    probe, other = process.invocation(), process.invocation()

    assert probe.check(READ)  # it is a probe
    assert probe.check(READ)  # such as another page
    assert is_paused(other)


def test_an_answer_ends_the_pause_for_all() -> None:
    process = Process()
    process.fail(process.invocation())
    process.clock.advance(FIRST_PAUSE_SECONDS)
    probe = process.invocation()
    probe.check(READ)
    probe.record_answer(READ)

    assert not probe.check(READ)
    assert not process.invocation().check(READ)


def test_each_probe_that_fails_doubles_the_pause_up_to_a_minute() -> None:
    process = Process()
    process.fail(process.invocation())
    lengths = [FIRST_PAUSE_SECONDS]
    for _ in range(5):
        process.clock.advance(lengths[-1])
        probe = process.invocation()
        assert probe.check(READ)
        process.fail(probe)
        with pytest.raises(Paused) as caught:
            process.invocation().check(READ)
        lengths.append(caught.value.retry_after_seconds)

    assert lengths == [5, 10, 20, 40, MAX_PAUSE_SECONDS, MAX_PAUSE_SECONDS]


def test_a_pause_is_as_long_as_the_server_says_also_beyond_the_longest_doubled_one() -> None:
    for hint, seconds in ((30.0, 30.0), (240.0, 240.0), (1.0, FIRST_PAUSE_SECONDS)):
        process = Process()
        process.invocation().record_failure(READ, process.clock.monotonic(), False, hint)
        with pytest.raises(Paused) as caught:
            process.invocation().check(READ)
        assert caught.value.retry_after_seconds == seconds


def test_a_failure_without_a_hint_after_a_long_pause_pauses_no_longer_than_a_minute() -> None:
    process = Process()
    process.fail(process.invocation(), retry_after=240.0)
    process.clock.advance(240.0)
    probe = process.invocation()
    assert probe.check(READ)
    process.fail(probe)

    with pytest.raises(Paused) as caught:
        process.invocation().check(READ)
    assert caught.value.retry_after_seconds == MAX_PAUSE_SECONDS


@pytest.mark.parametrize("back_seconds", [30.0, 300.0, 590.0, 7_200.0])
def test_a_clock_that_was_set_back_keeps_no_call_from_the_service(back_seconds: float) -> None:
    process = Process()
    process.fail(process.invocation())
    process.clock.set_back(back_seconds)

    assert not process.is_paused()


def test_an_invocation_that_dies_while_it_probes_is_followed_by_another() -> None:
    process = Process()
    process.fail(process.invocation())
    process.clock.advance(FIRST_PAUSE_SECONDS)
    process.invocation().check(READ)
    process.clock.advance(PROBE_SECONDS - 0.1)
    assert process.is_paused()
    process.clock.advance(0.1)

    assert process.invocation().check(READ)


def test_a_pause_that_no_invocation_probed_is_forgotten() -> None:
    process = Process()
    process.fail(process.invocation())
    process.clock.advance(FIRST_PAUSE_SECONDS + FORGET_SECONDS + 1)

    assert not process.invocation().check(READ)


class NoPauses:
    """A ledger that does not answer."""

    def read(self) -> Mapping[str, tuple[float, float]]:
        raise LedgerUnavailable("the ledger does not answer.")

    def claim_probe(self, action: str, seconds: float) -> bool:
        raise LedgerUnavailable("the ledger does not answer.")

    def save(self, action: str, seconds: float) -> None:
        raise LedgerUnavailable("the ledger does not answer.")

    def delete(self, action: str) -> None:
        raise LedgerUnavailable("the ledger does not answer.")


def test_without_the_shared_pauses_calls_are_made_and_one_invocation_still_learns() -> None:
    clock = DrivenClock()
    breaker = Breaker(NoPauses, clock)
    assert not breaker.check(READ)
    breaker.record_failure(READ, clock.monotonic(), True, 0.0)

    assert is_paused(breaker)
    assert not is_paused(Breaker(NoPauses, clock))


steps = st.lists(
    st.sampled_from(["fail", "answer", "die", "check"])
    | st.floats(0, 30).map(lambda seconds: round(seconds, 1)),
    max_size=60,
)


@settings(max_examples=max_examples())
@given(steps)
def test_whatever_happens_an_invocation_may_call_again_within_a_minute_and_a_probe(
    steps: list[str | float],
) -> None:
    """So no unconfirmed call waits for ever to be read."""
    process = Process()
    for step in steps:
        if isinstance(step, float):
            process.clock.advance(step)
            continue
        breaker = process.invocation()
        if is_paused(breaker) or step == "die":
            continue
        if step == "fail":
            process.fail(breaker)
        elif step == "answer":
            breaker.record_answer(READ)
            assert not process.is_paused()
    process.clock.advance(max(MAX_PAUSE_SECONDS, PROBE_SECONDS))

    assert not process.is_paused()
