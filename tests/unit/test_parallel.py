"""On how many connections reads are made, and what becomes of reads if one fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.cloud.parallel import (
    MAX_CONNECTIONS,
    MAX_THREADS,
    MIN_CONNECTIONS,
    MIN_GAIN_SECONDS,
    Costs,
    Reads,
    Threads,
)

SECONDS = st.floats(0.0001, 10)


class Connection:
    """Stands for an open connection."""

    stale = False

    def is_stale(self) -> bool:
        return self.stale


def costs_of(
    handshake_seconds: float, answer_seconds: float, open_connections: int = 1
) -> tuple[Costs, list[Connection]]:
    costs, connections = Costs(), [Connection() for _ in range(open_connections)]
    for number, connection in enumerate(connections):  # one after another
        start = number * 2 * handshake_seconds
        costs.add_handshake(connection, start, start + handshake_seconds)
    costs.add_answer(answer_seconds)
    return costs, connections


@given(SECONDS, SECONDS, st.integers(1, 30), st.integers(1, 60))
def test_the_fewest_connections_are_taken_that_no_other_number_beats_by_much(
    handshake_seconds: float, answer_seconds: float, open_connections: int, reads: int
) -> None:
    costs, _connections = costs_of(handshake_seconds, answer_seconds, open_connections)

    def seconds(connections: int) -> float:
        new = max(0, connections - open_connections)
        return new * handshake_seconds + -(-reads // connections) * answer_seconds

    best = costs.best_connections(reads)
    possible = range(min(reads, MIN_CONNECTIONS), min(reads, MAX_CONNECTIONS) + 1)
    assert best in possible
    longest = min(map(seconds, possible)) + MIN_GAIN_SECONDS
    assert seconds(best) <= longest * (1 + 1e-9)
    assert all(seconds(fewer) > longest * (1 - 1e-9) for fewer in range(possible[0], best))


def test_twenty_pages_are_not_twenty_handshakes_where_answers_are_quick() -> None:
    costs, _connections = costs_of(
        handshake_seconds=0.004, answer_seconds=0.001, open_connections=2
    )

    assert costs.best_connections(20) <= 4


def test_each_read_has_a_connection_where_answers_are_slow() -> None:
    slow, _two = costs_of(handshake_seconds=0.004, answer_seconds=0.25, open_connections=2)
    warm, _all = costs_of(handshake_seconds=0.004, answer_seconds=0.02, open_connections=25)

    assert slow.best_connections(20) == 20
    assert warm.best_connections(20) == 20


def test_handshakes_at_the_same_time_are_no_dearer_for_waiting_for_each_other() -> None:
    costs, connections = Costs(), [Connection() for _ in range(10)]
    for number, connection in enumerate(connections):  # each takes 4 ms of the one processor
        costs.add_handshake(connection, 0.0, 0.004 * (number + 1))
    costs.add_answer(0.05)

    assert costs.best_connections(20) == 20  # 40 ms more of handshakes, one answer less of waiting


def test_open_connections_are_left_idle_where_answers_are_quick() -> None:
    costs, _all = costs_of(handshake_seconds=0.004, answer_seconds=0.0005, open_connections=25)

    assert costs.best_connections(20) == MIN_CONNECTIONS


@pytest.mark.parametrize("how", ["closed", "stale", "forgotten"])
def test_a_connection_that_cannot_be_used_again_does_not_count_as_open(how: str) -> None:
    costs, connections = costs_of(handshake_seconds=1, answer_seconds=1, open_connections=10)
    assert costs.best_connections(10) == 10
    referenced = list[Connection]()
    while connections:
        connection = connections.pop()
        connection.stale = how == "stale"
        if how == "closed":
            costs.remove_connection(connection)
        if how != "forgotten":
            referenced.append(connection)
    del connection

    assert costs.best_connections(10) < 10


def test_before_anything_is_measured_each_read_has_a_connection() -> None:
    assert Costs().best_connections(2) == 2
    assert Costs().best_connections(100) == MAX_CONNECTIONS


def returning(value: int) -> Callable[[], int]:
    return lambda: value


@given(st.integers(0, 60), st.integers(1, 25))
def test_each_read_is_made_once_and_gives_its_own_result(number: int, connections: int) -> None:
    made: list[int] = []
    costs, _connections = costs_of(1, 1e-4, connections)

    def read(value: int) -> Callable[[], int]:
        def run() -> int:
            made.append(value)
            return value

        return run

    with Reads(costs) as reads:
        futures = [reads.add(read(value)) for value in range(number)]
        reads.start()
        reads.finish()
        results = [future.result() for future in futures]

    assert results == list(range(number))
    assert sorted(made) == results


def test_more_connections_are_opened_where_answers_turn_out_to_be_slow() -> None:
    costs, _connections = costs_of(0.05, 0.02, MIN_CONNECTIONS)  # of another action, or group
    at_once = threading.Barrier(10)

    def slow() -> None:
        costs.add_answer(2.0)

    def together() -> None:
        at_once.wait(5)

    with Reads(costs) as reads:
        futures = [reads.add(slow), *(reads.add(together) for _ in range(20))]
        reads.start()
        reads.finish()
        for future in futures[:11]:
            future.result()


def test_reads_that_wait_fail_with_the_one_that_failed() -> None:
    def fail() -> int:
        raise OSError("no answer")

    with Reads(Costs()) as reads:  # not started: only the caller reads
        futures = [reads.add(returning(1)), reads.add(fail), reads.add(returning(2))]
        reads.finish()
        assert futures[0].result() == 1
        for future in futures[1:]:
            with pytest.raises(OSError, match="no answer"):
                future.result()


def test_at_the_end_no_read_runs_and_those_that_wait_are_not_made() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    made: list[int] = []

    def slow() -> None:
        begun.set()
        may_end.wait(10)
        ended.set()

    def snapshot() -> None:
        with Reads(Costs()) as reads:
            reads.add(slow)
            reads.start()
            begun.wait(10)
            reads.add(lambda: made.append(1))
            threading.Timer(0.05, may_end.set).start()
            raise ValueError("the caller's own")

    with pytest.raises(ValueError, match="the caller's own"):
        snapshot()

    assert ended.is_set()
    assert made == []


@pytest.mark.parametrize("sizes", [[1, 1, 1], [3, 40, 5]])
def test_each_job_is_done_once_on_no_more_threads_than_there_may_be(sizes: list[int]) -> None:
    threads, done = Threads(), list[int]()

    def job(number: int) -> Callable[[], None]:
        def run() -> None:
            done.append(number)

        return run

    before = threading.active_count()
    for size in sizes:
        for future in [threads.submit(job(number)) for number in range(size)]:
            future.result(10)

    assert sorted(done) == sorted(number for size in sizes for number in range(size))
    assert threading.active_count() - before <= min(MAX_THREADS, max(sizes))


def test_a_job_that_fails_says_so_and_its_thread_goes_on() -> None:
    threads = Threads()

    def fail() -> None:
        raise OSError("no answer")

    with pytest.raises(OSError, match="no answer"):
        threads.submit(fail).result(10)
    assert threads.submit(lambda: None).result(10) is None


def test_the_end_of_a_process_ends_no_thread_that_used_openssl() -> None:
    script = (
        "import atexit, threading\n"
        "from scalein.cloud.parallel import threads\n"
        "threads().submit(lambda: None).result(10)\n"
        "count = threading.active_count\n"
        "atexit.register(lambda: print(count()))\n"  # after what concurrent.futures registers
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

    assert ended.stdout == "2\n"
