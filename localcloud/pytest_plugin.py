"""A pytest fixture for other projects: `localcloud`, an Auto Scaling that one test drives.

    def test_mine(localcloud):
        client = AcsClient(
            localcloud.access_key_id, localcloud.access_key_secret, localcloud.region_id
        )
        request.set_endpoint(localcloud.endpoint)
        localcloud.advance(60)

`@pytest.mark.localcloud(fleet={...} or "fleet.json", activity_seconds=60, ...)` says what it starts
from; all but the fleet are fields of localcloud.ess.model.Assumptions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.cloud import LocalCloud
from localcloud.ess.model import Assumptions
from localcloud.ess.service import Service
from localcloud.faults import Faults
from localcloud.fleet import add_keys, add_rate_limits, service_of, services_elsewhere
from localcloud.functions.instances import Account
from localcloud.functions.platform import Platform
from localcloud.queues.service import QueueService
from localcloud.server import running


@dataclass
class Handle:
    """Where the cloud is, the key it accepts, and what a test may do with it."""

    endpoint: str
    access_key_id: str
    access_key_secret: str
    region_id: str
    service: Service  # its state, to look at; of the first region
    faults: Faults  # add("throttled", "RemoveInstances", times=2)
    queues: QueueService  # of MNS, to look at
    cloud: LocalCloud  # with all regions and accounts

    def advance(self, seconds: float) -> None:
        """Puts the clock forward: activities end, hooks time out."""
        clock = self.service.clock
        assert isinstance(clock, DrivenClock)  # noqa: S101 (the fixture's own)
        clock.advance(seconds)
        self.cloud.advance()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "localcloud(fleet, **assumptions): what the fixture localcloud starts from"
    )


@pytest.fixture
def localcloud(request: pytest.FixtureRequest) -> Iterator[Handle]:
    """Yields an Auto Scaling of this test's own."""
    marker = request.node.get_closest_marker("localcloud")
    options: dict[str, Any] = {"acts": True, **(marker.kwargs if marker else {})}
    fleet = options.pop("fleet", {"groups": []})
    if isinstance(fleet, str | Path):
        fleet = json.loads((request.path.parent / fleet).read_text(encoding="utf-8"))
    clock = DrivenClock(datetime.now(timezone.utc))
    service = service_of(fleet, clock, Assumptions(**options))
    key = Authenticator("localcloud", token_hex(16))
    account = Account(
        *(service.region_id, key.access_key_id, key.access_key_secret, ""), service.account_id
    )

    platform = Platform(clock, account, service.send_message)
    add_keys(fleet, key)
    elsewhere = services_elsewhere(fleet, service)
    cloud = LocalCloud(service, key, platform=platform, elsewhere=elsewhere)
    add_rate_limits(fleet, cloud.rate_limits)
    try:
        with running(cloud) as endpoint:
            yield Handle(
                endpoint,
                key.access_key_id,
                key.access_key_secret,
                service.region_id,
                service,
                cloud.faults,
                cloud.queues,
                cloud,
            )
    finally:
        platform.close()
