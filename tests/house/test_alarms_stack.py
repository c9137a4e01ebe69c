"""alarms.yml is of the stack beside it, and explains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.support.alarm_rules import REGION, alarm_rules

ROOT = Path(__file__).parents[2]
ALARMS: dict[str, Any] = yaml.safe_load((ROOT / "alarms.yml").read_text(encoding="utf-8"))
TEMPLATE: dict[str, Any] = yaml.safe_load((ROOT / "template.yml").read_text(encoding="utf-8"))
IDLE = {"IdleResources": [{"scaling_group": "asg-web"}]}


def queue_name(resource: str, stack: str) -> str:
    """Of the template's queue, where the stack has this name."""
    name = TEMPLATE["Resources"][resource]["Properties"]["QueueName"]
    return str(name["Fn::Sub"] if isinstance(name, dict) else name).replace(
        "${ALIYUN::StackName}", stack
    )


def test_the_alarms_watch_the_stacks_queues() -> None:
    rules = alarm_rules(**IDLE)

    assert rules["Backlog"].resource["queue"] == queue_name("Queue", "scalein")
    assert rules["DeadLetters"].resource["queue"] == queue_name("DeadLetters", "scalein")


def test_the_alarms_watch_the_function_in_the_form_of_its_generation() -> None:
    """2.0 has services; the names are those of template.yml and template-fc2.yml."""
    assert alarm_rules(**IDLE, Stack="ops")["FunctionFails"].resource == {
        "region": REGION,
        "functionName": "ops",
    }
    assert alarm_rules(**IDLE, Stack="ops", Generation="2.0")["FunctionFails"].resource == {
        "region": REGION,
        "serviceName": "ops",
        "functionName": "scale-in",
    }


def test_two_stacks_of_alarms_have_no_rule_in_common() -> None:
    first, second = (
        alarm_rules(**IDLE, WorkerGroup="1", Stack=name, **{"ALIYUN::StackName": f"{name}-alarms"})
        for name in ("blue", "green")
    )

    assert {rule.id for rule in first.values()}.isdisjoint(rule.id for rule in second.values())
    assert first["Idle"].targets != second["Idle"].targets


def test_the_same_stack_in_another_region_has_other_rules() -> None:
    """A rule is of the account: one with the same id would take the place of the first."""
    first, second = (
        alarm_rules(**IDLE, WorkerGroup="1", **{"ALIYUN::Region": region})
        for region in (REGION, "cn-beijing")
    )

    assert {rule.id for rule in first.values()}.isdisjoint(rule.id for rule in second.values())


def test_an_alarm_that_requests_removals_is_sent_at_its_own_level_alone() -> None:
    """And its target has the form of the newest help pages of PutMetricRuleTargets."""
    rules = alarm_rules(**IDLE, WorkerGroup="1")

    for name in ("Idle", "Worker"):
        [arn] = rules[name].targets
        assert rules[name].level == "WARN"
        assert arn.startswith("acs:mns:")
        assert arn.endswith("/queues/scalein-requests/message")


def test_every_parameter_is_in_a_group_and_explained() -> None:
    grouped = [
        name
        for group in ALARMS["Metadata"]["ALIYUN::ROS::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]

    assert sorted(grouped) == sorted(ALARMS["Parameters"])
    assert all(
        parameter["Description"] and parameter["Label"]
        for parameter in ALARMS["Parameters"].values()
    )
