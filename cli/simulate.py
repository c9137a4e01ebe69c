"""`scalein simulate`: a day of alarms over a fleet, under a policy, before that policy runs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from cli import show
from cli.run import RunError
from cli.simulation import FOREVER, Story, day_of, simulate, synthetic
from cli.simulation import SimulationError as Wrong
from scalein.errors import ConfigurationError
from scalein.guardrails import Guardrails
from scalein.model import Activity, Instance, Metric, Sample, ScalingGroup, Snapshot
from scalein.policy import Policy, read_policy
from scalein.reasons import Reason
from scalein.settings import PolicySource


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


def run(alarms: Path, policy_file: Path, fleet: Fleet, activity_seconds: float, console: Console, form: Form) -> None:
    """Raises RunError."""
    try:
        policy, day = read_policy(PolicySource("", str(policy_file.resolve()))), day_of(alarms)
        start = day[0].time - timedelta(minutes=1)
        snapshot = _snapshot(fleet, policy, start)
        with console.status(f"Simulating {len(day):,} happenings ..."):
            story = simulate(snapshot, policy, day, timedelta(seconds=activity_seconds))
    except (Wrong, ConfigurationError) as error:
        raise RunError(str(error)) from error
    guardrails = policy.groups[snapshot.group.id]
    if form.picture is not None:
        _draw(story, snapshot, guardrails, f"{snapshot.group.id} under {show.path(policy_file)}", form.picture)
    if form.as_json:
        console.print_json(json.dumps(_as_json(story, snapshot, guardrails)))
        return
    console.print(
        f"{alarms.name} over {snapshot.group.id}, policy {show.path(policy_file)}: {day[0].time:%Y-%m-%d %H:%M} to "
        f"{day[-1].time:%Y-%m-%d %H:%M} UTC",
        highlight=False,
        soft_wrap=True,
    )
    _summary(story, snapshot, guardrails, console)
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
    from localcloud.ess.model import Knobs
    from localcloud.fleet import FleetError, read_fleet

    try:
        service = read_fleet(path, DrivenClock(start), Knobs())
    except FleetError as error:
        raise Wrong(str(error)) from error
    if scaling_group_id not in service.groups:
        raise Wrong(f"{path} does not have {scaling_group_id}; it has {', '.join(service.groups)}")
    group = service.groups[scaling_group_id]
    members = group.instances.values()
    return Snapshot(
        ScalingGroup(
            id=group.scaling_group_id,
            lifecycle_state=group.lifecycle_state,
            min_size=group.min_size,
            total_capacity=group.total_capacity,
            weighted=group.weighted,
            removal_policies=tuple(group.removal_policies),
            multi_az_policy=group.multi_az_policy,
            suspended_processes=tuple(group.suspended_processes),
            desired_capacity=group.desired_capacity,
        ),
        tuple(
            Instance(
                id=one.instance_id,
                lifecycle_state=one.lifecycle_state,
                zone_id=one.zone_id,
                scaling_configuration=one.scaling_configuration_id or one.launch_template_id,
                joined_at=one.created_at,
                weight=one.weighted_capacity if group.weighted else None,
                healthy=one.health_status == "Healthy",
                warming_up=one.warmup_state == "WaitingForInstanceWarmup",
                spot=bool(one.spot_strategy),
                attached=one.creation_type != "AutoCreated",
            )
            for one in members
        ),
        start,
        tuple(
            Activity(a.scaling_activity_id, a.status_code, a.started_at, a.ends_at, len(a.created), len(a.destroyed))
            for a in reversed(service.activities.values())
            if a.scaling_group_id == scaling_group_id and a.status_code != "InProgress"
        ),
        {
            one.instance_id: Sample(one.metrics[metric.name], FOREVER)
            for one in members
            if metric.name in one.metrics
            and one.metrics_age_seconds <= metric.period_seconds * metric.stale_after_periods
        },
    )


def _draw(story: Story, snapshot: Snapshot, guardrails: Guardrails, title: str, path: Path) -> None:
    from cli.picture import draw  # a second of imports

    try:
        draw(story, snapshot.group.min_size, guardrails.floor, title, path)
    except (OSError, ValueError) as error:
        raise RunError(f"the picture cannot be written to {path}: {error}") from error


def _as_json(story: Story, snapshot: Snapshot, guardrails: Guardrails) -> dict[str, object]:
    capacity = [point.capacity for point in story.capacity]
    return {
        "scalingGroupId": snapshot.group.id,
        "alarms": story.alarms,
        "removals": len(story.removals),
        "removed": story.removed,
        "heldBack": dict(story.held_by),
        "capacity": {"before": capacity[0], "lowest": min(capacity), "after": capacity[-1]},
        "minSize": snapshot.group.min_size,
        "floor": guardrails.floor,
    }


def _summary(story: Story, snapshot: Snapshot, guardrails: Guardrails, console: Console) -> None:
    capacity = [point.capacity for point in story.capacity]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    table.add_row("Alarms", f"{story.alarms:,}")
    table.add_row("Removals", f"{len(story.removals):,}")
    table.add_row("Instances removed", f"{story.removed:,}")
    table.add_row("Capacity at first, at the lowest, at last", f"{capacity[0]:,}, {min(capacity):,}, {capacity[-1]:,}")
    table.add_row("MinSize, floor", f"{snapshot.group.min_size:,}, {guardrails.floor:,}")
    console.print(table)
    if not story.held:
        return
    held = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    held.add_column("Alarms", justify="right")
    held.add_column("held back, or met in part, by")
    known = {reason.value: show.WORDS[reason] for reason in Reason}
    for why, number in story.held_by:
        held.add_row(f"{number:,}", f"{why}: {known[why]}" if why in known else why)
    console.print(held)
