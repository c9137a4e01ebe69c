"""The ledger in memory and in a real redis-server: both keep the same promises."""

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
    GroupLease,
    LeaseOptions,
    Ledger,
    MessageRef,
    OtherMessages,
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
class LedgerWorld:
    """A ledger that several invocations share, and its time."""

    kind: str
    clock: DrivenClock
    store: MemoryStore
    server: RedisServer | None

    def of(self, owner: str) -> Ledger:
        options = LeaseOptions(owner, LEASE, REMEMBERED, self.clock)
        if self.server:
            return RedisLedger(self.server.url, options)
        return MemoryLedger(options, self.store)

    def advance(self, seconds: float) -> None:
        self.clock.elapsed += seconds
        if self.server:
            self.server.advance(seconds)


@pytest.fixture(params=["memory", "redis"])
def world(request: pytest.FixtureRequest) -> LedgerWorld:
    if request.param == "memory":
        return LedgerWorld("memory", DrivenClock(), MemoryStore(), None)
    running: RedisServer = request.getfixturevalue("server")
    running.client.flushall()
    return LedgerWorld("redis", DrivenClock(), MemoryStore(), running)


def test_one_of_two_processes_a_message_and_the_other_learns_its_outcome(
    world: LedgerWorld,
) -> None:
    first, second = world.of("one"), world.of("two")

    assert first.claim_message(M) == Claim(True)
    assert second.claim_message(M) == Claim(False, first=False)
    first.release(M, outcome='{"status": "removing"}')
    assert second.claim_message(M) == Claim(False, '{"status": "removing"}', first=False)


def test_a_message_without_an_outcome_may_be_processed_again_and_is_known(
    world: LedgerWorld,
) -> None:
    world.of("one").claim_message(M)
    world.of("one").release(M)

    assert world.of("two").claim_message(M) == Claim(True, first=False)


def test_the_same_claim_sent_again_is_still_the_first(world: LedgerWorld) -> None:
    assert [world.of("one").claim_message(M) for _ in range(2)] == [Claim(True)] * 2


def test_a_killed_invocation_is_succeeded_after_its_lease_and_from_its_progress(
    world: LedgerWorld,
) -> None:
    crashed, other = world.of("one"), world.of("two")
    crashed.claim_message(M)
    crashed.acquire_lease("asg-1")
    assert crashed.record(M, "half way", in_flight={"i-1": FLIGHT})
    world.advance(LEASE - 1)
    assert other.claim_message(M) == Claim(False, None, "half way", first=False)
    assert other.acquire_lease("asg-1") is None
    world.advance(2)

    assert other.claim_message(M) == Claim(True, None, "half way", first=False)
    assert other.acquire_lease("asg-1") == GroupLease(
        frozenset({"i-1"}), None, 1
    )  # as far as the ledger knows


def test_an_invocation_that_lost_its_lease_writes_nothing(world: LedgerWorld) -> None:
    slow, other = world.of("one"), world.of("two")
    slow.claim_message(M)
    slow.acquire_lease("asg-1")
    world.advance(LEASE + 1)
    other.claim_message(M)
    other.acquire_lease("asg-1")

    assert not slow.record(M, "woke up again", in_flight={"i-1": FLIGHT}, activity_ids=("asa-1",))
    slow.release(M, outcome="{}", observation="alarm", sent_at=NOON)
    assert other.record(M, "p")
    assert other.read_others(N) == OtherMessages()
    assert world.of("three").claim_message(M) == Claim(False, None, "p", first=False)
    assert world.of("three").acquire_lease("asg-1") is None
    other.release(M)
    assert world.of("three").acquire_lease("asg-1", "alarm") == GroupLease(frozenset(), None, 1)


def test_a_claim_without_the_lease_writes_nothing(world: LedgerWorld) -> None:
    world.of("one").claim_message(M)

    assert not world.of("one").record(M, "p")


def test_a_group_has_one_holder_at_a_time_and_other_groups_are_free(world: LedgerWorld) -> None:
    first, second = world.of("one"), world.of("two")
    first.claim_message(M)

    assert first.acquire_lease("asg-1") == GroupLease()
    assert second.acquire_lease("asg-1") is None
    assert second.acquire_lease("asg-2") == GroupLease()
    first.release(M)
    assert second.acquire_lease("asg-1") == GroupLease()


def test_the_next_holder_knows_what_is_in_flight_until_ess_must_show_it(world: LedgerWorld) -> None:
    one = world.of("one")
    one.claim_message(M)
    one.acquire_lease("asg-1")
    one.record(M, "p", in_flight=dict.fromkeys(("i-1", "i-2", "i-3"), FLIGHT))
    one.record(M, "q", in_flight={"i-1": 2 * FLIGHT}, freed=("i-3",), activity_ids=("asa-1",))
    one.release(M, outcome="{}")
    lease = world.of("two").acquire_lease("asg-1")
    world.of("two").release(N)
    world.advance(FLIGHT + 1)
    later = world.of("three").acquire_lease("asg-1")

    assert lease == GroupLease(frozenset({"i-1", "i-2"}), None, 2)
    assert later == GroupLease(frozenset({"i-1"}), None, 2)
    assert world.of("three").read_others(N) == OtherMessages(
        frozenset({"asa-1"}), frozenset({"i-1"})
    )
    assert world.of("three").read_others(M) == OtherMessages()  # its own
    assert world.of("three").read_others(N._replace(group="asg-2")) == OtherMessages()


def test_the_newest_alarm_of_an_observation_stays_the_newest(world: LedgerWorld) -> None:
    for seconds in (5, 9, 7):
        world.of("one").claim_message(M)
        world.of("one").acquire_lease("asg-1")
        world.of("one").release(M, observation="cpu", sent_at=NOON + timedelta(seconds=seconds))

    assert world.of("two").acquire_lease("asg-1", "cpu") == GroupLease(
        newest=NOON + timedelta(seconds=9)
    )
    world.of("two").release(N)
    assert world.of("two").acquire_lease("asg-1", "memory") == GroupLease()


def test_an_outcome_is_deleted_once_the_message_can_no_longer_come(world: LedgerWorld) -> None:
    world.of("one").claim_message(M)
    world.of("one").release(M, outcome="{}")
    world.advance(REMEMBERED - 1)
    assert world.of("two").claim_message(M) == Claim(False, "{}", first=False)
    world.advance(2)

    assert world.of("two").claim_message(M) == Claim(True)


def test_the_memory_ledger_does_not_grow_without_end() -> None:
    store, clock = MemoryStore(), DrivenClock()
    for number in range(4 * MAX_MESSAGES):
        ledger = MemoryLedger(LeaseOptions("one", LEASE, REMEMBERED, clock), store)
        ledger.claim_message(MessageRef("asg-1", f"m-{number}"))
        ledger.release(MessageRef("asg-1", f"m-{number}"), outcome="{}")

    assert len(store) <= 4 * MAX_MESSAGES
    assert ledger.claim_message(MessageRef("asg-1", f"m-{number}")).outcome == "{}"


def test_a_message_costs_the_same_however_many_are_stored() -> None:
    """Expiry looks at what has ended, and not at everything that is stored."""

    def cost(messages: int) -> float:
        store, clock = MemoryStore(), DrivenClock()
        began = time.process_time()
        for number in range(messages):
            ledger = MemoryLedger(LeaseOptions("one", LEASE, REMEMBERED, clock), store)
            ledger.claim_message(MessageRef("asg-1", f"m-{number}"))
            ledger.release(MessageRef("asg-1", f"m-{number}"), outcome="{}")
        return time.process_time() - began

    assert min(cost(8_000) for _ in range(3)) < 24 * min(
        cost(1_000) for _ in range(3)
    )  # 8, and not 64


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_an_unavailable_or_slow_ledger_raises_within_the_deadline(how: str) -> None:
    with redis_server() as server:
        options = LeaseOptions("one", LEASE, REMEMBERED, DrivenClock())
        RedisLedger(server.url, options).claim_message(M)
        getattr(server, how)()

        steps: list[Callable[[Ledger], object]] = [
            lambda ledger: ledger.claim_message(N),
            lambda ledger: ledger.acquire_lease("g"),
            lambda ledger: ledger.release(M),
        ]
        for step in steps:
            deadline = Deadline.after(0.8, SystemClock())
            with pytest.raises(LedgerUnavailable) as caught:
                step(RedisLedger(server.url, options, None, deadline))
            assert caught.value.__suppress_context__
            assert deadline.clock.monotonic() < deadline.at + 0.1


def test_an_invocation_waits_once_for_an_unavailable_ledger() -> None:
    with redis_server() as server:
        ledger = RedisLedger(server.url, LeaseOptions("one", LEASE, REMEMBERED, DrivenClock()))
        server.kill()
        with pytest.raises(LedgerUnavailable):
            ledger.claim_message(M)

        with pytest.raises(LedgerUnavailable, match="a moment ago"):
            ledger.release(M)


class FailingLedger:
    """A ledger that answers so many times."""

    name, is_shared = "redis", True

    def __init__(self, ledger: Ledger, answers: int) -> None:
        self._ledger, self._answers = ledger, answers

    def __getattribute__(self, name: str) -> Any:
        if name in ("name", "is_shared", "_ledger", "_answers") or name.startswith("__"):
            return object.__getattribute__(self, name)
        if self._answers <= 0:
            raise LedgerUnavailable
        self._answers -= 1
        return getattr(self._ledger, name)


@pytest.mark.parametrize("answers", range(5))
@pytest.mark.parametrize("fail_closed", [True, False])
def test_without_a_ledger_the_policy_says_whether_to_go_on(answers: int, fail_closed: bool) -> None:
    options = LeaseOptions("one", LEASE, REMEMBERED, DrivenClock())
    ledger = FallbackLedger(
        FailingLedger(MemoryLedger(options, MemoryStore()), answers),
        MemoryLedger(options, MemoryStore()),
        fail_closed,
    )
    steps: list[Callable[[], bool]] = [
        lambda: ledger.claim_message(M).granted,
        lambda: ledger.acquire_lease("asg-1") is not None,
        lambda: ledger.record(M, "p", in_flight={"i-1": FLIGHT}),
    ]
    done = 0
    try:
        for step in steps:
            assert step()
            done += 1
    except LedgerUnavailable:
        assert fail_closed
    with pytest.raises(LedgerUnavailable) if fail_closed and answers < 4 else nullcontext():
        ledger.release(M, outcome="{}")  # an outcome that is not saved would be followed by another

    assert done == (min(3, answers) if fail_closed else 3)
    assert ledger.name == ("redis" if answers >= 4 or fail_closed else "unavailable")


def test_a_release_that_fails_never_makes_a_fail_closed_ledger_use_its_fallback() -> None:
    """Claim and lease expire, so nothing is lost; but the next message must not act without."""
    options = LeaseOptions("one", LEASE, REMEMBERED, DrivenClock())
    failing = FailingLedger(MemoryLedger(options, MemoryStore()), answers=1)
    ledger = FallbackLedger(failing, MemoryLedger(options, MemoryStore()), fail_closed=True)
    ledger.claim_message(M)
    ledger.release(M)

    with pytest.raises(LedgerUnavailable):
        ledger.claim_message(N)
    assert ledger.is_complete


class SamePromises(RuleBasedStateMachine):
    """Whatever several invocations do, memory and Redis return the same."""

    server: RedisServer

    def __init__(self) -> None:
        super().__init__()
        self.server.client.flushall()
        clock = DrivenClock()
        self.memory = LedgerWorld("memory", clock, MemoryStore(), None)
        self.redis = LedgerWorld("redis", clock, MemoryStore(), self.server)
        # An owner is one invocation, with one ledger: Redis counts its writes by their number.
        self.ledgers: dict[str, tuple[Ledger, Ledger]] = {}

    holders = st.sampled_from(["one", "two", "three"])
    messages = st.builds(
        MessageRef, st.sampled_from(["asg-1", "asg-2"]), st.sampled_from(["m", "n"])
    )
    groups = st.sampled_from(["asg-1", "asg-2"])
    some_ids = st.lists(st.sampled_from(["i-1", "i-2", "i-3"]), unique=True).map(tuple)
    observations = st.sampled_from(["", "cpu"])

    def both(self, owner: str, name: str, *arguments: Any, **options: Any) -> None:
        if owner not in self.ledgers:
            self.ledgers[owner] = self.memory.of(owner), self.redis.of(owner)
        results = [getattr(ledger, name)(*arguments, **options) for ledger in self.ledgers[owner]]
        assert results[0] == results[1]

    @rule(owner=holders, message=messages)
    def claim(self, owner: str, message: MessageRef) -> None:
        self.both(owner, "claim_message", message)

    @rule(owner=holders, group=groups, observation=observations)
    def lease(self, owner: str, group: str, observation: str) -> None:
        self.both(owner, "acquire_lease", group, observation)

    @rule(
        owner=holders,
        message=messages,
        progress=st.sampled_from(["p", "q"]),
        in_flight=some_ids.map(lambda ids: dict.fromkeys(ids, FLIGHT)),
        freed=some_ids,
        activity_ids=st.lists(st.sampled_from(["asa-1", "asa-2"]), unique=True).map(tuple),
    )
    def record(self, owner: str, message: MessageRef, progress: str, **record: Any) -> None:
        self.both(owner, "record", message, progress, **record)

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
    def release(self, owner: str, message: MessageRef, **end: Any) -> None:
        self.both(owner, "release", message, **end)

    @rule(seconds=st.sampled_from([1.0, LEASE + 1, FLIGHT + 1]))
    def advance(self, seconds: float) -> None:
        self.memory.clock.elapsed += seconds
        self.server.advance(seconds)


def test_memory_and_redis_keep_the_same_promises(server: RedisServer) -> None:
    SamePromises.server = server
    machine = SamePromises.TestCase
    machine.settings = settings(max_examples=max(10, max_examples() // 5), deadline=None)
    machine().runTest()
