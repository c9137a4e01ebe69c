"""Rules that our templates declare: made by CloudMonitor's API, and seen to act."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from starlette.requests import Request
from starlette.responses import Response

from localcloud.authenticator import Authenticator
from localcloud.buses import control
from localcloud.cloud import LocalCloud
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from tests.support.clock import DrivenClock
from tests.support.clouds import group, instances
from tests.support.event_buses import rpc
from tests.support.mns_client import queue_at
from tests.support.native import Native
from tests.support.platforms import Compute, compute_of
from tests.support.sdks import RefusedCall
from tests.support.templates import properties, resolved
from tests.support.waits import soon

TEMPLATES = ("template.yml", "template-fc2.yml", "s-resources.yml")
QUEUES = ("scalein-requests", "scalein-failures")
IDLE = (("Idle", "PutResourceMetricRule"), ("IdleTargets", "PutMetricRuleTargets"))
SPOT = {
    "source": "acs.ecs",
    "type": "ecs:Instance:PreemptibleInstanceInterruption",
    "subject": "acs:ecs:cn-hangzhou:1:instance/i-0001",
    "data": {"instanceId": "i-0001", "action": "delete"},
}


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of(group(*instances(3))) as compute:
        for name in QUEUES:
            queue_at(compute.endpoint, name)
        yield compute


def flat(name: str, value: Any) -> dict[str, Any]:
    """A property of a template as the API takes it: Name.1.Field."""
    if isinstance(value, list):
        pairs: list[tuple[str, Any]] = [(f"{name}.{n}", one) for n, one in enumerate(value, 1)]
    elif isinstance(value, dict):
        pairs = [(f"{name}.{field}", inner) for field, inner in value.items()]
    else:
        return {name: value}
    return {key: text for inner, one in pairs for key, text in flat(inner, one).items()}


def make_rules(compute: Compute, template: str) -> None:
    """Each rule of the template, and its targets, as Resource Orchestration Service makes them."""
    place = {"ALIYUN__StackName": "scalein", "ALIYUN__Region": "cn-hangzhou"}
    resources = resolved(template, **place, ALIYUN__TenantId="1")
    for kind, action in (
        ("EventRule", "PutEventRule"),
        ("EventRuleTargets", "PutEventRuleTargets"),
    ):
        for declared in properties(resources, f"ALIYUN::CMS::{kind}"):
            given = {k: v for name, value in declared.items() for k, v in flat(name, value).items()}
            assert cms(compute, action, **given)["Code"] == "200"


def cms(compute: Compute, action: str, **params: Any) -> Any:
    return rpc(compute.endpoint, "Cms", action, **params)


def system_events(compute: Compute, queue: str) -> list[dict[str, Any]]:
    messages = list(compute.inside.queues.queue(queue).messages.values())
    return [json.loads(base64.b64decode(message.content.body)) for message in messages]


def raise_event(compute: Compute, event: dict[str, Any]) -> None:
    url, header = f"http://{compute.endpoint}/localcloud/bus", {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(event).encode(), header)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["id"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_the_rules_of_a_template_write_a_spot_interruption_and_a_failure_to_its_queues(
    compute: Compute, template: str
) -> None:
    make_rules(compute, template)
    raise_event(compute, {**SPOT, "type": "ecs:Instance:StateChange"})
    raise_event(compute, SPOT)
    compute.inside.faults.add("accepted-failed", "RemoveInstances")
    removal = {"ScalingGroupId": "asg-1", "InstanceId.1": "i-0001"}
    rpc(compute.endpoint, "Ess", "RemoveInstances", **removal)
    compute.clock.advance(60)
    compute.inside.advance()

    [interruption] = system_events(compute, "scalein-requests")
    assert (interruption["product"], interruption["name"]) == (
        "ECS",
        "Instance:PreemptibleInstanceInterruption",
    )
    assert interruption["content"] == SPOT["data"]
    [failure] = system_events(compute, "scalein-failures")
    assert (failure["product"], failure["name"]) == ("ESS", "AUTOSCALING:SCALE_IN_ERROR")


def test_the_queue_that_the_rules_write_to_invokes_the_function_of_the_template(
    compute: Compute,
) -> None:
    place = {"ALIYUN__StackName": "scalein", "ALIYUN__Region": "cn-hangzhou"}
    [trigger] = [
        one
        for one in properties(
            resolved("template.yml", **place, ALIYUN__TenantId="1"), "ALIYUN::FC3::Trigger"
        )
        if one["TriggerType"] == "eventbridge"
    ]
    native = Native(compute.endpoint)
    native.create("scalein", b"def handler(event, context):\n    return event\n")
    body = models.CreateTriggerInput(
        trigger_name=trigger["TriggerName"],
        trigger_type=trigger["TriggerType"],
        trigger_config=json.dumps(trigger["TriggerConfig"]),
        qualifier=trigger["Qualifier"],
    )
    native.client.create_trigger("scalein", models.CreateTriggerRequest(body=body))
    make_rules(compute, "template.yml")
    raise_event(compute, SPOT)
    assert compute.inside.triggers
    [delivery] = soon(lambda: list(compute.inside.triggers.deliveries))  # type: ignore[union-attr]

    [message] = json.loads(delivery.answer)
    assert json.loads(message["data"]["messageBody"])["content"] == SPOT["data"]


def test_the_alarm_of_an_idle_tier_writes_to_the_queue_of_the_stack() -> None:
    place = {"ALIYUN__Region": "cn-hangzhou", "ALIYUN__TenantId": "1", "ContactGroup": "ops"}
    tier = {"IdleResources": [{"scaling_group": "asg-1"}], "IdleTimes": 2}
    alarms = resolved("alarms.yml", ALIYUN__StackName="alarms", **place, **tier).resources
    members = [{**one, "metrics": {"CpuUtilization": 3.0}} for one in instances(2)]
    with compute_of(group(*members)) as compute:
        queue_at(compute.endpoint, "scalein-requests")
        for name, action in IDLE:
            declared = {**alarms[name]["Properties"]}
            as_text = {"ContactGroups": declared.pop("ContactGroups", [""])[0]}
            as_text["Resources"] = json.dumps(declared.pop("Resources", None))
            fields = (flat(field, value) for field, value in declared.items())
            given = {name: value for one in fields for name, value in one.items()}
            assert cms(compute, action, **given, **as_text)["Code"] == "200"
        for _ in range(2):
            compute.clock.advance(60)
            compute.inside.advance()
        [alert] = system_events(compute, "scalein-requests")

    assert (alert["ruleName"], alert["curLevel"]) == ("web-cpu-low", "WARN")


def test_only_a_client_of_this_machine_or_with_the_secret_raises_an_event() -> None:
    service = service_of({"groups": []}, DrivenClock(), Assumptions())
    [route] = control.routes(LocalCloud(service, Authenticator("key", "secret")))

    async def body() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(SPOT).encode()}

    def status(secret: str) -> int:
        headers = [
            (b"x-localcloud-secret", secret.encode()),
            (b"content-type", b"application/json"),
        ]
        scope = {"type": "http", "method": "POST", "headers": headers, "client": ("203.0.113.9", 1)}
        response: Response = asyncio.run(route.endpoint(Request(scope, body)))
        return response.status_code

    assert (status("secret"), status("wrong")) == (200, 403)


def test_a_rule_on_events_is_described_disabled_and_deleted(compute: Compute) -> None:
    make_rules(compute, "template.yml")
    [name] = [name for name in compute.inside.service.event_rules if "spot" in name]
    [found] = cms(compute, "DescribeEventRuleList", NamePrefix=name)["EventRules"]["EventRule"]
    [pattern] = found["EventPattern"]["EventPattern"]
    assert (found["State"], pattern["Product"]) == ("ENABLED", "ECS")
    assert pattern["LevelList"] == {"LevelList": ["*"]}
    targets = cms(compute, "DescribeEventRuleTargetList", RuleName=name)
    [queue] = targets["MnsParameters"]["MnsParameter"]
    assert queue["Queue"] == "scalein-requests"
    cms(compute, "DisableEventRules", **{"RuleNames.1": name})
    raise_event(compute, SPOT)
    assert system_events(compute, "scalein-requests") == []
    cms(compute, "EnableEventRules", **{"RuleNames.1": name})
    cms(compute, "DeleteEventRuleTargets", RuleName=name, **{"Ids.1": queue["Id"]})
    raise_event(compute, SPOT)
    assert system_events(compute, "scalein-requests") == []
    cms(compute, "DeleteEventRules", **{"RuleNames.1": name})
    refusal = cms(compute, "DescribeEventRuleTargetList", RuleName=name)

    assert refusal == RefusedCall(404, "InvalidRuleName.NotFound")


def test_a_rule_on_events_invokes_functions_and_refuses_targets_that_are_not_built(
    compute: Compute,
) -> None:
    Native(compute.endpoint).create("n", b"def handler(event, context):\n    return event\n")
    pattern = {"EventPattern.1.Product": "ecs", "EventPattern.1.NameList.1": "*"}
    cms(compute, "PutEventRule", RuleName="r", **pattern)
    function = {"FcParameters.1.Id": "1", "FcParameters.1.FunctionName": "n"}
    cms(compute, "PutEventRuleTargets", RuleName="r", **function)
    raise_event(compute, SPOT)
    assert compute.inside.triggers
    [delivery] = compute.inside.triggers.deliveries

    assert json.loads(delivery.event)["name"] == "Instance:PreemptibleInstanceInterruption"
    webhook = {"WebhookParameters.1.Id": "1", "WebhookParameters.1.Url": "http://127.0.0.1:1"}
    refusal = cms(compute, "PutEventRuleTargets", RuleName="r", **webhook)
    assert refusal == RefusedCall(400, "UnsupportedOperation")
