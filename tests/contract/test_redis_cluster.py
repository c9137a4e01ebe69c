"""The ledger in a real Redis Cluster: every slot, slots that move, a server that fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Timer

import pytest

from scalein.clock import Deadline, SystemClock
from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import (
    Claim,
    GroupLease,
    LeaseOptions,
    MessageRef,
    OtherMessages,
)
from scalein.ledger.redis import RedisLedger
from tests.support.clock import NOON
from tests.support.redis_cluster import RedisCluster, redis_cluster, wait_until


@pytest.fixture(scope="module")
def cluster() -> Iterator[RedisCluster]:
    with redis_cluster() as running:
        yield running


def ledger(cluster: RedisCluster, owner: str, seconds: float = 30) -> RedisLedger:
    """Returns the ledger of one invocation, which has this much time."""
    clock = SystemClock()
    return RedisLedger(
        cluster.url, LeaseOptions(owner, 60, 3_600, clock), None, Deadline.after(seconds, clock)
    )


def messages_in(cluster: RedisCluster, server: int, name: str) -> MessageRef:
    """Returns a message of a group whose slot this server has."""
    for number in range(1_000):
        group = f"{name}-{number}"
        if cluster.owner_of(cluster.slot_of(f"{{{group}}}")) is cluster.masters[server]:
            return MessageRef(group, "m")
    raise AssertionError


def process(cluster: RedisCluster, message: MessageRef, owner: str) -> None:
    """Processes a message from claim to release, and checks what the next invocation knows."""
    one, two = ledger(cluster, owner), ledger(cluster, f"{owner} next")
    assert one.claim_message(message) == Claim(True)
    assert one.acquire_lease(message.group, "cpu") == GroupLease()
    assert two.acquire_lease(message.group) is None
    assert one.record(message, "p", in_flight={"i-1": 300.0}, activity_ids=("asa-1",))
    assert one.read_others(message) == OtherMessages()
    one.release(message, outcome='{"status": "removing"}', observation="cpu", sent_at=NOON)

    assert two.claim_message(message) == Claim(False, '{"status": "removing"}', "p", first=False)
    assert two.acquire_lease(message.group, "cpu") == GroupLease(frozenset({"i-1"}), NOON, 1)
    assert two.read_others(message._replace(key="n")).activity_ids == {"asa-1"}
    two.release(message)


@pytest.mark.parametrize(
    "group", ["asg-a", "asg-b", "asg-c", "", "{", "}", "{}", "a}b{c", "ä:%", "x" * 100]
)
def test_all_keys_of_a_group_are_in_one_slot_whatever_it_is_called(
    cluster: RedisCluster, group: str
) -> None:
    process(cluster, MessageRef(group, "m"), "one")
    names = [key for server in cluster.masters for key in server.client.scan_iter("scalein:*")]

    assert len({cluster.slot_of(name) for name in names}) == len(
        {name.partition("}")[0] for name in names}
    )


@pytest.mark.parametrize("server", [0, 1, 2])
def test_every_server_of_a_cluster_serves_its_groups(cluster: RedisCluster, server: int) -> None:
    process(cluster, messages_in(cluster, server, f"served-{server}"), "one")

    assert cluster.masters[server].call("DBSIZE") > 0


def test_after_a_slot_moved_the_ledger_still_knows_everything(cluster: RedisCluster) -> None:
    message = messages_in(cluster, 1, "moved")
    slot, (_, source, target) = cluster.slot_of(f"{{{message.group}}}"), cluster.masters
    process(cluster, message, "one")
    cluster.begin_to_move(slot, source, target)
    cluster.move_keys(slot, source, target)
    cluster.end_move(slot, target)

    assert ledger(cluster, "three").acquire_lease(message.group) == GroupLease(
        frozenset({"i-1"}), None, 1
    )
    assert ledger(cluster, "four").claim_message(message).outcome == '{"status": "removing"}'


@pytest.mark.parametrize("moved", [0, 1, 100])
def test_while_a_slot_moves_a_step_waits_for_it_and_happens_once(
    cluster: RedisCluster, moved: int
) -> None:
    """A script of several keys can run at neither server until all of them have moved."""
    message = messages_in(cluster, 2, f"moving-{moved}")
    slot, (_, target, source) = cluster.slot_of(f"{{{message.group}}}"), cluster.masters
    process(cluster, message, "one")
    cluster.begin_to_move(slot, source, target)
    cluster.move_keys(slot, source, target, moved) if moved else None

    def end() -> None:
        cluster.move_keys(slot, source, target)
        cluster.end_move(slot, target)

    timer = Timer(0.3, end)
    timer.start()
    lease = ledger(cluster, "three").acquire_lease(message.group)
    timer.join()

    assert lease == GroupLease(frozenset({"i-1"}), None, 1)
    assert ledger(cluster, "four").acquire_lease(message.group) is None


def test_a_read_of_one_key_follows_it_to_where_the_slot_moves(cluster: RedisCluster) -> None:
    message = messages_in(cluster, 2, "requested")
    slot, (_, target, source) = cluster.slot_of(f"{{{message.group}}}"), cluster.masters
    process(cluster, message, "one")
    cluster.begin_to_move(slot, source, target)
    cluster.move_keys(slot, source, target)

    assert ledger(cluster, "three").read_others(message._replace(key="n")).activity_ids == {"asa-1"}
    cluster.end_move(slot, target)


def test_a_slot_whose_move_does_not_end_is_an_unavailable_ledger(cluster: RedisCluster) -> None:
    message = messages_in(cluster, 2, "stuck")
    slot, (_, target, source) = cluster.slot_of(f"{{{message.group}}}"), cluster.masters
    cluster.begin_to_move(slot, source, target)
    deadline = SystemClock().now() + timedelta(seconds=0.5)

    with pytest.raises(LedgerUnavailable):
        ledger(cluster, "one", seconds=0.5).claim_message(message)
    assert SystemClock().now() < deadline + timedelta(seconds=0.2)
    cluster.end_move(slot, source)


def test_when_a_server_fails_its_replica_knows_what_it_knew() -> None:
    with redis_cluster() as cluster:
        message = messages_in(cluster, 0, "failed")
        process(cluster, message, "one")
        wait_until(lambda: cluster.replica.client.dbsize() == cluster.masters[0].client.dbsize())
        cluster.masters[0].kill()

        with pytest.raises(LedgerUnavailable):
            ledger(cluster, "two", seconds=0.5).acquire_lease(message.group)
        wait_until(lambda: cluster.replica.client.info("replication")["role"] == "master")
        wait_until(lambda: f":{cluster.replica.port}@" in _masters(cluster))
        assert ledger(cluster, "three").acquire_lease(message.group) == GroupLease(
            frozenset({"i-1"}), None, 1
        )


def _masters(cluster: RedisCluster) -> str:
    """Returns the masters, as the server of the URL lists them."""
    lines = str(cluster.masters[1].call("CLUSTER", "NODES")).splitlines()
    return "\n".join(line for line in lines if "master" in line and "fail" not in line)
