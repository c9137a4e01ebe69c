"""`scalein simulate`: a day of alarms over a fleet, under a policy, before that policy runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from scalein.cloud.replies import PAGE_SIZE, activities_of, group_of, snapshot_of
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Metric, Sample, Snapshot
from scalein.decision.reasons import Reason
from scalein.errors import ConfigurationError
from scalein.policy import Policy, read_policy
from scalein_cli import show
from scalein_cli.run import RunError
from scalein_cli.simulation import FOREVER, Story, day_of, simulate, synthetic
from scalein_cli.simulation import SimulationError as Wrong

if TYPE_CHECKING:
    from localcloud.ess.service import Service


class Fleet(NamedTuple):
    """Where the group comes from: a fleet file, or made up."""

    file: Path | None
    scaling_group_id: str
    size: int
    min_size: int
    zones: int


class Form(NamedTuple):
    picture: Path | None
    as_json: bool


def run(
    alarms: Path,
    policy_file: Path,
    fleet: Fleet,
    activity_seconds: float,
    console: Console,
    form: Form,
) -> None:
    """Raises RunError."""
    try:
        policy, day = read_policy("", str(policy_file.resolve())), day_of(alarms)
        start = day[0].time - timedelta(minutes=1)
        snapshot = _snapshot(fleet, policy, start)
        with console.status(f"Simulating {len(day):,} happenings ..."):
            story = simulate(snapshot, policy, day, timedelta(seconds=activity_seconds))
    except (Wrong, ConfigurationError) as error:
        raise RunError(str(error)) from error
    group_policy = policy.groups[snapshot.group.id]
    if form.picture is not None:
        _draw(
            story,
            snapshot,
            group_policy,
            f"{snapshot.group.id} under {show.path(policy_file)}",
            form.picture,
        )
    told = _as_json(story, snapshot, group_policy)
    if form.as_json:
        console.print_json(json.dumps(told))
        return
    console.print(
        f"{alarms.name} over {snapshot.group.id}, policy {show.path(policy_file)}: {day[0].time:%Y-%m-%d %H:%M} to "
        f"{day[-1].time:%Y-%m-%d %H:%M} UTC",
        highlight=False,
        soft_wrap=True,
    )
    _summary(told, console)
    if form.picture is not None:
        console.print(f"Picture: {show.path(form.picture)}", highlight=False, soft_wrap=True)


def _snapshot(fleet: Fleet, policy: Policy, start: datetime) -> Snapshot:
    group_id = fleet.scaling_group_id or next(iter(policy.groups))
    if group_id not in policy.groups:
        raise Wrong(f"the policy does not have {group_id}; it has {', '.join(policy.groups)}")
    if fleet.file is None:
        return synthetic(group_id, fleet.size, fleet.min_size, fleet.zones, start)
    return _of_file(fleet.file, group_id, policy.groups[group_id].metric, start)


def _of_file(path: Path, scaling_group_id: str, metric: Metric, start: datetime) -> Snapshot:
    """The group as a local Auto Scaling with this fleet file would show it at that time."""
    from localcloud.clock import DrivenClock
    from localcloud.ess.model import Assumptions
    from localcloud.fleet import FleetError, read_fleet
    from localcloud.monitor.series import value_at

    try:
        service = read_fleet(path, DrivenClock(start), Assumptions())
    except FleetError as error:
        raise Wrong(str(error)) from error
    if scaling_group_id not in service.groups:
        raise Wrong(f"{path} does not have {scaling_group_id}; it has {', '.join(service.groups)}")
    asks = {"RegionId": service.region_id, "ScalingGroupId": scaling_group_id}
    groups = _asked(
        service, "DescribeScalingGroups", {**asks, "ScalingGroupId.1": scaling_group_id}
    )
    pages = list(_pages(service, "DescribeScalingInstances", {**asks, "PageSize": str(PAGE_SIZE)}))
    snapshot = snapshot_of(scaling_group_id, group_of(groups, scaling_group_id) or {}, pages, start)
    history = [
        a
        for page in _pages(service, "DescribeScalingActivities", asks)
        for a in activities_of(page)
    ]
    members = service.groups[scaling_group_id].instances.values()
    return snapshot._replace(
        group=snapshot.group._replace(
            stable_capacity=None
        ),  # the counters are not kept as the day goes on
        activities=tuple(activity for activity in history if activity.ended_at is not None),
        samples={
            one.instance_id: Sample(value, FOREVER)
            for one in members
            if (value := value_at(one, metric.name, 0)) is not None
            and one.metrics_age_seconds <= metric.period_seconds * metric.stale_after_periods
        },
    )


def _pages(service: Service, action: str, asks: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """As many as TotalCount says."""
    seen, number, total = 0, 1, 1
    while seen < total:
        page = _asked(service, action, {**asks, "PageNumber": str(number)})
        seen, number, total = seen + page["PageSize"], number + 1, page["TotalCount"]
        yield page


def _asked(service: Service, action: str, asks: Mapping[str, str]) -> dict[str, Any]:
    from localcloud.ess.catalogue import perform

    return perform(service, {**asks, "Action": action, "Version": "2014-08-28"})


def _draw(
    story: Story, snapshot: Snapshot, group_policy: GroupPolicy, title: str, path: Path
) -> None:
    from scalein_cli.picture import draw  # a second of imports

    try:
        draw(story, snapshot.group.min_size, group_policy.floor, title, path)
    except (OSError, ValueError) as error:
        raise RunError(f"the picture cannot be written to {path}: {error}") from error


def _as_json(story: Story, snapshot: Snapshot, group_policy: GroupPolicy) -> dict[str, Any]:
    capacity = [point.capacity for point in story.capacity]
    return {
        "scalingGroupId": snapshot.group.id,
        "alarms": story.alarms,
        "removals": len(story.removals),
        "removed": story.removed,
        "heldBack": dict(story.held_by),
        "capacity": {"before": capacity[0], "lowest": min(capacity), "after": capacity[-1]},
        "minSize": snapshot.group.min_size,
        "floor": group_policy.floor,
    }


def _summary(told: Mapping[str, Any], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    table.add_row("Alarms", f"{told['alarms']:,}")
    table.add_row("Removals", f"{told['removals']:,}")
    table.add_row("Instances removed", f"{told['removed']:,}")
    capacity = ", ".join(f"{number:,}" for number in told["capacity"].values())
    table.add_row("Capacity at first, at the lowest, at last", capacity)
    table.add_row("MinSize, floor", f"{told['minSize']:,}, {told['floor']:,}")
    console.print(table)
    if not told["heldBack"]:
        return
    held = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    held.add_column("Alarms", justify="right")
    held.add_column("held back, or met in part, by")
    known = {reason.value: show.WORDS[reason] for reason in Reason}
    for why, number in told["heldBack"].items():
        held.add_row(f"{number:,}", f"{why}: {known[why]}" if why in known else why)
    console.print(held)
