"""One idle instance in a busy tier does not shrink the tier, whatever its alarm looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scalein.decision.reasons import Ignored
from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import FakeEss, dependencies_of
from tests.support.fleets import fleet
from tests.support.outcomes import checked


def alarm(**fields: str) -> dict[str, str]:
    return {
        "alertName": "cpu-low",
        "alertState": "ALERT",
        "timestamp": str(int(NOON.timestamp()) - 60),
        **fields,
    }


def outcome_of(ess: FakeEss, document: Any, remove: dict[str, Any] | None = None) -> Outcome:
    """The outcome of an alarm under a policy whose rule removes so much from asg-1."""
    rule = {
        "when": {"alertName": "*"},
        "scalingGroupId": "asg-1",
        "remove": remove or {"count": 1},
    }
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": [rule]}))
    processor = BatchProcessor(policy, dependencies_of(ess, DrivenClock()))
    [outcome] = checked(processor.process(parse_event(json.dumps(document).encode())))
    return outcome


@pytest.mark.parametrize(
    "dimensions",
    [
        "{userId=1, instanceId=i-1}",
        "{userId=1, instanceId=i-1, device=/dev/vda1}",
        '[{"userId": "1", "instanceId": "i-1"}]',
        "{userId=1, instanceId",
        "instanceId i-1",
        '["i-1"]',
    ],
)
@pytest.mark.parametrize("remove", [{"count": 1}, {"percent": 50}, {"toCapacity": 1}])
def test_an_alarm_of_one_instance_does_not_shrink_its_group(
    dimensions: str, remove: dict[str, Any]
) -> None:
    """Nor one that may be of one instance, for all that can be read of it."""
    ess = FakeEss(fleet(8, 1))
    outcome = outcome_of(ess, alarm(dimensions=dimensions), remove)

    assert (outcome.status.value, outcome.ignored) == ("ignored", Ignored.PER_INSTANCE)
    assert ess.removals == []
    assert "Alarm on a metric of the whole group (alarms.yml), or" in outcome.message
    assert '"remove": {"instanceIds": "alarm"}' in outcome.message


def test_an_alarm_of_one_instance_removes_exactly_it_by_a_rule_that_says_so() -> None:
    one = alarm(dimensions="{userId=1, instanceId=i-7}")
    outcome = outcome_of(FakeEss(fleet(8, 1)), one, {"instanceIds": "alarm"})

    assert (outcome.status.value, outcome.accepted) == ("removing", ("i-7",))


@pytest.mark.parametrize(
    "dimensions",
    [
        "{userId=1, scaling_group=asg-1}",
        "{userId=1, instanceId=asg-1}",
        "{userId=1, instanceId=lb-1, port=443}",
        '{"groupId": "41260001"}',
        "{}",
    ],
)
def test_an_alarm_of_a_group_or_of_another_product_removes_what_its_rule_says(
    dimensions: str,
) -> None:
    outcome = outcome_of(FakeEss(fleet(8, 1)), alarm(dimensions=dimensions))

    assert (outcome.status.value, len(outcome.accepted)) == ("removing", 1)


@pytest.mark.parametrize(
    ("dimensions", "is_group_wide"),
    [
        ('{"groupId": "41260001"}', True),
        ("{userId=1, groupId=41260001}", True),
        ("{userId=1, instanceId=a-host-elsewhere}", False),
        ("null", False),
        ("{}", False),
    ],
)
def test_an_alarm_of_an_ecs_metric_is_of_one_instance_unless_it_shows_otherwise(
    dimensions: str, is_group_wide: bool
) -> None:
    one = alarm(namespace="acs_ecs_dashboard", dimensions=dimensions)
    outcome = outcome_of(FakeEss(fleet(8, 1)), one)

    assert outcome.ignored == (None if is_group_wide else Ignored.PER_INSTANCE)


@pytest.mark.parametrize("label", ["instanceId", "instance_id", "instance"])
def test_alerts_of_instances_do_not_shrink_their_group_but_alerts_of_the_group_do(
    label: str,
) -> None:
    def notification(labels: dict[str, str]) -> dict[str, Any]:
        alerts = [{"status": "firing", "labels": labels}]
        common = {"alertname": "HighIdle"}
        return {"status": "firing", "receiver": "r", "alerts": alerts, "commonLabels": common}

    one = outcome_of(FakeEss(fleet(8, 1)), notification({label: "i-1"}))
    whole = outcome_of(FakeEss(fleet(8, 1)), notification({"tier": "web"}))

    assert one.ignored == Ignored.PER_INSTANCE
    assert len(whole.accepted) == 1
