"""Everything that ESS and its SDK can fail with becomes one of ours, once."""

from __future__ import annotations

import pytest
from aliyunsdkcore.acs_exception import error_code

from scalein.cloud.error_codes import error_of, is_label, no_answer_of_ess
from scalein.errors import (
    ConfigurationError,
    GatewayError,
    Refused,
    StaleSnapshot,
    StateRefused,
    Throttled,
    TokenUsed,
    Transient,
    TryLater,
)

DOCUMENTED = {
    # RemoveInstances
    (404, "InvalidScalingGroupId.NotFound"): Refused,
    (404, "InvalidInstanceId.NotFound"): StaleSnapshot,
    (400, "InvalidParameter"): Refused,
    (403, "Forbidden.Unauthorized"): Refused,
    (400, "IncorrectScalingGroupStatus"): StateRefused,
    (400, "ScalingActivityInProgress"): TryLater,
    (400, "IncorrectLoadBalancerStatus"): StateRefused,
    (400, "IncorrectDBInstanceStatus"): StateRefused,
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
    (400, "IDEMPOTENCE_SIGNATURE_MISMATCH"): TokenUsed,
    (400, "IDEMPOTENCE_PROCESSING"): Transient,
    # not documented
    (400, "SomethingNew"): Refused,
    (429, "SomethingNew"): Throttled,
    (502, "SomethingNew"): Transient,
}


@pytest.mark.parametrize(("status", "code"), DOCUMENTED)
def test_every_documented_code_has_its_place_in_the_tree(status: int, code: str) -> None:
    error = error_of("RemoveInstances", code, status, "ID-1")

    assert type(error) is DOCUMENTED[status, code]
    if isinstance(error, GatewayError):
        assert (error.action, error.ess_request_id) == ("RemoveInstances", "ID-1")


@pytest.mark.parametrize(
    "code", sorted(v for k, v in vars(error_code).items() if k.startswith("SDK_"))
)
def test_every_code_of_the_sdk_itself_has_its_place(code: str) -> None:
    assert type(error_of("RemoveInstances", code, None)) in (ConfigurationError, Refused, Transient)


def test_no_connection_may_be_tried_again_at_once() -> None:
    assert type(error_of("RemoveInstances", "SDK.HttpError", None)) is Transient


@pytest.mark.parametrize(
    "status", [200, 204, 302, 400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504]
)
def test_an_answer_that_is_not_of_ess_says_nothing_of_what_happened(status: int) -> None:
    error = no_answer_of_ess("RemoveInstances", status)

    assert type(error) is Transient
    assert error.may_have_happened


def test_the_call_that_is_still_being_processed_may_have_happened() -> None:
    error = error_of("RemoveInstances", "IDEMPOTENCE_PROCESSING", 400)

    assert isinstance(error, Transient)
    assert error.may_have_happened


@pytest.mark.parametrize(
    "value", [None, "", 5, True, [], {}, "x" * 129, "a\nb", "caf\u00e9", "\ud800", "\x00"]
)
def test_a_code_is_a_short_printable_text(value: object) -> None:
    assert not is_label(value)
    assert is_label("InvalidParameter.Format")


def test_only_a_throttled_call_certainly_had_no_effect() -> None:
    assert Transient("a", "b", "c").may_have_happened
    assert not Throttled("a", "b", "c").may_have_happened
