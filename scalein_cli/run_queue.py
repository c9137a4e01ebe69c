"""`scalein run-queue`: removal requests and alarms from a real RabbitMQ, processed in batches."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from scalein.errors import ConfigurationError
from scalein_cli import show
from scalein_cli.broker import broker
from scalein_cli.errors import CommandError
from scalein_cli.extras import require
from scalein_cli.local import context, environment, local_cloud
from scalein_cli.local_function import audit_lines, function_code, outcomes_of, snapshots
from scalein_cli.options import console_for_output, fleet_option, policy_option, progress

if TYPE_CHECKING:
    from localcloud.queues.rabbitmq_trigger import Queue

QUEUE_NAME = "scale-in"


@click.command("run-queue")
@click.option(
    "--broker",
    "broker_url",
    default="",
    metavar="URL",
    help="AMQP URL of a broker.  [default: a broker that this command starts]",
)
@click.option(
    "--batch-size",
    default=10,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Maximum number of messages in a batch.",
)
@click.option(
    "--window",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.1, 15),
    help="Seconds to wait for the messages of a batch.",
)
@click.option(
    "--deliveries",
    default=3,
    show_default=True,
    type=click.IntRange(1),
    help="Deliveries of a message, after which it goes to the dead-letter queue.",
)
@fleet_option
@policy_option
def run_queue_command(
    broker_url: str, batch_size: int, window: float, deliveries: int, fleet: Path, policy: Path
) -> None:
    """Process messages of a real RabbitMQ, on a local cloud.

    Publishes removal requests and alarms, gathers them into batches as Function Compute's RabbitMQ
    trigger does, passes each batch to the function and acknowledges it when the function returns.
    If the function fails, the batch is delivered again; after the last delivery its messages go to
    the dead-letter queue. The broker and the local Auto Scaling that this command starts are
    removed at its end.

        scalein run-queue --batch-size 5
    """
    require("queue")
    from pika.exceptions import AMQPError

    from localcloud.queues.rabbitmq_trigger import Queue

    queue = Queue(broker_url, QUEUE_NAME, batch_size, window, deliveries)
    console = console_for_output()
    try:
        with (
            _broker_at(queue.url, console) as url,
            local_cloud(fleet) as ready,
        ):
            os.environ.update(environment(ready, policy))
            console.print(
                f"Local Auto Scaling on {ready['endpoint']}, fleet {show.relative_path(fleet)}",
                highlight=False,
            )
            _run(queue._replace(url=url), context(ready), console)
    except ConfigurationError as error:
        raise CommandError(f"The configuration is wrong: {error}") from error
    except AMQPError as error:
        place = broker_url.rpartition("@")[2] or "the broker"  # without its password
        raise CommandError(
            f"{place} does not work as a broker ({type(error).__name__}). Check --broker, "
            "amqp://USER:PASSWORD@HOST:PORT."
        ) from None


@contextmanager
def _broker_at(url: str, console: Console) -> Iterator[str]:
    """The URL of the broker, which is started if there is no URL."""
    if url:
        yield url
        return
    with progress("Starting RabbitMQ, about ten seconds ..."):
        own_broker = broker()
        own_url = own_broker.__enter__()
    try:
        console.print(f"RabbitMQ on {own_url.split('@')[1]}", highlight=False)
        yield own_url
    finally:
        own_broker.__exit__(None, None, None)


def _run(queue: Queue, function_context: object, console: Console) -> None:
    """Publishes the messages and delivers them until the queue is empty."""
    from localcloud.queues.rabbitmq_trigger import Trigger, declare, drain, publish

    index = function_code()
    index.initialize(function_context)
    declare(queue)
    before = snapshots(function_context)
    # All messages have the same time: an alarm older than the last decision of its group is
    # superseded.
    now = time.time()
    messages = sample_messages(int(now * 1000))
    publish(queue, [(message_id, body) for message_id, _, body in messages], sent_at=now)
    console.print(f"Published to {queue.name}:")
    for message_id, description, _ in messages:
        console.print(f"  {message_id:<11} {description}", highlight=False)
    idle_seconds = 2 * queue.window_seconds + queue.pause_seconds
    Trigger(queue, _invoker(index, function_context, console)).run(idle_seconds=idle_seconds)
    after = snapshots(function_context)
    changed_ids = [
        id
        for id in before
        if (after[id].group, after[id].instances) != (before[id].group, before[id].instances)
    ]
    show.print_before_and_after({id: before[id] for id in changed_ids}, after, console)
    console.print(f"Dead letters: {len(drain(queue.url, queue.dead_letters))}", highlight=False)


def _invoker(
    index: ModuleType, function_context: object, console: Console
) -> Callable[[bytes], None]:
    """A function that passes one batch to the handler and prints its outcomes."""
    number = 0

    def invoke(event: bytes) -> None:
        nonlocal number
        number += 1
        console.print(f"\nDelivery {number}, {len(json.loads(event))} messages")
        try:
            with audit_lines():
                response: dict[str, Any] = index.handler(event, function_context)
        except index.TryLaterError as error:
            show.print_outcomes(outcomes_of(json.loads(str(error))), console)
            console.print(
                "The function failed because a retry may succeed. The whole batch is delivered "
                "again."
            )
            raise
        show.print_outcomes(outcomes_of(response), console)
        console.print("Acknowledged.")

    return invoke


def sample_messages(now_milliseconds: int) -> list[tuple[str, str, bytes]]:
    """For each message its id, a description, and the body as its sender publishes it."""
    request = {"scalingGroupId": "asg-web", "remove": {"count": 1}, "requestReason": "nightly"}
    alarm = {
        "ruleId": "rule-1",
        "ruleName": "web-cpu-low-5m",
        "curLevel": "WARN",
        "metricName": "CpuUtilization#60",
        "namespace": "acs_ess_dashboard",
        "resources": '{"scaling_group": "asg-web"}',
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
        ("request-1", "the same request again", _bytes(request)),
        ("alarm-1", "a CloudMonitor alarm: CPU of asg-web is low", _bytes(alarm)),
        ("alarm-2", "its recovery", _bytes({**alarm, "curLevel": "OK"})),
        ("spot-1", "ECS will reclaim i-batch-03", _bytes(spot)),
        ("broken-1", "a request that is cut off", _bytes(request)[:-20]),
    ]


def _bytes(document: object) -> bytes:
    return json.dumps(document).encode()
