"""The pauses of failing actions, in memory and in a real redis-server: the same promises hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from scalein.cloud.breaker import Pauses
from scalein.ledger.memory import MemoryStore
from scalein.ledger.pauses import FORGET_SECONDS, MemoryPauses
from scalein.ledger.protocol import LeaseOptions
from scalein.ledger.redis import RedisLedger
from scalein.ledger.redis_pauses import RedisPauses, SharedPauses
from tests.support.clock import DrivenClock
from tests.support.redis_server import RedisServer, redis_server

READ, REMOVE = "DescribeScalingGroups", "RemoveInstances"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


@dataclass
class PausesWorld:
    open: Callable[[], Pauses]  # as another process does
    advance: Callable[[float], None]
    set_back: Callable[[float], None]


def shared(server: RedisServer, region: str = "cn-hangzhou") -> RedisPauses:
    options = LeaseOptions("fc-1", 60, 86_400, DrivenClock())
    return RedisPauses(RedisLedger(server.url, options).run_aside, region)


@pytest.fixture(params=["memory", "redis"])
def world(request: pytest.FixtureRequest) -> PausesWorld:
    clock, store = DrivenClock(), MemoryStore()
    if request.param == "memory":
        return PausesWorld(lambda: MemoryPauses(store, clock), clock.advance, clock.set_back)
    running: RedisServer = request.getfixturevalue("server")
    running.client.flushall()

    def advance(seconds: float) -> None:
        running.advance(seconds)

    def set_back(seconds: float) -> None:
        running.advance(-seconds)

    return PausesWorld(lambda: shared(running), advance, set_back)


def remaining(pauses: Pauses, action: str = READ) -> float:
    return pauses.read()[action][0]


def test_every_process_reads_a_pause_until_it_is_deleted(world: PausesWorld) -> None:
    assert world.open().read() == {}
    world.open().save(READ, 5.0)
    world.open().save(REMOVE, 10.0)
    world.advance(2)

    assert remaining(world.open()) == pytest.approx(3, abs=0.3)
    assert world.open().read()[READ][1] == 5.0
    world.open().delete(READ)
    assert world.open().read().keys() == {REMOVE}


def test_a_pause_that_is_saved_again_has_its_new_length_alone(world: PausesWorld) -> None:
    world.open().save(READ, 5.0)
    world.open().save(READ, 20.0)

    assert remaining(world.open()) == pytest.approx(20, abs=0.3)
    assert world.open().read()[READ][1] == 20.0


def test_one_process_may_probe_once_the_pause_is_over(world: PausesWorld) -> None:
    world.open().save(READ, 5.0)
    assert not world.open().claim_probe(READ, 15.0)
    world.advance(5.1)
    assert remaining(world.open()) < 0
    assert world.open().claim_probe(READ, 15.0)
    assert not world.open().claim_probe(READ, 15.0)
    assert world.open().read()[READ][1] == 5.0
    world.advance(15.1)

    assert world.open().claim_probe(READ, 15.0)


def test_an_action_without_a_pause_needs_no_probe(world: PausesWorld) -> None:
    assert world.open().claim_probe(READ, 15.0)
    assert world.open().read() == {}


def test_a_pause_that_ended_long_ago_is_forgotten(world: PausesWorld) -> None:
    world.open().save(READ, 5.0)
    world.advance(5 + FORGET_SECONDS + 1)

    assert world.open().read() == {}


@pytest.mark.parametrize("back_seconds", [10.0, 30.0, 590.0, 3_600.0])
def test_a_clock_that_was_set_back_makes_no_pause_longer(
    world: PausesWorld, back_seconds: float
) -> None:
    """The pause is forgotten: how much of it is over can no longer be known."""
    world.open().save(READ, 5.0)
    world.set_back(back_seconds)

    assert world.open().read() == {}
    assert world.open().claim_probe(READ, 3.0)
    assert not world.open().claim_probe(READ, 3.0)
    world.set_back(back_seconds)
    assert world.open().read() == {}
    assert world.open().claim_probe(READ, 3.0)


def test_the_pauses_of_a_region_are_its_own(server: RedisServer) -> None:
    server.client.flushall()
    shared(server, "cn-hangzhou").save(READ, 5.0)

    assert shared(server, "cn-shanghai").read() == {}


def test_while_redis_does_not_answer_the_pauses_of_the_process_count(server: RedisServer) -> None:
    server.client.flushall()
    clock = DrivenClock()
    own = MemoryPauses(MemoryStore(), clock)
    SharedPauses(shared(server), own).save(READ, 5.0)
    options = LeaseOptions("fc-1", 60, 86_400, clock)
    nowhere = RedisPauses(RedisLedger("unix:///nowhere", options).run_aside, "cn-hangzhou")
    pauses = SharedPauses(nowhere, own)

    assert remaining(pauses) == 5.0
    assert not pauses.claim_probe(READ, 15.0)
