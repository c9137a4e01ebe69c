"""A pytest fixture for other projects: `localcloud`, an Auto Scaling of the test's own, its clock in the test's hand.

    def test_mine(localcloud):
        client = AcsClient(localcloud.access_key_id, localcloud.access_key_secret, localcloud.region_id)
        request.set_endpoint(localcloud.endpoint)
        localcloud.advance(60)

`@pytest.mark.localcloud(fleet={...} or "fleet.json", activity_seconds=60, ...)` says what it starts from; the rest are
knobs (localcloud.ess.model.Knobs).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from localcloud.clock import DrivenClock
from localcloud.cloud import LocalCloud
from localcloud.ess.model import Knobs
from localcloud.ess.service import Service
from localcloud.faults import Faults
from localcloud.fleet import service_of
from localcloud.functions.instances import Identity
from localcloud.functions.platform import Platform
from localcloud.server import running
from localcloud.wire import Gate


@dataclass
class Handle:
    """Where the cloud is, how to speak to it, and what a test may do with it."""

    endpoint: str
    access_key_id: str
    access_key_secret: str
    region_id: str
    service: Service  # its state, to look at
    faults: Faults  # add("throttled", "RemoveInstances", times=2)

    def advance(self, seconds: float) -> None:
        """Lets time pass: activities end, hooks time out."""
        clock = self.service.clock
        assert isinstance(clock, DrivenClock)  # noqa: S101 (the fixture's own)
        clock.advance(seconds)
        self.service.advance()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "localcloud(fleet, **knobs): what the fixture localcloud starts from")


@pytest.fixture
def localcloud(request: pytest.FixtureRequest) -> Iterator[Handle]:
    """An Auto Scaling of this test's own."""
    marker = request.node.get_closest_marker("localcloud")
    asked: dict[str, Any] = {"acts": True, **(marker.kwargs if marker else {})}
    fleet = asked.pop("fleet", {"groups": []})
    if isinstance(fleet, str | Path):
        fleet = json.loads((request.path.parent / fleet).read_text(encoding="utf-8"))
    clock = DrivenClock(datetime.now(timezone.utc))
    service = service_of(fleet, clock, Knobs(**asked))
    gate = Gate("localcloud", token_hex(16))
    identity = Identity(service.region_id, gate.access_key_id, gate.access_key_secret, "")
    platform = Platform(clock, identity, lambda arn, body: service.sent.append({"to": arn, "content": body}))
    cloud = LocalCloud(service, gate, platform=platform)
    try:
        with running(cloud) as endpoint:
            yield Handle(endpoint, gate.access_key_id, gate.access_key_secret, service.region_id, service, cloud.faults)
    finally:
        platform.close()
