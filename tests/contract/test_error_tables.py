"""The vendor's tables of error codes: each action refuses with their status, code and message.

Source of a row: the page of the action in the ESS manual (repository AlibabaCloudDocs/ess, folder
`intl.en-US/API Reference`), or another page where the row names one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

from localcloud.ess.catalogue import ACTIONS
from localcloud.state import saved
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY

GROUP = {"ScalingGroupId": "asg-1"}
ABSENT = {"ScalingGroupId": "asg-9"}
INACTIVE = {"lifecycleState": "Inactive"}
NO_ROLE = {"serviceRoleOk": False}
MINE = {"InstanceId.1": "i-0001"}
QUEUE = "acs:mns:cn-hangzhou:1:queue/q"
ALB = {"AlbServerGroup.1.AlbServerGroupId": "sgp-1", "AlbServerGroup.1.Port": "80"}

V_SERVER_GROUP = {
    "VServerGroup.1.VServerGroupAttribute.1.VServerGroupId": "rsp-1",
    "VServerGroup.1.VServerGroupAttribute.1.Port": "80",
}
IDLE = [{"loadBalancerId": "lb-idle", "loadBalancerStatus": "inactive"}]
BEHIND_IDLE = {
    "vServerGroups": [
        {
            "loadBalancerId": "lb-idle",
            "vServerGroupAttributes": [{"vServerGroupId": "rsp-1", "port": 80}],
        }
    ]
}

GROUP_NOT_FOUND = "The specified scaling group does not exist."
UNAUTHORIZED = "A required authorization for the specified action is not supplied."
STATUS = "The current status of the specified scaling group does not support this action."
IN_PROGRESS = (
    "You cannot delete a scaling group or launch a new scaling activity while there is a scaling "
    "activity in progress for the specified scaling group."
)
IN_USE = (
    "You cannot delete a scaling configuration or scaling group while there is an instance "
    "associated with it."
)
HOOK_PARAMETER = "The specified value of parameter is not valid."
BALANCER = "The current status of the specified load balancer does not support this action."
DATABASE = 'The current status of DB instance "rm-1" does not support this action.'
MISMATCH = (
    "The specified lifecycleActionToken and lifecycleHookId you provided does not match any in "
    "process lifecycle action."
)

Call = tuple[str, dict[str, str]]


def simple_rule(**fields: str) -> Call:
    return "CreateScalingRule", {
        **GROUP,
        "AdjustmentType": "QuantityChangeInCapacity",
        "AdjustmentValue": "1",
        **fields,
    }


def step_rule(*bounds: tuple[str, str]) -> dict[str, str]:
    """Parameters of a rule whose steps have these bounds; empty: none."""
    params = {
        **GROUP,
        "ScalingRuleType": "StepScalingRule",
        "AdjustmentType": "QuantityChangeInCapacity",
    }
    for number, (low, high) in enumerate(bounds, 1):
        step = f"StepAdjustment.{number}."
        params[f"{step}ScalingAdjustment"] = "1"
        for name, bound in (("Lower", low), ("Upper", high)):
            if bound:
                params[f"{step}MetricInterval{name}Bound"] = bound
    return params


TRACKING = {
    **GROUP,
    "ScalingRuleType": "TargetTrackingScalingRule",
    "MetricName": "CpuUtilization",
    "TargetValue": "50",
}
CONFIGURATION: Call = (
    "CreateScalingConfiguration",
    {**GROUP, "ImageId": "m-1", "InstanceType": "ecs.g7.large", "ScalingConfigurationName": "one"},
)
HOOK: Call = ("CreateLifecycleHook", {**GROUP, "LifecycleTransition": "SCALE_IN"})
RECEIVER: Call = (
    "CreateNotificationConfiguration",
    {**GROUP, "NotificationArn": QUEUE, "NotificationType.1": "AUTOSCALING:SCALE_IN_ERROR"},
)
TASK: Call = (
    "CreateScheduledTask",
    {**GROUP, "LaunchTime": "2026-11-24T00:00Z", "MinValue": "1", "ScheduledTaskName": "task"},
)
ON_CPU = {**GROUP, "MetricName": "CpuUtilization", "Threshold": "80"}
REMOVAL: Call = ("RemoveInstances", {**GROUP, "InstanceId.1": "i-0003"})
STEPS: Call = ("CreateScalingRule", step_rule(("0", "10"), ("10", "")))


class Row(NamedTuple):
    """One row of a table. `{X}` in a parameter is field X of a reply to what was done before."""

    action: str
    wrong: str
    params: Mapping[str, str]
    status: int
    code: str
    message: str
    fleet: Mapping[str, Any] = {}
    before: tuple[Call, ...] = ()
    source: str = ""  # the action's own page


def in_group(action: str, more: Mapping[str, str] = {}) -> Row:
    """The row that almost every table has."""
    return Row(
        action,
        "no such group",
        {**more, **ABSENT},
        404,
        "InvalidScalingGroupId.NotFound",
        GROUP_NOT_FOUND,
    )


def scaling(action: str, params: Mapping[str, str], *before: Call) -> list[Row]:
    """The rows of whatever starts an activity."""

    def row(wrong: str, status: int, code: str, message: str, **fleet: Any) -> Row:
        return Row(action, wrong, params, status, code, message, fleet, before)

    return [
        row("group is not active", 400, "IncorrectScalingGroupStatus", STATUS, **INACTIVE),
        row("no service role", 403, "Forbidden.Unauthorized", UNAUTHORIZED, **NO_ROLE),
        row("balancer", 400, "IncorrectLoadBalancerStatus", BALANCER, **BEHIND_IDLE),
        row("balancer flag", 400, "IncorrectLoadBalancerStatus", BALANCER, loadBalancerOk=False),
        row("database", 400, "IncorrectDBInstanceStatus", DATABASE, dbInstanceNotOk="rm-1"),
        Row(
            action,
            "an activity runs",
            params,
            400,
            "ScalingActivityInProgress",
            IN_PROGRESS,
            {},
            (*before, REMOVAL),
        ),
    ]


def no_instance(action: str, **more: str) -> Row:
    return Row(
        action,
        "no such instance",
        {**GROUP, "InstanceId.1": "i-9", **more},
        404,
        "InvalidInstanceId.NotFound",
        'Instance "i-9" does not exist.',
    )


EXECUTE = {"ScalingRuleAri": "{ScalingRuleAri}"}
ROWS = [
    Row(
        *("CreateScalingGroup", "too many", {"MinSize": "0", "MaxSize": "1"}, 400),
        *("QuotaExceeded.ScalingGroup", "Scaling group quota exceeded.", {}),
        (("CreateScalingGroup", {"MinSize": "0", "MaxSize": "1"}),) * 47,
    ),
    Row(
        *("ModifyScalingGroup", "name is taken", {**GROUP, "ScalingGroupName": "theirs"}, 400),
        "InvalidScalingGroupName.Duplicate",
        "The specified value of parameter ScalingGroupName is duplicated.",
        {},
        (
            (
                "CreateScalingGroup",
                {"MinSize": "0", "MaxSize": "1", "ScalingGroupName": "theirs"},
            ),
        ),
    ),
    *(
        Row(
            *(f"{verb}ScalingGroup", "version", {**GROUP, "LaunchTemplateVersion": "first"}, 400),
            "TemplateVersion.NotNumber",
            'The input parameter "LaunchTemplateVersion" is supposed to be a string',
            INACTIVE,
        )
        for verb in ("Modify", "Enable")
    ),
    *(
        Row(
            "EnableScalingGroup",
            f"with an instance: {wrong}",
            {**GROUP, "InstanceId.1": "i-new"},
            *(status, code, message),
            {**INACTIVE, **fleet},
        )
        for wrong, status, code, message, fleet in (
            ("no service role", 403, "Forbidden.Unauthorized", UNAUTHORIZED, NO_ROLE),
            ("balancer", 400, "IncorrectLoadBalancerStatus", BALANCER, BEHIND_IDLE),
            ("database", 400, "IncorrectDBInstanceStatus", DATABASE, {"dbInstanceNotOk": "rm-1"}),
        )
    ),
    # Groups
    Row(
        "CreateScalingGroup",
        "MinSize over MaxSize",
        {"MinSize": "3", "MaxSize": "2"},
        400,
        "InvalidParameter.Conflict",
        "The value of parameter MinSize and parameter MaxSize are conflict.",
    ),
    Row(
        "CreateScalingGroup",
        "ScalingPolicy",
        {"MinSize": "0", "MaxSize": "2", "ScalingPolicy": "keep"},
        400,
        "InvalidParameter",
        'The specified value of parameter "ScalingPolicy" is not valid.',
    ),
    Row(
        "CreateScalingGroup",
        "name is taken",
        {"MinSize": "0", "MaxSize": "2", "ScalingGroupName": "mine"},
        400,
        "InvalidScalingGroupName.Duplicate",
        "The specified value of parameter ScalingGroupName is duplicated.",
        {"name": "mine"},
    ),
    Row(
        "CreateScalingGroup",
        "region",
        {"MinSize": "0", "MaxSize": "2", "RegionId": "cn-atlantis"},
        404,
        "InvalidRegionId.NotFound",
        "The specified region does not exist.",
    ),
    Row(
        "CreateScalingGroup",
        "version of a template",
        {"MinSize": "0", "MaxSize": "2", "LaunchTemplateVersion": "first"},
        400,
        "TemplateVersion.NotNumber",
        'The input parameter "LaunchTemplateVersion" is supposed to be a string representing the '
        "version number.",
    ),
    in_group("ModifyScalingGroup"),
    Row(
        "ModifyScalingGroup",
        "MinSize over MaxSize",
        {**GROUP, "MinSize": "9"},
        400,
        "InvalidParameter.Conflict",
        "The value of parameter MinSize and parameter MaxSize are con",
    ),
    Row(
        "ModifyScalingGroup",
        "configuration",
        {**GROUP, "ActiveScalingConfigurationId": "asc-9"},
        404,
        "InvalidScalingConfigurationId.NotFound",
        "The specified scaling configuration does not exist.",
    ),
    in_group("EnableScalingGroup"),
    Row(
        "EnableScalingGroup",
        "is active",
        GROUP,
        400,
        "IncorrectScalingGroupStatus",
        STATUS,
    ),
    Row(
        "EnableScalingGroup",
        "configuration",
        {**GROUP, "ActiveScalingConfigurationId": "asc-9"},
        404,
        "InvalidScalingConfigurationId.NotFound",
        "The specified scaling configuration does not exist.",
        INACTIVE,
    ),
    Row(
        "EnableScalingGroup",
        "nothing to create instances by",
        {"ScalingGroupId": "asg-2"},
        400,
        "MissingActiveScalingConfiguration",
        "An active scaling configuration for the specified scaling group is not supplied.",
    ),
    Row(
        "EnableScalingGroup",
        "instance of another group",
        {"ScalingGroupId": "asg-2", **MINE},
        400,
        "InvalidInstanceId.InUse",
        'Instance "i-0001" is already attached to another scaling group.',
    ),
    Row(
        "EnableScalingGroup",
        "over MaxSize",
        {"ScalingGroupId": "asg-2", "InstanceId.1": "i-7", "InstanceId.2": "i-8"},
        400,
        "IncorrectCapacity.MaxSize",
        "To attach the instances, the total capacity will be greater than the max size.",
    ),
    in_group("DisableScalingGroup"),
    in_group("DeleteScalingGroup"),
    Row("DeleteScalingGroup", "has instances", GROUP, 400, "InstanceInUse", IN_USE),
    *(
        Row(action, "no service role", params, 403, "Forbidden.Unauthorized", UNAUTHORIZED, *more)
        for action, params, *more in (
            ("DeleteScalingGroup", {**GROUP, "ForceDelete": "true"}, NO_ROLE),
            (
                "ModifyScalingConfiguration",
                {"ScalingConfigurationId": "{ScalingConfigurationId}"},
                NO_ROLE,
                (CONFIGURATION,),
            ),
        )
    ),
    in_group("SetGroupDeletionProtection", {"GroupDeletionProtection": "true"}),
    in_group("SuspendProcesses", {"Process.1": "ScaleIn"}),
    in_group("ResumeProcesses", {"Process.1": "ScaleIn"}),
    *(
        Row(
            f"{way}Processes",
            "process",
            {**GROUP, "Process.1": "Everything"},
            400,
            "InvalidParameter",
            'The specified value of parameter "Process.N" is not valid.',
        )
        for way in ("Suspend", "Resume")
    ),
    # Configurations
    in_group(CONFIGURATION[0], CONFIGURATION[1]),
    Row(
        *(CONFIGURATION[0], "name is taken", CONFIGURATION[1], 400),
        "InvalidScalingConfigurationName.Duplicate",
        "The specified value of parameter ScalingConfigurationName is duplicated.",
        {},
        (CONFIGURATION,),
    ),
    Row(
        *(CONFIGURATION[0], "user data", {**CONFIGURATION[1], "UserData": "?!"}, 400),
        "InvalidUserData.Base64FormatInvalid",
        "The specified parameter UserData must be base64 encoded.",
    ),
    Row(
        *(CONFIGURATION[0], "user data is long", {**CONFIGURATION[1], "UserData": "A" * 24_000}),
        *(400, "InvalidUserData.SizeExceeded"),
        "The specified parameter UserData exceeds the size.",
    ),
    Row(
        *(CONFIGURATION[0], "too many", {**CONFIGURATION[1], "ScalingConfigurationName": "more"}),
        *(400, "QuotaExceeded.ScalingConfiguration"),
        "Scaling configuration quota exceeded in the specified scaling group.",
        {},
        tuple(
            (CONFIGURATION[0], {**CONFIGURATION[1], "ScalingConfigurationName": f"c-{number}"})
            for number in range(10)
        ),
    ),
    *(
        Row(
            CONFIGURATION[0],
            f"{name}={value}",
            {**CONFIGURATION[1], "SystemDisk.Category": "cloud_efficiency", name: value},
            400,
            "InvalidParameter",
            f'The specified value of parameter "{name}" is not valid.',
        )
        for name, value in (
            ("LoadBalancerWeight", "0"),
            ("InternetMaxBandwidthOut", "101"),
            ("IoOptimized", "true"),
            ("InternetChargeType", "PayByMonth"),
            ("SystemDisk.Size", "19"),
            ("SystemDisk.Size", "2049"),
        )
    ),
    Row(
        CONFIGURATION[0],
        "two ways to name a type",
        {**CONFIGURATION[1], "InstanceTypes.1": "ecs.g7.large"},
        400,
        "InvalidParameter.Conflict",
        "The value of parameter InstanceType and parameter InstanceTypes are conflict.",
        source="cn.zh-CN: CreateScalingConfiguration",
    ),
    *(
        Row(
            *("TagResources", f"key {key[:7]}"),
            {"ResourceType": "scalinggroup", "ResourceId.1": "asg-1", "Tag.1.Key": key},
            400,
            "InvalidParameter",
            'The specified value of parameter "Tag.N.Key" is not valid.',
        )
        for key in ("acs:x", "aliyun-x", "http://x", "of https://x", "k" * 129)
    ),
    Row(
        "ModifyScalingConfiguration",
        "a value",
        {"ScalingConfigurationId": "{ScalingConfigurationId}", "Cpu": "many"},
        400,
        "InvalidParamter",
        HOOK_PARAMETER,
        {},
        (CONFIGURATION,),
    ),
    Row(
        *("ModifyScalingConfiguration", "name is taken"),
        {
            "ScalingConfigurationId": "{ScalingConfigurationId}",
            "ScalingConfigurationName": "one",
        },
        *(400, "InvalidScalingConfigurationName.Duplicate"),
        "The specified value of parameter",
        {},
        (
            CONFIGURATION,
            (CONFIGURATION[0], {**CONFIGURATION[1], "ScalingConfigurationName": "two"}),
        ),
    ),
    *(
        Row(
            "ModifyScalingConfiguration",
            f"user data of {len(data)}",
            {"ScalingConfigurationId": "{ScalingConfigurationId}", "UserData": data},
            400,
            f"InvalidUserData.{code}",
            "The specified parameter UserData ",
            {},
            (CONFIGURATION,),
        )
        for data, code in (("?!", "Base64FormatInvalid"), ("A" * 24_000, "SizeExceeded"))
    ),
    Row(
        "DeleteScalingConfiguration",
        "no such configuration",
        {"ScalingConfigurationId": "asc-9"},
        404,
        "InvalidScalingConfigurationId.NotFound",
        "The specified scaling configuration does not exist.",
    ),
    Row(
        "DeleteScalingConfiguration",
        "is active",
        {"ScalingConfigurationId": "{ScalingConfigurationId}"},
        400,
        "IncorrectScalingConfigurationLifecycleState",
        "The current lifecycle state of specified scaling configuration does not support this "
        "action.",
        {},
        (
            CONFIGURATION,
            (
                "ModifyScalingGroup",
                {**GROUP, "ActiveScalingConfigurationId": "{ScalingConfigurationId}"},
            ),
        ),
    ),
    # Instances
    in_group("AttachInstances", MINE),
    *scaling("AttachInstances", {**GROUP, "InstanceId.1": "i-new"}),
    Row(
        "AttachInstances",
        "is in a group",
        {"ScalingGroupId": "asg-3", **MINE},
        400,
        "InvalidInstanceId.InUse",
        'Instance "i-0001" is already attached to another scaling group.',
    ),
    Row(
        "AttachInstances",
        "over MaxSize",
        {**GROUP, **{f"InstanceId.{number}": f"i-new-{number}" for number in range(1, 5)}},
        400,
        "IncorrectCapacity.MaxSize",
        "To attach the instances, the total capacity will be greater than the MaxSize.",
    ),
    in_group("DetachInstances", MINE),
    no_instance("DetachInstances"),
    *scaling("DetachInstances", {**GROUP, **MINE}),
    Row(
        "DetachInstances",
        "below MinSize",
        {**GROUP, **MINE},
        400,
        "IncorrectCapacity.MinSize",
        "To remove the instances, the total capacity will be lesser than the MinSize.",
        {"minSize": 3},
    ),
    in_group("RemoveInstances", MINE),
    no_instance("RemoveInstances"),
    *scaling("RemoveInstances", {**GROUP, **MINE}),
    Row(
        "RemoveInstances",
        "policy",
        {**GROUP, **MINE, "RemovePolicy": "keep"},
        400,
        "InvalidParameter",
        "The specified group does not support the specified RemovePolicy.",
    ),
    Row(
        "RemoveInstances",
        "below MinSize",
        {**GROUP, **MINE},
        400,
        "IncorrectCapacity.MinSize",
        "To remove the instances, the total capacity will be lesser than the MinSize.",
        {"minSize": 3},
    ),
    *(in_group(f"{way}Standby", MINE) for way in ("Enter", "Exit")),
    no_instance("EnterStandby"),
    no_instance("ExitStandby"),  # whose table has another action's sentence for this code
    *(
        Row(
            *(f"{way}Standby", "no service role", {**GROUP, **MINE}, 403),
            *("Forbidden.Unauthorized", UNAUTHORIZED, NO_ROLE),
        )
        for way in ("Enter", "Exit")
    ),
    in_group("SetInstancesProtection", {**MINE, "ProtectedFromScaleIn": "true"}),
    no_instance("SetInstancesProtection", ProtectedFromScaleIn="true"),
    Row(
        "SetInstancesProtection",
        "group is not active",
        {**GROUP, **MINE, "ProtectedFromScaleIn": "true"},
        400,
        "IncorrectScalingGroupStatus",
        STATUS,
        INACTIVE,
    ),
    Row(
        "SetInstancesProtection",
        "no service role",
        {**GROUP, **MINE, "ProtectedFromScaleIn": "true"},
        403,
        "Forbidden.Unauthorized",
        UNAUTHORIZED,
        NO_ROLE,
    ),
    Row(
        "SetInstanceHealth",
        "no such instance",
        {"InstanceId": "i-9", "HealthStatus": "Healthy"},
        400,
        "InvalidInstanceId.NotFound",
        'Instance "i-9" does not exist.',
    ),
    Row(
        "SetInstanceHealth",
        "health",
        {"InstanceId": "i-0001", "HealthStatus": "Ill"},
        400,
        "InvalidParameter",
        'The specified value of parameter "HealthStatus" is not valid.',
    ),
    # Rules
    in_group("CreateScalingRule", simple_rule()[1]),
    Row(
        *("CreateScalingRule", "name is taken", simple_rule(ScalingRuleName="one")[1], 400),
        "InvalidScalingRuleName.Duplicate",
        "The specified value of parameter ScalingRuleName is duplicated.",
        {},
        (simple_rule(ScalingRuleName="one"),),
    ),
    Row(
        *("CreateScalingRule", "too many", simple_rule()[1], 400, "QuotaExceeded.ScalingRule"),
        "Scaling rule quota exceeded in the specified scaling group.",
        {},
        (simple_rule(),) * 50,
    ),
    Row(
        *("CreateScalingRule", "metric", {**TRACKING, "MetricName": "Mood"}, 400),
        "TargetTrackingScalingRule.UnsupportedMetric",
        "Specific metric is not supported for target tracking scaling rule.",
    ),
    Row(
        *("CreateScalingRule", "metric is tracked already", TRACKING, 400),
        "TargetTrackingScalingRule.DumplicateMetric",
        "Only one TargetTrackingScaling rule for a given metric specification is allowed.",
        {},
        (("CreateScalingRule", TRACKING),),
    ),
    Row(
        *("CreateScalingRule", "magnitude", simple_rule(MinAdjustmentMagnitude="2")[1], 400),
        "InvalidMinAdjustmentMagnitudeMismatchAdjustmentType",
        "MinAdjustmentMagnitude is not supported by the specified adjustment type.",
    ),
    *(
        Row(
            *("CreateScalingRule", f"steps {bounds}"[:60], step_rule(*bounds), 400),
            *(code, message),
        )
        for bounds, code, message in (
            (
                [("0", ""), ("5", "")],
                "InvalidStepAdjustments.MultipleNullUpperBound",
                "At most one StepAdjustment may have an unspecified upper bound.",
            ),
            (
                [("", "0"), ("", "-5")],
                "InvalidStepAdjustments.MultipleNullLowerBound",
                "At most one StepAdjustment may have an unspecified lower bound.",
            ),
            (
                [("-5", "0")],
                "InvalidStepAdjustments.NoNullLowerBound",
                "There must be a StepAdjustment with an unspecified lower bound when one "
                "StepAdjustment has a negative lower bound.",
            ),
            (
                [("0", "5")],
                "InvalidStepAdjustments.NoNullUpperBound",
                "There must be a StepAdjustment with an unspecified upper bound when one "
                "StepAdjustment has a positive upper bound.",
            ),
            (
                [("0", "5"), ("6", "")],
                "InvalidStepAdjustments.Gap",
                "StepAdjustment intervals can not have gaps between them.",
            ),
            (
                [("0", "5"), ("4", "")],
                "InvalidStepAdjustments.Overlap",
                "StepAdjustment intervals can not overlap.",
            ),
            (
                [("5", "4")],
                "InvalidStepAdjustments.LowerGtUpper",
                "LowerBound must be less than the UpperBound for StepAdjustment :",
            ),
            (
                [("", "")],
                "InvalidStepAdjustments.BothNull",
                "Both lower and upper bounds of a StepAdjustment can not be left unspecified.",
            ),
            (
                [(str(n), str(n + 1)) for n in range(21)],
                "InvalidStepAdjustments.MaxNum",
                "Your scaling rule can have at most 20 StepAdjustments.",
            ),
            (
                [("0", "1e19")],
                "StepBeyondPermitRange",
                'Specific parameter "MetricIntervalUpperBound" beyond permit range.',
            ),
        )
    ),
    Row(
        "ModifyScalingRule",
        "name is taken",
        {"ScalingRuleId": "{ScalingRuleId}", "ScalingRuleName": "one"},
        400,
        "InvalidScalingRuleName.Duplicate",
        "The specified value of parameter ScalingRuleName is duplicated.",
        {},
        (simple_rule(ScalingRuleName="one"), simple_rule()),
    ),
    Row(
        "ModifyScalingRule",
        "steps",
        {"ScalingRuleId": "{ScalingRuleId}", "StepAdjustment.1.ScalingAdjustment": "1"},
        400,
        "InvalidStepAdjustments.BothNull",
        "Both lower and upper bounds of a StepAdjustment can not be left unspecified.",
        {},
        (STEPS,),
    ),
    *(
        Row(
            *(f"{verb}ScalingRule", "no such rule", {"ScalingRuleId": "asr-9"}, 404),
            *("InvalidScalingRuleId.NotFound", "The specified scaling rule does not exist."),
        )
        for verb in ("Modify", "Delete")
    ),
    Row(
        "ExecuteScalingRule",
        "no such rule",
        {"ScalingRuleAri": "ari:acs:ess:cn-hangzhou:1:scalingrule/asr-9"},
        404,
        "InvalidScalingRuleAri.NotFound",
        "The specified scaling rule Ari does not exist.",
    ),
    *scaling("ExecuteScalingRule", EXECUTE, simple_rule()),
    Row(
        *("ExecuteScalingRule", "no change", EXECUTE, 400, "IncorrectCapacity.NoChange"),
        "To execute the specified scaling rule, the total capacity will not change.",
        {"maxSize": 3},
        (simple_rule(),),
    ),
    Row(
        *("ExecuteScalingRule", "tracks a target", EXECUTE, 400),
        "ScalingRule.InvalidScalingRuleType",
        "Specific scaling rule type: TargetTrackingScalingRule can not be executed.",
        {},
        (("CreateScalingRule", TRACKING),),
    ),
    Row(
        *("ExecuteScalingRule", "no metric value", EXECUTE, 400, "MissingParameter.MetricValue"),
        "Metric value must be specified for StepScalingRule.",
        {},
        (STEPS,),
    ),
    Row(
        *("ExecuteScalingRule", "no threshold", {**EXECUTE, "MetricValue": "5"}, 400),
        *("MissingParameter.BreachThreshold",),
        "Breach threshold must be specified for StepScalingRule.",
        {},
        (STEPS,),
    ),
    Row(
        "ExecuteScalingRule",
        "no step",
        {**EXECUTE, "MetricValue": "5", "BreachThreshold": "6"},
        400,
        "InvalidStepAdjustments.NoStepFound",
        "No adjustment step found for a metric value of: ",
        {},
        (STEPS,),
    ),
    *(
        Row(
            "ExecuteScalingRule",
            f"{name} is out of range",
            {**EXECUTE, "MetricValue": "5", "BreachThreshold": "5", name: "1e19"},
            400,
            f"{name}BeyondPermitRange",
            f'Specific parameter "{name}" beyond permit range.',
            {},
            (STEPS,),
        )
        for name in ("MetricValue", "BreachThreshold")
    ),
    Row(
        *("ModifyScalingRule", "metric is tracked already"),
        {"ScalingRuleId": "{ScalingRuleId}", "MetricName": "CpuUtilization"},
        *(400, "TargetTrackingScalingRule.DumplicateMetric"),
        "Only one TargetTrackingScaling rule for a given metric specification is allowed.",
        {},
        (
            ("CreateScalingRule", TRACKING),
            ("CreateScalingRule", {**TRACKING, "MetricName": "IntranetRx"}),
        ),
    ),
    Row(
        *("ModifyScalingRule", "metric"),
        {"ScalingRuleId": "{ScalingRuleId}", "MetricName": "Mood"},
        *(400, "TargetTrackingScalingRule.UnsupportedMetric"),
        "Specific metric is not supported for target tracking scaling rule.",
        {},
        (("CreateScalingRule", TRACKING),),
    ),
    Row(
        *("ModifyScalingRule", "magnitude"),
        {"ScalingRuleId": "{ScalingRuleId}", "MinAdjustmentMagnitude": "2"},
        *(400, "InvalidMinAdjustmentMagnitudeMismatchAdjustmentType"),
        "MinAdjustmentMagnitude is not supported by the specified adjustment type.",
        {},
        (simple_rule(),),
    ),
    # Scheduled tasks and alarms
    Row(
        *(TASK[0], "region", {**TASK[1], "RegionId": "cn-atlantis"}, 404),
        *("InvalidRegionId.NotFound", "The specified region does not exist."),
    ),
    Row(
        *(TASK[0], "name is taken", TASK[1], 400, "InvalidScheduledTaskName.Duplicate"),
        "The specified value of parameter ScheduledTaskName is duplicated.",
        {},
        (TASK,),
    ),
    Row(
        *(TASK[0], "too many", TASK[1], 400, "QuotaExceeded.ScheduledTask"),
        "Scheduled task quota exceeded.",
        {},
        tuple((TASK[0], {**TASK[1], "ScheduledTaskName": f"t-{n}"}) for n in range(70)),
    ),
    Row(
        TASK[0],
        "rule of another region",
        {
            "LaunchTime": "2026-11-24T00:00Z",
            "ScheduledAction": "ari:acs:ess:cn-beijing:1:scalingrule/asr-1",
        },
        400,
        "ScheduledAction.RegionMismatch",
        "The specified scheduled task and the specified scheduled action are not in the same "
        "Region.",
    ),
    Row(
        *("ModifyScheduledTask", "name is taken"),
        {"ScheduledTaskId": "{ScheduledTaskId}", "ScheduledTaskName": "task"},
        *(400, "InvalidScheduledTaskName.Duplicate"),
        "The specified value of parameter ScheduledTaskName is duplicated.",
        {},
        (TASK, (TASK[0], {**TASK[1], "ScheduledTaskName": "other"})),
    ),
    Row(
        *("ModifyScheduledTask", "rule of another region"),
        {
            "ScheduledTaskId": "{ScheduledTaskId}",
            "ScheduledAction": "ari:acs:ess:cn-beijing:1:scalingrule/asr-1",
        },
        *(400, "ScheduledAction.RegionMismatch"),
        "The specified scheduled task and the specified scheduled action are not in the same "
        "Region.",
        {},
        (TASK,),
    ),
    *(
        Row(
            *(f"{verb}ScheduledTask", "no such task", {"ScheduledTaskId": "sst-9"}, 404),
            *("InvalidScheduledTaskId.NotFound", "The specified scheduled task does not exist."),
        )
        for verb in ("Modify", "Delete")
    ),
    *(
        Row(
            *("CreateAlarm", wrong, {**ON_CPU, **params}, 404),
            "InvalidParameter",
            f'The specified value of parameter "{name}" is not valid.',
        )
        for wrong, name, params in (
            ("period", "Period", {"Period": "7"}),
            ("no such rule", "AlarmAction", {"AlarmAction.1": "ari:acs:ess:x:1:scalingrule/asr-9"}),
        )
    ),
    # Hooks
    Row(
        *(HOOK[0], "transition", {**HOOK[1], "LifecycleTransition": "UP"}, 400),
        *("InvalidParamter", HOOK_PARAMETER),
    ),
    Row(
        *(HOOK[0], "receiver", {**HOOK[1], "NotificationArn": "queue"}, 400),
        *("InvalidNotificationArn", "The specified parameter notificationArn is invalid."),
    ),
    Row(
        *(HOOK[0], "name is taken", {**HOOK[1], "LifecycleHookName": "one"}, 400),
        "InvalidLifecycleHookName.Duplicate",
        "The specified value of parameter lifecycleHookName is duplicated.",
        {},
        ((HOOK[0], {**HOOK[1], "LifecycleHookName": "one"}),),
    ),
    Row(
        *(*HOOK[:1], "too many", HOOK[1], 400, "QuotaExceeded.LifecycleHook"),
        "Lifecycle hook quota exceeded in the specified scaling group.",
        {},
        (HOOK,) * 10,
    ),
    Row(
        *("ModifyLifecycleHook", "receiver"),
        {"LifecycleHookId": "{LifecycleHookId}", "NotificationArn": "queue"},
        *(400, "InvalidNotificationArn"),
        "The specified parameter notificationArn is invalid.",
        {},
        (HOOK,),
    ),
    *(
        Row(action, "a value", params, 400, "InvalidParamter", HOOK_PARAMETER, {}, (HOOK,))
        for action, params in (
            ("ModifyLifecycleHook", {"LifecycleHookId": "{LifecycleHookId}", "DefaultResult": "?"}),
            ("DescribeLifecycleHooks", {**GROUP, "PageSize": "51"}),
            (
                "RecordLifecycleActionHeartbeat",
                {
                    "lifecycleHookId": "{LifecycleHookId}",
                    "lifecycleActionToken": "x",
                    "heartbeatTimeout": "1",
                },
            ),
        )
    ),
    *(
        Row(
            f"{verb}LifecycleHook",
            f"no such {kind}",
            params,
            400,
            f"InvalidLifecycleHook{kind}.NotExist",
            f"The specified lifecycleHook{kind}{says}",
            source=source,
        )
        for verb, does, source in (
            ("Modify", "not exist.", ""),
            (
                "Delete",
                "does not exist.",
                "cn.zh-CN/API 参考/生命周期挂钩/DeleteLifecycleHook.md",
            ),
        )
        for kind, params, says in (
            ("Id", {"LifecycleHookId": "ash-9"}, f" {does}"),
            ("Name", {**GROUP, "LifecycleHookName": "none"}, f" you provided {does}"),
        )
    ),
    Row(
        "CompleteLifecycleAction",
        "a value",
        {"LifecycleHookId": "x", "LifecycleActionToken": "x", "LifecycleActionResult": "?"},
        400,
        "InvalidParamter",
        "The specified value of parameter is invalid.",
    ),
    *(
        Row(
            *(action, "metadata without a receiver", {**params, "NotificationMetadata": "x"}),
            400,
            "InvalidParameter",
            'The specified value of parameter "NotificationMetadata" is not valid.',
            {},
            (HOOK,),
            "cn.zh-CN/API 参考/生命周期挂钩/CreateLifecycleHook.md",
        )
        for action, params in (
            HOOK,
            ("ModifyLifecycleHook", {"LifecycleHookId": "{LifecycleHookId}"}),
        )
    ),
    Row(
        "CompleteLifecycleAction",
        "no such action",
        {"LifecycleHookId": "{LifecycleHookId}", "LifecycleActionToken": "x"},
        400,
        "LifecycleHookIdAndLifecycleActionToken.Invalid",
        MISMATCH,
        {},
        (HOOK,),
    ),
    Row(
        "RecordLifecycleActionHeartbeat",
        "no such action",
        {"lifecycleHookId": "{LifecycleHookId}", "lifecycleActionToken": "x"},
        400,
        "LifecycleHookIdAndLifecycleActionToken.Invalid",
        MISMATCH,
        {},
        (HOOK,),
        "cn.zh-CN/API 参考/生命周期挂钩/RecordLifecycleActionHeartbeat.md",
    ),
    *(
        Row(
            *("DescribeLifecycleActions", name, {"ScalingActivityId": "{ScalingActivityId}"}),
            *(400, "InvalidParameter"),
            f'The specified value of parameter "{name}" is not valid.',
            {},
            (REMOVAL,),
        )._replace(params={"ScalingActivityId": "{ScalingActivityId}", name: value})
        for name, value in (
            ("ScalingActivityId", "asa-9"),
            ("MaxResults", "51"),
            ("LifecycleActionStatus", "Late"),
        )
    ),
    # Notifications
    in_group(RECEIVER[0], RECEIVER[1]),
    Row(
        *(RECEIVER[0], "receiver", {**RECEIVER[1], "NotificationArn": "queue"}, 400),
        *("InvalidNotificationArn", "The specified parameter notificationArn is invalid."),
    ),
    Row(
        *(RECEIVER[0], "type", {**RECEIVER[1], "NotificationType.1": "ALL"}, 400),
        *("InvalidNotificationTypes", "The specified NotificationType is invalid."),
    ),
    Row(
        *(RECEIVER[0], "exists", RECEIVER[1], 400, "NotificationConfigurationExist"),
        "The specified notificationConfiguration already exist for the scalingGroup.",
        {},
        (RECEIVER,),
    ),
    Row(
        *(RECEIVER[0], "too many", RECEIVER[1], 400),
        "NotificationConfigurationQuotaExceed.ForScalingGroup",
        "NotificationConfiguration num exceed for the specified scalingGroup.",
        {},
        tuple((RECEIVER[0], {**RECEIVER[1], "NotificationArn": f"{QUEUE}{n}"}) for n in range(6)),
    ),
    *(
        Row(
            *(f"{verb}NotificationConfiguration", "not configured", RECEIVER[1], 400),
            "NotificationConfigurationNotExist",
            "The specified notificationConfiguration not exist for the scalingGroup.",
        )
        for verb in ("Modify", "Delete")
    ),
    *(
        in_group(f"{verb}NotificationConfiguration{s}", RECEIVER[1])
        for verb, s in (("Modify", ""), ("Delete", ""), ("Describe", "s"))
    ),
    Row(
        "ModifyNotificationConfiguration",
        "type",
        {**RECEIVER[1], "NotificationType.1": "ALL"},
        400,
        "InvalidNotificationTypes",
        "The specified NotificationType is invalid.",
        {},
        (RECEIVER,),
    ),
    # Balancers and databases
    in_group("AttachLoadBalancers", {"LoadBalancer.1": "lb-1"}),
    in_group("DetachLoadBalancers", {"LoadBalancer.1": "lb-1"}),
    in_group("AttachDBInstances", {"DBInstance.1": "rm-1"}),
    in_group("DetachDBInstances", {"DBInstance.1": "rm-1"}),
    in_group("AttachVServerGroups", {"VServerGroup.1.LoadBalancerId": "lb-1"}),
    in_group("DetachVServerGroups", {"VServerGroup.1.LoadBalancerId": "lb-1"}),
    Row(
        *("DetachLoadBalancers", "not attached", {**GROUP, "LoadBalancer.1": "lb-9"}, 404),
        *("InvalidLoadBalancerId.NotFound", 'The Load Balancer "lb-9" does not exist.'),
    ),
    Row(
        *("DetachDBInstances", "not attached", {**GROUP, "DBInstance.1": "rm-9"}, 400),
        *("InvalidDBInstanceId.NotFound", 'DB instance "rm-9" does not exist.'),
    ),
    *(
        Row(
            *(f"Attach{kind}s", "too many", {**GROUP, f"{kind}.1": "x"}, 400),
            *(f"QuotaExceeded.{code}", message, {}),
            tuple(
                (
                    f"Attach{kind}s",
                    {**GROUP, **{f"{kind}.{n}": f"x-{ten}-{n}" for n in range(1, 11)}},
                )
                for ten in range(3)
            ),
        )
        for kind, code, message in (
            (
                "LoadBalancer",
                "LoadBalancer",
                'LoadBalancer quota exceeded in the scaling group "asg-1".',
            ),
            ("DBInstance", "RDS", '"RDS" quota exceeded.'),
        )
    ),
    *(
        Row(
            *(action, "no service role", {**GROUP, **params}, 403, "Forbidden.Unauthorized"),
            *(UNAUTHORIZED, NO_ROLE),
        )
        for verb in ("Attach", "Detach")
        for action, params in (
            (f"{verb}LoadBalancers", {"LoadBalancer.1": "lb-1"}),
            (f"{verb}VServerGroups", {"VServerGroup.1.LoadBalancerId": "lb-1", **V_SERVER_GROUP}),
        )
    ),
    *(
        Row(
            *(action, "balancer is not active", {**GROUP, **params}, 400),
            "IncorrectLoadBalancerStatus",
            'The current status of the load balancer "lb-idle" does not support this action.',
        )
        for action, params in (
            ("AttachLoadBalancers", {"LoadBalancer.1": "lb-idle"}),
            (
                "AttachVServerGroups",
                {"VServerGroup.1.LoadBalancerId": "lb-idle", **V_SERVER_GROUP},
            ),
        )
    ),
    *(
        Row(
            "CreateScalingGroup",
            f"balancer is not active: {wrong}",
            {"MinSize": "0", "MaxSize": "1", **params},
            400,
            "IncorrectLoadBalancerStatus",
            BALANCER,
        )
        for wrong, params in (
            ("by id", {"LoadBalancerIds": '["lb-1", "lb-idle"]'}),
            ("by group", {"VServerGroup.1.LoadBalancerId": "lb-idle", **V_SERVER_GROUP}),
        )
    ),
    Row(
        *("AttachVServerGroups", "too many"),
        {**GROUP, "VServerGroup.1.LoadBalancerId": "lb-2", **V_SERVER_GROUP},
        *(400, "QuotaExceeded.VServerGroup"),
        "VServerGroup quota exceeded in the specified scaling group.",
        {},
        tuple(
            (
                "AttachVServerGroups",
                {
                    **GROUP,
                    "VServerGroup.1.LoadBalancerId": "lb-1",
                    **V_SERVER_GROUP,
                    "VServerGroup.1.VServerGroupAttribute.1.Port": f"{port}",
                },
            )
            for port in range(1, 31)
        ),
    ),
    Row(
        *("AttachVServerGroups", "no balancer", {**GROUP, **V_SERVER_GROUP}, 400),
        "MissingParameter",
        'The input parameter "VServerGroup.N.LoadBalancerId" that is mandatory',
    ),
    Row(
        *("AttachVServerGroups", "port"),
        {
            **GROUP,
            "VServerGroup.1.LoadBalancerId": "lb-1",
            **V_SERVER_GROUP,
            "VServerGroup.1.VServerGroupAttribute.1.Port": "70000",
        },
        *(400, "InvalidParameter"),
        'The specified value of parameter "VServerGroup.N.VServerGroupAttribute.N.Port" is not',
    ),
    *(
        Row(
            f"{verb}{kind}s",
            "load balancers, which are of another action",
            {**GROUP, "LoadBalancerConfig.1.LoadBalancerId": "lb-1"},
            400,
            "MissingParameter",
            f'The input parameter "{kind}.N" that is mandatory',
        )
        for verb in ("Attach", "Detach")
        for kind in ("ServerGroup", "AlbServerGroup")
    ),
    Row(
        *("DetachVServerGroups", "names none", GROUP, 400, "MissingParameter"),
        'The input parameter "VServerGroup.N" that is mandatory for processing this request is '
        "not supplied.",
    ),
    Row(
        *("AttachAlbServerGroups", "attached already", {**GROUP, **ALB}, 400),
        *("AlbServerGroup.AlreadyAttached", "The ALB ServerGroups are already attached.", {}),
        (("AttachAlbServerGroups", {**GROUP, **ALB}),),
        "cn.zh-CN/API参考/伸缩组/AttachAlbServerGroups.md",
    ),
    Row(
        *("DetachAlbServerGroups", "not attached", {**GROUP, **ALB}, 400),
        "AlbServerGroup.NotAttached",
        "The ALB ServerGroups are not attached to specific ScalingGroup.",
        source="cn.zh-CN/API参考/伸缩组/DetachAlbServerGroups.md",
    ),
    # Regions, activities, tags
    Row(
        *("DescribeRegions", "language", {"AcceptLanguage": "la"}, 404),
        "InvalidAcceptLanguage.NotFound",
        "Only Chinese (zh-CN), English (en-US), and Japanese (ja) are allowed.",
    ),
    Row(
        *("DescribeScalingActivityDetail", "no id", {}, 400, "InvalidParameter"),
        'The input parameter "ScalingActivityId" that is mandatory for processing this request is '
        "not supplied",
    ),
    *(
        Row(
            f"ListTag{what}",
            "type",
            {"ResourceType": "disk", "Key": "k"},
            400,
            "InvalidResourceType.NotFound",
            "The ResourceType provided does not exist in our records.",
        )
        for what in ("Keys", "Values")
    ),
    # Whatever the action
    Row(
        "DescribeScalingRules",
        "parameter",
        {"PageSize": "51"},
        400,
        "InvalidParameter",
        "The specified value of parameter",
        source="https://www.alibabacloud.com/help/en/auto-scaling/developer-reference/client-errors",
    ),
    Row(
        "DeleteScalingRule",
        "missing parameter",
        {},
        400,
        "MissingParameter",
        'The input parameter "ScalingRuleId" that is mandatory for processing this request is not '
        "supplied",
        source="https://www.alibabacloud.com/help/en/auto-scaling/developer-reference/client-errors",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.action}: {row.wrong}: {row.code}")
def test_an_action_refuses_as_its_table_says(row: Row) -> None:
    one = group(*instances(3), **{"maxSize": 6, **row.fleet})
    others = [
        group(scalingGroupId="asg-2", lifecycleState="Inactive", maxSize=1),
        group(scalingGroupId="asg-3"),
    ]
    with cloud_of(one, *others, loadBalancers=IDLE) as cloud:
        done = prepared(cloud, row)
        params = {name: value.format_map(done) for name, value in row.params.items()}
        before = saved(cloud.inside.service)
        with pytest.raises(ServerException) as refused:
            sent(cloud, row.action, params)
        assert saved(cloud.inside.service) == before  # what is refused changes nothing

    answer = refused.value
    assert (answer.get_http_status(), answer.get_error_code()) == (row.status, row.code)
    assert row.message in answer.get_error_msg()


def test_a_configuration_that_instances_were_created_by_cannot_be_deleted() -> None:
    with cloud_of(group(*instances(1))) as cloud:
        id = sent(cloud, *CONFIGURATION)["ScalingConfigurationId"]
        cloud.group.instances["i-0001"].scaling_configuration_id = id
        with pytest.raises(ServerException) as refused:
            sent(cloud, "DeleteScalingConfiguration", {"ScalingConfigurationId": id})

    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (
        400,
        "InstanceInUse",
    )
    assert refused.value.get_error_msg() == IN_USE


@pytest.mark.parametrize("action", ["AttachInstances", "EnableScalingGroup"])
def test_an_instance_that_was_released_does_not_exist_any_more(action: str) -> None:
    with cloud_of(group(*instances(2)), group(scalingGroupId="asg-2")) as cloud:
        sent(cloud, "RemoveInstances", {**GROUP, **MINE})
        cloud.clock.advance(60)
        assert list(cloud.states()) == ["i-0002"]
        if action == "EnableScalingGroup":
            sent(cloud, "DisableScalingGroup", {"ScalingGroupId": "asg-2"})
        with pytest.raises(ServerException) as refused:
            sent(cloud, action, {"ScalingGroupId": "asg-2", **MINE})

    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (
        404,
        "InvalidInstanceId.NotFound",
    )
    assert refused.value.get_error_msg() == 'Instance "i-0001" does not exist.'


@pytest.mark.parametrize(
    ("times", "seconds", "code"),
    [(20, "60", "RecordTimesExceeded"), (0, "21600", ""), (1, "21600", "TimeExceeded")],
)
def test_a_wait_is_prolonged_twenty_times_and_for_six_hours_at_most(
    times: int, seconds: str, code: str
) -> None:
    """Source: cn.zh-CN/API 参考/生命周期挂钩/RecordLifecycleActionHeartbeat.md"""
    with cloud_of(group(*instances(2))) as cloud:
        hook_id = sent(cloud, *HOOK)["LifecycleHookId"]
        sent(cloud, "RemoveInstances", {**GROUP, **MINE})
        (token,) = cloud.inside.service.lifecycle_actions
        beat = {"lifecycleHookId": hook_id, "lifecycleActionToken": token}
        for _ in range(times):
            cloud.clock.advance(1)
            sent(cloud, "RecordLifecycleActionHeartbeat", {**beat, "heartbeatTimeout": "60"})
        last = {**beat, "heartbeatTimeout": seconds}
        if not code:
            sent(cloud, "RecordLifecycleActionHeartbeat", last)
            return
        with pytest.raises(ServerException) as refused:
            sent(cloud, "RecordLifecycleActionHeartbeat", last)

    assert (refused.value.get_http_status(), refused.value.get_error_code()) == (
        400,
        f"LifecycleAction.{code}",
    )


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ("ModifyScalingGroup", {"DisableDesiredCapacity": "true", "MinSize": "9"}),
        (
            "ModifyScalingGroup",
            {"ActiveScalingConfigurationId": "{ScalingConfigurationId}", "MinSize": "9"},
        ),
        (
            "EnableScalingGroup",
            {"ActiveScalingConfigurationId": "{ScalingConfigurationId}", "InstanceId.1": "i-0001"},
        ),
        ("EnableScalingGroup", {"LaunchTemplateId": "lt-1", "InstanceId.1": "i-0001"}),
        (
            "ModifyInstanceAttribute",
            {"Entrusted": "false", "InstanceIds.1": "own-0001", "InstanceIds.2": "i-0001"},
        ),
        ("ModifyScalingGroup", {"MaxSize": "1"}),  # less than the desired capacity
        ("ModifyScalingGroup", {"MinSize": "3"}),
        (
            "ModifyScalingConfiguration",
            {
                "ScalingConfigurationId": "{ScalingConfigurationId}",
                "ScalingConfigurationName": "other",
                "InstanceTypeOverride.1.WeightedCapacity": "9",
            },
        ),
        (
            "ModifyScheduledTask",
            {
                "ScheduledTaskId": "{ScheduledTaskId}",
                "ScheduledTaskName": "other",
                "RecurrenceType": "Weekly",
                "RecurrenceValue": "9",
            },
        ),
        # not later than in 90 days (API reference, CreateScheduledTask)
        (
            "ModifyScheduledTask",
            {"ScheduledTaskId": "{ScheduledTaskId}", "LaunchTime": "2027-02-22T00:00Z"},
        ),
        ("CreateScheduledTask", {"LaunchTime": "2027-02-22T00:00Z", "MinValue": "1"}),
        ("AttachInstances", {"InstanceId.1": "i-new", "InstanceId.2": "i-new"}),
        ("DetachInstances", {"InstanceId.1": "own-0001", "InstanceId.2": "own-0001"}),
        ("EnterStandby", {"InstanceId.1": "own-0001", "InstanceId.2": "own-0001"}),
    ],
)
def test_a_call_that_is_refused_changes_nothing(action: str, params: dict[str, str]) -> None:
    own = instances(1, "own", creationType="Attached")
    one = group(*instances(1), *own, maxSize=4, desiredCapacity=2)
    with cloud_of(one) as cloud:
        made = {**sent(cloud, *CONFIGURATION), **sent(cloud, *TASK)}
        if action == "EnableScalingGroup":
            sent(cloud, "DisableScalingGroup", GROUP)
        before = saved(cloud.inside.service)
        with pytest.raises(ServerException):
            sent(cloud, action, {**GROUP, **{k: v.format(**made) for k, v in params.items()}})
        assert saved(cloud.inside.service) == before


def test_what_the_tables_of_parameters_permit_is_taken() -> None:
    pattern = {"InstancePatternInfo.1.Cores": "2", "InstancePatternInfo.1.Memory": "8"}
    by_pattern = {**GROUP, "ImageId": "m-1", **pattern}
    tag = {"ResourceType": "scalinggroup", "ResourceId.1": "asg-1", "Tag.1.Key": "k" * 128}
    disk = {"SystemDisk.Category": "cloud_essd", "SystemDisk.Size": "1"}
    processes = {f"Process.{number}": "ScaleIn" for number in range(1, 101)}
    with cloud_of(group()) as cloud:
        sent(cloud, CONFIGURATION[0], by_pattern)
        sent(cloud, CONFIGURATION[0], {**CONFIGURATION[1], **pattern, **disk})
        sent(cloud, "TagResources", tag)
        sent(cloud, "SuspendProcesses", {**GROUP, **processes})
        assert cloud.group.suspended_processes == ["ScaleIn"]
        sent(cloud, "ResumeProcesses", {**GROUP, **processes})
        assert cloud.group.suspended_processes == []


def test_every_row_is_of_an_action_that_is_there() -> None:
    assert {row.action for row in ROWS} <= ACTIONS.keys()


def prepared(cloud: Cloud, row: Row) -> dict[str, Any]:
    """Does what comes before, in a group that permits it; returns all fields of the replies."""
    service = cloud.inside.service
    as_it_is, done = dict(vars(cloud.group)), dict[str, Any]()
    cloud.group.lifecycle_state = "Active"
    cloud.group.service_role_ok = cloud.group.load_balancer_ok = True
    cloud.group.db_instance_not_ok = ""
    for action, params in row.before:
        formatted = {name: value.format_map(done) for name, value in params.items()}
        done.update(sent(cloud, action, formatted))
    for name in ("lifecycle_state", "service_role_ok", "load_balancer_ok", "db_instance_not_ok"):
        setattr(service.groups["asg-1"], name, as_it_is[name])
    return done


def sent(cloud: Cloud, action: str, params: Mapping[str, str]) -> dict[str, Any]:
    """Sends a call through the official SDK's core."""
    request = CommonRequest(cloud.endpoint, "2014-08-28", action)
    request.set_method("POST")
    for name, value in params.items():
        request.add_query_param(name, value)
    region_id = params.get("RegionId", "cn-hangzhou")
    client = AcsClient(KEY.access_key_id, KEY.access_key_secret, region_id, auto_retry=False)
    return dict(json.loads(client.do_action_with_exception(request)))
