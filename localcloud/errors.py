"""What the API refuses with: HTTP status, code and message, in ESS's own words where they are published."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer."""

    status = 400
    code = "InvalidParameter"
    template = ""

    def __init__(self, *details: str) -> None:
        super().__init__(self.template.format(*details))

    @property
    def message(self) -> str:
        return str(self)


# The gateway's


class InvalidFormat(ApiError):
    code = "InvalidParameter.Format"
    template = "Specified parameter format is not valid."


class GatewayMissing(ApiError):
    """`Missing{Name}`: the gateway glues the parameter's name into the code."""

    template = "{0} is mandatory for this action."

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.code = f"Missing{name}"


class AccessKeyNotFound(ApiError):
    status = 404
    code = "InvalidAccessKeyId.NotFound"
    template = "Specified access key is not found."


class SignatureDoesNotMatch(ApiError):
    code = "SignatureDoesNotMatch"
    template = "Specified signature is not matched with our calculation. server string to sign is:{0}"


class SignatureMethod(ApiError):
    code = "InvalidParameter.SignatureMethod"  # not published; HMAC-SHA1 and HMAC-SHA256 are known
    template = "Specified signature method is not valid."


class SignatureNonceUsed(ApiError):
    code = "SignatureNonceUsed"
    template = "Specified signature nonce was used already."


class TimeStampFormat(ApiError):
    code = "InvalidTimeStamp.Format"
    template = "Specified time stamp or date value is not well formatted."


class TimeStampExpired(ApiError):
    code = "InvalidTimeStamp.Expired"
    template = "Specified time stamp or date value is expired."


class SecurityTokenMalformed(ApiError):
    code = "InvalidSecurityToken.Malformed"
    template = "Specified SecurityToken is malformed."


class SecurityTokenExpired(ApiError):
    code = "InvalidSecurityToken.Expired"
    template = "Specified SecurityToken is expired."


class NoSuchVersion(ApiError):
    code = "NoSuchVersion"
    template = "The specified version does not exist."


class ApiNotFound(ApiError):
    status = 404
    code = "InvalidApi.NotFound"
    template = "Specified api is not found, please check your url and method."


class Throttled(ApiError):
    code = "Throttling.User"
    template = "Request was denied due to user flow control."


class InternalError(ApiError):
    status = 500
    code = "InternalError"
    template = "The request processing has failed due to some unknown error, exception or failure."


class ServiceUnavailable(ApiError):
    status = 503
    code = "ServiceUnavailable"
    template = "The request has failed due to a temporary failure of the server."


# ESS's


class MissingParameter(ApiError):
    code = "MissingParameter"
    template = "The input parameter {0} that is mandatory for processing this request is not supplied."


class MandatoryButInvalid(ApiError):
    """The odd code that DescribeScalingActivityDetail gives for a missing id."""

    template = 'The input parameter "{0}" that is mandatory for processing this request is not supplied'


class InvalidParameter(ApiError):
    template = "The specified value of parameter {0} is not valid."


class RemovePolicyNotSupported(ApiError):
    template = "The specified group does not support the specified RemovePolicy."


class ScalingGroupNotFound(ApiError):
    status = 404
    code = "InvalidScalingGroupId.NotFound"
    template = "The specified scaling group does not exist."


class InstanceNotFound(ApiError):
    status = 404
    code = "InvalidInstanceId.NotFound"
    template = 'Instance "{0}" does not exist.'


class IncorrectInstanceStatus(ApiError):
    code = "IncorrectInstanceStatus"
    template = 'The current status of instance "{0}" does not support this action.'


class Unauthorized(ApiError):
    status = 403
    code = "Forbidden.Unauthorized"
    template = "A required authorization for the specified action is not supplied."


class ForbiddenRam(ApiError):
    status = 403
    code = "Forbidden.RAM"
    template = "User not authorized to operate on the specified resource, or this API doesn't support RAM."


class IncorrectScalingGroupStatus(ApiError):
    code = "IncorrectScalingGroupStatus"
    template = "The current status of the specified scaling group does not support this action."


class ScalingActivityInProgress(ApiError):
    code = "ScalingActivityInProgress"
    template = (
        "You cannot delete a scaling group or launch a new scaling activity while there is a scaling activity in "
        "progress for the specified scaling group."
    )


class IncorrectLoadBalancerStatus(ApiError):
    code = "IncorrectLoadBalancerStatus"
    template = "The current status of the specified load balancer does not support this action."


class IncorrectDBInstanceStatus(ApiError):
    code = "IncorrectDBInstanceStatus"
    template = 'The current status of DB instance "{0}" does not support this action.'


class IncorrectCapacityMinSize(ApiError):
    code = "IncorrectCapacity.MinSize"
    template = "To remove the instances, the total capacity will be lesser than the MinSize."


class IdempotentParameterMismatch(ApiError):
    code = "IdempotentParameterMismatch"
    template = "The request is retried with updated parameters."


class IdempotenceSignatureMismatch(ApiError):
    """The same, as the error page of 2014-08-28 spells it."""

    code = "IDEMPOTENCE_SIGNATURE_MISMATCH"
    template = "There is a idempotence signature mismatch between this and last request."


class IdempotenceProcessing(ApiError):
    code = "IDEMPOTENCE_PROCESSING"
    template = "The previous idempotent request(s) is still processing."


MISMATCHES = {error.code: error for error in (IdempotentParameterMismatch, IdempotenceSignatureMismatch)}


# Of those below, ESS's documentation names the code or the sentence; where it has one only, the other is made alike.


class NotSupported(ApiError):
    """What Auto Scaling has, and this cloud has not: never an invented success."""

    code = "UnsupportedOperation"
    template = "The local cloud does not have the action {0}. Its README lists what it has."


class OperationConflict(ApiError):
    code = "InvalidOperation.Conflict"
    template = "The operation conflicts with another one of the scaling group."


class Quota(ApiError):
    """`QuotaExceeded.{thing}`."""

    template = "The maximum number of {0}s is exceeded."

    def __init__(self, thing: str) -> None:
        super().__init__(thing)
        self.code = f"QuotaExceeded.{thing}"


class NotFound(ApiError):
    """`Invalid{thing}.NotFound`."""

    status = 404
    template = "The specified {0} does not exist."

    def __init__(self, thing: str) -> None:
        super().__init__(thing.removesuffix("Id"))
        self.code = f"Invalid{thing}.NotFound"


class Duplicate(ApiError):
    """`Invalid{thing}.Duplicate`."""

    template = "The specified value of parameter {0} is duplicated."

    def __init__(self, thing: str) -> None:
        super().__init__(thing)
        self.code = f"Invalid{thing}.Duplicate"


class IncorrectCapacityMaxSize(ApiError):
    code = "IncorrectCapacity.MaxSize"
    template = "To add the instances, the total capacity will be greater than the MaxSize."


class IncorrectCapacityNoChange(ApiError):
    code = "IncorrectCapacity.NoChange"
    template = "To execute the specified scaling rule, the total capacity will not change."


class InstanceInUse(ApiError):
    code = "InvalidInstanceId.InUse"
    template = 'Instance "{0}" is in a scaling group already.'


class IncorrectConfigurationState(ApiError):
    code = "IncorrectScalingConfigurationLifecycleState"
    template = "The current lifecycle state of the specified scaling configuration does not support this action."


class GroupProtected(ApiError):
    code = "IncorrectScalingGroupStatus.DeletionProtection"
    template = "The specified scaling group is protected from deletion."


class CooldownInProgress(ApiError):
    code = "ScalingCooldownInProgress"
    template = "You cannot launch a new scaling activity during the cooldown period."


class LifecycleActionNotFound(ApiError):
    status = 404
    code = "InvalidLifecycleActionToken.NotFound"
    template = "The specified lifecycle action does not exist, or it is over."
