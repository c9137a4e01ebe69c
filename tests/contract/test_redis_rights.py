"""The rights that docs/redis.md names are enough for every script, in a real redis-server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scalein.clock import SystemClock
from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import LeaseOptions, MessageRef
from scalein.ledger.redis import RedisLedger
from scalein.ledger.redis_pauses import RedisPauses
from tests.support.clock import NOON
from tests.support.redis_server import RedisServer, redis_server

DOCUMENT = Path(__file__).parents[2] / "docs/redis.md"
M, N = MessageRef("asg-1", "m"), MessageRef("asg-1", "n")
READ = "DescribeScalingGroups"


def documented_rights() -> tuple[str, ...]:
    """The keys, and the commands, as the rules of an ACL."""
    text = DOCUMENT.read_text(encoding="utf-8")
    [row] = [line for line in text.splitlines() if line.startswith("| Rights |")]
    keys, *commands = re.findall(r"`([^`]+)`", row.split("|")[2])
    return keys, *(f"+{command}" for command in commands)


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


def ledger_with(server: RedisServer, rights: tuple[str, ...]) -> RedisLedger:
    client: Any = server.client  # whose types lack this
    client.execute_command("ACL", "SETUSER", "function", "on", ">secret", *rights)
    url = server.url.replace("unix://", "unix://function:secret@")
    return RedisLedger(url, LeaseOptions("one", 60, 3_600, SystemClock()))


def test_the_documented_rights_are_enough_for_every_script(server: RedisServer) -> None:
    ledger = ledger_with(server, documented_rights())
    assert ledger.claim_message(M).granted
    assert ledger.acquire_lease("asg-1", "cpu")
    for freed in ((), ("i-1",)):
        in_flight = {"i-1": 300.0, "i-2": 300.0}
        assert ledger.record(M, "p", in_flight=in_flight, freed=freed, activity_ids=("asa-1",))
    assert ledger.read_others(N).activity_ids == {"asa-1"}
    ledger.release(M, outcome="{}", observation="cpu", sent_at=NOON)
    pauses = RedisPauses(ledger.run_aside, "cn-hangzhou")
    pauses.save(READ, 5.0)
    assert not pauses.claim_probe(READ, 15.0)
    server.advance(5.1)
    assert pauses.claim_probe(READ, 15.0)
    assert pauses.read().keys() == {READ}
    pauses.delete(READ)

    assert pauses.read() == {}


def test_the_documented_rights_are_no_more_than_the_scripts_need(server: RedisServer) -> None:
    """`asking` is for a cluster alone: tests/contract/test_redis_cluster.py."""
    commands = set(documented_rights()[1:]) - {"+asking", "+eval"}
    scripts = " ".join(
        path.read_text(encoding="utf-8")
        for path in Path(__file__).parents[2].glob("handler/scalein/ledger/redis*.py")
    )

    assert commands == {f"+{name}" for name in re.findall(r"redis\.call\('(\w+)'", scripts)}


def test_a_pause_that_cannot_be_saved_leaves_the_ledger_available(server: RedisServer) -> None:
    """Such as with the rights of an earlier version: an outage of ESS is none of the ledger."""
    keys = ("~scalein:{asg*", *documented_rights()[1:])
    ledger = ledger_with(server, keys)
    pauses = RedisPauses(ledger.run_aside, "cn-hangzhou")
    with pytest.raises(LedgerUnavailable):
        pauses.save(READ, 5.0)

    assert ledger.claim_message(M).granted


def test_pauses_that_do_not_answer_are_waited_for_once(server: RedisServer) -> None:
    ledger = ledger_with(server, documented_rights())
    pauses = RedisPauses(ledger.run_aside, "cn-hangzhou")
    server.pause()
    with pytest.raises(LedgerUnavailable):
        pauses.read()
    server.resume()

    with pytest.raises(LedgerUnavailable, match="a moment ago"):
        pauses.save(READ, 5.0)
    assert ledger.claim_message(M).granted
