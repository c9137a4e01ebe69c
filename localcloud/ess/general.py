"""What concerns no group: regions, limits, the account."""

from __future__ import annotations

from localcloud.answers import Reply
from localcloud.ess.action import Action
from localcloud.ess.configurations import MOST_CONFIGURATIONS
from localcloud.ess.group_fields import MOST_SIZE
from localcloud.ess.groups import MOST_GROUPS
from localcloud.ess.hooks import MOST_HOOKS
from localcloud.ess.notifications import MOST_RECEIVERS
from localcloud.ess.parameters import Ask, boolean, one_of, text
from localcloud.ess.service import Service

REGIONS = {"cn-hangzhou": "China (Hangzhou)", "cn-shanghai": "China (Shanghai)", "cn-beijing": "China (Beijing)"}


def describe_regions(service: Service, _: Ask) -> Reply:
    names = {service.region_id: service.region_id, **REGIONS}
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


def describe_limitation(_: Service, __: Ask) -> Reply:
    """The numbers that this cloud keeps to; an account has its own."""
    return {
        "MaxNumberOfScalingGroups": MOST_GROUPS,
        "MaxNumberOfScalingConfigurations": MOST_CONFIGURATIONS,
        "MaxNumberOfScalingRules": 50,
        "MaxNumberOfScalingInstances": 1_000,
        "MaxNumberOfScheduledTasks": 70,
        "MaxNumberOfLifecycleHooks": MOST_HOOKS,
        "MaxNumberOfNotificationConfigurations": MOST_RECEIVERS,
        "MaxNumberOfMinSize": MOST_SIZE,
        "MaxNumberOfMaxSize": MOST_SIZE,
        "MaxNumberOfLoadBalancers": 30,
        "MaxNumberOfDBInstances": 30,
        "MaxNumberOfVServerGroups": 30,
        "MaxNumberOfAlbServerGroup": 30,
        "MaxNumberOfNlbServerGroup": 30,
    }


def verified(_: Service, __: Ask) -> Reply:
    """The account may use Auto Scaling."""
    return {}


ACTIONS = (
    Action("DescribeRegions", describe_regions, (one_of("AcceptLanguage", "zh-CN", "en-US", "ja"),), "four regions"),
    Action("DescribeLimitation", describe_limitation, (), "rules and scheduled tasks are not limited"),
    Action("VerifyAuthentication", verified, (text("Uid"), boolean("OnlyCheck")), "always verified"),
    Action("VerifyUser", verified, (), "always verified"),
)
