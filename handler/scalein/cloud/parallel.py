"""Reads at the same time, on as many connections as pay.

A new connection costs its handshake, mostly processor time; a read that has to wait for a free
connection costs an answer's time. Both are measured while the process runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache
from queue import SimpleQueue
from threading import Lock, Thread, local
from typing import Any, Protocol, TypeVar
from weakref import WeakSet

Value = TypeVar("Value")

# 2,000 instances are 20 pages, besides the group and its history. The caller's thread reads too.
MAX_THREADS = 24
MAX_CONNECTIONS = MAX_THREADS + 1
MIN_CONNECTIONS = 3  # for the group, its history and its first page, which most snapshots need
MIN_GAIN_SECONDS = 0.005  # of all reads; threads that wait for each other take processor time
SAMPLES = 32  # the last handshakes and answers
# Where the reads that wait would take longer, an answer that was slow counts, and not the shortest:
# a snapshot is acted upon for a few seconds only.
MAX_SECONDS_LEFT = 1.0


class Connection(Protocol):
    def is_stale(self) -> bool:
        """Returns whether it has been idle for so long that it will not be used again."""


class Costs:
    """What connections of a process cost. Threads may call."""

    def __init__(self) -> None:
        self._handshakes = deque[tuple[float, float]](maxlen=SAMPLES)  # from when until when
        self._answers = deque[float](maxlen=SAMPLES)
        self._last_answer = local()  # of each thread
        self._open = WeakSet[Connection]()

    def add_handshake(self, connection: Connection, started: float, ended: float) -> None:
        """`started`, `ended`: in seconds, by a monotonic clock."""
        self._handshakes.append((started, ended))
        self._open.add(connection)

    def add_answer(self, seconds: float) -> None:
        self._answers.append(seconds)
        self._last_answer.seconds = seconds

    def last_answer_seconds(self) -> float:
        """Returns how long the last answer took that this thread got; 0 if it got none."""
        return float(getattr(self._last_answer, "seconds", 0.0))

    def remove_connection(self, connection: Connection) -> None:
        self._open.discard(connection)

    def best_connections(self, reads: int, min_answer_seconds: float = 0.0) -> int:
        """Returns how many connections have so many reads answered soonest, or nearly: the fewest.

        Handshakes follow each other, for they take the one processor that there is. An answer takes
        `min_answer_seconds` at least.
        """
        handshakes, answers = list(self._handshakes), list(self._answers)
        min_connections, max_connections = min(reads, MIN_CONNECTIONS), min(reads, MAX_CONNECTIONS)
        if not reads or not handshakes or not answers:
            return max_connections
        handshake_seconds = _covered_seconds(handshakes) / len(handshakes)
        # The shortest, for the others may have waited for this process itself.
        answer_seconds = max(min(answers), min_answer_seconds)
        is_open = sum(not connection.is_stale() for connection in list(self._open))

        def seconds(connections: int) -> float:
            rounds = -(-reads // connections)
            return max(0, connections - is_open) * handshake_seconds + rounds * answer_seconds

        possible = range(min_connections, max_connections + 1)
        longest = min(map(seconds, possible)) + MIN_GAIN_SECONDS
        return next(count for count in possible if seconds(count) <= longest)


def _covered_seconds(spans: list[tuple[float, float]]) -> float:
    """Returns how long at least one ran: each of those at the same time also waits for the others,
    so their own durations would make each look as dear as all.
    """
    seconds, covered_until = 0.0, float("-inf")
    for start, end in sorted(spans):
        seconds += max(0.0, end - max(start, covered_until))
        covered_until = max(covered_until, end)
    return seconds


class Reads:
    """The reads of a snapshot, shared out among threads. At its end none is running."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._lock = Lock()
        self._waiting = deque[tuple[Future[Any], Callable[[], Any]]]()
        self._readers = 1  # threads that read, that of the caller among them
        self._threads: list[Future[None]] = []

    def __enter__(self) -> Reads:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._waiting.clear()
        wait(self._threads)

    def add(self, read: Callable[[], Value]) -> Future[Value]:
        """Adds a read, which waits until `start` or `finish`."""
        future = Future[Value]()
        with self._lock:
            self._waiting.append((future, read))
        return future

    def start(self, min_answer_seconds: float = 0.0) -> None:
        """Begins the reads that wait on other threads, as far as more connections pay."""
        with self._lock:
            reads = len(self._waiting) + self._readers  # each reader has one, the caller too
            best = self._costs.best_connections(reads, min_answer_seconds)
            new_readers = best - self._readers
            self._readers += max(0, new_readers)
        for _ in range(new_readers):
            self._threads.append(threads().submit(self._read_all))

    def finish(self) -> None:
        """Reads what waits. Once a read fails, those that wait fail with it."""
        self._read_all()
        with self._lock:
            self._readers += 1  # the caller goes on

    def _read_all(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._readers -= 1
                    return
                future, read = self._waiting.popleft()
            try:
                value = read()
            except BaseException as error:  # noqa: BLE001 (future.result() raises it)
                self._fail(future, error)
            else:
                future.set_result(value)
                self._start_more()

    def _start_more(self) -> None:
        """Begins more reads at once if the answers turn out to be slow: those of one action, or of
        one group, say little of others.
        """
        seconds = self._costs.last_answer_seconds()
        if len(self._waiting) * seconds > MAX_SECONDS_LEFT * self._readers:
            self.start(seconds)

    def _fail(self, future: Future[Any], error: BaseException) -> None:
        with self._lock:
            failed = [future, *(other for other, _ in self._waiting)]
            self._waiting.clear()
        for each in failed:
            each.set_exception(error)


class Threads:
    """Threads for reads, up to MAX_THREADS. They outlive the invocation: to start and join them
    costs 0.4 ms.

    Nothing ends them, not even the end of the process: OpenSSL 3.0 crashes where a thread that used
    it ends at the same moment, and the threads of concurrent.futures do.
    """

    def __init__(self) -> None:
        self._jobs = SimpleQueue[tuple[Future[None], Callable[[], None]]]()
        self._lock = Lock()
        self._count = 0
        self._free = 0  # threads without a job, less jobs without a thread

    def submit(self, job: Callable[[], None]) -> Future[None]:
        future = Future[None]()
        with self._lock:
            is_new = self._free <= 0 and self._count < MAX_THREADS
            self._count += is_new
            self._free -= not is_new
        if is_new:
            Thread(target=self._work, name="scalein-read", daemon=True).start()
        self._jobs.put((future, job))
        return future

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            error: BaseException | None = None
            try:
                job()
            except BaseException as raised:  # noqa: BLE001 (future.result() raises it)
                error = raised
            with self._lock:
                self._free += 1
            if error:
                future.set_exception(error)
            else:
                future.set_result(None)
            del future, job, error  # what they hold would live until the next job


@cache
def threads() -> Threads:
    """Returns the threads of this process."""
    return Threads()
