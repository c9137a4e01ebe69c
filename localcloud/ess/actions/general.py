"""Regions, limits and the account: actions that concern no group."""

from __future__ import annotations

from localcloud.answers import Reply
from localcloud.ess import refusals
from localcloud.ess.actions.action import Action
from localcloud.ess.actions.balancers import MAX_ATTACHED
from localcloud.ess.actions.configurations import MAX_CONFIGURATIONS
from localcloud.ess.actions.group_fields import MAX_SIZE
from localcloud.ess.actions.groups import MAX_GROUPS
from localcloud.ess.actions.hooks import MAX_HOOKS
from localcloud.ess.actions.notifications import MAX_RECEIVERS
from localcloud.ess.actions.scaling import MAX_RULES
from localcloud.ess.actions.schedule import MAX_TASKS
from localcloud.ess.parameters import Request, boolean, one_of, text
from localcloud.ess.state import EssState
from localcloud.regions import REGIONS


def describe_regions(state: EssState, _: Request) -> Reply:
    names = {state.region_id: state.region_id, **REGIONS}
    regions = [
        {
            "RegionId": id,
            "LocalName": name,
            "RegionEndpoint": "ess.aliyuncs.com",
            "VpcUnavailable": False,
            "ClassicUnavailable": False,
        }
        for id, name in names.items()
    ]
    return {"Regions": regions}


def describe_limitation(_: EssState, __: Request) -> Reply:
    """Returns the limits of this cloud; an account has its own."""
    return {
        "MaxNumberOfScalingGroups": MAX_GROUPS,
        "MaxNumberOfScalingConfigurations": MAX_CONFIGURATIONS,
        "MaxNumberOfScalingRules": MAX_RULES,
        "MaxNumberOfScalingInstances": 1_000,
        "MaxNumberOfScheduledTasks": MAX_TASKS,
        "MaxNumberOfLifecycleHooks": MAX_HOOKS,
        "MaxNumberOfNotificationConfigurations": MAX_RECEIVERS,
        "MaxNumberOfMinSize": MAX_SIZE,
        "MaxNumberOfMaxSize": MAX_SIZE,
        "MaxNumberOfLoadBalancers": MAX_ATTACHED,
        "MaxNumberOfDBInstances": MAX_ATTACHED,
        "MaxNumberOfVServerGroups": MAX_ATTACHED,
        "MaxNumberOfAlbServerGroup": MAX_ATTACHED,
        "MaxNumberOfNlbServerGroup": MAX_ATTACHED,
    }


def verify(_: EssState, __: Request) -> Reply:
    """Returns that the account may use Auto Scaling."""
    return {}


ACTIONS = (
    Action(
        "DescribeRegions",
        describe_regions,
        (one_of("AcceptLanguage", "zh-CN", "en-US", "ja", error=refusals.AcceptLanguage),),
        "names in English alone",
    ),
    Action("DescribeLimitation", describe_limitation),
    Action("VerifyAuthentication", verify, (text("Uid"), boolean("OnlyCheck")), "always verified"),
    Action("VerifyUser", verify, (), "always verified"),
)
