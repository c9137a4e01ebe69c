"""How long an invocation waits for the cloud, and what servers say about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.clock import Deadline
from scalein.cloud.breaker import Breaker
from scalein.cloud.retries import (
    MAX_RETRY_AFTER_SECONDS,
    MIN_CALL_SECONDS,
    REMOVE,
    Attempts,
    Patience,
    Retries,
    retry_after_seconds,
)
from scalein.errors import Paused, Transient, TryLater
from scalein.ledger.memory import MemoryStore
from scalein.ledger.pauses import MemoryPauses
from tests.support.clock import DrivenClock

READ = "DescribeScalingGroups"


def down(
    action: str = READ, retry_after: float = 0.0, code: str = "ServiceUnavailable"
) -> Transient:
    error = Transient(action, code, "it is down.")
    error.retry_after_seconds = retry_after
    return error


def retries_of(
    clock: DrivenClock,
    max_seconds: float | None = 5.0,
    seconds: float = 59.0,
    reserved: float = 0.0,
) -> Retries:
    patience = Patience(max_seconds, clock) if max_seconds else None
    return Retries(Deadline.after(seconds, clock), patience, None, reserved)


def attempts_until_given_up(
    retries: Retries,
    clock: DrivenClock,
    call_seconds: float = 0.0,
    code: str = "ServiceUnavailable",
) -> int:
    attempts, count = Attempts(READ, retries), 1
    clock.advance(call_seconds)
    while attempts.wait_to_repeat(down(code=code)):
        clock.advance(min(call_seconds, retries.call_seconds(READ)))
        count += 1
    return count


@given(st.floats(1, 20), st.floats(0, 8))
def test_all_calls_of_an_invocation_wait_no_longer_than_its_patience(
    max_seconds: float, call_seconds: float
) -> None:
    clock = DrivenClock()
    retries = retries_of(clock, max_seconds)
    for _ in range(3):
        first_seconds = min(call_seconds, retries.call_seconds(READ))
        attempts_until_given_up(retries, clock, first_seconds)

    assert clock.elapsed <= max_seconds + 3 * MIN_CALL_SECONDS


def test_without_patience_a_call_is_attempted_until_the_deadline() -> None:
    clock = DrivenClock()
    count = attempts_until_given_up(retries_of(clock, None), clock)

    assert count > 10
    assert 50 < clock.elapsed < 59


def test_what_two_threads_wait_at_once_counts_once() -> None:
    clock = DrivenClock()
    patience = Patience(5.0, clock)
    clock.advance(2)
    patience.count(0.0)
    patience.count(1.0)
    assert patience.remaining_seconds() == 3
    clock.advance(1)
    patience.count(0.5)

    assert patience.remaining_seconds() == 2


def test_a_call_that_succeeds_is_no_waiting_however_slow() -> None:
    clock = DrivenClock()
    retries = retries_of(clock)
    attempts = Attempts(READ, retries)
    clock.advance(4)
    attempts.record_answer()

    assert retries.patience and retries.patience.remaining_seconds() == 5


def test_the_pauses_before_a_call_succeeds_are_waiting() -> None:
    clock = DrivenClock()
    retries = retries_of(clock)
    attempts = Attempts(READ, retries)
    assert attempts.wait_to_repeat(down(retry_after=2.0))
    attempts.record_answer()

    assert retries.patience and retries.patience.remaining_seconds() == 3


def test_a_read_takes_no_longer_than_the_patience_left_and_a_removal_as_long_as_there_is_time() -> (
    None
):
    clock = DrivenClock()
    retries = retries_of(clock)

    assert retries.call_seconds(READ) == 5
    assert retries.call_seconds(REMOVE) == 59


def test_reads_leave_the_time_reserved_for_the_removal() -> None:
    clock = DrivenClock()
    retries = retries_of(clock, None, seconds=20.0, reserved=10.0)
    assert retries.call_seconds(READ) == 10
    clock.advance(9.8)
    with pytest.raises(TryLater, match="no time is left"):
        retries.call_seconds(READ)

    assert retries.call_seconds(REMOVE) == pytest.approx(10.2)
    assert not retries.may_wait(READ, 0.0)
    assert retries.without_reserve().call_seconds(READ) == pytest.approx(10.2)


def test_the_next_attempt_comes_no_sooner_than_the_server_says() -> None:
    clock = DrivenClock()
    attempts = Attempts(READ, retries_of(clock))
    assert attempts.wait_to_repeat(down(retry_after=2.0))

    assert clock.naps == [2.0]


def test_a_call_is_given_up_at_once_if_the_server_says_to_wait_longer_than_the_patience() -> None:
    clock = DrivenClock()
    attempts = Attempts(READ, retries_of(clock))

    assert not attempts.wait_to_repeat(down(retry_after=30.0))
    assert clock.naps == []


def breaker_of(clock: DrivenClock) -> Breaker:
    pauses = MemoryPauses(MemoryStore(), clock)
    return Breaker(lambda: pauses, clock)


@pytest.mark.parametrize("code", ["IDEMPOTENCE_PROCESSING", "SignatureNonceUsed", "TooLarge"])
def test_an_error_by_which_the_service_shows_that_it_works_pauses_nothing(code: str) -> None:
    clock = DrivenClock()
    breaker = breaker_of(clock)
    retries = Retries(Deadline.after(59, clock), Patience(5, clock), breaker)
    attempts = Attempts(READ, retries)
    while attempts.wait_to_repeat(down(code=code)):
        pass

    Attempts(READ, retries)


def test_a_call_that_fails_until_the_patience_ends_pauses_its_action() -> None:
    clock = DrivenClock()
    breaker = breaker_of(clock)
    retries = Retries(Deadline.after(59, clock), Patience(5, clock), breaker)
    attempts_until_given_up(retries, clock)
    with pytest.raises(Paused):
        Attempts(READ, retries)


@pytest.mark.parametrize(
    ("code", "count"), [("ServiceUnavailable", 1), ("Throttling", 1), ("SDK.HttpError", 2)]
)
def test_a_probe_is_attempted_once_and_twice_if_its_connection_may_have_been_closed(
    code: str, count: int
) -> None:
    clock = DrivenClock()
    pauses = MemoryPauses(MemoryStore(), clock)
    pauses.save(READ, 5.0)
    clock.advance(5)
    breaker = Breaker(lambda: pauses, clock)
    retries = Retries(Deadline.after(59, clock), Patience(50, clock), breaker)

    assert attempts_until_given_up(retries, clock, code=code) == count


DATE, NOT_A_DATE = "Wed, 21 Oct 2026 07:27:40 GMT", "Wed, 41 Oct 2026 07:27:40"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0.0),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": NOT_A_DATE}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT", "Date": DATE}, 20.0),
        ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Thu, 22 Oct 2026 07:28:00 GMT", "Date": DATE}, MAX_RETRY_AFTER_SECONDS),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "99999"}, MAX_RETRY_AFTER_SECONDS),
        ({"x-ratelimit-user-api": "Limit:10,Remain:0,TimeLeft:2000,Reset:1234"}, 2.0),
        ({"x-ratelimit-user": "TimeLeft: 1500"}, 1.5),
        ({"x-ratelimit-user": "TimeLeft:1000", "Retry-After": "7"}, 7.0),
        ({"x-ratelimit-user": "TimeLeft:soon"}, 0.0),
    ],
)
def test_the_servers_hint_is_read_from_the_headers_that_have_one(
    headers: dict[str, str], seconds: float
) -> None:
    assert retry_after_seconds(headers) == seconds


DATES = st.one_of(st.text(), st.from_regex(r"\w{3}, \d+ Oct \d{1,12} \d+:\d+:\d+ ([+-]\d+|GMT)?"))


@given(DATES, DATES, st.text())
def test_no_header_makes_a_hint_out_of_bounds(retry_after: str, date: str, limit: str) -> None:
    headers = {
        "Retry-After": retry_after,
        "Date": date,
        "x-ratelimit-user": f"TimeLeft:{limit}",
    }

    assert 0 <= retry_after_seconds(headers) <= MAX_RETRY_AFTER_SECONDS
