"""What ESS sends: a lifecycle hook's message, a notification, an event of CloudMonitor.

The envelope and the content of a hook's message are those of the manual's sample (Best practices,
"Automatically add ECS instances of a scaling group to a Redis instance whitelist"), an event has
the layout of all system events of CloudMonitor. The content of a notification is not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

from localcloud.ess.model import Activity, ScalingGroup
from localcloud.ess.resources import Hook, LifecycleAction

Place = tuple[str, str]  # account and region
MONITOR = ":cloudmonitor"  # what the ARN of CloudMonitor as a receiver ends in
CHINA = timezone(timedelta(hours=8))
LEVELS = {"ERROR": "CRITICAL", "REJECT": "WARN", "WARN": "WARN"}  # by the last word of the name


def hook_content(
    hook: Hook, group: ScalingGroup, action: LifecycleAction, activity: Activity
) -> dict[str, Any]:
    content = {
        "lifecycleHookId": hook.lifecycle_hook_id,
        "lifecycleActionToken": action.lifecycle_action_token,
        "lifecycleHookName": hook.name,
        "scalingGroupId": group.scaling_group_id,
        "scalingGroupName": group.name or group.scaling_group_id,
        "lifecycleTransition": hook.transition,
        "defaultResult": hook.default_result,
        "requestId": activity.request_id,
        "scalingActivityId": action.scaling_activity_id,
        "instanceIds": action.instance_ids,
    }
    if hook.notification_metadata:
        content["notificationMetadata"] = hook.notification_metadata
    return content


def notice_content(name: str, group: ScalingGroup, activity: Activity) -> dict[str, Any]:
    return {
        "event": name,
        "scalingGroupId": group.scaling_group_id,
        "scalingGroupName": group.name or group.scaling_group_id,
        "scalingActivityId": activity.scaling_activity_id,
        "requestId": activity.request_id,
        "cause": activity.cause,
        "description": activity.description,
        "instanceIds": activity.joining_ids or activity.instance_ids,
    }


def message_body(
    arn: str, place: Place, group: ScalingGroup, content: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Returns what is sent to a receiver, as JSON."""
    account_id, region_id = place
    resource = f"acs:ess:{region_id}:{account_id}:scalinggroup/{group.scaling_group_id}"
    if arn.endswith(MONITOR):
        name = str(content["event"])
        level = LEVELS.get(name.rpartition("_")[2], "INFO")
        return system_event("ESS", name, level, place, resource, content, now)
    return {
        "userId": account_id,
        "regionId": region_id,
        "resourceArn": resource,
        "content": dict(content),
    }


def system_event(
    product: str,
    name: str,
    level: str,
    place: Place,
    resource: str,
    content: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Returns a system event of CloudMonitor."""
    account_id, region_id = place
    return {
        "ver": "1.0",
        "id": str(uuid4()).upper(),
        "product": product,
        "resourceId": resource,
        "level": level,
        "name": name,
        "userId": account_id,
        "eventTime": now.astimezone(CHINA).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "+0800",
        "regionId": region_id,
        "content": dict(content),
    }
