"""Who is told of scaling activities. What would be sent is kept, and shown by the console and /localcloud/messages."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.parameters import GROUP, Ask, one_of, text, texts
from localcloud.ess.resources import Receiver
from localcloud.ess.service import Service

MOST_RECEIVERS = 6
KINDS = (
    *(f"AUTOSCALING:SCALE_{way}_{end}" for way in ("OUT", "IN") for end in ("SUCCESS", "ERROR", "START", "WARN")),
    "AUTOSCALING:SCALE_REJECT",
    "AUTOSCALING:SCHEDULE_TASK_EXPIRING",
    "SCALING_GROUP_DIAGNOSE",
)
ARN = text("NotificationArn", required=True, pattern="acs:(mns|ess|eventbridge):[^:]+:[^:]*:.+")
SETTABLE = (
    texts("NotificationType", 8, required=True, values=KINDS),
    text("TimeZone", pattern="UTC[+-][0-9:]+"),
    one_of("MessageEncoding", "Base64", "PlainText"),
)


def create_notification_configuration(service: Service, ask: Ask) -> Reply:
    group_id = service.group(ask["ScalingGroupId"]).scaling_group_id
    there = [receiver for receiver in service.receivers if receiver.scaling_group_id == group_id]
    if len(there) >= MOST_RECEIVERS:
        raise errors.Quota("NotificationConfiguration")
    if any(receiver.notification_arn == ask["NotificationArn"] for receiver in there):
        raise errors.Duplicate("NotificationArn")
    receiver = Receiver(group_id, ask["NotificationArn"])
    _set(receiver, ask)
    service.receivers.append(receiver)
    return {}


def modify_notification_configuration(service: Service, ask: Ask) -> Reply:
    _set(_named(service, ask), ask)
    return {}


def delete_notification_configuration(service: Service, ask: Ask) -> Reply:
    service.receivers.remove(_named(service, ask))
    return {}


def describe_notification_configurations(service: Service, ask: Ask) -> Reply:
    service.group(ask["ScalingGroupId"])
    models = [
        {
            "ScalingGroupId": receiver.scaling_group_id,
            "NotificationArn": receiver.notification_arn,
            "NotificationTypes": receiver.notification_types,
            "TimeZone": receiver.time_zone,
            "MessageEncoding": receiver.message_encoding,
        }
        for receiver in service.receivers
        if receiver.scaling_group_id == ask["ScalingGroupId"]
    ]
    return {"NotificationConfigurationModels": models}


def describe_notification_types(_: Service, __: Ask) -> Reply:
    return {"NotificationTypes": list(KINDS)}


def _set(receiver: Receiver, ask: Ask) -> None:
    receiver.notification_types = ask["NotificationType"]
    receiver.time_zone = ask["TimeZone"] or receiver.time_zone
    receiver.message_encoding = ask["MessageEncoding"] or receiver.message_encoding


def _named(service: Service, ask: Ask) -> Receiver:
    service.group(ask["ScalingGroupId"])
    for receiver in service.receivers:
        if (receiver.scaling_group_id, receiver.notification_arn) == (ask["ScalingGroupId"], ask["NotificationArn"]):
            return receiver
    raise errors.NotFound("NotificationArn")


ACTIONS = (
    Action(
        "CreateNotificationConfiguration",
        create_notification_configuration,
        (GROUP, ARN, *SETTABLE),
        "messages are kept here, and go nowhere; their body is made up, for it is not published",
    ),
    Action("ModifyNotificationConfiguration", modify_notification_configuration, (GROUP, ARN, *SETTABLE)),
    Action("DeleteNotificationConfiguration", delete_notification_configuration, (GROUP, ARN)),
    Action("DescribeNotificationConfigurations", describe_notification_configurations, (GROUP,)),
    Action("DescribeNotificationTypes", describe_notification_types),
)
