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
