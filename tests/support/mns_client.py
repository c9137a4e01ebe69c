"""The official Python SDK of MNS (aliyun-mns-sdk), against a local cloud."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Queue, QueueMeta
from mns.topic import Topic, TopicMeta

from tests.support.deployment import KEY


def account_at(endpoint: str, secret: str = KEY.access_key_secret, **options: Any) -> Account:
    return Account(f"http://{endpoint}", KEY.access_key_id, secret, **options)


def queue_at(endpoint: str, name: str, **attributes: int) -> Queue:
    """A queue, created with these attributes."""
    queue = account_at(endpoint).get_queue(name)
    queue.create(QueueMeta(**attributes))
    return queue


def topic_at(endpoint: str, name: str) -> Topic:
    """A topic, created."""
    topic = account_at(endpoint).get_topic(name)
    topic.create(TopicMeta())
    return topic


def code_of(call: Callable[[], object]) -> str:
    """The code of the error that the call gets."""
    with pytest.raises(MNSServerException) as refused:
        call()
    return str(refused.value.type)


def contents(queue: Queue) -> list[Any]:
    """What is in a queue, each a JSON object in Base64, as the cloud's services write it."""
    queue.set_encoding(False)
    try:
        messages = queue.batch_peek_message(16)
    except MNSServerException:
        return []
    return [json.loads(base64.b64decode(message.message_body)) for message in messages]
