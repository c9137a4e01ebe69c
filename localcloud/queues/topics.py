"""One topic of MNS, its subscriptions, and the forms in which a notification goes to them."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4
from xml.sax.saxutils import escape

from localcloud.queues.errors import invalid_argument, out_of_range

NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
RETENTION_SECONDS = 86_400  # of all topics
FORMATS = ("XML", "JSON", "SIMPLIFIED")
STRATEGIES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY")
QUEUE_ENDPOINT = re.compile("acs:mns:[^:]*:[^:]*:/?queues/([^/]+)")
OTHER_ENDPOINTS = ("http://", "https://", "mail:", "sms:")  # the last two are kept, without effect


def new_id() -> str:
    """Returns an id as messages have it."""
    return uuid4().hex.upper()


@dataclass
class Subscription:
    """Where the messages of a topic go."""

    name: str
    endpoint: str
    created_at: datetime
    modified_at: datetime
    filter_tag: str = ""
    notify_strategy: str = STRATEGIES[0]
    notify_content_format: str = FORMATS[0]

    def check(self) -> None:
        """Raises MnsError where a field has a value that the API does not know."""
        if not (QUEUE_ENDPOINT.fullmatch(self.endpoint) or self._has_other_endpoint):
            raise invalid_argument("Endpoint")
        if self.notify_strategy not in STRATEGIES:
            raise invalid_argument("NotifyStrategy")
        if self.notify_content_format not in FORMATS:
            raise invalid_argument("NotifyContentFormat")

    @property
    def _has_other_endpoint(self) -> bool:
        return self.endpoint.startswith(OTHER_ENDPOINTS)

    @property
    def queue_name(self) -> str:
        """The queue that messages go to; empty where they go elsewhere."""
        match = QUEUE_ENDPOINT.fullmatch(self.endpoint)
        return match[1] if match else ""

    def takes(self, tag: str) -> bool:
        """Whether a message with this tag goes here; without a filter, every message does."""
        return not self.filter_tag or self.filter_tag == tag


@dataclass
class Published:
    """One message of a topic."""

    body: str
    at: datetime
    tag: str = ""
    group_id: str = ""
    message_id: str = field(default_factory=new_id)

    @property
    def md5(self) -> str:
        return md5_of(self.body)


@dataclass
class Topic:
    """A topic. Its messages are not kept: they go to the subscriptions at once."""

    name: str
    owner: str  # account id
    created_at: datetime
    modified_at: datetime
    maximum_message_size: int = 65_536
    logging_enabled: bool = False
    subscriptions: dict[str, Subscription] = field(default_factory=dict)

    def check(self) -> None:
        """Raises MnsError where an attribute is out of its range."""
        if not 1_024 <= self.maximum_message_size <= 65_536:
            raise out_of_range("MaximumMessageSize", 1_024, 65_536)

    def check_body(self, body: str) -> None:
        """Raises MnsError for a message that is empty or too large."""
        if not 1 <= len(body.encode()) <= self.maximum_message_size:
            raise out_of_range("MessageBody", 1, self.maximum_message_size)

    def notification(self, subscription: Subscription, message: Published) -> str:
        """Returns what the subscription gets, in its format (help page "HttpEndpoint")."""
        if subscription.notify_content_format == "SIMPLIFIED":
            return message.body
        fields: dict[str, str | int] = {
            "TopicOwner": self.owner,
            "TopicName": self.name,
            "Subscriber": self.owner,
            "SubscriptionName": subscription.name,
            "MessageId": message.message_id,
            "Message": message.body,
            "MessageMD5": message.md5,
            "PublishTime": milliseconds(message.at),
        }
        if message.tag:
            fields["MessageTag"] = message.tag
        if subscription.notify_content_format == "JSON":
            return json.dumps(fields, ensure_ascii=False)
        elements = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in fields.items())
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<Notification xmlns="{NAMESPACE}">{elements}</Notification>'
        )


def milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def md5_of(body: str) -> str:
    """Returns the MD5 of a message's body, as MNS writes it."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest().upper()
