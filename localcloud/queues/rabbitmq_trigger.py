"""Delivers a queue's messages to a function as Function Compute's RabbitMQ trigger does.

Messages are gathered into a batch (size, window), wrapped as CloudEvents, and delivered in one
invocation. They are acknowledged after the function has answered; where it fails, the whole batch
goes back to the queue, for there is no partial answer. The broker counts deliveries and moves a
message to the dead letters once they are used up."""

from __future__ import annotations

import base64
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pika
from pika.adapters.blocking_connection import BlockingChannel

POLL_SECONDS = 0.05


class Queue(NamedTuple):
    """A queue on a broker, and how it is read."""

    url: str
    name: str
    batch_size: int = 10
    window_seconds: float = 1.0
    deliveries: int = 3  # of a message, before it goes to the dead letters
    pause_seconds: float = 2.0  # before a failed batch is delivered again; 10 to 20 in the cloud

    @property
    def dead_letters(self) -> str:
        return f"{self.name}-dead"


class Delivery(NamedTuple):
    """One message as the broker delivers it."""

    tag: int
    properties: Any
    routing_key: str
    exchange: str
    redelivered: bool
    body: bytes


class Trigger:
    """Reads one queue. `invoke` is the function: it returns, or raises to get the batch again."""

    def __init__(
        self,
        queue: Queue,
        invoke: Callable[[bytes], object],
        die_before_acknowledging: bool = False,
    ) -> None:
        self._queue = queue
        self._invoke = invoke
        self._dies = die_before_acknowledging  # a fault on request

    def run(self, idle_seconds: float | None = None) -> None:
        """Delivers until nothing has come for `idle_seconds`; for ever without it."""
        with pika.BlockingConnection(_parameters(self._queue.url)) as connection:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=self._queue.batch_size)
            quiet_since = time.monotonic()
            while idle_seconds is None or time.monotonic() - quiet_since < idle_seconds:
                batch = self._gather(channel)
                if batch:
                    self._deliver(channel, batch)
                    quiet_since = time.monotonic()

    def _gather(self, channel: BlockingChannel) -> list[Delivery]:
        batch: list[Delivery] = []
        until = time.monotonic() + self._queue.window_seconds
        while len(batch) < self._queue.batch_size and time.monotonic() < until:
            method, properties, body = channel.basic_get(self._queue.name)
            if method is None:
                channel.connection.sleep(POLL_SECONDS)
                continue
            batch.append(
                Delivery(
                    method.delivery_tag,
                    properties,
                    method.routing_key,
                    method.exchange,
                    method.redelivered,
                    body,
                )
            )
        return batch

    def _deliver(self, channel: BlockingChannel, batch: list[Delivery]) -> None:
        try:
            self._invoke(
                json.dumps([cloud_event(delivery, self._queue.name) for delivery in batch]).encode()
            )
        except Exception:  # noqa: BLE001 (whatever a function raises, its batch is delivered again)
            channel.connection.sleep(self._queue.pause_seconds)
            for delivery in batch:
                channel.basic_nack(delivery.tag, requeue=True)
            return
        if self._dies:
            os.kill(os.getpid(), signal.SIGKILL)
        for delivery in batch:
            channel.basic_ack(delivery.tag)


def cloud_event(delivery: Delivery, queue: str) -> dict[str, Any]:
    """Returns one element of a batch. Its id is new at each delivery, unlike the message id."""
    properties = delivery.properties
    timestamp = properties.timestamp
    now = datetime.now(timezone.utc)
    moment = datetime.fromtimestamp(timestamp, timezone.utc) if timestamp else now
    optional = {"contentEncoding": properties.content_encoding, "messageId": properties.message_id}
    return {
        "id": str(uuid.uuid4()),
        "source": "RabbitMQ-Function-scale-in",
        "specversion": "1.0",
        "type": "amqp:Queue:SendMessage",
        "datacontenttype": "application/json;charset=utf-8",
        "subject": f"acs:amqp:cn-hangzhou:0:/instances/amqp-local/vhosts/local/queues/{queue}",
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "aliyunaccountid": "0",
        "data": {
            "envelope": {
                "deliveryTag": delivery.tag,
                "exchange": delivery.exchange,
                "redeliver": delivery.redelivered,
                "routingKey": delivery.routing_key,
            },
            "body": _body(delivery.body),
            "props": {name: value for name, value in optional.items() if value},
        },
    }


def declare(queue: Queue) -> None:
    """Declares a queue that counts deliveries, and its queue of dead letters."""
    with pika.BlockingConnection(_parameters(queue.url)) as connection:
        channel = connection.channel()
        channel.queue_declare(queue.dead_letters, durable=True)
        limits = {
            "x-queue-type": "quorum",
            "x-delivery-limit": queue.deliveries - 1,  # how often a message may come again
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue.dead_letters,
        }
        channel.queue_declare(queue.name, durable=True, arguments=limits)


def publish(
    queue: Queue, messages: Iterable[tuple[str, bytes]], sent_at: float | None = None
) -> None:
    """Publishes messages: id and body of each, sent now or at that time, in whole seconds."""
    moment = int(time.time() if sent_at is None else sent_at)
    with pika.BlockingConnection(_parameters(queue.url)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for message_id, body in messages:
            properties = pika.BasicProperties(
                message_id=message_id, timestamp=moment, content_encoding="UTF-8", delivery_mode=2
            )
            channel.basic_publish("", queue.name, body, properties)


def drain(url: str, name: str) -> list[bytes]:
    """Takes all messages out of a queue and returns their bodies."""
    bodies: list[bytes] = []
    with pika.BlockingConnection(_parameters(url)) as connection:
        channel = connection.channel()
        while True:
            method, _, body = channel.basic_get(name, auto_ack=True)
            if method is None:
                return bodies
            bodies.append(body)


def _parameters(url: str) -> pika.URLParameters:
    parameters = pika.URLParameters(url)
    parameters.heartbeat = 600  # longer than any invocation
    return parameters


def _body(body: bytes) -> Mapping[str, Any] | str:
    """Returns the body as an object, else as text, else in Base64: the trigger's own forms."""
    try:
        text = body.decode()
        value = json.loads(text)
    except UnicodeDecodeError:
        return base64.b64encode(body).decode()
    except ValueError:
        return text
    return value if isinstance(value, dict) else text
