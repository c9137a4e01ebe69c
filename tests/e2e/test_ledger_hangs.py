"""A Redis that hangs at any step never takes an invocation beyond its timeout less 0.3 s."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest

import index
from scalein.clock import SystemClock
from scalein.errors import LedgerUnavailable
from tests.support.clouds import Cloud, group, instances
from tests.support.deployment import context
from tests.support.redis_proxy import Proxy, proxy_before
from tests.support.redis_server import redis_server
from tests.support.worlds import world_of

TIMEOUT_SECONDS = 4
EVENT = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}, "requestId": "r-1"}).encode()


class LateClock(SystemClock):
    """Real time, and from RemoveInstances on so much later: as if ESS had taken that long."""

    def __init__(self, cloud: Cloud, late_seconds: float) -> None:
        self._cloud, self._late_seconds = cloud, late_seconds

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self._late())

    def monotonic(self) -> float:
        return super().monotonic() + self._late()

    def _late(self) -> float:
        return self._late_seconds if self._cloud.calls("RemoveInstances") else 0.0


def removal(
    before: Callable[[Proxy, int], None], late: float = 0, closed: bool = False
) -> tuple[float, int]:
    """Runs a removal, and `before` at each request to Redis. Returns seconds and requests."""
    ledger_unavailable = "failClosed" if closed else "failOpen"
    policy = {"groups": {"asg-1": {}}, "ledgerUnavailable": ledger_unavailable}
    with (
        redis_server() as server,
        proxy_before(server) as proxy,
        world_of(
            group(*instances(5)), policy=policy, ledger=proxy.url, start=datetime.now(timezone.utc)
        ) as world,
    ):
        proxy.before = lambda number: before(proxy, number)
        clock = LateClock(world.cloud, late)
        began = clock.monotonic()
        with suppress(index.TryLaterError, LedgerUnavailable):
            index.serve(EVENT, context(timeout=str(TIMEOUT_SECONDS)), clock)
        assert world.cloud.calls("RemoveInstances") or not late
        return clock.monotonic() - began, proxy.requests


def nothing(proxy: Proxy, number: int) -> None:
    """All is well."""


def stop_at(step: int) -> Callable[[Proxy, int], None]:
    return lambda proxy, number: proxy.server.pause() if number == step else None


def drip_from(step: int) -> Callable[[Proxy, int], None]:
    def drip(proxy: Proxy, number: int) -> None:
        proxy.dripping = number >= step

    return drip


def test_an_invocation_ends_in_time_at_whatever_step_redis_hangs() -> None:
    _, steps = removal(nothing)
    assert steps >= 6  # greeting, claim, lease, intent, result, close

    for step in range(1, steps + 1):
        seconds, _ = removal(stop_at(step))
        assert seconds < TIMEOUT_SECONDS - 0.3, step


@pytest.mark.parametrize("fault", [stop_at, drip_from])
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("step_from_the_end", [0, 1])
def test_an_invocation_that_has_used_its_time_ends_in_time_where_redis_hangs_at_the_end(
    step_from_the_end: int, closed: bool, fault: Callable[[int], Callable[[Proxy, int], None]]
) -> None:
    """ESS took all but a tenth of a second; only result and outcome are still to be recorded."""
    _, steps = removal(nothing)
    seconds, _ = removal(fault(steps - step_from_the_end), TIMEOUT_SECONDS - 1.2, closed)

    assert TIMEOUT_SECONDS - 1 < seconds < TIMEOUT_SECONDS - 0.3
