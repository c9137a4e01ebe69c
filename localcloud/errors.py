"""What the API refuses with: HTTP status, code and message, in ESS's words where published."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer.

    In code and message, `{0}` is the first detail that the error is raised with, such as a
    parameter's name; `{resource}` is the same without `Id` at its end.
    """

    status = 400
    code = ""
    template = ""

    def __init__(self, *details: str) -> None:
        resource = details[0].removesuffix("Id") if details else ""
        super().__init__(self.template.format(*details, resource=resource))
        self.code = self.code.format(*details)

    @property
    def message(self) -> str:
        return str(self)


def _error(status: int, code: str, template: str) -> type[ApiError]:
    return type("ApiError", (ApiError,), {"status": status, "code": code, "template": template})


# fmt: off
# The gateway's own
AccessKeyNotFound = _error(
    404, "InvalidAccessKeyId.NotFound",
    "Specified access key is not found.",
)
ApiNotFound = _error(
    404, "InvalidApi.NotFound",
    "Specified api is not found, please check your url and method.",
)
GatewayMissing = _error(  # the gateway glues the parameter's name into the code
    400, "Missing{0}",
    "{0} is mandatory for this action.",
)
InternalError = _error(
    500, "InternalError",
    "The request processing has failed due to some unknown error, exception or failure.",
)
InvalidFormat = _error(
    400, "InvalidParameter.Format",
    "Specified parameter format is not valid.",
)
NoSuchVersion = _error(
    400, "NoSuchVersion",
    "The specified version does not exist.",
)
RegionNotFound = _error(  # as published for CreateScalingGroup
    404, "InvalidRegionId.NotFound",
    "The specified region does not exist.",
)
SecurityTokenExpired = _error(
    400, "InvalidSecurityToken.Expired",
    "Specified SecurityToken is expired.",
)
SecurityTokenMalformed = _error(
    400, "InvalidSecurityToken.Malformed",
    "Specified SecurityToken is malformed.",
)
ServiceUnavailable = _error(
    503, "ServiceUnavailable",
    "The request has failed due to a temporary failure of the server.",
)
SignatureDoesNotMatch = _error(
    400, "SignatureDoesNotMatch",
    "Specified signature is not matched with our calculation. server string to sign is:{0}",
)
SignatureMethod = _error(  # code and message are not published
    400, "InvalidParameter.SignatureMethod",
    "Specified signature method is not valid.",
)
SignatureNonceUsed = _error(
    400, "SignatureNonceUsed",
    "Specified signature nonce was used already.",
)
Throttled = _error(
    400, "Throttling.User",
    "Request was denied due to user flow control.",
)
TimeStampExpired = _error(
    400, "InvalidTimeStamp.Expired",
    "Specified time stamp or date value is expired.",
)
TimeStampFormat = _error(
    400, "InvalidTimeStamp.Format",
    "Specified time stamp or date value is not well formatted.",
)

# ESS's, as published
ForbiddenRam = _error(
    403, "Forbidden.RAM",
    "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
)
IdempotenceProcessing = _error(
    400, "IDEMPOTENCE_PROCESSING",
    "The previous idempotent request(s) is still processing.",
)
IdempotenceSignatureMismatch = _error(  # the same, by the error page of 2014-08-28
    400, "IDEMPOTENCE_SIGNATURE_MISMATCH",
    "There is a idempotence signature mismatch between this and last request.",
)
IdempotentParameterMismatch = _error(
    400, "IdempotentParameterMismatch",
    "The request is retried with updated parameters.",
)
IncorrectCapacityMinSize = _error(
    400, "IncorrectCapacity.MinSize",
    "To remove the instances, the total capacity will be lesser than the MinSize.",
)
IncorrectDBInstanceStatus = _error(
    400, "IncorrectDBInstanceStatus",
    'The current status of DB instance "{0}" does not support this action.',
)
IncorrectInstanceStatus = _error(
    400, "IncorrectInstanceStatus",
    'The current status of instance "{0}" does not support this action.',
)
IncorrectLoadBalancerStatus = _error(
    400, "IncorrectLoadBalancerStatus",
    "The current status of the specified load balancer does not support this action.",
)
IncorrectScalingGroupStatus = _error(
    400, "IncorrectScalingGroupStatus",
    "The current status of the specified scaling group does not support this action.",
)
InstanceNotFound = _error(
    404, "InvalidInstanceId.NotFound",
    'Instance "{0}" does not exist.',
)
InvalidParameter = _error(
    400, "InvalidParameter",
    "The specified value of parameter {0} is not valid.",
)
MandatoryButInvalid = _error(  # what DescribeScalingActivityDetail answers to a missing id
    400, "InvalidParameter",
    'The input parameter "{0}" that is mandatory for processing this request is not supplied',
)
MissingParameter = _error(
    400, "MissingParameter",
    "The input parameter {0} that is mandatory for processing this request is not supplied.",
)
RemovePolicyNotSupported = _error(
    400, "InvalidParameter",
    "The specified group does not support the specified RemovePolicy.",
)
ScalingActivityInProgress = _error(
    400, "ScalingActivityInProgress",
    "You cannot delete a scaling group or launch a new scaling activity while there is a scaling "
    "activity in progress for the specified scaling group.",
)
ScalingGroupNotFound = _error(
    404, "InvalidScalingGroupId.NotFound",
    "The specified scaling group does not exist.",
)
Unauthorized = _error(
    403, "Forbidden.Unauthorized",
    "A required authorization for the specified action is not supplied.",
)

# ESS's, of which the documentation names the code or the sentence; the other is made alike
CooldownInProgress = _error(
    400, "ScalingCooldownInProgress",
    "You cannot launch a new scaling activity during the cooldown period.",
)
Duplicate = _error(
    400, "Invalid{0}.Duplicate",
    "The specified value of parameter {0} is duplicated.",
)
GroupProtected = _error(
    400, "IncorrectScalingGroupStatus.DeletionProtection",
    "The specified scaling group is protected from deletion.",
)
IncorrectCapacityMaxSize = _error(
    400, "IncorrectCapacity.MaxSize",
    "To add the instances, the total capacity will be greater than the MaxSize.",
)
IncorrectCapacityNoChange = _error(
    400, "IncorrectCapacity.NoChange",
    "To execute the specified scaling rule, the total capacity will not change.",
)
IncorrectConfigurationState = _error(
    400, "IncorrectScalingConfigurationLifecycleState",
    "The current lifecycle state of the specified scaling configuration does not support this "
    "action.",
)
InstanceInUse = _error(
    400, "InvalidInstanceId.InUse",
    'Instance "{0}" is in a scaling group already.',
)
LifecycleActionNotFound = _error(
    404, "InvalidLifecycleActionToken.NotFound",
    "The specified lifecycle action does not exist, or it is over.",
)
NotFound = _error(
    404, "Invalid{0}.NotFound",
    "The specified {resource} does not exist.",
)
Quota = _error(
    400, "QuotaExceeded.{0}",
    "The maximum number of {0}s is exceeded.",
)

# The local cloud's own: an action that Auto Scaling has and this cloud has not never succeeds
NotSupported = _error(
    400, "UnsupportedOperation",
    "The local cloud does not have the action {0}. Its README lists what it has.",
)
# fmt: on

TOKEN_MISMATCHES = {
    error.code: error for error in (IdempotentParameterMismatch, IdempotenceSignatureMismatch)
}
