"""`scalein capture`: a real scaling group as a fleet file, for the local cloud and for simulations."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from scalein.clock import Deadline, SystemClock
from scalein.decision.model import Activity, Instance, Metric, ReadScope, Snapshot
from scalein.errors import ConfigurationError, GatewayError
from scalein.settings import read_settings
from scalein_cli.local import context
from scalein_cli.run import RunError

SECONDS = 60
HISTORY_SECONDS = 86_400


def capture(scaling_group_id: str, region_id: str, with_metric: bool, file: Path) -> int:
    """Writes the group, its instances, and its activities of the last day; how many instances. Raises RunError."""
    from scalein.cloud.ess import EssGateway

    read_scope = ReadScope(HISTORY_SECONDS, Metric() if with_metric else None)
    try:
        settings = read_settings(os.environ, context({"regionId": region_id}, SECONDS))
        gateway = EssGateway(settings, Deadline.after(SECONDS, SystemClock()))
        snapshot = gateway.snapshot(scaling_group_id, read_scope)
        file.write_text(
            json.dumps(fleet_of(snapshot, settings.region_id), indent=1) + "\n", encoding="utf-8"
        )
    except (ConfigurationError, GatewayError, OSError) as error:
        raise RunError(str(error)) from None
    return len(snapshot.instances)


def fleet_of(snapshot: Snapshot, region_id: str) -> dict[str, Any]:
    """As localcloud/fleet.schema.json has it. MaxSize is not read: as large as the group is."""
    group, now = snapshot.group, snapshot.taken_at
    told = {
        "scalingGroupId": group.id,
        "minSize": group.min_size,
        "maxSize": max(group.min_size, group.total_capacity, group.desired_capacity or 0),
        "desiredCapacity": group.desired_capacity,
        "lifecycleState": group.lifecycle_state,
        "weighted": group.weighted,
        "multiAZPolicy": group.multi_az_policy,
        "removalPolicies": list(group.removal_policies),
        "suspendedProcesses": list(group.suspended_processes),
        "instances": [_instance(instance, snapshot) for instance in snapshot.instances],
    }
    over = [
        _activity(activity, group.id, now)
        for activity in snapshot.activities or ()
        if activity.ended_at
    ]
    return {"regionId": region_id, "groups": [_present(told)], "activities": over}


def _instance(instance: Instance, snapshot: Snapshot) -> dict[str, Any]:
    sample = (snapshot.samples or {}).get(instance.id)
    told = {
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
        "metrics": {Metric().name: sample.value} if sample else None,
        "metricsAgeSeconds": (snapshot.taken_at - sample.taken_at).total_seconds()
        if sample
        else None,
    }
    return _present(told)


def _activity(activity: Activity, scaling_group_id: str, now: datetime) -> dict[str, Any]:
    ended = activity.ended_at or now
    return {
        "scalingGroupId": scaling_group_id,
        "seconds": max(0.0, (ended - activity.started_at).total_seconds()),
        "endedSecondsAgo": max(0.0, (now - ended).total_seconds()),
        "statusCode": activity.status,
        "created": activity.added,
        "destroyed": activity.removed,
    }


def _present(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}
