"""Receivers of notifications. What is sent to them, /localcloud/messages shows too."""

from __future__ import annotations

from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import GROUP, Request, one_of, text, texts
from localcloud.ess.requests import set_given
from localcloud.ess.resources import Receiver
from localcloud.ess.state import EssState

MAX_RECEIVERS = 6
KINDS = (
    *(
        f"AUTOSCALING:SCALE_{way}_{end}"
        for way in ("OUT", "IN")
        for end in ("SUCCESS", "ERROR", "START", "WARN")
    ),
    "AUTOSCALING:SCALE_REJECT",
    "AUTOSCALING:SCHEDULE_TASK_EXPIRING",
    "SCALING_GROUP_DIAGNOSE",
)
ARN = text("NotificationArn", required=True)
NEW_ARN = text(
    "NotificationArn",
    required=True,
    pattern="acs:(mns|ess|eventbridge):[^:]+:[^:]*:.+",
    error=refusals.NotificationArn,
)
SETTABLE = (
    texts("NotificationType", 8, required=True, values=KINDS, error=refusals.NotificationTypes),
    text("TimeZone", pattern="UTC[+-][0-9:]+"),
    one_of("MessageEncoding", "Base64", "PlainText"),
)


FIELDS = {
    "NotificationType": "notification_types",
    "TimeZone": "time_zone",
    "MessageEncoding": "message_encoding",
}


def create_notification_configuration(state: EssState, request: Request) -> Reply:
    group_id = state.group(request["ScalingGroupId"]).scaling_group_id
    arns = [r.notification_arn for r in state.receivers if r.scaling_group_id == group_id]
    if len(arns) >= MAX_RECEIVERS:
        raise refusals.NotificationQuota()
    if request["NotificationArn"] in arns:
        raise refusals.NotificationExists()
    receiver = Receiver(group_id, request["NotificationArn"])
    set_given(receiver, request, FIELDS)
    state.receivers.append(receiver)
    return {}


def modify_notification_configuration(state: EssState, request: Request) -> Reply:
    set_given(_named(state, request), request, FIELDS)
    return {}


def delete_notification_configuration(state: EssState, request: Request) -> Reply:
    state.receivers.remove(_named(state, request))
    return {}


def describe_notification_configurations(state: EssState, request: Request) -> Reply:
    state.group(request["ScalingGroupId"])
    models = [
        {
            "ScalingGroupId": receiver.scaling_group_id,
            "NotificationArn": receiver.notification_arn,
            "NotificationTypes": receiver.notification_types,
            "TimeZone": receiver.time_zone,
            "MessageEncoding": receiver.message_encoding,
        }
        for receiver in state.receivers
        if receiver.scaling_group_id == request["ScalingGroupId"]
    ]
    return {"NotificationConfigurationModels": models}


def describe_notification_types(_: EssState, __: Request) -> Reply:
    return {"NotificationTypes": list(KINDS)}


def _named(state: EssState, request: Request) -> Receiver:
    state.group(request["ScalingGroupId"])
    wanted = (request["ScalingGroupId"], request["NotificationArn"])
    for receiver in state.receivers:
        if (receiver.scaling_group_id, receiver.notification_arn) == wanted:
            return receiver
    raise refusals.NotificationNotExist()


ACTIONS = (
    Action(
        "CreateNotificationConfiguration",
        create_notification_configuration,
        (GROUP, NEW_ARN, *SETTABLE),
        "messages reach MNS alone; the content of one to a queue is invented",
    ),
    Action(
        "ModifyNotificationConfiguration",
        modify_notification_configuration,
        (GROUP, ARN, *SETTABLE),
    ),
    Action("DeleteNotificationConfiguration", delete_notification_configuration, (GROUP, ARN)),
    Action("DescribeNotificationConfigurations", describe_notification_configurations, (GROUP,)),
    Action("DescribeNotificationTypes", describe_notification_types),
)
