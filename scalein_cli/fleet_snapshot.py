"""A snapshot of a group of a fleet file, as the local cloud answers for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from localcloud.clock import DrivenClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import FleetError, read_fleet
from scalein.decision.model import Metric, ReadScope, Sample, Snapshot
from scalein_cli.errors import CommandError
from scalein_cli.local_gateway import LocalGateway
from scalein_cli.simulated_group import NEVER_STALE

HISTORY_SECONDS = 2_592_000  # 30 days, as long as ESS keeps activities


def read_fleet_snapshot(
    path: Path, scaling_group_id: str, metric: Metric, start: datetime
) -> Snapshot:
    """The group as a local Auto Scaling with this fleet file shows it at that time.

    Raises CommandError.
    """
    try:
        service = read_fleet(path, DrivenClock(start), Assumptions())
    except FleetError as error:
        raise CommandError(str(error)) from error
    if scaling_group_id not in service.groups:
        raise CommandError(
            f"{path} does not have scaling group {scaling_group_id}. It has "
            f"{', '.join(service.groups)}."
        )
    scope = ReadScope(HISTORY_SECONDS, metric)
    snapshot = LocalGateway(service).snapshot(scaling_group_id, scope)
    max_age = timedelta(seconds=metric.period_seconds * metric.stale_after_periods)
    return snapshot._replace(
        # The simulation does not keep the group's counters.
        group=snapshot.group._replace(stable_capacity=None),
        activities=tuple(one for one in snapshot.activities or () if one.ended_at is not None),
        samples={
            id: Sample(sample.value, NEVER_STALE)
            for id, sample in (snapshot.samples or {}).items()
            if start - sample.taken_at <= max_age
        },
    )
