"""A snapshot of a group of a fleet file, as the local cloud answers for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalein.cloud.replies import PAGE_SIZE, activities_of, group_of, page_of, snapshot_of
from scalein.decision.model import Metric, Sample, Snapshot
from scalein_cli.errors import CommandError
from scalein_cli.simulated_group import NEVER_STALE

if TYPE_CHECKING:
    from localcloud.ess.service import Service


def read_fleet_snapshot(
    path: Path, scaling_group_id: str, metric: Metric, start: datetime
) -> Snapshot:
    """The group as a local Auto Scaling with this fleet file shows it at that time.

    Raises CommandError.
    """
    from localcloud.clock import DrivenClock
    from localcloud.ess.model import Assumptions
    from localcloud.fleet import FleetError, read_fleet

    try:
        service = read_fleet(path, DrivenClock(start), Assumptions())
    except FleetError as error:
        raise CommandError(str(error)) from error
    if scaling_group_id not in service.groups:
        raise CommandError(
            f"{path} does not have scaling group {scaling_group_id}. It has "
            f"{', '.join(service.groups)}."
        )
    parameters = {"RegionId": service.region_id, "ScalingGroupId": scaling_group_id}
    by_id = {**parameters, "ScalingGroupId.1": scaling_group_id}
    groups = _call(service, "DescribeScalingGroups", by_id)
    in_pages = {**parameters, "PageSize": str(PAGE_SIZE)}
    pages = [
        page_of(reply, scaling_group_id, set())
        for reply in _pages(service, "DescribeScalingInstances", in_pages)
    ]
    snapshot = snapshot_of(group_of(groups, scaling_group_id) or {}, pages, start)
    history = [
        activity
        for page in _pages(service, "DescribeScalingActivities", parameters)
        for activity in activities_of(page)
        if activity.ended_at is not None
    ]
    return snapshot._replace(
        # The simulation does not keep the group's counters.
        group=snapshot.group._replace(stable_capacity=None),
        activities=tuple(history),
        samples=_samples(service, scaling_group_id, metric),
    )


def _samples(service: Service, scaling_group_id: str, metric: Metric) -> dict[str, Sample]:
    """The fresh metric values by instance id."""
    from localcloud.monitor.series import value_at

    max_age_seconds = metric.period_seconds * metric.stale_after_periods
    return {
        member.instance_id: Sample(value, NEVER_STALE)
        for member in service.groups[scaling_group_id].instances.values()
        if (value := value_at(member, metric.name, 0)) is not None
        and member.metrics_age_seconds <= max_age_seconds
    }


def _pages(
    service: Service, action: str, parameters: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """All pages, as many as TotalCount says."""
    seen, number, total = 0, 1, 1
    while seen < total:
        page = _call(service, action, {**parameters, "PageNumber": str(number)})
        seen, number, total = seen + page["PageSize"], number + 1, page["TotalCount"]
        yield page


def _call(service: Service, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """The answer of the local cloud to an ESS call."""
    from localcloud.ess.catalogue import perform

    return perform(service, {**parameters, "Action": action, "Version": "2014-08-28"})
