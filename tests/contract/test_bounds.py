"""Which values of groups, rules, alarms and scheduled tasks are taken: the API reference's ranges.

Where its editions differ, the wider range holds.
"""

from __future__ import annotations

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException

from tests.contract.test_error_tables import GROUP, ON_CPU, TASK, TRACKING, sent, simple_rule
from tests.support.clouds import cloud_of, group, instances

QUANTITY, PERCENT = "QuantityChangeInCapacity", "PercentChangeInCapacity"
RULE, ALARM = "CreateScalingRule", "CreateAlarm"
CHANGE = "ModifyScalingGroup"
AT = {**GROUP, "LaunchTime": "2026-11-24T00:00Z"}


def recurring(kind: str, value: str) -> dict[str, str]:
    return {"RecurrenceType": kind, "RecurrenceValue": value}


def ruled(type: str, value: str) -> tuple[str, dict[str, str]]:
    return simple_rule(AdjustmentType=type, AdjustmentValue=value)


def without(params: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in params.items() if key != name}


@pytest.mark.parametrize(
    ("action", "params"),
    [
        ruled(QUANTITY, "1000"),
        ruled(QUANTITY, "-1000"),
        ruled(PERCENT, "10000"),
        ruled(PERCENT, "-100"),
        ruled("TotalCapacity", "2000"),
        ruled("TotalCapacity", "0"),
        (RULE, {**TRACKING, "MetricName": "CpuUtilizationAgent"}),
        *((ALARM, {**ON_CPU, "Period": period}) for period in ("15", "60", "120", "300", "900")),
        (CHANGE, {**GROUP, "SpotInstancePools": "0", "MaxInstanceLifetime": "0"}),
        (CHANGE, {**GROUP, "SpotInstancePools": "10", "MaxInstanceLifetime": "86400"}),
        (CHANGE, {**GROUP, "MaxInstanceLifetime": "2147483647"}),
        *(
            (TASK[0], {**TASK[1], **fields})
            for fields in (
                recurring("Daily", "31"),
                recurring("Weekly", "0,6"),
                recurring("Monthly", "1-31"),
                {**recurring("Monthly", "5-5"), "RecurrenceEndTime": "2027-11-23T12:00Z"},
                {"Description": "ab", "LaunchExpirationTime": "21600"},
            )
        ),
    ],
)
def test_what_is_within_its_range_is_taken(action: str, params: dict[str, str]) -> None:
    with cloud_of(group(*instances(1))) as cloud:
        sent(cloud, action, params)


@pytest.mark.parametrize(
    ("action", "params", "status", "code", "name"),
    [
        *(
            (*ruled(type, value), 400, "InvalidParameter", "AdjustmentValue")
            for type, value in (
                (QUANTITY, "1001"),
                (QUANTITY, "-1001"),
                (PERCENT, "10001"),
                (PERCENT, "-101"),
                ("TotalCapacity", "2001"),
                ("TotalCapacity", "-1"),
            )
        ),
        (RULE, {**TRACKING, "TargetValue": "0"}, 400, "InvalidParameter", "TargetValue"),
        (RULE, without(TRACKING, "TargetValue"), 400, "MissingParameter", "TargetValue"),
        (ALARM, {**ON_CPU, "Period": "30"}, 404, "InvalidParameter", "Period"),
        (ALARM, {**ON_CPU, "Period": "901"}, 404, "InvalidParameter", "Period"),
        (ALARM, without(ON_CPU, "Threshold"), 400, "MissingParameter", "Threshold"),
        *(
            (CHANGE, {**GROUP, name: value}, 400, "InvalidParameter", name)
            for name, value in (
                ("SpotInstancePools", "11"),
                ("MaxInstanceLifetime", "86399"),
                ("MaxInstanceLifetime", "2147483648"),
                ("ScalingPolicy", "keep"),
            )
        ),
        *(
            (TASK[0], {**TASK[1], **fields}, 400, "InvalidParameter", name)
            for name, fields in (
                *(
                    ("RecurrenceValue", recurring(kind, value))
                    for kind, value in (
                        ("Daily", "32"),
                        ("Weekly", "7"),
                        ("Monthly", "5-3"),
                        ("Monthly", "1-32"),
                        ("", "1"),
                        ("Daily", ""),
                    )
                ),
                ("RecurrenceEndTime", {"RecurrenceEndTime": "2027-11-23T12:01Z"}),
                ("RecurrenceEndTime", {"RecurrenceEndTime": "2026-13-01T00:00Z"}),
                ("Description", {"Description": "a"}),
                ("Description", {"Description": "a" * 201}),
                ("LaunchExpirationTime", {"LaunchExpirationTime": "21601"}),
                ("DesiredCapacity", {"DesiredCapacity": "2"}),
            )
        ),
        (TASK[0], AT, 400, "InvalidParameter", "ScalingGroupId"),
    ],
)
def test_what_is_beyond_its_range_is_refused_by_name(
    action: str, params: dict[str, str], status: int, code: str, name: str
) -> None:
    with cloud_of(group(*instances(1))) as cloud, pytest.raises(ServerException) as refused:
        sent(cloud, action, params)
    answer = refused.value
    assert (answer.get_http_status(), answer.get_error_code()) == (status, code)
    assert f'"{name}"' in answer.get_error_msg()


def test_a_changed_rule_has_a_value_in_the_range_of_its_type() -> None:
    with cloud_of(group(*instances(1))) as cloud:
        rule = sent(cloud, *ruled(PERCENT, "5000"))
        changed = {"ScalingRuleId": rule["ScalingRuleId"], "AdjustmentType": "TotalCapacity"}
        with pytest.raises(ServerException, match="AdjustmentValue"):
            sent(cloud, "ModifyScalingRule", changed)
