"""The messages of hooks and notifications, in the form that the manual shows."""

from __future__ import annotations

import re
from typing import Any

from scalein.intake.envelopes import Message
from scalein.intake.ess_notices import is_ess_notice
from tests.contract.test_error_tables import sent
from tests.support.clouds import Cloud, cloud_of, group, instances

GROUP = {"ScalingGroupId": "asg-1"}
QUEUE = "acs:mns:cn-hangzhou:7:queue/q"
MONITOR = "acs:ess:cn-hangzhou:7:cloudmonitor"


def bodies(cloud: Cloud) -> list[dict[str, Any]]:
    return [message["body"] for message in cloud.inside.service.sent_messages]


def notified(arn: str, kind: str) -> list[dict[str, Any]]:
    """The bodies of what a removal of one instance sends."""
    with cloud_of(group(*instances(2), name="web"), accountId="7") as cloud:
        subscription = {"NotificationArn": arn, "NotificationType.1": f"AUTOSCALING:{kind}"}
        sent(cloud, "CreateNotificationConfiguration", {**GROUP, **subscription})
        sent(cloud, "RemoveInstances", {**GROUP, "InstanceId.1": "i-0001"})
        cloud.clock.advance(60)
        cloud.inside.advance()
        return bodies(cloud)


def test_a_hook_s_message_has_the_envelope_and_the_content_of_the_manual() -> None:
    """Source: Best practices, Automatically add ECS instances ... to a Redis instance whitelist."""
    with cloud_of(group(*instances(2), name="web"), accountId="7") as cloud:
        hook = {"LifecycleTransition": "SCALE_IN", "LifecycleHookName": "drain"}
        metadata = {"NotificationArn": QUEUE, "NotificationMetadata": "mine"}
        hook_id = sent(cloud, "CreateLifecycleHook", {**GROUP, **hook, **metadata})[
            "LifecycleHookId"
        ]
        reply = sent(cloud, "RemoveInstances", {**GROUP, "InstanceId.1": "i-0001"})
        (token,) = cloud.inside.service.lifecycle_actions
        (body,) = bodies(cloud)

    assert is_ess_notice(Message("m-1", body))
    assert body == {
        "userId": "7",
        "regionId": "cn-hangzhou",
        "resourceArn": "acs:ess:cn-hangzhou:7:scalinggroup/asg-1",
        "content": {
            "lifecycleHookId": hook_id,
            "lifecycleActionToken": token,
            "lifecycleHookName": "drain",
            "scalingGroupId": "asg-1",
            "scalingGroupName": "web",
            "lifecycleTransition": "SCALE_IN",
            "defaultResult": "CONTINUE",
            "requestId": reply["RequestId"],
            "scalingActivityId": reply["ScalingActivityId"],
            "instanceIds": ["i-0001"],
            "notificationMetadata": "mine",
        },
    }


def test_a_notification_to_a_queue_has_the_same_envelope() -> None:
    (body,) = notified(QUEUE, "SCALE_IN_SUCCESS")

    assert (body["userId"], body["regionId"]) == ("7", "cn-hangzhou")
    assert body["content"]["event"] == "AUTOSCALING:SCALE_IN_SUCCESS"
    assert body["content"]["instanceIds"] == ["i-0001"]


def test_an_event_for_cloudmonitor_is_a_system_event() -> None:
    (body,) = notified(MONITOR, "SCALE_IN_START")

    assert is_ess_notice(Message("m-1", body))
    assert (body["product"], body["name"], body["level"]) == (
        "ESS",
        "AUTOSCALING:SCALE_IN_START",
        "INFO",
    )
    assert body["resourceId"] == "acs:ess:cn-hangzhou:7:scalinggroup/asg-1"
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}\+0800", body["eventTime"])


def test_what_ess_begins_by_itself_has_a_request_id_of_its_own() -> None:
    with cloud_of(group(*instances(1), desiredCapacity=1), accountId="7") as cloud:
        inside = cloud.inside.service
        inside.assumptions = type(inside.assumptions)(acts=True)
        call = sent(
            cloud,
            "RemoveInstances",
            {**GROUP, "InstanceId.1": "i-0001", "DecreaseDesiredCapacity": "False"},
        )
        inside.advance()
        removal, refill = inside.activities.values()

    assert removal.request_id == call["RequestId"]
    assert refill.request_id not in ("", call["RequestId"])
