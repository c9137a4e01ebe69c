"""Everything that ESS and its SDK can fail with becomes one of ours, once."""

from __future__ import annotations

import pytest
from aliyunsdkcore.acs_exception import error_code
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException

from scalein.errors import (
    ConfigurationError,
    GatewayError,
    Refused,
    ScaleInError,
    StaleSnapshot,
    Throttled,
    TokenUsed,
    Transient,
    TryLater,
)
from scalein.ess_errors import error_of

DOCUMENTED = {
    # RemoveInstances
    (404, "InvalidScalingGroupId.NotFound"): Refused,
    (404, "InvalidInstanceId.NotFound"): StaleSnapshot,
    (400, "InvalidParameter"): Refused,
    (403, "Forbidden.Unauthorized"): Refused,
    (400, "IncorrectScalingGroupStatus"): Refused,
    (400, "ScalingActivityInProgress"): TryLater,
    (400, "IncorrectLoadBalancerStatus"): Refused,
    (400, "IncorrectDBInstanceStatus"): Refused,
    (400, "IncorrectCapacity.MinSize"): StaleSnapshot,
    (400, "InvalidOperation.Conflict"): TryLater,
    (400, "IncorrectInstanceStatus"): StaleSnapshot,
    # common
    (400, "SignatureDoesNotMatch"): ConfigurationError,
    (403, "SignatureDoesNotMatch"): ConfigurationError,
    (400, "InvalidAccessKeySecret"): ConfigurationError,
    (404, "InvalidAccessKeyId.NotFound"): ConfigurationError,
    (404, "InvalidAccessKeyId"): ConfigurationError,
    (400, "InvalidAccessKeyId.Inactive"): ConfigurationError,
    (400, "InvalidTimeStamp.Format"): TryLater,
    (400, "InvalidTimeStamp.Expired"): TryLater,
    (400, "SignatureNonceUsed"): Transient,
    (400, "MissingParameter"): Refused,
    (400, "MissingScalingGroupId"): Refused,
    (400, "InvalidParameter.Format"): Refused,
    (404, "InvalidApi.NotFound"): Refused,
    (400, "UnsupportedOperation"): Refused,
    (400, "NoSuchVersion"): Refused,
    (400, "Throttling"): Throttled,
    (400, "Throttling.User"): Throttled,
    (400, "Throttling.Api"): Throttled,
    (403, "Forbidden"): Refused,
    (403, "Forbidden.RAM"): Refused,
    (403, "Forbidden.Unsubscribed"): Refused,
    (403, "Forbidden.UserVerification"): Refused,
    (403, "Forbidden.RiskControl"): Refused,
    (403, "NoPermission"): Refused,
    (400, "ResourceNotAvailable"): Refused,
    (400, "InvalidSecurityToken.Expired"): TryLater,
    (400, "InvalidSecurityToken.Malformed"): ConfigurationError,
    (400, "InvalidSecurityToken.MismatchWithAccessKey"): ConfigurationError,
    (400, "IdempotentParameterMismatch"): TokenUsed,
    (403, "IdempotentParameterMismatch"): TokenUsed,
    (500, "InternalError"): Transient,
    (503, "ServiceUnavailable"): Transient,
    # not documented
    (400, "SomethingNew"): Refused,
    (502, "SomethingNew"): Transient,
    (502, "SDK.UnknownServerError"): Transient,
    (429, "SDK.UnknownServerError"): Throttled,
    (403, "SDK.UnknownServerError"): Refused,
}


@pytest.mark.parametrize(("status", "code"), DOCUMENTED)
def test_every_documented_code_has_its_place_in_the_tree(status: int, code: str) -> None:
    error = error_of("RemoveInstances", ServerException(code, "text", status, "ID-1"))

    assert type(error) is DOCUMENTED[status, code]
    if isinstance(error, GatewayError):
        assert (error.action, error.ess_request_id) == ("RemoveInstances", "ID-1")


@pytest.mark.parametrize("code", sorted(v for k, v in vars(error_code).items() if k.startswith("SDK_")))
def test_every_code_of_the_sdk_itself_has_its_place(code: str) -> None:
    assert type(error_of("RemoveInstances", ClientException(code, "text"))) in (ConfigurationError, Refused, Transient)


def test_no_connection_may_be_tried_again_at_once() -> None:
    assert type(error_of("RemoveInstances", ClientException("SDK.HttpError", "text"))) is Transient


@pytest.mark.parametrize(
    ("raised", "ours"),
    [(ValueError("Expecting value"), Transient), (IndexError("list index out of range"), ConfigurationError)],
)
def test_what_the_sdk_lets_through_by_accident_has_its_place(raised: Exception, ours: type[ScaleInError]) -> None:
    assert type(error_of("DescribeScalingGroups", raised)) is ours


@pytest.mark.parametrize(
    "raised",
    [
        ServerException("SignatureDoesNotMatch", "server string to sign is:canary-7731", 400),
        ServerException("SDK.UnknownServerError", "ServerResponseBody: canary-7731", 502),
        ServerException("SomethingNew", "canary-7731", 400),
        ClientException("SDK.HttpError", "/?SecurityToken=canary-7731"),
        ValueError("canary-7731"),
    ],
)
def test_no_error_text_repeats_what_the_server_or_the_sdk_said(raised: Exception) -> None:
    """It could hold a string to sign, a URL or a token."""
    assert "7731" not in str(error_of("RemoveInstances", raised))


def test_only_a_throttled_call_certainly_had_no_effect() -> None:
    assert Transient("a", "b", "c").may_have_happened
    assert not Throttled("a", "b", "c").may_have_happened
