"""The ledger: in memory, and in a real redis-server; both keep the same promises."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from scalein.clock import Deadline, SystemClock
from scalein.errors import LedgerUnavailable
from scalein.ledger.fallback import FallbackLedger
from scalein.ledger.memory import MAX_MESSAGES, MemoryLedger, MemoryStore
from scalein.ledger.protocol import (
    Claim,
    Completion,
    GroupLease,
    LeaseOptions,
    Ledger,
    MessageRef,
    OtherMessages,
    Record,
)
from scalein.ledger.redis import RedisLedger
from tests.support.clock import NOON, DrivenClock
from tests.support.examples import max_examples
from tests.support.redis_server import RedisServer, redis_server

LEASE, REMEMBERED, FLIGHT = 60.0, 86_400.0, 300.0
M, N = MessageRef("asg-1", "m"), MessageRef("asg-1", "n")


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@dataclass
class Book:
    """A ledger as several invocations see it, and its time."""

    kind: str
    clock: DrivenClock
    store: MemoryStore
    server: RedisServer | None

    def of(self, owner: str) -> Ledger:
        terms = LeaseOptions(owner, LEASE, REMEMBERED, self.clock)
        return (
            RedisLedger(self.server.url, terms) if self.server else MemoryLedger(terms, self.store)
        )

    def advance(self, seconds: float) -> None:
        self.clock.elapsed += seconds
        if self.server:
            self.server.advance(seconds)


@pytest.fixture(params=["memory", "redis"])
def book(request: pytest.FixtureRequest) -> Book:
    if request.param == "memory":
        return Book("memory", DrivenClock(), MemoryStore(), None)
    running: RedisServer = request.getfixturevalue("server")
    running.client.flushall()
    return Book("redis", DrivenClock(), MemoryStore(), running)


def test_one_of_two_processes_a_message_and_the_other_learns_what_came_of_it(book: Book) -> None:
    first, second = book.of("one"), book.of("two")

    assert first.claim_message(M) == Claim(True)
    assert second.claim_message(M) == Claim(False, first=False)
    first.close(M, Completion(outcome='{"status": "removing"}'))
    assert second.claim_message(M) == Claim(False, '{"status": "removing"}', first=False)


def test_a_message_without_an_outcome_may_be_processed_again_and_is_known(book: Book) -> None:
    book.of("one").claim_message(M)
    book.of("one").close(M, Completion())

    assert book.of("two").claim_message(M) == Claim(True, first=False)


def test_the_same_claim_sent_again_is_still_the_first(book: Book) -> None:
    assert [book.of("one").claim_message(M) for _ in range(2)] == [Claim(True)] * 2


def test_who_never_comes_back_is_succeeded_after_the_lease_and_where_it_stopped(book: Book) -> None:
    crashed, other = book.of("one"), book.of("two")
    crashed.claim_message(M)
    crashed.acquire_lease("asg-1")
    assert crashed.record(M, Record("half way", {"i-1": FLIGHT}))
    book.advance(LEASE - 1)
    assert other.claim_message(M) == Claim(False, None, "half way", first=False)
    assert other.acquire_lease("asg-1") is None
    book.advance(2)

    assert other.claim_message(M) == Claim(True, None, "half way", first=False)
    assert other.acquire_lease("asg-1") == GroupLease(
        frozenset({"i-1"}), None, 1
    )  # in flight, for all that is known


def test_who_lost_the_lease_writes_nothing(book: Book) -> None:
    slow, other = book.of("one"), book.of("two")
    slow.claim_message(M)
    slow.acquire_lease("asg-1")
    book.advance(LEASE + 1)
    other.claim_message(M)
    other.acquire_lease("asg-1")

    assert not slow.record(M, Record("woke up again", {"i-1": FLIGHT}, (), ("asa-1",)))
    slow.close(M, Completion("{}", "alarm", NOON))
    assert other.record(M, Record("p"))
    assert other.read_others(N) == OtherMessages()
    assert book.of("three").claim_message(M) == Claim(False, None, "p", first=False)
    assert book.of("three").acquire_lease("asg-1") is None
    other.close(M, Completion())
    assert book.of("three").acquire_lease("asg-1", "alarm") == GroupLease(frozenset(), None, 1)


def test_a_message_alone_is_no_lease(book: Book) -> None:
    book.of("one").claim_message(M)

    assert not book.of("one").record(M, Record("p"))


def test_a_group_is_one_holders_at_a_time_and_other_groups_are_free(book: Book) -> None:
    first, second = book.of("one"), book.of("two")
    first.claim_message(M)

    assert first.acquire_lease("asg-1") == GroupLease()
    assert second.acquire_lease("asg-1") is None
    assert second.acquire_lease("asg-2") == GroupLease()
    first.close(M, Completion())
    assert second.acquire_lease("asg-1") == GroupLease()


def test_what_is_in_flight_is_known_to_the_next_until_ess_must_show_it(book: Book) -> None:
    one = book.of("one")
    one.claim_message(M)
    one.acquire_lease("asg-1")
    one.record(M, Record("p", dict.fromkeys(("i-1", "i-2", "i-3"), FLIGHT)))
    one.record(M, Record("q", {"i-1": 2 * FLIGHT}, ("i-3",), ("asa-1",)))
    one.close(M, Completion("{}"))
    entry = book.of("two").acquire_lease("asg-1")
    book.of("two").close(N, Completion())
    book.advance(FLIGHT + 1)
    later = book.of("three").acquire_lease("asg-1")

    assert entry == GroupLease(frozenset({"i-1", "i-2"}), None, 2)
    assert later == GroupLease(frozenset({"i-1"}), None, 2)
    assert book.of("three").read_others(N) == OtherMessages(
        frozenset({"asa-1"}), frozenset({"i-1"})
    )
    assert book.of("three").read_others(M) == OtherMessages()  # its own
    assert book.of("three").read_others(N._replace(group="asg-2")) == OtherMessages()


def test_the_newest_alarm_of_an_observation_remains_the_newest(book: Book) -> None:
    for seconds in (5, 9, 7):
        book.of("one").claim_message(M)
        book.of("one").acquire_lease("asg-1")
        book.of("one").close(M, Completion(None, "cpu", NOON + timedelta(seconds=seconds)))

    assert book.of("two").acquire_lease("asg-1", "cpu") == GroupLease(
        newest=NOON + timedelta(seconds=9)
    )
    book.of("two").close(N, Completion())
    assert book.of("two").acquire_lease("asg-1", "memory") == GroupLease()


def test_an_outcome_is_forgotten_once_the_message_can_no_longer_come(book: Book) -> None:
    book.of("one").claim_message(M)
    book.of("one").close(M, Completion("{}"))
    book.advance(REMEMBERED - 1)
    assert book.of("two").claim_message(M) == Claim(False, "{}", first=False)
    book.advance(2)

    assert book.of("two").claim_message(M) == Claim(True)


def test_memory_does_not_grow_without_end() -> None:
    store, clock = MemoryStore(), DrivenClock()
    for number in range(4 * MAX_MESSAGES):
        ledger = MemoryLedger(LeaseOptions("one", LEASE, REMEMBERED, clock), store)
        ledger.claim_message(MessageRef("asg-1", f"m-{number}"))
        ledger.close(MessageRef("asg-1", f"m-{number}"), Completion("{}"))

    assert len(store) <= 4 * MAX_MESSAGES
    assert ledger.claim_message(MessageRef("asg-1", f"m-{number}")).outcome == "{}"


def test_a_message_costs_the_same_however_many_are_kept() -> None:
    """Forgetting looks at what is over, and not at all that is kept."""

    def cost(messages: int) -> float:
        store, clock = MemoryStore(), DrivenClock()
        began = time.process_time()
        for number in range(messages):
            ledger = MemoryLedger(LeaseOptions("one", LEASE, REMEMBERED, clock), store)
            ledger.claim_message(MessageRef("asg-1", f"m-{number}"))
            ledger.close(MessageRef("asg-1", f"m-{number}"), Completion("{}"))
        return time.process_time() - began

    assert min(cost(8_000) for _ in range(3)) < 24 * min(
        cost(1_000) for _ in range(3)
    )  # 8, and not 64


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_a_ledger_that_is_unavailable_or_slow_says_so_in_time(how: str) -> None:
    with redis_server() as server:
        terms = LeaseOptions("one", LEASE, REMEMBERED, DrivenClock())
        RedisLedger(server.url, terms).claim_message(M)
        getattr(server, how)()

        calls: list[Callable[[Ledger], object]] = [
            lambda ledger: ledger.claim_message(N),
            lambda ledger: ledger.acquire_lease("g"),
            lambda ledger: ledger.close(M, Completion()),
        ]
        for call in calls:
            deadline = Deadline.after(0.8, SystemClock())
            with pytest.raises(LedgerUnavailable) as caught:
                call(RedisLedger(server.url, terms, None, deadline))
            assert caught.value.__suppress_context__
            assert deadline.clock.monotonic() < deadline.at + 0.1


def test_a_ledger_that_was_silent_once_is_not_waited_for_again_in_the_same_invocation() -> None:
    with redis_server() as server:
        ledger = RedisLedger(server.url, LeaseOptions("one", LEASE, REMEMBERED, DrivenClock()))
        server.kill()
        with pytest.raises(LedgerUnavailable):
            ledger.claim_message(M)

        with pytest.raises(LedgerUnavailable, match="a moment ago"):
            ledger.close(M, Completion())


class UnavailableAtTimes:
    """A ledger that answers so many times."""

    name, shared = "redis", True

    def __init__(self, ledger: Ledger, answers: int) -> None:
        self._ledger, self._left = ledger, answers

    def __getattribute__(self, name: str) -> Any:
        if name in ("name", "shared", "_ledger", "_left") or name.startswith("__"):
            return object.__getattribute__(self, name)
        if self._left <= 0:
            raise LedgerUnavailable
        self._left -= 1
        return getattr(self._ledger, name)


@pytest.mark.parametrize("answers", range(5))
@pytest.mark.parametrize("closed", [True, False])
def test_without_a_ledger_the_policy_says_whether_to_go_on(answers: int, closed: bool) -> None:
    terms = LeaseOptions("one", LEASE, REMEMBERED, DrivenClock())
    ledger = FallbackLedger(
        UnavailableAtTimes(MemoryLedger(terms, MemoryStore()), answers),
        MemoryLedger(terms, MemoryStore()),
        closed,
    )
    steps: list[Callable[[], bool]] = [
        lambda: ledger.claim_message(M).granted,
        lambda: ledger.acquire_lease("asg-1") is not None,
        lambda: ledger.record(M, Record("p", {"i-1": FLIGHT})),
    ]
    done = 0
    try:
        for step in steps:
            assert step()
            done += 1
    except LedgerUnavailable:
        assert closed
    with pytest.raises(LedgerUnavailable) if closed and answers < 4 else nullcontext():
        ledger.close(
            M, Completion("{}")
        )  # an outcome that is not saved would be followed by another

    assert done == (min(3, answers) if closed else 3)
    assert ledger.name == ("redis" if answers >= 4 or closed else "gone")


class SamePromises(RuleBasedStateMachine):
    """Whatever several invocations do, memory and Redis say the same."""

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.server.client.flushall()
        clock = DrivenClock()
        self.memory = Book("memory", clock, MemoryStore(), None)
        self.redis = Book("redis", clock, MemoryStore(), self.server)

    holders = st.sampled_from(["one", "two", "three"])
    messages = st.builds(
        MessageRef, st.sampled_from(["asg-1", "asg-2"]), st.sampled_from(["m", "n"])
    )
    groups = st.sampled_from(["asg-1", "asg-2"])
    some = st.lists(st.sampled_from(["i-1", "i-2", "i-3"]), unique=True).map(tuple)
    records = st.builds(
        Record,
        st.sampled_from(["p", "q"]),
        some.map(lambda ids: dict.fromkeys(ids, FLIGHT)),
        some,
        st.lists(st.sampled_from(["asa-1", "asa-2"]), unique=True).map(tuple),
    )
    observations = st.sampled_from(["", "cpu"])

    def both(self, owner: str, name: str, *arguments: Any) -> None:
        said = [getattr(book.of(owner), name)(*arguments) for book in (self.memory, self.redis)]
        assert said[0] == said[1]

    @rule(owner=holders, message=messages)
    def claim(self, owner: str, message: MessageRef) -> None:
        self.both(owner, "claim_message", message)

    @rule(owner=holders, group=groups, observation=observations)
    def lease(self, owner: str, group: str, observation: str) -> None:
        self.both(owner, "acquire_lease", group, observation)

    @rule(owner=holders, message=messages, record=records)
    def record(self, owner: str, message: MessageRef, record: Record) -> None:
        self.both(owner, "record", message, record)

    @rule(owner=holders, message=messages)
    def others(self, owner: str, message: MessageRef) -> None:
        self.both(owner, "read_others", message)

    @rule(
        owner=holders,
        message=messages,
        outcome=st.none() | st.just("{}"),
        observation=observations,
        sent_at=st.none() | st.integers(0, 9).map(lambda n: NOON + timedelta(seconds=n)),
    )
    def close(self, owner: str, message: MessageRef, **closing: Any) -> None:
        self.both(owner, "close", message, Completion(**closing))

    @rule(seconds=st.sampled_from([1.0, LEASE + 1, FLIGHT + 1]))
    def advance(self, seconds: float) -> None:
        self.memory.clock.elapsed += seconds
        self.server.advance(seconds)


def test_memory_and_redis_keep_the_same_promises(server: RedisServer) -> None:
    SamePromises.server = server
    machine = SamePromises.TestCase
    machine.settings = settings(max_examples=max(10, max_examples() // 5), deadline=None)
    machine().runTest()
