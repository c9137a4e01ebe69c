"""The history of activities: of one group, or by id; the last 30 days, newest first."""

from __future__ import annotations

from localcloud import errors
from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import NEWER, REGION, Request, pages, text, texts
from localcloud.ess.requests import page_reply
from localcloud.ess.state import HISTORY, EssState
from localcloud.ess.views import activity_view


def describe_scaling_activities(state: EssState, request: Request) -> Reply:
    now = state.clock.now()
    ids, group_id = request["ScalingActivityId"], request["ScalingGroupId"]
    if not ids and not group_id:
        raise errors.MissingParameter("ScalingGroupId")
    if ids and group_id and request["Version"] == NEWER:  # the older manual's sample has both
        raise errors.InvalidParameter("ScalingGroupId")
    if group_id:
        state.group(group_id)
    activities = [
        activity
        for activity in reversed(state.activities.values())
        if (not ids or activity.scaling_activity_id in ids)
        and group_id in (None, activity.scaling_group_id)
        and request["StatusCode"] in (None, activity.status_code)
        and now - activity.started_at <= HISTORY
    ]
    return page_reply(
        request, "ScalingActivities", activities, lambda activity: activity_view(activity, now)
    )


def describe_scaling_activity_detail(state: EssState, request: Request) -> Reply:
    if not request["ScalingActivityId"]:
        raise errors.MandatoryButInvalid("ScalingActivityId")
    activity = state.activities.get(request["ScalingActivityId"])
    if activity is None:
        raise errors.InvalidParameter("ScalingActivityId")
    return {"ScalingActivityId": activity.scaling_activity_id, "Detail": activity.detail}


ACTIONS = (
    Action(
        "DescribeScalingActivities",
        describe_scaling_activities,
        (
            REGION,
            text("ScalingGroupId"),
            texts("ScalingActivityId"),
            text("StatusCode"),
            *pages(50),
        ),
        "no instance refresh tasks",
    ),
    Action(
        "DescribeScalingActivityDetail",
        describe_scaling_activity_detail,
        (text("ScalingActivityId"),),
    ),
)
