"""Queues, topics, triggers, functions and places, as the console gets and changes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mns.queue import Message

from localcloud.console.newest import Newest
from scalein_cli.local import local_cloud
from tests.contract.test_admin import request_json
from tests.contract.test_console_data import Stream
from tests.contract.test_triggers import CODE, created, queue_config
from tests.support.clouds import group, instances
from tests.support.event_buses import bridge, queue_target, rpc
from tests.support.mns_client import queue_at, topic_at
from tests.support.native import Native
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of() as compute:
        yield compute


def ask(compute: Compute, path: str, body: Any = None, method: str | None = None) -> Any:
    return request_json({"endpoint": compute.endpoint}, path, body, method)


def rows(compute: Compute, topic: str) -> list[Any]:
    return list(ask(compute, "overview")[1][topic])


def counts(compute: Compute, name: str = "q") -> tuple[int, ...]:
    (row,) = (one for one in rows(compute, "queues") if one["name"] == name)
    return tuple(row[key] for key in ("active", "inactive", "delayed", "sent", "deleted"))


def test_a_look_at_a_queue_takes_nothing(compute: Compute) -> None:
    queue = queue_at(compute.endpoint, "q")
    queue.send_message(Message("x" * 1_000))
    for _ in range(2):
        (seen,) = ask(compute, "queues/q/messages")[1]["messages"]
        whole = ask(compute, f"queues/q/messages/{seen['id']}")[1]

    assert (seen["state"], seen["received"], len(seen["preview"])) == ("active", 0, 240)
    assert whole["text"] == "x" * 1_000
    assert counts(compute) == (1, 0, 0, 1, 0)
    assert queue.receive_message().dequeue_count == 1
    (seen,) = ask(compute, "queues/q/messages")[1]["messages"]
    assert (seen["state"], seen["received"]) == ("in flight", 1)


@pytest.mark.parametrize("plain", [True, False])
def test_what_the_console_sends_a_client_receives(compute: Compute, plain: bool) -> None:
    queue = queue_at(compute.endpoint, "q")
    queue.set_encoding(False)
    sent = ask(compute, "queues/q/messages", {"text": "hé", "plain": plain, "priority": 2})[1]
    message = queue.receive_message()

    assert (message.message_id, message.priority) == (sent["messageId"], 2)
    body = "hé" if plain else base64.b64encode("hé".encode()).decode()
    assert message.message_body == body


def test_a_purge_deletes_what_is_in_flight_and_delayed_too(compute: Compute) -> None:
    queue = queue_at(compute.endpoint, "q")
    for delay in (0, 0, 60):
        ask(compute, "queues/q/messages", {"text": "x", "delaySeconds": delay})
    queue.receive_message()
    assert counts(compute) == (1, 1, 1, 3, 0)

    assert ask(compute, "queues/q/messages", {}, "DELETE")[1] == {"deleted": 3}
    assert counts(compute) == (0, 0, 0, 3, 3)


def test_a_queue_is_made_changed_and_deleted(compute: Compute) -> None:
    ask(compute, "queues/q", {"visibilityTimeout": 60})
    ask(compute, "queues/q", {"delaySeconds": 5})
    (row,) = rows(compute, "queues")
    assert (row["visibilityTimeout"], row["delaySeconds"]) == (60, 5)

    assert ask(compute, "queues/q", {}, "DELETE")[0] == 200
    assert rows(compute, "queues") == []


@pytest.mark.parametrize(
    ("path", "body", "method", "code"),
    [
        ("queues/none/messages", None, "GET", "QueueNotExist"),
        ("queues/none/messages", {"text": "x"}, "POST", "QueueNotExist"),
        ("queues/none/messages", {}, "DELETE", "QueueNotExist"),
        ("queues/q/messages", {"text": ""}, "POST", "InvalidArgument"),
        ("queues/q", {"visibilityTimeout": 0}, "POST", "InvalidArgument"),
        ("queues/q/messages", {}, "POST", ""),
        ("topics/none/messages", {"text": "x"}, "POST", "TopicNotExist"),
        ("triggers/none", {"enabled": True}, "POST", "TriggerNotFound"),
    ],
)
def test_what_the_api_refuses_the_console_refuses(
    compute: Compute, path: str, body: Any, method: str, code: str
) -> None:
    queue_at(compute.endpoint, "q")
    status, answer = ask(compute, path, body, method)

    assert status >= 400
    assert answer["code"] == code


def test_a_topic_is_subscribed_to_and_published_on(compute: Compute) -> None:
    queue_at(compute.endpoint, "q")
    topic_at(compute.endpoint, "t")
    subscription = {"name": "s", "endpoint": "acs:mns:cn-hangzhou:1:/queues/q", "tag": "a"}
    ask(compute, "topics/t/subscriptions", {**subscription, "format": "SIMPLIFIED"})
    for tag in ("a", "b"):
        ask(compute, "topics/t/messages", {"text": f"tag {tag}", "tag": tag, "plain": True})

    (topic,) = rows(compute, "topics")
    assert [one["queue"] for one in topic["subscriptions"]] == ["q"]
    (message,) = ask(compute, "queues/q/messages")[1]["messages"]
    assert message["preview"] == "tag a"
    ask(compute, "topics/t/subscriptions", {"name": "s"}, "DELETE")
    assert rows(compute, "topics")[0]["subscriptions"] == []


def test_a_trigger_says_what_it_does_and_a_disabled_one_takes_nothing(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    queue = queue_at(compute.endpoint, "q")
    created(compute, "eventbridge", queue_config())
    created(compute, "oss", {}, trigger_name="stored")
    created(compute, "timer", {"cronExpression": "never"}, trigger_name="wrong")
    by_name = {one["name"]: one for one in rows(compute, "triggers")}
    assert {name: one["state"] for name, one in by_name.items()} == {
        "t": "enabled",
        "stored": "without effect",
        "wrong": "without effect",
    }
    assert by_name["t"]["source"] == "queue q"

    path = f"triggers/{by_name['t']['id']}"
    assert ask(compute, path, {"enabled": False})[1] == {"enabled": False}
    queue.send_message(Message("fail"))
    assert compute.inside.triggers
    compute.inside.triggers.step()
    assert counts(compute) == (1, 0, 0, 1, 0)
    ask(compute, path, {"enabled": True})
    soon(lambda: {"retrying"} <= {one["state"] for one in rows(compute, "triggers")})


def test_deliveries_and_invocations_are_rows_and_their_content_is_read_on_request(
    compute: Compute,
) -> None:
    Native(compute.endpoint).create("f", b"def handler(event, context):\n    print('seen')\n")
    queue = queue_at(compute.endpoint, "q")
    created(compute, "eventbridge", queue_config())
    queue.send_message(Message("content"))
    (delivery,) = soon(lambda: rows(compute, "deliveries"))
    (invocation,) = rows(compute, "invocations")

    assert (delivery["trigger"], delivery["attempt"], delivery["error"]) == ("t", 1, "")
    assert (invocation["function"], invocation["cold"]) == ("f", True)
    assert "content" not in json.dumps([delivery, invocation])
    assert "content" in ask(compute, f"deliveries/{delivery['number']}")[1]["event"]
    whole = ask(compute, f"invocations/{invocation['number']}")[1]
    assert "content" in whole["event"]
    assert "seen\n" in whole["log"]
    assert f"FC Invoke End RequestId: {invocation['requestId']}" in whole["log"]
    assert ask(compute, "invocations/99")[0] == 404


def test_functions_of_both_generations_are_listed_with_versions_and_aliases(
    compute: Compute, tmp_path: Path
) -> None:
    compute.deploy(tmp_path, environmentVariables={"KEY": "hidden"})
    native = Native(compute.endpoint)
    native.create("g", CODE)
    registry = compute.platform.registry
    registry.publish_version("", {}, "g")
    registry.put_alias("", {"aliasName": "live", "versionId": "1"}, function="g")
    older, newer = rows(compute, "functions")

    assert (older["id"], older["generation"], older["environment"]) == ("s/f", "2.0", ["KEY"])
    assert (newer["id"], newer["versions"], newer["aliases"]) == ("g", ["1"], {"live": "1"})
    assert "hidden" not in json.dumps([older, newer])
    fired = ask(compute, "fire", {"function": "g", "qualifier": "live", "text": "fail"})[1]
    assert fired["failed"] == "UnhandledInvocationError"
    assert rows(compute, "invocations")[-1]["version"] == "1"


def test_an_alert_rule_that_is_raised_writes_to_its_queue_and_ok_ends_it(compute: Compute) -> None:
    queue_at(compute.endpoint, "q")
    rule = {"RuleId": "r", "Namespace": "acs_ess_dashboard", "MetricName": "CpuUtilization"}
    resources = {"Resources": '[{"scaling_group": "asg-1"}]', "Escalations.Warn.Threshold": "20"}
    target = {"RuleId": "r", "Targets.1.Id": "1", "Targets.1.Arn": "acs:mns:x:1:/queues/q/message"}
    for action, params in (
        ("PutResourceMetricRule", {**rule, **resources}),
        ("PutMetricRuleTargets", target),
    ):
        assert ask(compute, "perform", {"action": action, "params": params})[0] == 200
    for state in ("ALARM", "OK"):
        assert ask(compute, "alarms", {"ruleId": "r", "state": state})[1] == {"state": state}

    assert {"alert r"} == {one["what"] for one in rows(compute, "log") if one["kind"] == "message"}
    messages = ask(compute, "queues/q/messages")[1]["messages"]
    levels = [
        json.loads(ask(compute, f"queues/q/messages/{one['id']}")[1]["text"]) for one in messages
    ]
    assert [(one["preLevel"], one["curLevel"]) for one in levels] == [
        ("OK", "WARN"),
        ("WARN", "OK"),
    ]


SPOT = {"source": "acs.ecs", "type": "ecs:Instance:Spot", "data": {"instanceId": "i-0001"}}
FROM_ECS = {"RuleName": "r", "FilterPattern": json.dumps({"source": ["acs.ecs"]})}


def test_both_kinds_of_event_rules_are_rows_and_a_disabled_one_gives_nothing(
    compute: Compute,
) -> None:
    queue_at(compute.endpoint, "q")
    by_name = {"Id": "1", "Type": "acs.mns.queue", "ParamList": queue_target("", "q")["ParamList"]}
    bridge(compute.endpoint, "CreateRule", **FROM_ECS, EventTargets=[by_name])
    rpc(compute.endpoint, "Cms", "PutEventRule", RuleName="m", EventPattern__1__Product="ECS")
    target = {"MnsParameters__1__Id": "1", "MnsParameters__1__Queue": "q"}
    rpc(compute.endpoint, "Cms", "PutEventRuleTargets", RuleName="m", **target)
    of_bus, of_monitor = rows(compute, "eventRules")
    assert (of_bus["bus"], of_bus["pattern"]) == ("default", {"source": ["acs.ecs"]})
    assert (of_monitor["bus"], of_monitor["pattern"]) == ("", {"Product": "ECS"})
    assert of_bus["targets"][0]["arn"] == "acs:mns:cn-hangzhou:1:/queues/q"
    assert of_monitor["targets"][0]["arn"] == "acs:mns:cn-hangzhou:1:/queues/q/messages"

    sent = []
    for action, params in (
        ("DisableRule", {"EventBusName": "default", "RuleName": "r"}),
        ("DisableEventRules", {"RuleNames.1": "m"}),
        ("EnableRule", {"EventBusName": "default", "RuleName": "r"}),
    ):
        ask(compute, "bus", SPOT)
        sent.append(counts(compute)[3])
        assert ask(compute, "perform", {"action": action, "params": params})[0] == 200
    assert sent == [2, 3, 3]
    assert [one["enabled"] for one in rows(compute, "eventRules")] == [True, False]


def test_a_delivery_that_failed_is_a_row_until_it_has_arrived(compute: Compute) -> None:
    bridge(compute.endpoint, "CreateRule", **FROM_ECS, EventTargets=[queue_target("1", "late")])
    ask(compute, "bus", SPOT)
    (retry,) = rows(compute, "retries")
    assert (retry["rule"], retry["event"], retry["failed"]) == ("r", "ecs:Instance:Spot", 1)
    assert retry["arn"] == "acs:mns:cn-hangzhou:1:/queues/late"

    queue_at(compute.endpoint, "late")
    compute.clock.advance(600)
    compute.inside.advance()
    assert rows(compute, "retries") == []
    assert counts(compute, "late")[0] == 1


def test_an_event_is_raised_in_the_place_that_is_named(compute: Compute) -> None:
    queue_at(compute.endpoint, "q")
    params = {**FROM_ECS, "EventBusName": "default", "RegionId": "cn-beijing"}
    params["EventTargets"] = json.dumps([queue_target("1", "q")])
    assert ask(compute, "perform", {"action": "CreateRule", "params": params})[0] == 200
    for place in ("1/cn-beijing", ""):
        ask(compute, "bus", {**SPOT, "place": place})

    ((rule,),) = (rows(compute, "eventRules"),)
    assert rule["place"] == "1/cn-beijing"
    assert counts(compute)[3] == 1


def test_a_group_shows_what_it_is_attached_to_and_each_instance_behind_what_it_is() -> None:
    alb: dict[str, Any] = {"albServerGroupId": "sgp-1", "port": 80}
    attached = {"loadBalancerIds": ["lb-1"], "albServerGroups": [alb]}
    with compute_of(group(*instances(2), **attached), group(scalingGroupId="asg-2")) as compute:
        service = compute.inside.service
        service.groups["asg-1"].instances["i-0001"].lifecycle_state = "Standby"
        service.groups["asg-1"].instances["i-0002"].health_status = "Unhealthy"
        body = {"LoadBalancerId": "lb-1", "LoadBalancerStatus": "inactive"}
        ask(compute, "perform", {"action": "SetLoadBalancerStatus", "params": body})
        of_balancer, of_alb = rows(compute, "balancers")
        backends = rows(compute, "backends")

    assert (of_balancer["balancer"], of_balancer["status"]) == ("lb-1", "inactive")
    assert (of_alb["serverGroup"], of_alb["port"], of_alb["status"]) == ("sgp-1", 80, "")
    for row in (of_balancer, of_alb):
        assert [row[name] for name in ("backends", "withoutTraffic", "unhealthy")] == [2, 1, 1]
    assert backends == [
        [["lb-1||0", 0, True], ["|sgp-1|80", 0, True]],
        [["lb-1||0", 50, False], ["|sgp-1|80", 50, False]],
    ]


def test_a_rate_limit_ends_alone(compute: Compute) -> None:
    ask(compute, "faults", {"rateLimits": {"RemoveInstances": 5, "*": 1}})
    left = ask(compute, "faults", {"rateLimits": {"*": None}})[1]["rateLimits"]

    assert left == {"RemoveInstances": 5.0}


def test_a_page_of_one_place_gets_and_changes_only_that(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    other = {"regionId": "cn-beijing", "groups": [group(*instances(1, "b"))]}  # with the same id
    fleet.write_text(json.dumps({"groups": [group(*instances(2))], "regions": [other]}))
    with local_cloud(fleet) as ready:
        stream = Stream(ready["endpoint"], "?place=1/cn-beijing")
        topics = stream.message()["topics"]
        assert list(topics["instances"]) == ["asg-1 b-0001"]
        assert {key: one["groups"] for key, one in topics["places"].items()} == {
            "1/cn-hangzhou": 1,
            "1/cn-beijing": 1,
        }
        params = {"ScalingGroupId": "asg-1", "MinSize": "1"}
        body = {"action": "ModifyScalingGroup", "params": params, "place": "1/cn-beijing"}
        assert request_json(ready, "perform", body)[0] == 200
        with stream.socket:
            assert stream.message()["changed"]["groups"]["asg-1"]["min"] == 1
        (home,) = request_json(ready, "overview")[1]["groups"]
        assert (home["region"], home["min"]) == ("cn-hangzhou", 0)


def test_the_newest_are_kept_under_their_numbers() -> None:
    newest = Newest(2)
    for text in "abc":
        newest.add({"text": text}, {"rest": text})

    assert list(newest.rows()) == ["2", "3"]
    assert newest.whole("3") == {"number": 3, "text": "c", "rest": "c"}
    with pytest.raises(KeyError):
        newest.whole("1")
