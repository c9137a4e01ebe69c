"""What the API refuses with: HTTP status, code and message, in ESS's words where published."""

from __future__ import annotations

import re


class ApiError(Exception):
    """An error answer.

    In code and message, `{0}` is the first detail that the error is raised with, such as a
    parameter's name; `{resource}` is the same in words, without `Id` at its end.
    """

    status = 400
    code = ""
    template = ""

    def __init__(self, *details: str) -> None:
        self.details = details
        resource = details[0].removesuffix("Id") if details else ""
        words = re.sub("(?<=[a-z])(?=[A-Z])", " ", resource).lower()
        super().__init__(
            self.template.format(*details, resource=words, sentence=words.capitalize())
        )
        self.code = self.code.format(*details)

    @property
    def message(self) -> str:
        return str(self)


def error_type(status: int, code: str, template: str) -> type[ApiError]:
    """Returns a kind of error answer."""
    return type("ApiError", (ApiError,), {"status": status, "code": code, "template": template})


# fmt: off
# The gateway's own
AccessKeyNotFound = error_type(
    404, "InvalidAccessKeyId.NotFound",
    "Specified access key is not found.",
)
ApiNotFound = error_type(
    404, "InvalidApi.NotFound",
    "Specified api is not found, please check your url and method.",
)
GatewayMissing = error_type(  # the gateway glues the parameter's name into the code
    400, "Missing{0}",
    "{0} is mandatory for this action.",
)
InternalError = error_type(
    500, "InternalError",
    "The request processing has failed due to some unknown error, exception or failure.",
)
InvalidFormat = error_type(
    400, "InvalidParameter.Format",
    "Specified parameter format is not valid.",
)
CallTooLarge = error_type(
    413, "RequestEntityTooLarge",
    "A call has 4 MB at most.",
)
NoSuchVersion = error_type(
    400, "NoSuchVersion",
    "The specified version does not exist.",
)
RegionNotFound = error_type(  # as published for CreateScalingGroup
    404, "InvalidRegionId.NotFound",
    "The specified region does not exist.",
)
SecurityTokenExpired = error_type(
    400, "InvalidSecurityToken.Expired",
    "Specified SecurityToken is expired.",
)
SecurityTokenMissing = error_type(
    400, "MissingSecurityToken",
    "SecurityToken is mandatory for this action.",
)
SecurityTokenMismatch = error_type(
    400, "InvalidSecurityToken.MismatchWithAccessKey",
    "Specified SecurityToken mismatch with the AccessKey.",
)
SecurityTokenMalformed = error_type(
    400, "InvalidSecurityToken.Malformed",
    "Specified SecurityToken is malformed.",
)
ServiceUnavailable = error_type(
    503, "ServiceUnavailable",
    "The request has failed due to a temporary failure of the server.",
)
SignatureDoesNotMatch = error_type(
    400, "SignatureDoesNotMatch",
    "Specified signature is not matched with our calculation. server string to sign is:{0}",
)
SignatureMethod = error_type(  # code and message are not published
    400, "InvalidParameter.SignatureMethod",
    "Specified signature method is not valid.",
)
SignatureNonceUsed = error_type(
    400, "SignatureNonceUsed",
    "Specified signature nonce was used already.",
)
Throttled = error_type(  # by the gateway; `ThrottledByService` is ESS's own
    400, "Throttling.User",
    "Request was denied due to user flow control.",
)
ThrottledByService = error_type(
    400, "Throttling",
    "Request was denied due to request throttling.",
)
TimeStampExpired = error_type(
    400, "InvalidTimeStamp.Expired",
    "Specified time stamp or date value is expired.",
)
TimeStampFormat = error_type(
    400, "InvalidTimeStamp.Format",
    "Specified time stamp or date value is not well formatted.",
)

# ESS's, as published
ForbiddenRam = error_type(
    403, "Forbidden.RAM",
    "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
)
IdempotenceProcessing = error_type(
    400, "IDEMPOTENCE_PROCESSING",
    "The previous idempotent request(s) is still processing.",
)
IdempotenceSignatureMismatch = error_type(  # the same, by the error page of 2014-08-28
    400, "IDEMPOTENCE_SIGNATURE_MISMATCH",
    "There is a idempotence signature mismatch between this and last request.",
)
IdempotentParameterMismatch = error_type(
    400, "IdempotentParameterMismatch",
    "The request is retried with updated parameters.",
)
IncorrectCapacityMinSize = error_type(
    400, "IncorrectCapacity.MinSize",
    "To remove the instances, the total capacity will be lesser than the MinSize.",
)
IncorrectDBInstanceStatus = error_type(
    400, "IncorrectDBInstanceStatus",
    'The current status of DB instance "{0}" does not support this action.',
)
IncorrectInstanceStatus = error_type(
    400, "IncorrectInstanceStatus",
    'The current status of instance "{0}" does not support this action.',
)
IncorrectLoadBalancerStatus = error_type(
    400, "IncorrectLoadBalancerStatus",
    "The current status of the specified load balancer does not support this action.",
)
IncorrectScalingGroupStatus = error_type(
    400, "IncorrectScalingGroupStatus",
    "The current status of the specified scaling group does not support this action.",
)
InstanceNotFound = error_type(
    404, "InvalidInstanceId.NotFound",
    'Instance "{0}" does not exist.',
)
InvalidParameter = error_type(
    400, "InvalidParameter",
    'The specified value of parameter "{0}" is not valid.',
)
MandatoryButInvalid = error_type(  # what DescribeScalingActivityDetail answers to a missing id
    400, "InvalidParameter",
    'The input parameter "{0}" that is mandatory for processing this request is not supplied',
)
MissingParameter = error_type(
    400, "MissingParameter",
    'The input parameter "{0}" that is mandatory for processing this request is not supplied.',
)
RemovePolicyNotSupported = error_type(
    400, "InvalidParameter",
    "The specified group does not support the specified RemovePolicy.",
)
ScalingActivityInProgress = error_type(
    400, "ScalingActivityInProgress",
    "You cannot delete a scaling group or launch a new scaling activity while there is a scaling "
    "activity in progress for the specified scaling group.",
)
ScalingGroupNotFound = error_type(
    404, "InvalidScalingGroupId.NotFound",
    "The specified scaling group does not exist.",
)
Unauthorized = error_type(
    403, "Forbidden.Unauthorized",
    "A required authorization for the specified action is not supplied.",
)

# ESS's, of which the documentation names the code or the sentence; the other is made alike
CooldownInProgress = error_type(
    400, "ScalingCooldownInProgress",
    "You cannot launch a new scaling activity during the cooldown period.",
)
Duplicate = error_type(
    400, "Invalid{0}.Duplicate",
    "The specified value of parameter {0} is duplicated.",
)
GroupProtected = error_type(
    400, "IncorrectScalingGroupStatus.DeletionProtection",
    "The specified scaling group is protected from deletion.",
)
IncorrectCapacityMaxSize = error_type(
    400, "IncorrectCapacity.MaxSize",
    "To attach the instances, the total capacity will be greater than the MaxSize.",
)
IncorrectCapacityNoChange = error_type(
    400, "IncorrectCapacity.NoChange",
    "To execute the specified scaling rule, the total capacity will not change.",
)
IncorrectConfigurationState = error_type(
    400, "IncorrectScalingConfigurationLifecycleState",
    "The current lifecycle state of specified scaling configuration does not support this action.",
)
InstanceInUse = error_type(
    400, "InvalidInstanceId.InUse",
    'Instance "{0}" is already attached to another scaling group.',
)
NotFound = error_type(
    404, "Invalid{0}.NotFound",
    "The specified {resource} does not exist.",
)
Quota = error_type(  # of a whole region, as QuotaExceeded.ScalingGroup is published
    400, "QuotaExceeded.{0}",
    "{sentence} quota exceeded.",
)

# EventBridge's: two codes are in its SDK, the others and 409 in rocketmq-eventbridge
EventBusNotExist = error_type(
    409, "EventBusNotExist",
    "The event bus [{0}] not existed!",
)
EventBusAlreadyExist = error_type(
    409, "EventBusAlreadyExist",
    "The event bus [{0}] already existed!",
)
EventBusNameInvalid = error_type(
    409, "EventBusNameInvalid",
    "The event bus name [{0}] is invalid!",
)
EventBusRuleNotEmptyForDelete = error_type(
    409, "EventBusRuleNotEmptyForDelete",
    "The rules of eventbus [{0}] exist, please delete them before delete event bus.",
)
EventRuleNotExisted = error_type(
    409, "EventRuleNotExisted",
    "The event rule [{0}] of event bus [{1}] not existed!",
)
EventRuleAlreadyExist = error_type(
    409, "EventRuleAlreadyExist",
    "The event rule [{0}] of event bus [{1}] already existed!",
)
EventAccessDenied = error_type(
    403, "AccessDenied",
    "The OwnerId that your Access Key Id associated to is forbidden for this operation.",
)

# The local cloud's own: an action that Auto Scaling has and this cloud has not never succeeds
NotSupported = error_type(
    400, "UnsupportedOperation",
    "The local cloud does not have the action {0}. Its README lists what it has.",
)
# fmt: on

TOKEN_MISMATCHES = {
    error.code: error for error in (IdempotentParameterMismatch, IdempotenceSignatureMismatch)
}
