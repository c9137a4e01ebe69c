"""`scalein run-queue`: the main job from a real RabbitMQ, shown to a person."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

import index
from localcloud.queues.rabbitmq_trigger import Queue, Trigger, declare, drain, publish
from scalein.errors import ConfigurationError
from scalein_cli import show
from scalein_cli.broker import BrokerError, broker
from scalein_cli.local import LocalCloudError, context, environment, local_cloud
from scalein_cli.run import RunError, audit_lines, outcomes_of, snapshots

NAME = "scale-in"


def run_queue(queue: Queue, fleet: Path, policy: Path, console: Console) -> None:
    """Publishes a small story, and delivers it until the queue is empty. Raises RunError."""
    try:
        with _broker_at(queue.url, console) as url, local_cloud(fleet) as ready, audit_lines():
            os.environ.update(environment(ready, policy))
            console.print(
                f"Local Auto Scaling on {ready['endpoint']}, fleet {show.path(fleet)}",
                highlight=False,
            )
            _tell(queue._replace(url=url), context(ready), console)
    except (BrokerError, LocalCloudError, ConfigurationError) as error:
        raise RunError(str(error)) from error


@contextmanager
def _broker_at(url: str, console: Console) -> Iterator[str]:
    if url:
        yield url
        return
    with console.status("Starting RabbitMQ, about ten seconds ..."):
        own = broker()
        started = own.__enter__()
    try:
        console.print(f"RabbitMQ on {started.split('@')[1]}", highlight=False)
        yield started
    finally:
        own.__exit__(None, None, None)


def _tell(queue: Queue, here: object, console: Console) -> None:
    index.initialize(here)
    declare(queue)
    before = snapshots(here)
    now = (
        time.time()
    )  # of all of them: one that is older than a decision of its group would not act any more
    messages = story(int(now * 1000))
    publish(queue, [(message_id, body) for message_id, _, body in messages], sent_at=now)
    console.print(f"Published to {queue.name}:")
    for message_id, told, _ in messages:
        console.print(f"  {message_id:<11} {told}", highlight=False)
    number = 0

    def invoke(event: bytes) -> None:
        nonlocal number
        number += 1
        console.print(f"\nDelivery {number}, {len(json.loads(event))} messages")
        try:
            answer: dict[str, Any] = index.handler(event, here)
        except index.TryLaterError as error:
            show.outcomes(outcomes_of(json.loads(str(error))), console)
            console.print(
                "The function failed, for something may succeed later: the whole batch comes again."
            )
            raise
        show.outcomes(outcomes_of(answer), console)
        console.print("Acknowledged.")

    Trigger(queue, invoke).run(idle_seconds=2 * queue.window_seconds + queue.pause_seconds)
    after = snapshots(here)
    touched = [
        id
        for id in before
        if (after[id].group, after[id].instances) != (before[id].group, before[id].instances)
    ]
    show.before_and_after({id: before[id] for id in touched}, after, console)
    console.print(f"Dead letters: {len(drain(queue.url, queue.dead_letters))}", highlight=False)


def story(now_milliseconds: int) -> list[tuple[str, str, bytes]]:
    """Message id, what it is, and the body, as its sender would publish it."""
    request = {"scalingGroupId": "asg-web", "remove": {"count": 1}, "requestReason": "nightly"}
    alarm = {
        "ruleId": "rule-1",
        "ruleName": "web-cpu-low-5m",
        "curLevel": "WARN",
        "metricName": "cpu_total#60",
        "namespace": "acs_ecs_dashboard",
        "resources": '{"instanceId": "i-web-04"}',
        "time": now_milliseconds,
    }
    spot = {
        "product": "ECS",
        "name": "Instance:PreemptibleInstanceInterruption",
        "id": "spot-1",
        "content": {"instanceId": "i-batch-03", "action": "delete"},
    }
    return [
        ("request-1", "a removal request for asg-web", _bytes(request)),
        ("request-1", "the same once more", _bytes(request)),
        ("alarm-1", "a CloudMonitor alarm: CPU of asg-web is low", _bytes(alarm)),
        ("alarm-2", "its recovery", _bytes({**alarm, "curLevel": "OK"})),
        ("spot-1", "ECS will reclaim i-batch-03", _bytes(spot)),
        ("broken-1", "half a request", _bytes(request)[:-20]),
    ]


def _bytes(document: object) -> bytes:
    return json.dumps(document).encode()
