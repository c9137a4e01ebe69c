"""The official Python SDK of MNS (aliyun-mns-sdk), against a local cloud."""

from __future__ import annotations

from typing import Any

from mns.account import Account
from mns.queue import Queue, QueueMeta
from mns.topic import Topic

from tests.support.deployment import KEY


def account_at(endpoint: str, secret: str = KEY.access_key_secret, **options: Any) -> Any:
    return Account(f"http://{endpoint}", KEY.access_key_id, secret, **options)


def queue_at(endpoint: str, name: str, **attributes: int) -> Queue:
    """A queue, created with these attributes."""
    queue = account_at(endpoint).get_queue(name)
    queue.create(QueueMeta(**attributes))
    return queue


def topic_at(endpoint: str, name: str) -> Topic:
    """A topic, created."""
    from mns.topic import TopicMeta

    topic = account_at(endpoint).get_topic(name)
    topic.create(TopicMeta())
    return topic
