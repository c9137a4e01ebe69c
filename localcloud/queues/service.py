"""All queues and topics of an account, and what the cloud itself writes to them."""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from threading import RLock
from typing import Any

from localcloud.clock import Clock
from localcloud.queues.errors import MnsError, error
from localcloud.queues.model import Attributes, Content, Message, Queue
from localcloud.queues.topics import Published, Subscription, Topic

ARN = re.compile("acs:mns:[^:]*:[^:]*:/?(queue|topic)s?/([^/]+)(/messages?)?")
MAX_NAME = 120  # of queues and topics (help page "Limits"); the page of errors says 256
MAX_SUBSCRIPTION_NAME = 256
NAME = re.compile("[A-Za-z0-9][A-Za-z0-9-]*")
BACKOFF_TRIES, DECAY_TRIES, MAX_DECAY_SECONDS = 3, 176, 512
NO_TIME = timedelta()


@dataclass
class Push:
    """A notification on its way to an HTTP endpoint."""

    url: str
    headers: dict[str, str]
    body: str
    strategy: str
    due_at: datetime
    attempts: int = 0


@dataclass
class QueueService:
    """MNS. Threads may share it. Nothing happens in the background: time passes in each call."""

    clock: Clock
    region_id: str
    account_id: str = "1"
    queues: dict[str, Queue] = field(default_factory=dict)
    topics: dict[str, Topic] = field(default_factory=dict)
    pushes: list[Push] = field(default_factory=list)  # to HTTP endpoints
    taken_pushes: list[Push] = field(default_factory=list)  # that an endpoint is getting now
    lost: deque[str] = field(default_factory=lambda: deque(maxlen=1_000))  # ARNs of no queue
    lock: RLock = field(default_factory=RLock)
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same waits again)
    # called with topic and message; triggers on a topic listen here
    on_publish: Callable[[str, Published], None] = lambda _, __: None

    def clear(self) -> None:
        """Forgets all queues, topics and what is on its way."""
        with self.lock:
            self.queues.clear()
            self.topics.clear()
            self.pushes.clear()
            self.taken_pushes.clear()
            self.lost.clear()

    def create_queue(self, name: str, attributes: Attributes) -> bool:
        """Creates a queue; returns False where it exists with these attributes. Raises MnsError."""
        _check_name(name)
        attributes.check()
        with self.lock:
            existing = self.queues.get(name)
            if existing is not None:
                if existing.attributes != attributes:
                    raise error("QueueAlreadyExist")
                return False
            now = self.clock.now()
            self.queues[name] = Queue(name, attributes, now, now)
            return True

    def queue(self, name: str) -> Queue:
        """Returns the queue as it is now. Raises MnsError where there is none."""
        with self.lock:
            if name not in self.queues:
                raise error("QueueNotExist")
            self._move_dead_letters()
            return self.queues[name]

    def delete_queue(self, name: str) -> None:
        """Deletes a queue with its messages. Raises MnsError."""
        with self.lock:
            del self.queues[self.queue(name).name]

    def send(self, name: str, content: Content) -> Message:
        """Sends a message. Raises MnsError."""
        with self.lock:
            return self.queue(name).send(content, self.clock.now())

    def receive(self, name: str, max_count: int = 1, seconds: int | None = None) -> list[Message]:
        """Receives up to `max_count` messages, for so many seconds. Raises MnsError."""
        with self.lock:
            return self.queue(name).receive(max_count, self.clock.now(), seconds)

    def delete(self, name: str, receipt_handle: str) -> None:
        """Deletes a message. Raises MnsError."""
        with self.lock:
            self.queue(name).delete(receipt_handle, self.clock.now())

    def create_topic(self, topic: Topic) -> bool:
        """Creates a topic; returns False where it exists with these attributes. Raises MnsError."""
        _check_name(topic.name)
        topic.check()
        with self.lock:
            existing = self.topics.get(topic.name)
            if existing is None:
                self.topics[topic.name] = topic
                return True
            if _settings(existing) != _settings(topic):
                raise error("TopicAlreadyExist")
            return False

    def topic(self, name: str) -> Topic:
        """Returns the topic. Raises MnsError where there is none."""
        if name not in self.topics:
            raise error("TopicNotExist")
        return self.topics[name]

    def subscribe(self, topic_name: str, subscription: Subscription) -> bool:
        """Adds a subscription; returns False where it exists just so. Raises MnsError."""
        _check_name(subscription.name, MAX_SUBSCRIPTION_NAME)
        subscription.check()
        with self.lock:
            subscriptions = self.topic(topic_name).subscriptions
            existing = subscriptions.get(subscription.name)
            if existing is None:
                subscriptions[subscription.name] = subscription
                return True
            if existing.endpoint != subscription.endpoint:
                raise error("SubscriptionAlreadyExist")
            return False

    def subscription(self, topic_name: str, name: str) -> Subscription:
        """Returns the subscription. Raises MnsError where there is none."""
        subscriptions = self.topic(topic_name).subscriptions
        if name not in subscriptions:
            raise error("SubscriptionNotExist")
        return subscriptions[name]

    def publish(self, topic_name: str, message: Published) -> None:
        """Gives a message to all subscriptions of a topic. Raises MnsError."""
        with self.lock:
            topic = self.topic(topic_name)
            topic.check_body(message.body)
            for subscription in topic.subscriptions.values():
                if subscription.takes(message.tag):
                    self._notify(topic, subscription, message)
        self.on_publish(topic_name, message)

    def deliver(self, arn: str, content: Mapping[str, Any], plain: bool = False) -> bool:
        """Writes what a service of the cloud sends; returns False where no such queue is.

        In Base64 unless `plain`, as lifecycle hooks and notifications do by default
        (CreateNotificationConfiguration, MessageEncoding).
        """
        text = json.dumps(content, ensure_ascii=False)
        return self.deliver_text(arn, text if plain else base64.b64encode(text.encode()).decode())

    def deliver_text(self, arn: str, body: str) -> bool:
        """Writes a body as it is to the queue or topic; returns False where there is none."""
        match = ARN.fullmatch(arn)
        if match is None:
            return False
        try:
            if match[1] == "queue":
                self.send(match[2], Content(body))
            else:
                self.publish(match[2], Published(body, self.clock.now()))
        except MnsError:
            self.lost.append(arn)
            return False
        return True

    def take_due_pushes(self) -> list[Push]:
        """Takes and returns the notifications that an HTTP endpoint is to get now.

        Until `settle_push` they count as on their way.
        """
        with self.lock:
            now = self.clock.now()
            due = [push for push in self.pushes if push.due_at <= now]
            self.pushes = [push for push in self.pushes if push.due_at > now]
            self.taken_pushes += due
            return due

    def settle_push(self, push: Push, has_arrived: bool) -> None:
        """Ends an attempt; plans another one, as its strategy says, or gives the push up."""
        with self.lock:
            is_known = any(other is push for other in self.taken_pushes)
            self.taken_pushes = [other for other in self.taken_pushes if other is not push]
            if has_arrived or not is_known:  # a reset has forgotten it
                return
            push.attempts += 1
            seconds = retry_seconds(push.strategy, push.attempts, self.chance)
            if seconds is not None:
                push.due_at = self.clock.now() + timedelta(seconds=seconds)
                self.pushes.append(push)

    def _notify(self, topic: Topic, subscription: Subscription, message: Published) -> None:
        body = topic.notification(subscription, message)
        if subscription.queue_name:
            try:
                self.send(subscription.queue_name, Content(body))
            except MnsError:
                self.lost.append(subscription.endpoint)
        elif subscription.endpoint.startswith("http"):
            form = "text/xml" if subscription.notify_content_format == "XML" else "text/plain"
            headers = {"Content-Type": f"{form};charset=utf-8", "x-mns-version": "2015-06-06"}
            headers["x-mns-message-id"] = message.message_id
            if message.tag:
                headers["x-mns-message-tag"] = message.tag
            strategy = subscription.notify_strategy
            self.pushes.append(
                Push(subscription.endpoint, headers, body, strategy, self.clock.now())
            )

    def _move_dead_letters(self) -> None:
        """Moves what was received too often; how long it is kept counts from its sending."""
        now = self.clock.now()
        for queue in list(self.queues.values()):
            target = self.queues.get(queue.attributes.dead_letter_queue)
            if target is None or target is queue or not queue.attributes.max_receive_count:
                continue
            for message in queue.take_dead(now):
                message.dequeue_count, message.receipt_handle = 0, ""
                target.add(message)


def retry_seconds(strategy: str, attempts: int, chance: Random) -> float | None:
    """Returns how long to wait after so many failures; None: no other attempt.

    Help page "NotifyStrategy": three retries after 10 to 20 s, or 176 after up to 512 s.
    """
    if strategy == "EXPONENTIAL_DECAY_RETRY":
        within = attempts <= DECAY_TRIES
        return min(2.0 ** min(attempts - 1, 9), MAX_DECAY_SECONDS) if within else None
    return chance.uniform(10, 20) if attempts <= BACKOFF_TRIES else None


def _settings(topic: Topic) -> tuple[int, bool]:
    return topic.maximum_message_size, topic.logging_enabled


def _check_name(name: str, max_length: int = MAX_NAME) -> None:
    if not 1 <= len(name) <= max_length:
        raise error("QueueNameLengthError")
    if not NAME.fullmatch(name):
        raise error("InvalidQueueName")
