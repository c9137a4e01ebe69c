"""Actions of API 2022-02-22 alone: one group in detail, and who is alerted of what."""

from __future__ import annotations

from localcloud.answers import Reply
from localcloud.ess.actions.action import Action
from localcloud.ess.parameters import GROUP, REGION, Request, one_of, texts
from localcloud.ess.state import EssState
from localcloud.ess.views import group_view

STATUSES = ("Successful", "Warning", "Failed", "Rejected")


def describe_scaling_group_detail(state: EssState, request: Request) -> Reply:
    """Returns one group; `Output` is of groups of containers, which this cloud lacks."""
    return {"ScalingGroup": group_view(state, state.group(request["ScalingGroupId"]))}


def modify_alert_configuration(state: EssState, request: Request) -> Reply:
    state.group(request["ScalingGroupId"]).alert_statuses = request["ScaleStatuses"]
    return {}


def describe_alert_configuration(state: EssState, request: Request) -> Reply:
    return {"ScaleStatuses": state.group(request["ScalingGroupId"]).alert_statuses}


ACTIONS = (
    Action(
        "DescribeScalingGroupDetail",
        describe_scaling_group_detail,
        (REGION, GROUP, one_of("OutputFormat", "yaml")),
        "no output as YAML, which is of container groups",
    ),
    Action(
        "ModifyAlertConfiguration",
        modify_alert_configuration,
        (REGION, GROUP, texts("ScaleStatuses", 4, values=STATUSES)),
        "the statuses are described again, and no message is sent",
    ),
    Action("DescribeAlertConfiguration", describe_alert_configuration, (REGION, GROUP)),
)
