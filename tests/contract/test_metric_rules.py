"""Alert rules of CloudMonitor in the local cloud: by its API, on metric series, to queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.request import RpcRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from localcloud.monitor.alerts import evaluate_due
from localcloud.monitor.rule import Escalation, MetricRule, Target
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.mns_client import contents, queue_at

ROOT = Path(__file__).parents[2]
QUEUE = "acs:mns:cn-hangzhou:1:/queues/alerts/message"
RULE = {
    "RuleId": "rule-1",
    "RuleName": "web-cpu-low",
    "Namespace": "acs_ess_dashboard",
    "MetricName": "CpuUtilization",
    "Resources": '[{"scaling_group": "asg-1"}]',
    "ContactGroups": "team",
    "Period": 60,
    "SilenceTime": 300,
    "Escalations.Warn.Statistics": "Average",
    "Escalations.Warn.ComparisonOperator": "LessThanThreshold",
    "Escalations.Warn.Threshold": "20",
    "Escalations.Warn.Times": 2,
}


def cms(cloud: Cloud, action: str, **params: object) -> dict[str, Any]:
    request = RpcRequest("Cms", "2019-01-01", action)
    request.set_protocol_type("http")
    for name, value in params.items():
        request.add_query_param(name, value)
    return cloud.send(request)


def with_series(*values: float) -> list[dict[str, Any]]:
    return [{**member, "metrics": {"CpuUtilization": list(values)}} for member in instances(2)]


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    members = with_series(50, 10, 10, 10, 10, 10, 10, 10, 50)
    with cloud_of(group(*members), assumptions=Assumptions(acts=False)) as cloud:
        yield cloud


def minutes(cloud: Cloud, count: int) -> None:
    for _ in range(count):
        cloud.clock.advance(60)
        cloud.states()


def put_rule(cloud: Cloud, **changes: object) -> None:
    cms(cloud, "PutResourceMetricRule", **{**RULE, **changes})
    target = {"Targets.1.Id": "1", "Targets.1.Arn": QUEUE, "Targets.1.Level": '["WARN"]'}
    cms(cloud, "PutMetricRuleTargets", RuleId="rule-1", **target)


def test_an_alert_is_written_once_the_condition_has_held_often_enough(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "alerts")
    put_rule(cloud)
    minutes(cloud, 1)
    assert contents(queue) == []
    minutes(cloud, 1)
    (alert,) = contents(queue)

    (example,) = json.loads(
        (ROOT / "events/cloudmonitor-threshold-mns-queue.json").read_text(encoding="utf-8")
    )
    documented = json.loads(example["data"]["messageBody"])
    assert alert.keys() == documented.keys()
    assert alert["escalation"].keys() == documented["escalation"].keys()
    assert (alert["curLevel"], alert["preLevel"], alert["ruleName"]) == (
        "WARN",
        "OK",
        "web-cpu-low",
    )
    assert json.loads(alert["resources"]) == {"scaling_group": "asg-1"}
    assert (alert["metricData"]["Average"], alert["metricName"]) == (10, "CpuUtilization#60")


def test_an_alert_that_lasts_comes_again_after_the_silence_and_its_end_comes_too(
    cloud: Cloud,
) -> None:
    queue = queue_at(cloud.endpoint, "alerts")
    put_rule(cloud)
    minutes(cloud, 6)
    assert len(contents(queue)) == 1
    minutes(cloud, 1)
    assert len(contents(queue)) == 2
    minutes(cloud, 1)

    levels = [(alert["preLevel"], alert["curLevel"]) for alert in contents(queue)]
    assert levels == [("OK", "WARN"), ("WARN", "WARN"), ("WARN", "OK")]


def test_a_target_gets_alerts_of_its_levels_alone(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "alerts")
    put_rule(cloud)
    other = {"Targets.1.Id": "1", "Targets.1.Arn": QUEUE, "Targets.1.Level": '["CRITICAL"]'}
    cms(cloud, "PutMetricRuleTargets", RuleId="rule-1", **other)
    minutes(cloud, 3)

    assert contents(queue) == []


def test_a_rule_of_single_instances_alerts_for_each(cloud: Cloud) -> None:
    queue = queue_at(cloud.endpoint, "alerts")
    resources = [{"instanceId": "i-0001"}, {"instanceId": "i-0002"}, {"instanceId": "i-9"}]
    put_rule(cloud, Namespace="acs_ecs_dashboard", Resources=json.dumps(resources))
    minutes(cloud, 2)

    named = [json.loads(alert["resources"])["instanceId"] for alert in contents(queue)]
    assert named == ["i-0001", "i-0002"]


def test_a_rule_is_described_disabled_enabled_and_deleted(cloud: Cloud) -> None:
    put_rule(cloud)
    minutes(cloud, 2)
    (alarm,) = cms(cloud, "DescribeMetricRuleList", RuleIds="rule-1")["Alarms"]["Alarm"]
    (target,) = cms(cloud, "DescribeMetricRuleTargets", RuleId="rule-1")["Targets"]["Target"]

    assert (alarm["AlertState"], alarm["EnableState"]) == ("ALARM", True)
    assert alarm["Escalations"]["Warn"]["Threshold"] == "20"
    assert (target["Arn"], json.loads(target["Level"])) == (QUEUE, ["WARN"])
    cms(cloud, "DisableMetricRules", **{"RuleId.1": "rule-1"})
    (alarm,) = cms(cloud, "DescribeMetricRuleList")["Alarms"]["Alarm"]
    assert alarm["EnableState"] is False
    cms(cloud, "EnableMetricRules", **{"RuleId.1": "rule-1"})
    cms(cloud, "DeleteMetricRuleTargets", RuleId="rule-1", **{"TargetIds.1": "1"})
    assert cms(cloud, "DescribeMetricRuleTargets", RuleId="rule-1")["Targets"]["Target"] == []
    cms(cloud, "DeleteMetricRules", **{"Id.1": "rule-1"})
    assert cms(cloud, "DescribeMetricRuleList")["Total"] == "0"


@pytest.mark.parametrize(
    "changes",
    [
        {"Resources": "nothing"},
        {"Escalations.Warn.Threshold": ""},
        {"Escalations.Warn.ComparisonOperator": "Below"},
    ],
)
def test_a_rule_that_cannot_be_is_refused(cloud: Cloud, changes: dict[str, str]) -> None:
    with pytest.raises(ServerException) as refused:
        put_rule(cloud, **changes)

    assert refused.value.get_http_status() == 400


@settings(max_examples=50)
@given(
    values=st.lists(st.integers(0, 40), min_size=1, max_size=40),
    times=st.integers(1, 5),
    silence=st.integers(1, 10),
)
def test_alerts_begin_and_end_in_turn_and_only_after_consecutive_periods(
    values: list[int], times: int, silence: int
) -> None:
    """Each alert of WARN follows `times` values below the threshold; OK follows a value above."""
    clock = DrivenClock(NOON)
    service = service_of({"groups": [group(*with_series(*values))]}, clock, Assumptions(acts=False))
    rule = MetricRule("r", "r", "acs_ess_dashboard", "cpuutilization", clock.now())
    rule.resources, rule.silence_time = [{"scaling_group": "asg-1"}], silence * 60
    rule.escalations = {"WARN": Escalation("Average", "LessThanThreshold", 20, times)}
    rule.targets = [Target("1", QUEUE)]
    service.metric_rules["r"] = rule
    level = "OK"
    for number in range(1, len(values)):
        clock.advance(60)
        before = len(service.sent_messages)
        evaluate_due(service, clock.now())
        sent = [message["content"] for message in list(service.sent_messages)[before:]]
        recent = values[max(1, number - times + 1) : number + 1]
        is_low = len(recent) == times and all(value < 20 for value in recent)
        expected = "WARN" if is_low else "OK"

        assert rule.states['{"scaling_group": "asg-1"}'].level == expected
        assert len(sent) <= 1
        assert bool(sent) or level == expected
        assert all((one["preLevel"], one["curLevel"]) == (level, expected) for one in sent)
        level = expected
