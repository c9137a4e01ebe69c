"""The ledger: in memory, and in a real redis-server; both keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from scalein.errors import LedgerGone
from scalein.ledger import TOLD_SECONDS, Claim, Closing, Entry, Kept, Ledger, Memory, OrWithout, Terms
from scalein.redis_ledger import RedisLedger
from tests.fakes import NOON, DrivenClock
from tests.redis_server import RedisServer, redis_server

LEASE, REMEMBERED = 60.0, 86_400.0


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@dataclass
class Book:
    """A ledger as several invocations see it, and its time."""

    kind: str
    clock: DrivenClock
    kept: Kept
    server: RedisServer | None

    def of(self, holder: str) -> Ledger:
        terms = Terms(holder, LEASE, REMEMBERED, self.clock)
        return RedisLedger(self.server.url, terms) if self.server else Memory(terms, self.kept)

    def advance(self, seconds: float) -> None:
        self.clock.elapsed += seconds
        if self.server:
            self.server.advance(seconds)


@pytest.fixture(params=["memory", "redis"])
def book(request: pytest.FixtureRequest) -> Book:
    if request.param == "memory":
        return Book("memory", DrivenClock(), Kept(), None)
    running: RedisServer = request.getfixturevalue("server")
    running.client.flushall()
    return Book("redis", DrivenClock(), Kept(), running)


def test_one_of_two_serves_a_message_and_the_other_is_told_what_came_of_it(book: Book) -> None:
    first, second = book.of("one"), book.of("two")

    assert first.claim("m") == Claim(True)
    assert second.claim("m") == Claim(False)
    first.close("m", "asg-1", Closing(outcome='{"status": "removing"}'))
    assert second.claim("m") == Claim(False, '{"status": "removing"}')


def test_a_message_without_an_outcome_may_be_served_again(book: Book) -> None:
    book.of("one").claim("m")
    book.of("one").close("m", "asg-1", Closing())

    assert book.of("two").claim("m") == Claim(True)


def test_who_never_comes_back_is_succeeded_after_the_lease_and_where_it_stopped(book: Book) -> None:
    crashed, other = book.of("one"), book.of("two")
    crashed.claim("m")
    crashed.enter("asg-1")
    assert crashed.note("m", "asg-1", "half way", ("i-1",))
    book.advance(LEASE - 1)
    assert other.claim("m") == Claim(False, None, "half way")
    assert other.enter("asg-1") is None
    book.advance(2)

    assert other.claim("m") == Claim(True, None, "half way")
    assert other.enter("asg-1") == Entry(frozenset({"i-1"}), None, 1)  # told, for all that anybody knows
    assert not crashed.note("m", "asg-1", "woke up again", ())


def test_a_lease_that_has_passed_on_is_not_ended_by_its_old_holder(book: Book) -> None:
    slow, other = book.of("one"), book.of("two")
    slow.claim("m")
    slow.enter("asg-1")
    book.advance(LEASE + 1)
    other.claim("m")
    other.enter("asg-1")
    slow.close("m", "asg-1", Closing())

    assert book.of("three").claim("m") == Claim(False)
    assert book.of("three").enter("asg-1") is None


def test_a_group_is_one_holders_at_a_time_and_other_groups_are_free(book: Book) -> None:
    first, second = book.of("one"), book.of("two")
    first.claim("m")

    assert first.enter("asg-1") == Entry()
    assert second.enter("asg-1") is None
    assert second.enter("asg-2") == Entry()
    first.close("m", "asg-1", Closing())
    assert second.enter("asg-1") == Entry()


def test_the_next_one_knows_whom_the_one_before_told_to_leave_until_ess_shows_it(book: Book) -> None:
    book.of("one").claim("m")
    book.of("one").note("m", "asg-1", "p", ("i-1", "i-2", "i-3"))
    book.of("one").close("m", "asg-1", Closing("{}", ("i-3",), NOON))
    told = book.of("two").enter("asg-1")
    book.of("two").close("n", "asg-1", Closing())
    book.advance(TOLD_SECONDS + 1)
    later = book.of("three").enter("asg-1")

    assert told == Entry(frozenset({"i-1", "i-2"}), NOON, 1)
    assert later == Entry(frozenset(), NOON, 1)


def test_an_outcome_is_forgotten_once_the_message_can_no_longer_come(book: Book) -> None:
    book.of("one").claim("m")
    book.of("one").close("m", "asg-1", Closing("{}"))
    book.advance(REMEMBERED - 1)
    assert book.of("two").claim("m") == Claim(False, "{}")
    book.advance(2)

    assert book.of("two").claim("m") == Claim(True)


def test_the_last_word_on_a_message_replaces_the_first(book: Book) -> None:
    book.of("one").claim("m")
    book.of("one").close("m", "asg-1", Closing("removing"))
    book.of("two").remember("m", "removed")

    assert book.of("three").claim("m").outcome == "removed"


def test_memory_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, clock = Kept(), DrivenClock()
    for number in range(10_050):
        ledger = Memory(Terms("one", LEASE, REMEMBERED, clock), kept)
        ledger.claim(f"m-{number}")
        ledger.close(f"m-{number}", "asg-1", Closing("{}"))

    assert len(kept.texts) <= 10_001
    assert ledger.claim("m-10049").outcome == "{}"


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_a_ledger_that_is_gone_or_takes_too_long_says_so_in_time(how: str) -> None:
    with redis_server() as server:
        ledger = RedisLedger(server.url, Terms("one", LEASE, REMEMBERED, DrivenClock()))
        ledger.claim("m")
        getattr(server, how)()

        for ask in (lambda: ledger.claim("n"), lambda: ledger.enter("g"), lambda: ledger.close("m", "g", Closing())):
            with pytest.raises(LedgerGone) as caught:
                ask()
            assert caught.value.__suppress_context__


class Gone:
    """A ledger that answers so many times."""

    name, shared = "redis", True

    def __init__(self, ledger: Ledger, answers: int) -> None:
        self._ledger, self._left = ledger, answers

    def __getattribute__(self, name: str) -> Any:
        if name in ("name", "shared", "_ledger", "_left") or name.startswith("__"):
            return object.__getattribute__(self, name)
        if self._left <= 0:
            raise LedgerGone
        self._left -= 1
        return getattr(self._ledger, name)


@pytest.mark.parametrize("answers", range(5))
@pytest.mark.parametrize("closed", [True, False])
def test_without_a_ledger_the_policy_says_whether_to_go_on(answers: int, closed: bool) -> None:
    terms = Terms("one", LEASE, REMEMBERED, DrivenClock())
    ledger = OrWithout(Gone(Memory(terms, Kept()), answers), Memory(terms, Kept()), closed)
    steps = [
        lambda: ledger.claim("m").ours,
        lambda: ledger.enter("asg-1") is not None,
        lambda: ledger.note("m", "asg-1", "p", ("i-1",)),
    ]
    done = 0
    try:
        for step in steps:
            assert step()
            done += 1
    except LedgerGone:
        assert closed
    ledger.close("m", "asg-1", Closing("{}"))  # what is done is done

    assert done == (min(3, answers) if closed else 3)
    assert ledger.name == ("redis" if answers >= 4 else "gone")


class SamePromises(RuleBasedStateMachine):
    """Whatever several invocations do, memory and Redis tell them the same."""

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.server.client.flushall()
        clock = DrivenClock()
        self.memory = Book("memory", clock, Kept(), None)
        self.redis = Book("redis", clock, Kept(), self.server)

    holders = st.sampled_from(["one", "two", "three"])
    messages = st.sampled_from(["m", "n"])
    groups = st.sampled_from(["asg-1", "asg-2"])
    some = st.lists(st.sampled_from(["i-1", "i-2", "i-3"]), unique=True).map(tuple)

    def both(self, holder: str, name: str, *arguments: Any) -> None:
        told = [getattr(book.of(holder), name)(*arguments) for book in (self.memory, self.redis)]
        assert told[0] == told[1]

    @rule(holder=holders, message=messages)
    def claim(self, holder: str, message: str) -> None:
        self.both(holder, "claim", message)

    @rule(holder=holders, group=groups)
    def enter(self, holder: str, group: str) -> None:
        self.both(holder, "enter", group)

    @rule(holder=holders, message=messages, group=groups, progress=st.sampled_from(["p", "q"]), told=some)
    def note(self, holder: str, message: str, group: str, progress: str, told: tuple[str, ...]) -> None:
        self.both(holder, "note", message, group, progress, told)

    @rule(
        holder=holders,
        message=messages,
        group=groups,
        outcome=st.none() | st.just("{}"),
        spared=some,
        newest=st.none() | st.integers(0, 9).map(lambda n: NOON + timedelta(seconds=n)),
    )
    def close(self, holder: str, message: str, group: str, **closing: Any) -> None:
        self.both(holder, "close", message, group, Closing(**closing))

    @rule(seconds=st.sampled_from([1.0, LEASE + 1, TOLD_SECONDS + 1]))
    def advance(self, seconds: float) -> None:
        self.memory.clock.elapsed += seconds
        self.server.advance(seconds)


def test_memory_and_redis_keep_the_same_promises(server: RedisServer) -> None:
    SamePromises.server = server
    machine = SamePromises.TestCase
    machine.settings = settings(max_examples=max(10, settings.default.max_examples // 5), deadline=None)
    machine().runTest()
