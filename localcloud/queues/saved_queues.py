"""Queues with their messages, and topics, as JSON, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.plain import hints_of, plain, typed
from localcloud.queues.service import QueueService

SAVED = ("queues", "topics", "pushes", "lost")


def saved_queues(service: QueueService, held: Iterable[tuple[str, int]] = ()) -> dict[str, Any]:
    """Returns all queues and topics, ready for JSON.

    `held`: messages, by queue and number, that a trigger has and would not ask for again. They are
    visible in what is saved, so that the next trigger has them: at least once.
    """
    with service.lock:
        document = {name: plain(getattr(service, name)) for name in SAVED}
    for queue, number in held:
        message = document["queues"].get(queue, {}).get("messages", {}).get(number)
        if message is not None:
            message["visible_at"] = message["sent_at"]
    return document


def restore_queues(service: QueueService, document: Mapping[str, Any]) -> None:
    """Sets what `saved_queues` gave. Raises KeyError, TypeError, ValueError."""
    hints = hints_of(QueueService)
    found = {name: typed(hints[name], document[name]) for name in SAVED}
    with service.lock:
        for name, value in found.items():
            setattr(service, name, value)


def mark_of(service: QueueService) -> tuple[Any, ...]:
    """Returns what differs after a change: less than the document, and cheap."""
    queues = [
        (q.name, q.sent, q.deleted, q.received, len(q.messages), q.modified_at)
        for q in list(service.queues.values())
    ]
    pushes = [(push.due_at, push.attempts) for push in list(service.pushes)]
    return queues, pushes, len(service.lost), len(service.topics)
