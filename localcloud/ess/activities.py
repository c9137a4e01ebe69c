"""DescribeScalingActivities and the detail of one: of one group, or by id; the last 30 days, newest first."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.parameters import REGION, Ask, page, pages, text, texts
from localcloud.ess.service import HISTORY, Service
from localcloud.ess.views import activity_view


def describe_scaling_activities(service: Service, ask: Ask) -> Reply:
    now = service.clock.now()
    ids, group_id = ask["ScalingActivityId"], ask["ScalingGroupId"]
    if bool(ids) == bool(group_id):
        raise errors.InvalidParameter("ScalingGroupId") if ids else errors.MissingParameter("ScalingGroupId")
    if group_id:
        service.group(group_id)
    found = [
        activity
        for activity in reversed(service.activities.values())
        if (activity.scaling_activity_id in ids or activity.scaling_group_id == group_id)
        and ask["StatusCode"] in (None, activity.status_code)
        and now - activity.started_at <= HISTORY
    ]
    here, told = page(ask, found)
    return {**told, "ScalingActivities": [activity_view(activity, now) for activity in here]}


def describe_scaling_activity_detail(service: Service, ask: Ask) -> Reply:
    if not ask["ScalingActivityId"]:
        raise errors.MandatoryButInvalid("ScalingActivityId")
    activity = service.activities.get(ask["ScalingActivityId"])
    if activity is None:
        raise errors.InvalidParameter("ScalingActivityId")
    return {"ScalingActivityId": activity.scaling_activity_id, "Detail": activity.detail}


ACTIONS = (
    Action(
        "DescribeScalingActivities",
        describe_scaling_activities,
        (REGION, text("ScalingGroupId"), texts("ScalingActivityId"), text("StatusCode"), *pages(50)),
        "no instance refresh tasks",
    ),
    Action("DescribeScalingActivityDetail", describe_scaling_activity_detail, (text("ScalingActivityId"),)),
)
