"""EventBridge in the local cloud: rules that take events to functions and queues."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import requests

from localcloud.persistence import whole_document
from localcloud.ram import RolePolicy
from localcloud.triggers.patterns import matches
from tests.support.clouds import group, instances
from tests.support.deployment import KEY
from tests.support.event_buses import bridge, function_target, param, queue_target, rpc
from tests.support.mns_client import queue_at
from tests.support.native import Native
from tests.support.needs import skip_without
from tests.support.platforms import Compute, compute_of
from tests.support.sdks import RefusedCall
from tests.support.waits import soon

ROOT = Path(__file__).parents[2]
ESS = json.dumps({"source": ["acs.ess"], "type": ["ess:ScalingActivity:ScaleInStart"]})
FAILS = b"def handler(event, context):\n    raise RuntimeError('no')\n"
DEAD = "acs:mns:cn-hangzhou:1:queues/dead"


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of(group(*instances(3))) as compute:
        yield compute


def remove_one(compute: Compute) -> None:
    """Auto Scaling puts the event of its start on the default bus."""
    removal = {"ScalingGroupId": "asg-1", "InstanceId.1": "i-0001"}
    assert "ScalingActivityId" in rpc(compute.endpoint, "Ess", "RemoveInstances", **removal)


def rule(compute: Compute, *targets: dict[str, Any], name: str = "r", pattern: str = ESS) -> Any:
    given = {"RuleName": name, "FilterPattern": pattern, "EventTargets": list(targets)}
    return bridge(compute.endpoint, "CreateRule", **given)


def bodies(compute: Compute, name: str) -> list[str]:
    messages = compute.inside.queues.queue(name).messages.values()
    return [message.content.body for message in messages]


def deliveries(compute: Compute) -> list[Any]:
    assert compute.inside.triggers
    return list(compute.inside.triggers.deliveries)


def has_delivered(compute: Compute, count: int) -> bool:
    compute.inside.advance()
    return len(deliveries(compute)) == count


def test_a_queue_gets_of_an_event_what_each_form_makes_of_it(compute: Compute) -> None:
    for name in ("whole", "part", "constant", "template", "coded"):
        queue_at(compute.endpoint, name)
    variables = {"id": "$.data.instanceIds[0]", "word": "please"}
    coded = queue_target("5", "coded", "CONSTANT", "x")
    coded["ParamList"].append(param("IsBase64Encode", "CONSTANT", "true"))
    rule(
        compute,
        queue_target("1", "whole"),
        queue_target("2", "part", "JSONPATH", "$.data.instanceIds"),
        queue_target("3", "constant", "CONSTANT", "text"),
        queue_target("4", "template", "TEMPLATE", variables, {"remove": "${id}, ${word}"}),
        coded,
    )
    remove_one(compute)

    [whole] = bodies(compute, "whole")
    example = ROOT / "events/eventbridge-scale-in-success.json"
    assert json.loads(whole).keys() == json.loads(example.read_text(encoding="utf-8")).keys()
    assert bodies(compute, "part") == ['["i-0001"]']
    assert bodies(compute, "constant") == ["text"]
    assert json.loads(bodies(compute, "template")[0]) == {"remove": "i-0001, please"}
    assert bodies(compute, "coded") == [base64.b64encode(b"x").decode()]


def test_a_rule_invokes_functions_of_both_generations(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(tmp_path)
    Native(compute.endpoint).create("n", b"def handler(event, context):\n    return event\n")
    by_params = [param("serviceName", "CONSTANT", "s"), param("functionName", "CONSTANT", "f")]
    rule(
        compute,
        function_target("1", "services/s.LATEST/functions/f"),
        function_target("2", "nothing", *by_params, param("Qualifier", "CONSTANT", "LATEST")),
        function_target("3", "functions/n", param("InvocationType", "CONSTANT", "Sync")),
    )
    remove_one(compute)
    soon(partial(has_delivered, compute, 3))

    assert sorted(delivery.function for delivery in deliveries(compute)) == ["f", "f", "n"]
    [answer] = [delivery.answer for delivery in deliveries(compute) if delivery.function == "n"]
    assert json.loads(answer)["type"] == "ess:ScalingActivity:ScaleInStart"
    assert {delivery.error for delivery in deliveries(compute)} == {""}
    compute.inside.advance()
    assert compute.inside.service.event_deliveries == []


def test_what_a_function_always_fails_at_is_tried_four_times_and_is_a_dead_letter(
    compute: Compute,
) -> None:
    Native(compute.endpoint).create("n", FAILS)
    queue_at(compute.endpoint, "dead")
    sync = param("InvocationType", "CONSTANT", "Sync")
    rule(compute, function_target("1", "functions/n", sync, DeadLetterQueue={"Arn": DEAD}))
    remove_one(compute)
    for number in range(1, 5):
        soon(partial(has_delivered, compute, number))
        soon(lambda: compute.inside.advance() and not any_in_flight(compute))
        compute.clock.advance(20)
    [letter] = soon(lambda: bodies(compute, "dead"))

    assert json.loads(letter)["source"] == "acs.ess"
    assert [delivery.attempt for delivery in deliveries(compute)] == [1, 2, 3, 4]
    assert compute.inside.service.event_deliveries == []


def any_in_flight(compute: Compute) -> bool:
    return any(one.due_at is None for one in compute.inside.service.event_deliveries)


def test_an_event_waits_for_a_queue_that_is_made_later(compute: Compute) -> None:
    rule(compute, queue_target("1", "late"))
    remove_one(compute)
    queue_at(compute.endpoint, "late")
    compute.clock.advance(5)
    compute.inside.advance()
    assert bodies(compute, "late") == []
    compute.clock.advance(15)
    compute.inside.advance()

    assert len(bodies(compute, "late")) == 1


def test_a_rule_takes_only_what_fits_it_and_nothing_while_it_is_disabled(compute: Compute) -> None:
    queue_at(compute.endpoint, "q")
    rule(compute, queue_target("1", "q"), name="other", pattern='{"source": ["acs.ecs"]}')
    rule(compute, queue_target("1", "q"), name="off")
    bridge(compute.endpoint, "DisableRule", RuleName="off")
    remove_one(compute)
    assert bodies(compute, "q") == []
    bridge(compute.endpoint, "EnableRule", RuleName="off")
    removal = {"ScalingGroupId": "asg-1", "InstanceId.1": "i-0002"}
    compute.clock.advance(1)
    rpc(compute.endpoint, "Ess", "RemoveInstances", **removal)

    assert len(bodies(compute, "q")) == 1


WRONG = RefusedCall(400, "InvalidParameter")
EVENT = {"Id": "1", "Source": "s", "Type": "t"}
REFUSED: list[tuple[str, dict[str, Any], RefusedCall]] = [
    ("GetRule", {"RuleName": "no"}, RefusedCall(409, "EventRuleNotExisted")),
    ("ListRules", {"EventBusName": "no"}, RefusedCall(409, "EventBusNotExist")),
    ("CreateEventBus", {}, RefusedCall(409, "EventBusAlreadyExist")),
    ("CreateEventBus", {"EventBusName": "1 2"}, RefusedCall(409, "EventBusNameInvalid")),
    ("CreateEventBus", {"EventBusName": "a_b"}, RefusedCall(409, "EventBusNameInvalid")),
    (
        "CreateEventBus",
        {"EventBusName": "eventbridge-reserved-a"},
        RefusedCall(409, "EventBusNameInvalid"),
    ),
    ("DeleteEventBus", {}, RefusedCall(409, "EventBusNameInvalid")),
    (
        "CreateRule",
        {"RuleName": "known", "FilterPattern": "{}"},
        RefusedCall(409, "EventRuleAlreadyExist"),
    ),
    ("CreateRule", {"RuleName": "r", "FilterPattern": "[]"}, RefusedCall(400, "InvalidParameter")),
    *(
        ("CreateRule", {"RuleName": name, "FilterPattern": pattern}, WRONG)
        for name, pattern in (("a_b", "{}"), ("a" * 128, "{}"), ("r", '{"a": [{"is": 1}]}'))
    ),
    (
        "PutTargets",
        {"RuleName": "known", "Targets": [queue_target(str(n), "q") for n in range(6)]},
        WRONG,
    ),
    ("PutEvents", {"EventBusName": "own", "EventList": [EVENT] * 17}, WRONG),
    ("PutEvents", {"EventBusName": "own", "EventList": [{**EVENT, "Data": "x" * 263_000}]}, WRONG),
    ("CreateRule", {"RuleName": "r"}, RefusedCall(400, "MissingParameter")),
    (
        "PutTargets",
        {"RuleName": "known", "Targets": [{"Id": "1", "Type": "acs.sls"}]},
        RefusedCall(400, "UnsupportedOperation"),
    ),
    (
        "PutTargets",
        {"RuleName": "known", "Targets": [queue_target("1", "q", "TEMPLATE", "no JSON", "${a}")]},
        RefusedCall(400, "InvalidParameter"),
    ),
    (
        "PutEvents",
        {"EventList": [EVENT]},
        RefusedCall(403, "AccessDenied"),
    ),
    ("CreateEventStreaming", {}, RefusedCall(404, "InvalidApi.NotFound")),
]


def test_what_cannot_be_done_is_refused_with_its_code(compute: Compute) -> None:
    rule(compute, name="known")
    bridge(compute.endpoint, "CreateEventBus", EventBusName="own")
    answers = [bridge(compute.endpoint, action, **params) for action, params, _ in REFUSED]

    assert answers == [refusal for _, _, refusal in REFUSED]


def test_the_official_sdk_makes_rules_and_sees_them(compute: Compute) -> None:
    try:
        models = import_module("alibabacloud_eventbridge20200401.models")
        client_of = import_module("alibabacloud_eventbridge20200401.client").Client
    except ImportError:
        skip_without("the SDK of EventBridge", "pip install alibabacloud-eventbridge20200401")
    from alibabacloud_tea_openapi.models import Config

    key = {"access_key_id": KEY.access_key_id, "access_key_secret": KEY.access_key_secret}
    client = client_of(Config(**key, endpoint=compute.endpoint, protocol="http"))
    queue_at(compute.endpoint, "q")
    mine = {"event_bus_name": "mine"}
    of_rule = {**mine, "rule_name": "r"}
    client.create_event_bus(models.CreateEventBusRequest(**mine, description="ours"))
    buses = client.list_event_buses(models.ListEventBusesRequest()).body.data.event_buses
    assert [bus.event_bus_name for bus in buses] == ["default", "mine"]
    assert client.get_event_bus(models.GetEventBusRequest(**mine)).body.data.description == "ours"
    target = models.CreateRuleRequestEventTargets().from_map(queue_target("1", "q"))
    pattern = '{"source": ["ops"]}'
    made = models.CreateRuleRequest(**of_rule, filter_pattern=pattern, event_targets=[target])
    arn = client.create_rule(made).body.data.rule_arn
    assert arn == "acs:eventbridge:cn-hangzhou:1:eventbus/mine/rule/r"

    def sent(source: str) -> int:
        event = models.PutEventsRequestEventList(id="1", source=source, type="t", data={"n": 1})
        client.put_events(models.PutEventsRequest(**mine, event_list=[event]))
        return len(bodies(compute, "q"))

    assert (sent("other"), sent("ops")) == (0, 1)
    client.disable_rule(models.DisableRuleRequest(**of_rule))
    assert (sent("ops"), client.get_rule(models.GetRuleRequest(**of_rule)).body.data.status) == (
        1,
        "DISABLE",
    )
    client.enable_rule(models.EnableRuleRequest(**of_rule))
    client.update_rule(models.UpdateRuleRequest(**of_rule, filter_pattern='{"source": ["other"]}'))
    assert sent("other") == 2
    put = [
        models.PutTargetsRequestTargets().from_map(queue_target(id, "q")) for id in ("2", "3", "3")
    ]
    failed = client.put_targets(models.PutTargetsRequest(**of_rule, targets=put)).body.data
    assert [entry.entry_id for entry in failed.error_entries] == ["3"]
    [listed] = client.list_rules(models.ListRulesRequest(**mine)).body.data.rules
    assert [one.id for one in listed.targets] == ["1", "2"]
    client.delete_targets(models.DeleteTargetsRequest(**of_rule, target_ids=["1"]))
    left = client.list_targets(models.ListTargetsRequest(**of_rule)).body.data.targets
    assert [(one.id, one.param_list[1].form) for one in left] == [("2", "ORIGINAL")]
    client.delete_rule(models.DeleteRuleRequest(**of_rule))
    client.delete_event_bus(models.DeleteEventBusRequest(**mine))
    assert len(client.list_event_buses(models.ListEventBusesRequest()).body.data.event_buses) == 1


def test_a_policy_judges_a_change_by_the_arn_of_its_rule() -> None:
    resource = "acs:eventbridge:*:*:eventbus/mine/rule/*"
    statement = {"Effect": "Allow", "Action": "eventbridge:*Rule", "Resource": resource}
    policy = RolePolicy([statement])

    def permits(action: str, bus: str) -> bool:
        given = {"Version": "2020-04-01", "EventBusName": bus, "RuleName": "r"}
        return policy.permits({**given, "Action": action})

    assert permits("CreateRule", "mine")
    assert not permits("CreateRule", "default")
    assert not permits("PutTargets", "mine")


@pytest.mark.parametrize(
    ("test", "value", "is_taken"),
    [
        ({"prefix": "a", "suffix": "z"}, "abz", True),
        ({"prefix": "a", "suffix": "z"}, "ab", False),
        ({"anything-but": ["a", {"prefix": "b"}]}, "c", True),
        ({"anything-but": ["a", {"prefix": "b"}]}, "bc", False),
        ({"numeric": [">", 1, "<=", 5]}, 5, True),
        ({"numeric": [">", 1, "<=", 5]}, 1, False),
        ({"numeric": [">", 1]}, "2", False),
        ({"exists": False}, None, True),
        ({"exists": True}, None, False),
        ({"unknown": 1}, 1, False),
        ({}, 1, False),
    ],
)
def test_a_pattern_takes_a_value_for_which_all_its_tests_hold(
    test: dict[str, Any], value: object, is_taken: bool
) -> None:
    assert matches({"data": {"field": [test]}}, {"data": {"field": value}}) is is_taken


DEEP = json.loads('{"a":' * 60 + "1" + "}" * 60)


@pytest.mark.parametrize("value", [DEEP, "\ud800", float("nan")], ids=["deep", "surrogate", "NaN"])
def test_what_could_not_be_kept_or_sent_on_is_refused_and_all_goes_on(
    compute: Compute, value: Any
) -> None:
    rule(compute, name="r", pattern="{}")
    bridge(compute.endpoint, "CreateEventBus", EventBusName="own")
    wrong = RefusedCall(400, "InvalidParameter")
    event = {"Id": "1", "Source": "s", "Type": "t", "Data": value}
    by_hand = json.dumps({"source": "s", "type": "t", "data": value})
    headers = {"content-type": "application/json"}
    url = f"http://{compute.endpoint}/localcloud/bus"

    target = queue_target("1", "q", "CONSTANT", value)
    assert bridge(compute.endpoint, "PutTargets", RuleName="r", Targets=[target]) == wrong
    assert rule(compute, name="other", pattern=json.dumps({"data": [value]})) == wrong
    own = {"EventBusName": "own", "EventList": [event]}
    assert bridge(compute.endpoint, "PutEvents", **own) == wrong
    assert requests.post(url, by_hand, headers=headers, timeout=5).status_code == 400
    remove_one(compute)
    assert json.dumps(whole_document(compute.inside, {}), allow_nan=False)


def test_a_path_leads_to_no_index_that_is_too_long_to_be_one(compute: Compute) -> None:
    queue_at(compute.endpoint, "q")
    rule(compute, queue_target("1", "q", "JSONPATH", f"$.data[{'9' * 5_000}]"))
    remove_one(compute)

    assert len(bodies(compute, "q")) == 1
