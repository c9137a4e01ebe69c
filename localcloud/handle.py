"""A local cloud in this process, served from a thread, and what a test may do with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from localcloud.assembly import build_cloud
from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.cloud import LocalCloud
from localcloud.ess.model import Assumptions
from localcloud.ess.service import Service
from localcloud.faults import Faults
from localcloud.queues.service import QueueService
from localcloud.server import running

Fleet = Mapping[str, Any] | str | Path
ARGUMENTS = tuple(field.name for field in fields(Assumptions))


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
        assert isinstance(clock, DrivenClock)  # noqa: S101 (this module's own)
        clock.advance(seconds)
        self.cloud.advance()

    def reset(self) -> None:
        """Goes back to the fleet file: groups, functions, faults; keys and the clock remain."""
        assert self.cloud.reset is not None  # noqa: S101 (as above)
        self.cloud.reset()


@contextmanager
def in_thread(
    fleet: Fleet,
    key: Authenticator,
    assumptions: Mapping[str, Any],
    hosts: frozenset[str] = frozenset(),
) -> Iterator[Handle]:
    """Serves a cloud of this fleet, a file or its content. Raises FleetError, OSError, TypeError.

    `assumptions`: fields of localcloud.ess.model.Assumptions. `hosts`: other names of the server.
    """
    for name in assumptions:
        if name not in ARGUMENTS:
            known = ", ".join(("fleet", *ARGUMENTS))
            raise TypeError(f"localcloud has no argument {name!r}; its arguments: {known}")
    document = (
        json.loads(Path(fleet).read_text(encoding="utf-8"))
        if isinstance(fleet, str | Path)
        else fleet
    )
    clock = DrivenClock(datetime.now(timezone.utc))
    cloud = build_cloud(document, clock, Assumptions(**{"acts": True, **assumptions}), key)
    try:
        with running(cloud, hosts=hosts) as endpoint:
            yield Handle(
                endpoint,
                key.access_key_id,
                key.access_key_secret,
                cloud.service.region_id,
                cloud.service,
                cloud.faults,
                cloud.queues,
                cloud,
            )
    finally:
        if cloud.platform:
            cloud.platform.close()
