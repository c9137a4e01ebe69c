"""The alarms of alarms.yml, as CloudMonitor sends them, remove what policy.example.json says."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

import index
from scalein_cli.local import context, environment
from scalein_cli.local_function import outcomes_of
from tests.support.alarm_rules import (
    AlarmRule,
    alarm_rules,
    callback_form,
    callback_of_2018,
    mns_body,
    queue_event,
)
from tests.support.clouds import Cloud, cloud_of
from tests.support.deployment import KEY

ROOT = Path(__file__).parents[2]
FLEET = json.loads((ROOT / "localcloud/fleets/small.json").read_bytes())
WEB = {"IdleResources": [{"scaling_group": "asg-web"}]}
READY = {
    "accessKeyId": KEY.access_key_id,
    "accessKeySecret": KEY.access_key_secret,
    "regionId": "cn-hangzhou",
}
SENT = datetime.now(timezone.utc) - timedelta(seconds=30)
SENT_MILLISECONDS = int(SENT.timestamp() * 1_000)
IDLE = alarm_rules(**WEB)["Idle"]
WORKER = alarm_rules(**WEB, WorkerGroup="41260001")["Worker"]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """The local cloud with the example policy's groups, and the function's environment."""
    with cloud_of(
        *FLEET["groups"], activitySeconds=FLEET["activitySeconds"], start=datetime.now(timezone.utc)
    ) as cloud:
        for name, value in environment({**READY, "endpoint": cloud.endpoint}).items():
            monkeypatch.setenv(name, value)
        yield cloud


def outcome_of(cloud: Cloud, body: str) -> dict[str, Any]:
    """The outcome of a message that comes from the queue to which the alarm writes."""
    event = queue_event(queue_of(IDLE), body, SENT.isoformat())
    response = index.handler(
        json.dumps([event]).encode(), context({**READY, "endpoint": cloud.endpoint})
    )
    [outcome] = outcomes_of(response)
    return outcome


def queue_of(rule: AlarmRule) -> str:
    """The queue that is the one target of a rule."""
    [arn] = rule.targets
    prefix, _, queue = arn.removesuffix("/message").rpartition("/queues/")
    assert prefix == "acs:mns:cn-hangzhou:1234567890123456:"
    return queue


FORMS = {
    "to a queue": json.dumps(mns_body(IDLE, SENT_MILLISECONDS)),
    "to a queue, in base64": base64.b64encode(
        json.dumps(mns_body(IDLE, SENT_MILLISECONDS)).encode()
    ).decode(),
    "a callback, put into the queue": callback_form(IDLE, SENT_MILLISECONDS),
    "a callback of 2018": json.dumps(callback_of_2018(IDLE, SENT_MILLISECONDS)),
}
NO_REASON = {
    "recovered": json.dumps(mns_body(IDLE, SENT_MILLISECONDS, "OK")),
    "no data": json.dumps(mns_body(IDLE, SENT_MILLISECONDS, "INSUFFICIENT_DATA")),
    "recovered, a callback": callback_form(IDLE, SENT_MILLISECONDS, "OK", "OK"),
    "recovered, the level stays": callback_form(IDLE, SENT_MILLISECONDS, "OK"),
    "no data, a callback": callback_form(IDLE, SENT_MILLISECONDS, "INSUFFICIENT_DATA", "null"),
    "recovered, of 2018": json.dumps(callback_of_2018(IDLE, SENT_MILLISECONDS, "OK")),
    "no data, of 2018": json.dumps(callback_of_2018(IDLE, SENT_MILLISECONDS, "INSUFFICIENT_DATA")),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_alarm_of_an_idle_tier_removes_one_instance(cloud: Cloud, form: str) -> None:
    outcome = outcome_of(cloud, FORMS[form])

    assert (outcome["status"], outcome["scalingGroupId"]) == ("removing", "asg-web")
    assert [len(call["InstanceId.1"]) > 0 for call in cloud.calls("RemoveInstances")] == [True]
    assert len(outcome["accepted"]) == 1


@pytest.mark.parametrize("form", NO_REASON)
def test_its_recovery_and_no_data_remove_nothing(cloud: Cloud, form: str) -> None:
    outcome = outcome_of(cloud, NO_REASON[form])

    why = "no-data" if form.startswith("no data") else "recovery"
    assert (outcome["status"], outcome["ignored"]) == ("ignored", why)
    assert list(cloud.inside.calls) == []


def test_a_renamed_rule_removes_nothing_and_the_outcome_names_the_rule_that_was_meant(
    cloud: Cloud,
) -> None:
    renamed = alarm_rules(**WEB, IdleRuleName="tier-is-idle")["Idle"]
    outcome = outcome_of(cloud, json.dumps(mns_body(renamed, SENT_MILLISECONDS)))

    assert (outcome["status"], outcome["ignored"]) == ("ignored", "no-rule")
    assert "It expects alertName web-cpu-low*" in outcome["message"]
    assert list(cloud.inside.calls) == []


def test_one_idle_instance_in_a_busy_tier_removes_nothing(cloud: Cloud) -> None:
    """The tier's alarm, made by mistake on a metric that each instance has."""
    wrong = alarm_rules(
        IdleResources=[{"instanceId": "i-web-04"}],
        IdleNamespace="acs_ecs_dashboard",
        IdleMetric="CPUUtilization",
    )["Idle"]
    outcome = outcome_of(cloud, json.dumps(mns_body(wrong, SENT_MILLISECONDS)))

    assert (outcome["status"], outcome["ignored"]) == ("ignored", "per-instance")
    assert list(cloud.inside.calls) == []


def test_the_alarm_of_an_idle_worker_removes_exactly_this_worker(cloud: Cloud) -> None:
    """As CloudMonitor sends an alarm of an application group: of one instance, with its id."""
    one = WORKER._replace(resource={"instanceId": "i-batch-03"})
    outcome = outcome_of(cloud, json.dumps(mns_body(one, SENT_MILLISECONDS)))

    assert (outcome["scalingGroupId"], outcome["accepted"]) == ("asg-batch", ["i-batch-03"])
    assert queue_of(WORKER) == queue_of(IDLE)


def test_the_alarms_write_to_the_queue_that_the_function_reads() -> None:
    template = (ROOT / "template.yml").read_text(encoding="utf-8")
    queue = yaml.safe_load(template)["Resources"]["Queue"]["Properties"]["QueueName"]
    name = queue if isinstance(queue, str) else queue["Fn::Sub"]

    assert queue_of(IDLE) == name.replace("${ALIYUN::StackName}", "scalein")


def test_no_alarm_but_those_that_request_removals_writes_to_the_queue() -> None:
    rules = alarm_rules(**WEB, WorkerGroup="41260001")

    assert {name for name, rule in rules.items() if rule.targets} == {"Idle", "Worker"}
    assert "Worker" not in alarm_rules(**WEB)
