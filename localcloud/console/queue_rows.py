"""Queues, topics and the messages of a queue as the console shows them: values for JSON.

A look takes nothing: no message becomes invisible, and none is counted as received.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

from localcloud.console.rows import Rows
from localcloud.queues.model import Message, Queue
from localcloud.queues.service import QueueService
from localcloud.queues.topics import Subscription, Topic
from localcloud.triggers.stream import decoded

MAX_MESSAGES, MAX_PREVIEW = 200, 240


def queue_rows(queues: QueueService) -> Rows:
    with queues.lock:
        now = queues.clock.now()
        return {name: _queue(queues.queue(name), now) for name in sorted(queues.queues)}


def topic_rows(queues: QueueService) -> Rows:
    with queues.lock:
        return {name: _topic(topic) for name, topic in sorted(queues.topics.items())}


def message_rows(queues: QueueService, name: str) -> list[Rows]:
    """Returns the first messages of a queue, in the order of sending. Raises MnsError."""
    with queues.lock:
        queue, now = queues.queue(name), queues.clock.now()
        present = (message for message in queue.messages.values() if message.expires_at > now)
        return [_message(message, now) for message in islice(present, MAX_MESSAGES)]


def whole_message(queues: QueueService, name: str, message_id: str) -> Rows:
    """Returns one message with its whole body. Raises MnsError, and KeyError for no such id."""
    with queues.lock:
        queue, now = queues.queue(name), queues.clock.now()
        for message in queue.messages.values():
            if message.message_id == message_id:
                return {**_message(message, now), **_body(message)}
    raise KeyError(message_id)


def _queue(queue: Queue, now: datetime) -> Rows:
    attributes = queue.attributes
    return {
        "name": queue.name,
        **vars(queue.counts(now)),
        "sent": queue.sent,
        "deleted": queue.deleted,
        "visibilityTimeout": attributes.visibility_timeout,
        "delaySeconds": attributes.delay_seconds,
        "retention": attributes.message_retention_period,
        "deadLetterQueue": attributes.dead_letter_queue,
        "maxReceiveCount": attributes.max_receive_count,
        "created": queue.created_at.isoformat(timespec="seconds"),
    }


def _topic(topic: Topic) -> Rows:
    return {
        "name": topic.name,
        "subscriptions": [_subscription(one) for one in topic.subscriptions.values()],
    }


def _subscription(subscription: Subscription) -> Rows:
    return {
        "name": subscription.name,
        "endpoint": subscription.endpoint,
        "queue": subscription.queue_name,
        "tag": subscription.filter_tag,
        "format": subscription.notify_content_format,
    }


def _message(message: Message, now: datetime) -> Rows:
    state = "active"
    if message.visible_at > now:
        state = "in flight" if message.dequeue_count else "delayed"
    return {
        "id": message.message_id,
        "number": message.number,
        "state": state,
        "sent": message.sent_at.isoformat(),
        "visible": message.visible_at.isoformat(),
        "expires": message.expires_at.isoformat(),
        "received": message.dequeue_count,
        "priority": message.content.priority,
        "preview": decoded(message.content.body)[:MAX_PREVIEW],
    }


def _body(message: Message) -> dict[str, Any]:
    """Returns the text of a body, and whether the body has it in Base64."""
    text = decoded(message.content.body)
    return {"text": text, "isBase64": text != message.content.body}
