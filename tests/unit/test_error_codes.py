"""Each error code of ESS and of its SDK becomes one exception of the tree, once."""

from __future__ import annotations

import pytest
from aliyunsdkcore.acs_exception import error_code

from scalein.cloud.error_codes import error_of, error_without_code, is_label
from scalein.errors import (
    ConfigurationError,
    GatewayError,
    Refused,
    StaleSnapshot,
    TokenUsed,
    Transient,
    TryLater,
)

REFUSED_BY_STATE = (Refused, "is_by_state", True)
WITHOUT_EFFECT = (Transient, "may_have_happened", False)
MAY_HAVE_HAPPENED = (Transient, "may_have_happened", True)

DOCUMENTED = {
    # RemoveInstances
    (404, "InvalidScalingGroupId.NotFound"): (Refused, "is_by_state", False),
    (404, "InvalidInstanceId.NotFound"): StaleSnapshot,
    (400, "InvalidParameter"): (Refused, "is_by_state", False),
    (403, "Forbidden.Unauthorized"): (Refused, "is_by_state", False),
    (400, "IncorrectScalingGroupStatus"): REFUSED_BY_STATE,
    (400, "ScalingActivityInProgress"): TryLater,
    (400, "IncorrectLoadBalancerStatus"): REFUSED_BY_STATE,
    (400, "IncorrectDBInstanceStatus"): REFUSED_BY_STATE,
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
    (400, "SignatureNonceUsed"): MAY_HAVE_HAPPENED,
    (400, "MissingParameter"): (Refused, "is_by_state", False),
    (400, "MissingScalingGroupId"): (Refused, "is_by_state", False),
    (400, "InvalidParameter.Format"): (Refused, "is_by_state", False),
    (404, "InvalidApi.NotFound"): (Refused, "is_by_state", False),
    (400, "UnsupportedOperation"): (Refused, "is_by_state", False),
    (400, "NoSuchVersion"): (Refused, "is_by_state", False),
    (400, "Throttling"): WITHOUT_EFFECT,
    (400, "Throttling.User"): WITHOUT_EFFECT,
    (400, "Throttling.Api"): WITHOUT_EFFECT,
    (403, "Forbidden"): (Refused, "is_by_state", False),
    (403, "Forbidden.RAM"): (Refused, "is_by_state", False),
    (403, "Forbidden.Unsubscribed"): (Refused, "is_by_state", False),
    (403, "Forbidden.UserVerification"): (Refused, "is_by_state", False),
    (403, "Forbidden.RiskControl"): (Refused, "is_by_state", False),
    (403, "NoPermission"): (Refused, "is_by_state", False),
    (400, "ResourceNotAvailable"): (Refused, "is_by_state", False),
    (400, "InvalidSecurityToken.Expired"): TryLater,
    (400, "InvalidSecurityToken.Malformed"): ConfigurationError,
    (400, "InvalidSecurityToken.MismatchWithAccessKey"): ConfigurationError,
    (400, "IdempotentParameterMismatch"): TokenUsed,
    (403, "IdempotentParameterMismatch"): TokenUsed,
    (500, "InternalError"): MAY_HAVE_HAPPENED,
    (503, "ServiceUnavailable"): MAY_HAVE_HAPPENED,
    (400, "IDEMPOTENCE_SIGNATURE_MISMATCH"): TokenUsed,
    (400, "IDEMPOTENCE_PROCESSING"): MAY_HAVE_HAPPENED,
    # not documented
    (400, "SomethingNew"): (Refused, "is_by_state", False),
    (429, "SomethingNew"): WITHOUT_EFFECT,
    (502, "SomethingNew"): MAY_HAVE_HAPPENED,
}


@pytest.mark.parametrize(("status", "code"), DOCUMENTED)
def test_every_documented_code_has_its_place_in_the_tree(status: int, code: str) -> None:
    expected = DOCUMENTED[status, code]
    kind, flag, value = expected if isinstance(expected, tuple) else (expected, "", None)
    error = error_of("RemoveInstances", code, status, "ID-1")

    assert type(error) is kind
    assert vars(error).get(flag) is value
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
def test_an_answer_that_is_not_of_ess_proves_nothing_about_what_happened(status: int) -> None:
    error = error_without_code("RemoveInstances", status)

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


def test_a_call_that_failed_in_passing_may_have_happened_unless_it_was_throttled() -> None:
    throttled = error_of("a", "Throttling.User", 400)

    assert Transient("a", "b", "c").may_have_happened
    assert isinstance(throttled, Transient)
    assert not throttled.may_have_happened


def test_an_error_names_its_service_and_what_to_do() -> None:
    metric = error_of("DescribeMetricLast", "InvalidParameter", 400)
    group = error_of("RemoveInstances", "Forbidden.Unauthorized", 403)

    assert "CloudMonitor does not accept a parameter." in str(metric)
    assert str(group).endswith("Authorize Auto Scaling itself in RAM (its service role).")
