"""Redis that loses answers, drips, is full, refuses or became a replica: no step acts twice or
hangs.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta, timezone

import pytest

from scalein.clock import Deadline, SystemClock
from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import Claim, GroupLease, LeaseOptions, MessageRef
from scalein.ledger.redis import RedisLedger
from tests.support.clock import NOON
from tests.support.redis_proxy import proxy_before
from tests.support.redis_server import RedisServer, redis_server

M, N = MessageRef("asg-1", "m"), MessageRef("asg-1", "n")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


def ledger(url: str, owner: str = "one", seconds: float = 30) -> RedisLedger:
    clock = SystemClock()
    return RedisLedger(
        url, LeaseOptions(owner, 60, 3_600, clock), None, Deadline.after(seconds, clock)
    )


def test_a_step_whose_answer_was_lost_is_sent_again_and_counts_once(server: RedisServer) -> None:
    with proxy_before(server) as proxy:
        proxy.losing = True
        one = ledger(proxy.url)
        assert one.claim_message(M) == Claim(True)
        assert one.acquire_lease("asg-1", "cpu") == GroupLease()
        assert one.record(M, "p", in_flight={"i-1": 300.0, "i-2": 300.0}, activity_ids=("asa-1",))
        assert one.record(M, "p", in_flight={"i-1": 300.0, "i-2": 300.0}, activity_ids=("asa-1",))
        assert one.record(M, "q", freed=("i-2",))
        one.release(M, outcome="{}", observation="cpu", sent_at=NOON)
        assert len(proxy.lost) == 6

    two = ledger(server.url, "two")
    assert two.claim_message(M) == Claim(False, "{}", "q", first=False)
    assert two.acquire_lease("asg-1", "cpu") == GroupLease(frozenset({"i-1"}), NOON, 3)
    assert two.read_others(N).activity_ids == {"asa-1"}


def test_a_release_that_comes_again_does_not_end_the_next_holder(
    server: RedisServer,
) -> None:
    one, two = ledger(server.url), ledger(server.url, "two")
    one.claim_message(M)
    one.acquire_lease("asg-1")
    one.release(M)
    two.claim_message(M)
    two.acquire_lease("asg-1")
    one.release(M, outcome="{}")

    assert two.record(M, "p")


@pytest.mark.parametrize("step", ["claim", "release"])
def test_an_answer_that_drips_ends_with_the_deadline(server: RedisServer, step: str) -> None:
    """Each byte comes in time, and the answer does not."""
    with proxy_before(server) as proxy:
        one = ledger(proxy.url, seconds=0.4)
        deadline = Deadline.after(0.4 + 0.1, SystemClock())
        if step == "release":
            one.claim_message(M)
        proxy.dripping = True
        with pytest.raises(LedgerUnavailable):
            one.claim_message(N) if step == "claim" else one.release(M, outcome="{}")

    assert deadline.remaining_seconds() > 0


def test_a_full_redis_is_an_unavailable_ledger_and_says_where_to_look(server: RedisServer) -> None:
    server.client.config_set("maxmemory", 1)

    with pytest.raises(LedgerUnavailable, match=r"OutOfMemoryError.*memory"):
        ledger(server.url).claim_message(M)


def test_a_full_redis_still_saves_an_outcome_and_releases_message_and_group(
    server: RedisServer,
) -> None:
    one = ledger(server.url)
    one.claim_message(M)
    one.acquire_lease("asg-1")
    server.client.config_set("maxmemory", 1)
    one.release(M, outcome="{}", observation="cpu", sent_at=NOON)
    server.client.config_set("maxmemory", 0)

    assert ledger(server.url, "two").claim_message(M) == Claim(False, "{}", first=False)
    assert ledger(server.url, "two").acquire_lease("asg-1", "cpu") == GroupLease(newest=NOON)


def test_a_wrong_password_names_the_setting_and_not_the_password(server: RedisServer) -> None:
    server.client.config_set("requirepass", "right")

    with pytest.raises(LedgerUnavailable, match=r"password.*SCALEIN_LEDGER") as caught:
        ledger(server.url.replace("unix://", "unix://:canary@")).claim_message(M)
    assert "canary" not in str(caught.value)


def test_a_server_that_became_a_replica_is_disconnected_and_resolved_anew(
    server: RedisServer,
) -> None:
    ledger(server.url).claim_message(M)
    server.client.replicaof("127.0.0.1", "1")
    connections = server.client.info("stats")["total_connections_received"]
    with pytest.raises(LedgerUnavailable, match="ReadOnlyError"):
        ledger(server.url, "two").claim_message(N)
    server.client.replicaof("NO", "ONE")

    assert ledger(server.url, "three").claim_message(N) == Claim(True)
    assert (
        server.client.info("stats")["total_connections_received"] == connections + 1
    )  # another server may be there


def test_times_of_alarms_compare_whatever_their_zone_and_precision(server: RedisServer) -> None:
    china = timezone(timedelta(hours=8))
    moments = [
        NOON + timedelta(microseconds=1),
        (NOON + timedelta(seconds=1)).astimezone(timezone.utc),
        NOON.astimezone(china),
        NOON + timedelta(microseconds=999_999),
    ]
    for moment in moments:
        one = ledger(server.url)
        one.claim_message(M)
        one.acquire_lease("asg-1")
        one.release(M, observation="cpu", sent_at=moment)

    assert ledger(server.url, "two").acquire_lease("asg-1", "cpu") == GroupLease(
        newest=NOON + timedelta(seconds=1)
    )
