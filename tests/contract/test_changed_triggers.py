"""Triggers that are changed, disabled, deleted, or set in unusual ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from mns.queue import Message

from tests.contract.test_triggers import CODE, created, deliveries, has_delivered, queue_config
from tests.support.mns_client import queue_at
from tests.support.native import Native
from tests.support.platforms import Compute, compute_of
from tests.support.waits import soon


@pytest.fixture
def compute() -> Iterator[Compute]:
    with compute_of() as compute:
        yield compute


def changed(compute: Compute, config: dict[str, Any]) -> None:
    body = models.UpdateTriggerInput(trigger_config=json.dumps(config))
    request = models.UpdateTriggerRequest(body=body)
    Native(compute.endpoint).client.update_trigger("f", "t", request)


@pytest.mark.parametrize("way", ["deleted", "disabled", "on another queue"])
def test_a_message_that_a_trigger_does_not_try_again_is_visible_to_others(
    compute: Compute, way: str
) -> None:
    native = Native(compute.endpoint)
    native.create("f", CODE)
    queue = queue_at(compute.endpoint, "q")
    created(compute, "eventbridge", queue_config())
    queue.send_message(Message("fail"))
    soon(partial(has_delivered, compute, 1))
    if way == "deleted":
        native.client.delete_trigger("f", "t")
    elif way == "disabled":
        changed(compute, {**queue_config(), "triggerEnable": False})
    else:
        other = json.dumps(queue_config()).replace('"q"', '"other"')
        changed(compute, json.loads(other))

    assert queue.receive_message(5).message_body == b"fail"


def timer(expression: str, is_enabled: bool = True) -> dict[str, Any]:
    return {"cronExpression": expression, "enable": is_enabled}


def steps(compute: Compute) -> None:
    assert compute.inside.triggers
    compute.inside.triggers.step()


def test_a_timer_whose_expression_is_changed_fires_by_the_new_one(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    created(compute, "timer", timer("0 0 0 1 1 *"))
    steps(compute)
    changed(compute, timer("@every 1m"))
    compute.clock.advance(61)

    assert len(soon(lambda: deliveries(compute))) == 1


def test_a_timer_does_not_make_up_for_the_time_in_which_it_was_off(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    created(compute, "timer", timer("@every 1m", is_enabled=False))
    compute.clock.advance(3_600)
    changed(compute, timer("@every 1m"))
    steps(compute)
    changed(compute, timer("@every 1m", is_enabled=False))
    steps(compute)
    compute.clock.advance(3_600)
    changed(compute, timer("@every 1m"))
    steps(compute)
    assert deliveries(compute) == []
    compute.clock.advance(61)

    assert len(soon(lambda: deliveries(compute))) == 1


def test_a_queue_s_trigger_takes_the_messages_that_its_pattern_fits(compute: Compute) -> None:
    Native(compute.endpoint).create("f", CODE)
    queue = queue_at(compute.endpoint, "q")
    pattern = {"data": {"messageBody": [{"prefix": "order"}]}}
    filtered = {**queue_config(), "eventRuleFilterPattern": json.dumps(pattern)}
    created(compute, "eventbridge", filtered)
    for body in ("invoice 1", "order 1"):
        queue.send_message(Message(body))
    (delivery,) = soon(lambda: deliveries(compute))

    assert [one["data"]["messageBody"] for one in json.loads(delivery.event)] == ["order 1"]
    assert soon(lambda: not compute.inside.queues.queue("q").messages)


@pytest.mark.parametrize(
    "wrong",
    [
        {"eventSourceConfig": "MNS"},
        {"eventSourceConfig": {"eventSourceType": "MNS", "eventSourceParameters": ["q"]}},
        {**queue_config(batchWindow={"CountBasedWindow": "ten"})},
        {**queue_config(batchWindow=10, retryStrategy="BACKOFF_RETRY")},
        {**queue_config(), "runOptions": []},
        {**queue_config(), "eventRuleFilterPattern": "everything"},
    ],
)
def test_a_configuration_that_means_nothing_stops_no_other_trigger(
    compute: Compute, wrong: dict[str, Any]
) -> None:
    Native(compute.endpoint).create("f", CODE)
    created(compute, "eventbridge", wrong, trigger_name="a-wrong-one")
    created(compute, "timer", timer("@every 1m"))
    compute.clock.advance(61)

    assert soon(lambda: [one.trigger for one in deliveries(compute)]) == ["t"]
