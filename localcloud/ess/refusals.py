"""What single actions refuse with: the tables of error codes in the ESS manual, its API reference.

Spelled as there, also where that looks like a slip (`InvalidParamter`, `DumplicateMetric`).
"""

from __future__ import annotations

from localcloud.errors import error_type

# fmt: off
# Groups, configurations, instances
ParameterConflict = error_type(
    400, "InvalidParameter.Conflict",
    "The value of parameter {0} and parameter {1} are conflict.",
)
InstanceInUse = error_type(  # of a configuration, or of a group that is to be deleted
    400, "InstanceInUse",
    "You cannot delete a scaling configuration or scaling group while there is an instance "
    "associated with it.",
)
MissingActiveConfiguration = error_type(
    400, "MissingActiveScalingConfiguration",
    "An active scaling configuration for the specified scaling group is not supplied.",
)
MaxSizeWhenEnabling = error_type(
    400, "IncorrectCapacity.MaxSize",
    "To attach the instances, the total capacity will be greater than the max size.",
)
TemplateVersionNotNumber = error_type(
    400, "TemplateVersion.NotNumber",
    'The input parameter "LaunchTemplateVersion" is supposed to be a string representing the '
    "version number.",
)
UnknownInstance = error_type(  # SetInstanceHealth; other actions answer 404
    400, "InvalidInstanceId.NotFound",
    'Instance "{0}" does not exist.',
)
QuotaInGroup = error_type(
    400, "QuotaExceeded.{0}",
    "{sentence} quota exceeded in the specified scaling group.",
)
UserDataFormat = error_type(
    400, "InvalidUserData.Base64FormatInvalid",
    "The specified parameter UserData must be base64 encoded.",
)
UserDataSize = error_type(
    400, "InvalidUserData.SizeExceeded",
    "The specified parameter UserData exceeds the size.",
)
AcceptLanguage = error_type(
    404, "InvalidAcceptLanguage.NotFound",
    "Only Chinese (zh-CN), English (en-US), and Japanese (ja) are allowed.",
)

# Hooks
InvalidParamter = error_type(
    400, "InvalidParamter",
    "The specified value of parameter is not valid.",
)
InvalidActionResult = error_type(  # CompleteLifecycleAction
    400, "InvalidParamter",
    "The specified value of parameter is invalid.",
)
HookIdNotExist = error_type(
    400, "InvalidLifecycleHookId.NotExist",
    "The specified lifecycleHookId {0}.",
)
HookNameNotExist = error_type(
    400, "InvalidLifecycleHookName.NotExist",
    "The specified lifecycleHookName you provided {0}.",
)
HookNameDuplicate = error_type(
    400, "InvalidLifecycleHookName.Duplicate",
    "The specified value of parameter lifecycleHookName is duplicated.",
)
LifecycleActionMismatch = error_type(
    400, "LifecycleHookIdAndLifecycleActionToken.Invalid",
    "The specified lifecycleActionToken and lifecycleHookId you provided does not match any in "
    "process lifecycle action.",
)
HeartbeatTooLong = error_type(
    400, "LifecycleAction.TimeExceeded",
    "The specified parameter heartbeatTime exceed lifecycleAction max suspend time.",
)
HeartbeatTooOften = error_type(
    400, "LifecycleAction.RecordTimesExceeded",
    "The specified lifecycleAction exceed lifecycleAction max record times.",
)

# Notifications
NotificationArn = error_type(
    400, "InvalidNotificationArn",
    "The specified parameter notificationArn is invalid.",
)
NotificationTypes = error_type(
    400, "InvalidNotificationTypes",
    "The specified NotificationType is invalid.",
)
NotificationExists = error_type(
    400, "NotificationConfigurationExist",
    "The specified notificationConfiguration already exist for the scalingGroup.",
)
NotificationNotExist = error_type(
    400, "NotificationConfigurationNotExist",
    "The specified notificationConfiguration not exist for the scalingGroup.",
)
NotificationQuota = error_type(
    400, "NotificationConfigurationQuotaExceed.ForScalingGroup",
    "NotificationConfiguration num exceed for the specified scalingGroup.",
)

# Rules and tasks
AlarmParameter = error_type(  # 404, unlike everywhere else
    404, "InvalidParameter",
    'The specified value of parameter "{0}" is not valid.',
)
RuleAriNotFound = error_type(
    404, "InvalidScalingRuleAri.NotFound",
    "The specified scaling rule Ari does not exist.",
)
RuleTypeNotExecutable = error_type(
    400, "ScalingRule.InvalidScalingRuleType",
    "Specific scaling rule type: {0} can not be executed.",
)
NoStepFound = error_type(
    400, "InvalidStepAdjustments.NoStepFound",
    "No adjustment step found for a metric value of: {0}.",
)
MissingMetricValue = error_type(
    400, "MissingParameter.MetricValue",
    "Metric value must be specified for StepScalingRule.",
)
MissingBreachThreshold = error_type(
    400, "MissingParameter.BreachThreshold",
    "Breach threshold must be specified for StepScalingRule.",
)
BeyondPermitRange = error_type(
    400, "{0}BeyondPermitRange",
    'Specific parameter "{0}" beyond permit range.',
)
StepBeyondPermitRange = error_type(
    400, "StepBeyondPermitRange",
    'Specific parameter "{0}" beyond permit range.',
)
MagnitudeMismatch = error_type(
    400, "InvalidMinAdjustmentMagnitudeMismatchAdjustmentType",
    "MinAdjustmentMagnitude is not supported by the specified adjustment type.",
)
UnsupportedMetric = error_type(
    400, "TargetTrackingScalingRule.UnsupportedMetric",
    "Specific metric is not supported for target tracking scaling rule.",
)
DuplicateMetric = error_type(
    400, "TargetTrackingScalingRule.DumplicateMetric",
    "Only one TargetTrackingScaling rule for a given metric specification is allowed.",
)
StepsNoLowerBound = error_type(
    400, "InvalidStepAdjustments.NoNullLowerBound",
    "There must be a StepAdjustment with an unspecified lower bound when one StepAdjustment has a "
    "negative lower bound.",
)
StepsNoUpperBound = error_type(
    400, "InvalidStepAdjustments.NoNullUpperBound",
    "There must be a StepAdjustment with an unspecified upper bound when one StepAdjustment has a "
    "positive upper bound.",
)
StepsSeveralUnbounded = error_type(
    400, "InvalidStepAdjustments.MultipleNull{0}Bound",
    "At most one StepAdjustment may have an unspecified {1} bound.",
)
StepsGap = error_type(
    400, "InvalidStepAdjustments.Gap",
    "StepAdjustment intervals can not have gaps between them.",
)
StepsOverlap = error_type(
    400, "InvalidStepAdjustments.Overlap",
    "StepAdjustment intervals can not overlap.",
)
StepsReversed = error_type(
    400, "InvalidStepAdjustments.LowerGtUpper",
    "LowerBound must be less than the UpperBound for StepAdjustment :{0}.",
)
StepsUnbounded = error_type(
    400, "InvalidStepAdjustments.BothNull",
    "Both lower and upper bounds of a StepAdjustment can not be left unspecified.",
)
StepsTooMany = error_type(
    400, "InvalidStepAdjustments.MaxNum",
    "Your scaling rule can have at most {0} StepAdjustments.",
)
TaskRegionMismatch = error_type(
    400, "ScheduledAction.RegionMismatch",
    "The specified scheduled task and the specified scheduled action are not in the same Region.",
)

# Balancers and databases
QuotaOfDatabases = error_type(
    400, "QuotaExceeded.RDS",
    '"RDS" quota exceeded.',
)
QuotaOfBalancers = error_type(
    400, "QuotaExceeded.LoadBalancer",
    'LoadBalancer quota exceeded in the scaling group "{0}".',
)
QuotaOfVServerGroups = error_type(
    400, "QuotaExceeded.VServerGroup",
    "VServerGroup quota exceeded in the specified scaling group.",
)
DatabaseNotFound = error_type(
    400, "InvalidDBInstanceId.NotFound",
    'DB instance "{0}" does not exist.',
)
BalancerNotFound = error_type(
    404, "InvalidLoadBalancerId.NotFound",
    'The Load Balancer "{0}" does not exist.',
)
BalancerStatus = error_type(
    400, "IncorrectLoadBalancerStatus",
    'The current status of the load balancer "{0}" does not support this action.',
)
AlbAlreadyAttached = error_type(
    400, "AlbServerGroup.AlreadyAttached",
    "The ALB ServerGroups are already attached.",
)
AlbNotAttached = error_type(
    400, "AlbServerGroup.NotAttached",
    "The ALB ServerGroups are not attached to specific ScalingGroup.",
)

# Tags
ResourceTypeNotFound = error_type(
    400, "InvalidResourceType.NotFound",
    "The ResourceType provided does not exist in our records.",
)
# fmt: on
