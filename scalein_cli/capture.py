"""`scalein capture`: writes a real scaling group as a fleet file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from scalein.clock import Deadline, SystemClock
from scalein.decision.model import Activity, Instance, Metric, ReadScope, Snapshot
from scalein.errors import ConfigurationError, GatewayError
from scalein.settings import read_settings
from scalein_cli.cloud_access import (
    find_credentials,
    profile_option,
    reading_gateway,
    region_option,
)
from scalein_cli.errors import CommandError
from scalein_cli.lines import say
from scalein_cli.local import context
from scalein_cli.options import console_for_output, new_file

READ_SECONDS = 60
HISTORY_SECONDS = 86_400


@click.command("capture")
@click.argument("file", type=new_file)
@click.option("--group", required=True, metavar="ID", help="Scaling group.")
@profile_option
@region_option
@click.option("--metric", is_flag=True, help="Read CPUUtilization of each instance too.")
def capture_command(file: Path, group: str, metric: bool) -> None:
    """Write a real scaling group to FILE, as a fleet.

    `scalein simulate`, `scalein test` and the local cloud take it. Reads the group, its instances
    and its activities of the last day. Changes nothing. Uses the credentials that `aliyun` uses.

        scalein capture fleet.json --group asg-bp1example --metric
    """
    find_credentials()
    read_scope = ReadScope(HISTORY_SECONDS, Metric() if metric else None)
    try:
        settings = read_settings(os.environ, context({"regionId": ""}, READ_SECONDS))
        gateway = reading_gateway(settings, Deadline.after(READ_SECONDS, SystemClock()))
        snapshot = gateway.snapshot(group, read_scope)
    except (ConfigurationError, GatewayError) as error:
        raise CommandError(f"Scaling group {group} was not read: {error}") from None
    fleet = json.dumps(fleet_of(snapshot, settings.region_id), indent=1)
    try:
        file.write_text(fleet + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} was not written: {error.strerror}.") from None
    say(console_for_output(), f"{group}: {len(snapshot.instances)} instances to {file}")


def fleet_of(snapshot: Snapshot, region_id: str) -> dict[str, Any]:
    """The snapshot as localcloud/fleet.schema.json describes a fleet."""
    group, now = snapshot.group, snapshot.taken_at
    least = max(group.min_size, group.total_capacity, group.desired_capacity or 0)
    fields = {
        "scalingGroupId": group.id,
        "minSize": group.min_size,
        "maxSize": least if group.max_size is None else group.max_size,
        "desiredCapacity": group.desired_capacity,
        "lifecycleState": group.lifecycle_state,
        "weighted": group.weighted,
        "multiAZPolicy": group.multi_az_policy,
        "removalPolicies": list(group.removal_policies),
        "suspendedProcesses": list(group.suspended_processes),
        "instances": [_instance_json(instance, snapshot) for instance in snapshot.instances],
    }
    activities = [
        _activity_json(activity, group.id, now)
        for activity in snapshot.activities or ()
        if activity.ended_at
    ]
    return {"regionId": region_id, "groups": [_without_none(fields)], "activities": activities}


def _instance_json(instance: Instance, snapshot: Snapshot) -> dict[str, Any]:
    sample = (snapshot.samples or {}).get(instance.id)
    fields: dict[str, Any] = {
        "instanceId": instance.id,
        "createdTime": f"{instance.joined_at or snapshot.taken_at:%Y-%m-%dT%H:%M:%SZ}",
        "lifecycleState": instance.lifecycle_state,
        "healthStatus": "Healthy" if instance.healthy else "Unhealthy",
        "zoneId": instance.zone_id,
        "scalingConfigurationId": instance.scaling_configuration or None,
        "creationType": "Attached" if instance.attached else None,
        "weightedCapacity": instance.weight,
        "warmupState": "WaitingForInstanceWarmup" if instance.warming_up else None,
        "spotStrategy": "SpotAsPriceGo" if instance.spot else None,
    }
    if sample:
        fields["metrics"] = {Metric().name: sample.value}
        fields["metricsAgeSeconds"] = (snapshot.taken_at - sample.taken_at).total_seconds()
    return _without_none(fields)


def _activity_json(activity: Activity, scaling_group_id: str, now: datetime) -> dict[str, Any]:
    ended_at = activity.ended_at or now
    return {
        "scalingGroupId": scaling_group_id,
        "seconds": max(0.0, (ended_at - activity.started_at).total_seconds()),
        "endedSecondsAgo": max(0.0, (now - ended_at).total_seconds()),
        "statusCode": activity.status,
        "created": activity.added,
        "destroyed": activity.removed,
    }


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
