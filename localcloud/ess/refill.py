"""ESS's own scale-out: what is missing to MinSize and to desired capacity is created."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from localcloud.ess.model import Activity, Instance, ScalingGroup

if TYPE_CHECKING:
    from localcloud.ess.service import Service

PARTING = ("Removing", "Removing:Wait", "Stopped")


def refill(service: Service, group: ScalingGroup, now: datetime) -> None:
    """Pending until the activity ends. Not while ScaleOut is suspended, nor beside what runs alone."""
    there = sum(group.weight(i) for i in group.instances.values() if i.lifecycle_state not in PARTING)
    missing = max(group.min_size, group.desired_capacity or 0) - there
    alone = group.desired_capacity is None and service.running(group.scaling_group_id)
    if missing <= 0 or alone or group.lifecycle_state != "Active" or "ScaleOut" in group.suspended_processes:
        return
    ends_at = now + timedelta(seconds=service.knobs.activity_seconds)
    created = [f"i-bp1{uuid4().hex[:17]}" for _ in range(missing)]
    for instance_id in created:
        group.instances[instance_id] = Instance(instance_id, now, "Pending", in_service_at=ends_at)
    activity = Activity(
        scaling_activity_id=f"asa-bp1{uuid4().hex[:17]}",
        scaling_group_id=group.scaling_group_id,
        started_at=now,
        ends_at=ends_at,
        description=f'Add "{missing}" ECS instance',
        cause="The group has less than its MinSize or desired capacity.",
        capacity_at_start=there,
        created=created,
        trigger_source_type="Ess",
    )
    service.activities[activity.scaling_activity_id] = activity
