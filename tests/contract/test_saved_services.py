"""What survives a restart besides groups: queues, topics, triggers, rules, deliveries."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from alibabacloud_fc20230330 import models
from hypothesis import given
from hypothesis import strategies as st
from mns.queue import Message
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage

from localcloud.assembly import build_cloud
from localcloud.authenticator import Authenticator
from localcloud.cloud import LocalCloud
from localcloud.ess.model import Assumptions
from localcloud.fleet import SCHEMA
from localcloud.fleet_check import violation
from localcloud.persistence import StateFile, whole_document
from localcloud.queues.model import Attributes, Content
from localcloud.queues.saved_queues import restore_queues, saved_queues
from localcloud.queues.service import Push, QueueService
from tests.contract.test_metric_rules import RULE
from tests.contract.test_running import Running, running
from tests.support.clock import DrivenClock
from tests.support.clouds import group, instances
from tests.support.event_buses import bridge, function_target, param, queue_target, rpc
from tests.support.mns_client import account_at, queue_at, topic_at
from tests.support.native import Native
from tests.support.waits import soon

ECHO = b"def handler(event, context):\n    return event\n"
ARN = "acs:mns:cn-hangzhou:1:/queues/{}/messages"
FLEET: dict[str, Any] = {"groups": [group(*instances(3))], "activitySeconds": 0.5}
LATER = {"x_fc_invocation_type": "Async", "x_fc_async_delay": "3000", "x_fc_async_task_id": "t"}
STARTS = json.dumps({"type": ["ess:ScalingActivity:ScaleInStart"]})


def trigger(endpoint: str, kind: str, config: dict[str, Any]) -> None:
    body = models.CreateTriggerInput(
        trigger_name=kind, trigger_type=kind, trigger_config=json.dumps(config)
    )
    request = models.CreateTriggerRequest(body=body)
    Native(endpoint).client.create_trigger("f", request)


def queue_config(name: str) -> dict[str, Any]:
    source = {"sourceMNSParameters": {"QueueName": name}}
    return {"eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": source}}


def make_all(endpoint: str) -> str:
    """One of each service's things; returns the handle of a message that was received."""
    for name in ("work", "alarms"):
        queue_at(endpoint, name)
    held = queue_at(endpoint, "held", vis_timeout=40_000)
    held.send_message(Message("first"))
    held.send_message(Message("second"))
    topic_at(endpoint, "news")
    subscription = account_at(endpoint).get_subscription("news", "to-queue")
    meta = SubscriptionMeta(ARN.format("held").removesuffix("/messages"))
    meta.notify_content_format = "SIMPLIFIED"
    subscription.subscribe(meta)
    Native(endpoint).create("f", ECHO)
    trigger(endpoint, "eventbridge", queue_config("work"))
    trigger(endpoint, "timer", {"cronExpression": "@every 1h", "payload": "x"})
    rpc(endpoint, "Cms", "PutResourceMetricRule", **RULE)
    rpc(endpoint, "Cms", "PutEventRule", RuleName="spot", **{"EventPattern.1.Product": "ECS"})
    made = {"EventBusName": "default", "RuleName": "r", "FilterPattern": STARTS}
    bridge(endpoint, "CreateRule", **made, EventTargets=[queue_target("1", "alarms")])
    return str(held.receive_message().receipt_handle)


def task_of(endpoint: str) -> models.AsyncTask:
    task: models.AsyncTask = (
        Native(endpoint).client.get_async_task("f", "t", models.GetAsyncTaskRequest()).body
    )
    return task


def deliveries(cloud: Running, kind: str) -> list[dict[str, Any]]:
    found = cloud.get("/localcloud/queues")["deliveries"]
    return [delivery for delivery in found if delivery["type"] == kind]


def test_what_the_sdks_made_survives_a_power_failure_and_still_acts(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state.json"))
    with running(tmp_path, *state, fleet=FLEET) as cloud:
        handle = make_all(cloud.endpoint)
        cloud.post("/localcloud/clock", {"advance": 7_200})
        soon(lambda: len(deliveries(cloud, "timer")) == 2)
        cloud.post("/localcloud/clock", {"advance": 0})  # saves what the timers did
        Native(cloud.endpoint).invoke("f", b"later", **LATER)
        cloud.kill()
    document = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    assert violation(document, json.loads(SCHEMA.read_text(encoding="utf-8"))) == ""
    with running(tmp_path, *state, fleet=FLEET) as cloud:
        endpoint = cloud.endpoint
        held = account_at(endpoint).get_queue("held")
        held.delete_message(handle)
        account_at(endpoint).get_topic("news").publish_message(TopicMessage("dGhpcmQ="))
        bodies = [m.message_body for m in held.batch_peek_message(16)]
        assert bodies == [b"second", b"third"]
        account_at(endpoint).get_queue("work").send_message(Message("go"))
        [event] = soon(lambda: deliveries(cloud, "eventbridge"))
        assert "go" in event["answer"]
        assert deliveries(cloud, "timer") == []
        assert task_of(endpoint).status == "Enqueued"
        cloud.post("/localcloud/clock", {"advance": 3_600})
        soon(lambda: len(deliveries(cloud, "timer")) == 1)
        soon(lambda: task_of(endpoint).status == "Succeeded")
        assert task_of(endpoint).return_payload == "later"
        removal = {"ScalingGroupId": "asg-1", "InstanceId.1": "i-0001"}
        rpc(endpoint, "Ess", "RemoveInstances", **removal)
        shown = cloud.get("/localcloud/queues")
        assert [queue["active"] for queue in shown["queues"] if queue["name"] == "alarms"] == [1]
        assert [rule["ruleId"] for rule in shown["metricRules"]] == ["rule-1"]
        assert [rule["ruleName"] for rule in shown["eventRules"]] == ["spot"]
        cloud.post("/localcloud/reset")
        shown = cloud.get("/localcloud/queues")
        rules = [rule for bus in shown["buses"] for rule in bus["rules"]]
        left = (shown["queues"], shown["topics"], shown["metricRules"], shown["eventRules"])
        assert (left, rules) == (([], [], [], []), [])


def test_what_the_fleet_file_declares_stays_deleted_until_a_reset(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "index.py").write_bytes(ECHO)
    declared = {"triggerName": "t", "triggerType": "eventbridge"}
    fleet = {
        **FLEET,
        "queues": [{"name": "work"}],
        "function": {
            "name": "f",
            "folder": "code",
            "triggers": [{**declared, "triggerConfig": queue_config("work")}],
        },
    }
    state = ("--state", str(tmp_path / "state.json"))

    def seen(cloud: Running) -> tuple[int, int]:
        """How many queues, and how many triggers."""
        document = cloud.get("/localcloud/state")
        [service] = document["savedFunctions"]["services"]
        return len(document["savedQueues"]["queues"]), len(service["triggers"]["f"])

    with running(tmp_path, *state, fleet=fleet) as cloud:
        assert seen(cloud) == (1, 1)
        account_at(cloud.endpoint).get_queue("work").delete()
        cloud.kill()
    with running(tmp_path, *state, fleet=fleet) as cloud:
        assert seen(cloud) == (0, 1)
        cloud.post("/localcloud/reset")
        assert seen(cloud) == (1, 1)


@contextmanager
def cloud_of(saved: dict[str, Any] | None = None) -> Iterator[LocalCloud]:
    key = Authenticator("k", "s")
    cloud = build_cloud(FLEET, DrivenClock(), Assumptions(acts=False), key, saved)
    assert cloud.platform
    try:
        yield cloud
    finally:
        cloud.platform.close()


def saved_of(cloud: LocalCloud) -> dict[str, Any]:
    return dict(json.loads(json.dumps(whole_document(cloud, {}))))


def test_a_delivery_that_a_function_had_when_all_ended_is_made_again() -> None:
    with cloud_of() as first:
        first.service.invoke = lambda call, end: None  # it never answers
        sync = param("InvocationType", "CONSTANT", "Sync")
        target = function_target("1", "functions/f", sync)
        params = {"Action": "CreateRule", "Version": "2020-04-01", "EventBusName": "default"}
        given = {"RuleName": "r", "FilterPattern": "{}", "EventTargets": json.dumps([target])}
        first.perform("CreateRule", {**params, **given})
        first.service.emit({"source": "acs.ess"})
        saved = saved_of(first)
    with cloud_of(saved) as second:
        assert second.triggers
        second.advance()  # there is no such function
        soon(lambda: second.advance() and second.service.event_deliveries[0].attempts == 1)
        [delivery] = second.triggers.deliveries

    assert (delivery.trigger, delivery.error) == ("r", "FunctionNotFound")


def test_a_message_that_a_trigger_held_is_visible_again() -> None:
    clock = DrivenClock()
    queues = QueueService(clock, "cn-hangzhou")
    queues.create_queue("q", Attributes())
    for body in ("held", "received"):
        queues.send("q", Content(body))
    held, _ = queues.receive("q", 2, 40_000)
    document = json.loads(json.dumps(saved_queues(queues, [("q", held.number)])))
    again = QueueService(clock, "cn-hangzhou")
    restore_queues(again, document)

    assert [message.content.body for message in again.receive("q", 16)] == ["held"]


def test_a_push_whose_answer_is_not_there_yet_is_made_again() -> None:
    clock = DrivenClock()
    queues, again = QueueService(clock, "cn-hangzhou"), QueueService(clock, "cn-hangzhou")
    queues.pushes = [Push(f"http://{n}/", {}, "x", "BACKOFF_RETRY", clock.now()) for n in "ab"]
    arrived, _ = queues.take_due_pushes()
    queues.settle_push(arrived, has_arrived=True)
    restore_queues(again, json.loads(json.dumps(saved_queues(queues))))

    assert [push.url for push in again.take_due_pushes()] == ["http://b/"]


STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "receive", "delete", "wait"]), st.integers(0, 3))
)


@given(STEPS)
def test_whatever_was_done_with_a_queue_it_is_the_same_after_a_save(
    steps: list[tuple[str, int]],
) -> None:
    clock = DrivenClock()
    queues, again = QueueService(clock, "cn-hangzhou"), QueueService(clock, "cn-hangzhou")
    queues.create_queue("q", Attributes(dead_letter_queue="dead", max_receive_count=2))
    queues.create_queue("dead", Attributes())
    handles: list[str] = []
    for action, number in steps:
        if action == "send":
            properties = {"UserProperties": [("a", "b", "STRING")]}
            queues.send("q", Content(f"body {number}", delay_seconds=number, properties=properties))
        elif action == "receive":
            handles += [m.receipt_handle for m in queues.receive("q", number + 1, 10)]
        elif action == "delete" and handles:
            queues.delete("q", handles.pop())
        elif action == "wait":
            clock.advance(number * 6)
            handles.clear()
    restore_queues(again, json.loads(json.dumps(saved_queues(queues))))

    assert (again.queues, again.topics) == (queues.queues, queues.topics)


def test_each_change_of_a_queue_is_saved_before_it_is_answered() -> None:
    with cloud_of() as cloud, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        state = StateFile(path, cloud)
        state.save()
        queues = cloud.queues
        queues.create_queue("q", Attributes())
        texts = []

        def saved() -> None:
            state.save_changes()
            texts.append(path.read_text(encoding="utf-8"))

        saved()
        queues.send("q", Content("x"))
        saved()
        [message] = queues.receive("q")
        saved()
        now = queues.clock.now() + timedelta(seconds=1)
        changed = queues.queue("q").change_visibility(message.receipt_handle, 60, now)
        saved()
        queues.delete("q", changed.receipt_handle)
        saved()

    assert len(set(texts)) == 5
