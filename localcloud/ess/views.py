"""Groups, instances and activities as the API shows them: an absent value is omitted, not null."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from localcloud.answers import Shown
from localcloud.ess.balancer_entries import described
from localcloud.ess.causes import status_message
from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.state import EssState


def minute(time: datetime) -> str:
    """Returns a time as ESS writes it, to the minute."""
    return time.strftime("%Y-%m-%dT%H:%MZ")


def present(view: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields that have a value."""
    return {name: value for name, value in view.items() if value is not None and value != ""}


def group_view(state: EssState, group: ScalingGroup) -> dict[str, Any]:
    capacity = group.capacities()
    attributes = {name: value for name, value in group.attributes.items() if value != []}
    return present(
        {
            **attributes,
            **described(group.balancers),
            "ScalingGroupId": group.scaling_group_id,
            "ScalingGroupName": group.name or group.scaling_group_id,
            "RegionId": state.region_id,
            "GroupType": group.group_type,
            "CreationTime": minute(group.created_at),
            "ModificationTime": minute(group.modified_at or group.created_at),
            "LifecycleState": group.lifecycle_state,
            "MinSize": group.min_size,
            "MaxSize": group.max_size,
            "DesiredCapacity": group.desired_capacity,
            "EnableDesiredCapacity": group.desired_capacity is not None,
            "TotalCapacity": capacity.total() - capacity["Stopped"],
            "TotalInstanceCount": len(group.instances),
            "Weighted": group.weighted,
            "ActiveCapacity": capacity["InService"],
            "PendingCapacity": capacity["Pending"],
            "PendingWaitCapacity": capacity["Pending:Wait"],
            "ProtectedCapacity": capacity["Protected"],
            "StandbyCapacity": capacity["Standby"],
            "StoppedCapacity": capacity["Stopped"],
            "RemovingCapacity": capacity["Removing"],
            "RemovingWaitCapacity": capacity["Removing:Wait"],
            "InitCapacity": 0,
            "SpotCapacity": group.spot_count,
            "DefaultCooldown": group.default_cooldown,
            "ScalingPolicy": group.scaling_policy,
            "MultiAZPolicy": group.multi_az_policy,
            "VSwitchId": group.vswitch_ids[0] if group.vswitch_ids else "",
            "VSwitchIds": group.vswitch_ids,
            "HealthCheckType": group.health_check_type,
            "SystemSuspended": False,
            "GroupDeletionProtection": group.group_deletion_protection,
            "ResourceGroupId": group.resource_group_id,
            "ActiveScalingConfigurationId": group.active_scaling_configuration_id,
            "LaunchTemplateId": group.launch_template_id,
            "LaunchTemplateVersion": group.launch_template_version,
            "RemovalPolicies": group.removal_policies,
            "SuspendedProcesses": group.suspended_processes,
            "Tags": [_tag_view(tag) for tag in group.tags],
        }
    )


def _tag_view(tag: dict[str, Any]) -> dict[str, Any]:
    return {"TagKey": tag["Key"], "TagValue": tag["Value"], "Propagate": tag["Propagate"]}


def instance_view(group: ScalingGroup, instance: Instance) -> Shown:
    """Returns an instance as the API shows it, the same object until it changes."""
    key = (group.scaling_group_id, group.weighted)  # all that it shows of its group
    return instance.remembered(key, lambda: Shown(_instance_view(group, instance)))


def _instance_view(group: ScalingGroup, instance: Instance) -> dict[str, Any]:
    return present(
        {
            "InstanceId": instance.instance_id,
            "ScalingInstanceId": scaling_instance_id(group, instance),
            "PrivateIpAddress": private_ip_address(instance),
            "ScalingGroupId": group.scaling_group_id,
            "InstanceType": instance.instance_type,
            "ZoneId": instance.zone_id,
            "HealthStatus": instance.health_status,
            "LifecycleState": instance.lifecycle_state,
            "CreationType": instance.creation_type,
            "Entrusted": instance.entrusted,
            "LoadBalancerWeight": instance.load_balancer_weight,
            "WarmupState": instance.warmup_state,
            "SpotStrategy": instance.spot_strategy,
            "CreationTime": minute(instance.created_at),
            "CreatedTime": instance.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "ScalingConfigurationId": instance.scaling_configuration_id,
            "ScalingActivityId": instance.scaling_activity_id,
            "LaunchTemplateId": instance.launch_template_id,
            "LaunchTemplateVersion": instance.launch_template_version,
            "WeightedCapacity": instance.weighted_capacity if group.weighted else None,
        }
    )


def scaling_instance_id(group: ScalingGroup, instance: Instance) -> str:
    """Returns the id of the membership: one for each instance of each group."""
    text = f"{group.scaling_group_id} {instance.instance_id}"
    return f"asi-bp1{hashlib.sha256(text.encode()).hexdigest()[:17]}"


def private_ip_address(instance: Instance) -> str:
    """Returns its address; where none was given, one of 10.0.0.0/8 that follows from the id."""
    if instance.private_ip_address:
        return instance.private_ip_address
    digest = hashlib.sha256(instance.instance_id.encode()).digest()
    return f"10.{digest[0]}.{digest[1]}.{1 + digest[2] % 254}"


def activity_view(activity: Activity, now: datetime) -> dict[str, Any]:
    done = activity.status_code != "InProgress"
    whole = max(activity.ends_at - activity.started_at, now.resolution)
    spent = (now - activity.started_at) / whole
    return present(
        {
            "ScalingActivityId": activity.scaling_activity_id,
            "ScalingGroupId": activity.scaling_group_id,
            "StatusCode": activity.status_code,
            "StatusMessage": activity.status_message
            or (status_message(activity) if done else None),
            "Description": activity.description,
            "Cause": activity.cause,
            "Progress": 100 if done else min(99, int(100 * spent)),
            "StartTime": minute(activity.started_at),
            "EndTime": minute(activity.ends_at) if done else None,
            "Detail": activity.detail if done else None,
            **_capacities(activity),
            "ScalingInstanceNumber": len(
                activity.instance_ids or activity.joining_ids or activity.turning_ids
            ),
            "TriggerSourceType": activity.trigger_source_type,
            "TriggerSourceId": activity.trigger_source_id,
            "ActivityMetadata": activity.metadata,
            "CreatedCapacity": len(activity.created),
            "StartedCapacity": len(activity.started),
            "DestroyedCapacity": len(activity.destroyed),
            "StoppedCapacity": len(activity.stopped),
            "CreatedInstances": activity.created,
            "StartedInstances": activity.started,
            "DestroyedInstances": activity.destroyed,
            "StoppedInstances": activity.stopped,
            "LifecycleHookContext": _hook_context(activity),
            "ErrorMessages": _failures(activity) if activity.ignored and done else None,
        }
    )


def _capacities(activity: Activity) -> dict[str, str]:
    """Returns the capacities after the end, before it those of the start.

    They are text, as in the SDK's types.
    """
    at_start = {"TotalCapacity": activity.capacity_at_start, **activity.capacities}
    return {name: str(value) for name, value in (at_start | activity.capacities_at_end).items()}


def _hook_context(activity: Activity) -> dict[str, Any] | None:
    names = ("DisableLifecycleHook", "IgnoredLifecycleHookIds")
    return {n: v for n, v in activity.hook_context.items() if n in names} or None


def _failures(activity: Activity) -> list[dict[str, Any]]:
    return [
        {"Code": code, "Message": code, "FailedInstanceIds": [id]}
        for id, code in activity.ignored.items()
    ]
