"""Builds the requests of the ESS SDK, API 2014-08-28."""

from __future__ import annotations

from typing import Any

from scalein.cloud.gateway import Removal
from scalein.cloud.replies import PAGE_SIZE
from scalein.cold_start import cheap_imports, defer_unused_by_sdk

with cheap_imports():
    # sdk.py does the same: either module may be the first one to import the SDK.
    defer_unused_by_sdk()
    from aliyunsdkess.request.v20140828.DescribeScalingActivitiesRequest import (
        DescribeScalingActivitiesRequest,
    )
    from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import (
        DescribeScalingGroupsRequest,
    )
    from aliyunsdkess.request.v20140828.DescribeScalingInstancesRequest import (
        DescribeScalingInstancesRequest,
    )
    from aliyunsdkess.request.v20140828.RemoveInstancesRequest import RemoveInstancesRequest

HISTORY_PAGE_SIZE = 50  # activities; the maximum of ESS
MAX_ACTIVITY_IDS = 20  # ScalingActivityId.1..20


def group_request(scaling_group_id: str) -> DescribeScalingGroupsRequest:
    request = DescribeScalingGroupsRequest()
    request.set_ScalingGroupIds([scaling_group_id])
    return request


def instances_request(scaling_group_id: str, page: int) -> DescribeScalingInstancesRequest:
    request = DescribeScalingInstancesRequest()
    request.set_ScalingGroupId(scaling_group_id)
    request.set_PageSize(PAGE_SIZE)
    request.set_PageNumber(page)
    return request


def instances_by_id_request(instance_ids: tuple[str, ...]) -> DescribeScalingInstancesRequest:
    request = DescribeScalingInstancesRequest()
    request.set_InstanceIds(list(instance_ids))
    request.set_PageSize(PAGE_SIZE)
    return request


def activities_request(scaling_group_id: str, page: int) -> DescribeScalingActivitiesRequest:
    request = DescribeScalingActivitiesRequest()
    request.set_ScalingGroupId(scaling_group_id)
    request.set_PageSize(HISTORY_PAGE_SIZE)
    request.set_PageNumber(page)
    return request


def activities_by_id_request(activity_ids: tuple[str, ...]) -> DescribeScalingActivitiesRequest:
    request = DescribeScalingActivitiesRequest()
    request.set_ScalingActivityIds(list(activity_ids))
    request.set_PageSize(HISTORY_PAGE_SIZE)
    return request


def remove_request(removal: Removal) -> RemoveInstancesRequest:
    """Returns the request of one removal. What its options leave open is not sent."""
    request, options = RemoveInstancesRequest(), removal.options
    request.set_ScalingGroupId(removal.scaling_group_id)
    request.set_InstanceIds(list(removal.instance_ids))
    request.set_ClientToken(removal.client_token)
    if options.remove_policy is not None:
        request.set_RemovePolicy(options.remove_policy)
    if options.decrease_desired_capacity is not None:
        request.set_DecreaseDesiredCapacity(options.decrease_desired_capacity)
    if options.stop_instance_timeout_seconds is not None:
        request.set_StopInstanceTimeout(options.stop_instance_timeout_seconds)
    hooks: dict[str, Any] = {}
    if options.disable_lifecycle_hook is not None:
        hooks["DisableLifecycleHook"] = options.disable_lifecycle_hook
    if options.ignored_lifecycle_hook_ids:
        hooks["IgnoredLifecycleHookIds"] = list(options.ignored_lifecycle_hook_ids)
    if hooks:
        request.set_LifecycleHookContext(hooks)
    return request
