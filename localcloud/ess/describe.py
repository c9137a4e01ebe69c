"""The Describe actions, from parameters to reply."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from localcloud import errors
from localcloud.ess import parameters
from localcloud.ess.model import Activity, Instance, ScalingGroup
from localcloud.ess.service import HISTORY, Service, listed
from localcloud.wire import Params, Reply


def describe_scaling_groups(service: Service, params: Params) -> Reply:
    """Unknown ids are left out without a word."""
    service.advance()
    parameters.required(params, "RegionId")
    ids = parameters.repeated(params, "ScalingGroupId", 20)
    names = parameters.repeated(params, "ScalingGroupName", 20)
    if params.get("ScalingGroupName"):
        names.append(params["ScalingGroupName"])
    groups = [
        group
        for group in service.groups.values()
        if (not ids or group.scaling_group_id in ids) and (not names or group.name in names)
    ]
    here, told = parameters.page(params, groups if params["RegionId"] == service.region_id else [], 50)
    return {**told, "ScalingGroups": {"ScalingGroup": [_group(service, group) for group in here]}}


def describe_scaling_instances(service: Service, params: Params) -> Reply:
    service.advance()
    parameters.required(params, "RegionId")
    if params.get("LifecycleState") and parameters.repeated(params, "LifecycleStates", 20):
        raise errors.InvalidParameter("LifecycleStates.N")
    if params.get("CreationType") and parameters.repeated(params, "CreationTypes", 20):
        raise errors.InvalidParameter("CreationTypes.N")
    group_id = params.get("ScalingGroupId")
    groups = [service.group(group_id)] if group_id else list(service.groups.values())
    matches = _filter(params)
    found = [(group, i) for group in groups for i in listed(list(group.instances.values())) if matches(i)]
    here, told = parameters.page(params, found, 100)
    instances = [_instance(group, instance) for group, instance in here]
    return {**told, "TotalSpotCount": 0, "ScalingInstances": {"ScalingInstance": instances}}


def describe_scaling_activities(service: Service, params: Params) -> Reply:
    """Of one group, or by id; the last 30 days, newest first."""
    now = service.advance()
    parameters.required(params, "RegionId")
    ids, group_id = parameters.repeated(params, "ScalingActivityId", 20), params.get("ScalingGroupId")
    if bool(ids) == bool(group_id):
        raise errors.InvalidParameter("ScalingGroupId") if ids else errors.MissingParameter("ScalingGroupId")
    if group_id:
        service.group(group_id)
    found = [
        activity
        for activity in reversed(service.activities.values())
        if (activity.scaling_activity_id in ids or activity.scaling_group_id == group_id)
        and params.get("StatusCode") in (None, "", activity.status_code)
        and now - activity.started_at <= HISTORY
    ]
    here, told = parameters.page(params, found, 50)
    return {**told, "ScalingActivities": {"ScalingActivity": [_activity(activity, now) for activity in here]}}


def describe_scaling_activity_detail(service: Service, params: Params) -> Reply:
    service.advance()
    if not params.get("ScalingActivityId"):
        raise errors.MandatoryButInvalid("ScalingActivityId")
    activity = service.activities.get(params["ScalingActivityId"])
    if activity is None:
        raise errors.InvalidParameter("ScalingActivityId")
    return {"ScalingActivityId": activity.scaling_activity_id, "Detail": activity.detail}


def _filter(params: Params) -> Callable[[Instance], bool]:
    states = parameters.repeated(params, "LifecycleStates", 20) or [params.get("LifecycleState", "")]
    types = parameters.repeated(params, "CreationTypes", 20) or [params.get("CreationType", "")]
    ids = parameters.repeated(params, "InstanceId", 20)
    return lambda instance: (
        (states == [""] or instance.lifecycle_state in states)
        and (types == [""] or instance.creation_type in types)
        and (not ids or instance.instance_id in ids)
        and params.get("HealthStatus") in (None, "", instance.health_status)
        and params.get("ScalingConfigurationId") in (None, "", instance.scaling_configuration_id)
    )


def _minute(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%MZ")


def _group(service: Service, group: ScalingGroup) -> dict[str, Any]:
    view: dict[str, Any] = {
        "ScalingGroupId": group.scaling_group_id,
        "ScalingGroupName": group.name or group.scaling_group_id,
        "RegionId": service.region_id,
        "GroupType": "ECS",
        "CreationTime": _minute(group.created_at),
        "LifecycleState": group.lifecycle_state,
        "MinSize": group.min_size,
        "MaxSize": group.max_size,
        "EnableDesiredCapacity": group.desired_capacity is not None,
        "TotalCapacity": group.total_capacity,
        "TotalInstanceCount": len(group.instances),
        "Weighted": group.weighted,
        "ActiveCapacity": group.capacity("InService"),
        "PendingCapacity": group.capacity("Pending"),
        "PendingWaitCapacity": group.capacity("Pending:Wait"),
        "ProtectedCapacity": group.capacity("Protected"),
        "StandbyCapacity": group.capacity("Standby"),
        "StoppedCapacity": group.capacity("Stopped"),
        "RemovingCapacity": group.capacity("Removing"),
        "RemovingWaitCapacity": group.capacity("Removing:Wait"),
        "InitCapacity": 0,
        "DefaultCooldown": group.default_cooldown,
        "ScalingPolicy": group.scaling_policy,
        "MultiAZPolicy": group.multi_az_policy,
        "HealthCheckType": "ECS",
        "SystemSuspended": False,
        "GroupDeletionProtection": False,
        "RemovalPolicies": {"RemovalPolicy": group.removal_policies},
        "SuspendedProcesses": {"SuspendedProcess": group.suspended_processes},
    }
    if group.desired_capacity is not None:
        view["DesiredCapacity"] = group.desired_capacity
    return view


def _instance(group: ScalingGroup, instance: Instance) -> dict[str, Any]:
    view: dict[str, Any] = {
        "InstanceId": instance.instance_id,
        "ScalingGroupId": group.scaling_group_id,
        "InstanceType": instance.instance_type,
        "ZoneId": instance.zone_id,
        "HealthStatus": instance.health_status,
        "LifecycleState": instance.lifecycle_state,
        "CreationType": instance.creation_type,
        "Entrusted": instance.entrusted,
        "LoadBalancerWeight": 50,
        "WarmupState": instance.warmup_state,
        "SpotStrategy": instance.spot_strategy,
        "CreationTime": _minute(instance.created_at),
        "CreatedTime": instance.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ScalingConfigurationId": instance.scaling_configuration_id,
        "LaunchTemplateId": instance.launch_template_id,
        "LaunchTemplateVersion": instance.launch_template_version,
    }
    if group.weighted:
        view["WeightedCapacity"] = instance.weighted_capacity
    return {name: value for name, value in view.items() if value != ""}  # absent, rather than null or blank


def _activity(activity: Activity, now: datetime) -> dict[str, Any]:
    done = activity.status_code != "InProgress"
    spent = (now - activity.started_at) / max(activity.ends_at - activity.started_at, now.resolution)
    view: dict[str, Any] = {
        "ScalingActivityId": activity.scaling_activity_id,
        "ScalingGroupId": activity.scaling_group_id,
        "StatusCode": activity.status_code,
        "StatusMessage": f'"{len(activity.destroyed)}" ECS instances are released' if done else "",
        "Description": activity.description,
        "Cause": activity.cause,
        "Progress": 100 if done else min(99, int(100 * spent)),
        "StartTime": _minute(activity.started_at),
        "TotalCapacity": str(activity.capacity_at_start),  # text, as in the SDK's types
        "ScalingInstanceNumber": len(activity.instance_ids),
        "TriggerSourceType": activity.trigger_source_type,
        "CreatedCapacity": len(activity.created),
        "DestroyedCapacity": len(activity.destroyed),
        "StoppedCapacity": len(activity.stopped),
        "CreatedInstances": {"CreatedInstance": activity.created},
        "DestroyedInstances": {"DestroyedInstance": activity.destroyed},
        "StoppedInstances": {"StoppedInstance": activity.stopped},
    }
    if done:
        view["EndTime"] = _minute(activity.ends_at)
        view["Detail"] = activity.detail
    if activity.ignored and done:
        failed = [
            {"Code": code, "Message": code, "FailedInstanceIds": {"FailedInstanceIds": [instance_id]}}
            for instance_id, code in activity.ignored.items()
        ]
        view["ErrorMessages"] = {"ErrorMessages": failed}  # irregular inner names, as the SDKs have them
    return view
