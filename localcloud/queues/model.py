"""One queue of MNS: who sees a message when, and what becomes of one that is not deleted.

Without thread and timer: all follows from the times that the calls are given. A message that was
received is invisible for a while; its receipt handle, which deletes it, is valid as long. Then it
is visible again, so each message is delivered at least once, until it is deleted or expires.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from localcloud.queues.errors import error, out_of_range
from localcloud.queues.topics import new_id

# Limits, in seconds and bytes, and default priority: help page "CreateQueue", "SendMessage".
MAX_VISIBILITY_SECONDS = 43_200
MAX_DELAY_SECONDS = 604_800
DEFAULT_PRIORITY, MAX_PRIORITY = 8, 16  # 1 is the highest
MAX_BATCH = 16
LIMITS = {
    "delay_seconds": (0, MAX_DELAY_SECONDS),
    "maximum_message_size": (1_024, 65_536),
    "message_retention_period": (60, 604_800),
    "visibility_timeout": (1, MAX_VISIBILITY_SECONDS),
    "polling_wait_seconds": (0, 30),
}


@dataclass
class Attributes:
    """The attributes of a queue: seconds and bytes."""

    delay_seconds: int = 0
    maximum_message_size: int = 65_536
    message_retention_period: int = 345_600
    visibility_timeout: int = 30
    polling_wait_seconds: int = 0
    logging_enabled: bool = False
    dead_letter_queue: str = ""  # its name; empty: none
    max_receive_count: int = 0  # after so many receives a message goes there

    def check(self) -> None:
        """Raises MnsError where an attribute is out of its range."""
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise out_of_range(camel(name), low, high)


@dataclass
class Content:
    """What a sender says of a message."""

    body: str
    delay_seconds: int | None = None  # None: the queue's
    priority: int = DEFAULT_PRIORITY
    group_id: str = ""
    # by the name of the list: name, value and type of each property
    properties: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)

    def check(self) -> None:
        """Raises MnsError where a number is out of its range."""
        if not 1 <= self.priority <= MAX_PRIORITY:
            raise out_of_range("Priority", 1, MAX_PRIORITY)
        if not 0 <= (self.delay_seconds or 0) <= MAX_DELAY_SECONDS:
            raise out_of_range("DelaySeconds", 0, MAX_DELAY_SECONDS)


@dataclass
class Message:
    """One message in a queue."""

    content: Content
    number: int  # in the order of sending
    sent_at: datetime
    visible_at: datetime
    expires_at: datetime
    message_id: str = field(default_factory=new_id)
    dequeue_count: int = 0
    first_dequeued_at: datetime | None = None
    receipt_handle: str = ""  # of the last receive

    def hide(self, until: datetime) -> None:
        """Makes it invisible until then, with a new receipt handle.

        A handle is good for one use, and has only characters that a URL can have as they are.
        """
        self.visible_at = until
        text = f"{self.number}-{until.timestamp():.6f}-{self.dequeue_count}-{uuid4().int}"
        self.receipt_handle = "1-" + base64.b64encode(text.replace(".", "-").encode()).decode()


@dataclass
class Counts:
    """How many messages of a queue can be received, are being processed, and are delayed."""

    active: int = 0
    inactive: int = 0
    delayed: int = 0


@dataclass
class Queue:
    """A queue and its messages."""

    name: str
    attributes: Attributes
    created_at: datetime
    modified_at: datetime
    messages: dict[int, Message] = field(default_factory=dict)  # by number
    sent: int = 0  # in all
    deleted: int = 0
    received: int = 0  # in all, and how often a visibility was changed

    def send(self, content: Content, now: datetime) -> Message:
        """Adds a message. Raises MnsError where it may not be sent."""
        content.check()
        size = len(content.body.encode())
        if not 1 <= size <= self.attributes.maximum_message_size:
            raise out_of_range("MessageBody", 1, self.attributes.maximum_message_size)
        delay = content.delay_seconds
        seconds = self.attributes.delay_seconds if delay is None else delay
        message = Message(
            content,
            self.sent,
            sent_at=now,
            visible_at=now + timedelta(seconds=seconds),
            expires_at=now + timedelta(seconds=self.attributes.message_retention_period),
        )
        self.add(message)
        return message

    def add(self, message: Message) -> None:
        """Adds a message that is complete but for its number."""
        message.number = self.sent
        self.messages[message.number] = message
        self.sent += 1

    def receive(self, max_count: int, now: datetime, seconds: int | None = None) -> list[Message]:
        """Returns up to `max_count` messages, which are invisible for so many seconds."""
        if seconds is None:
            seconds = self.attributes.visibility_timeout
        received = self.peek(max_count, now)
        self.received += len(received)
        for message in received:
            message.dequeue_count += 1
            message.first_dequeued_at = message.first_dequeued_at or now
            message.hide(now + timedelta(seconds=seconds))
        return received

    def peek(self, max_count: int, now: datetime) -> list[Message]:
        """Returns up to `max_count` visible messages: of the highest priority, the oldest first."""
        visible = [m for m in self._unexpired(now) if m.visible_at <= now]
        return sorted(visible, key=lambda m: (m.content.priority, m.number))[:max_count]

    def delete(self, receipt_handle: str, now: datetime) -> None:
        """Deletes the message that was received with this handle. Raises MnsError."""
        del self.messages[self._held(receipt_handle, now).number]
        self.deleted += 1

    def purge(self, message_id: str | None = None) -> int:
        """Deletes all messages, in flight and delayed too, or the one of an id; returns how many.

        Without a receipt handle: only the console can. Their handles are no longer valid.
        """
        found = [n for n, one in self.messages.items() if message_id in (None, one.message_id)]
        for number in found:
            del self.messages[number]
        self.deleted += len(found)
        return len(found)

    def change_visibility(self, receipt_handle: str, seconds: int, now: datetime) -> Message:
        """Makes the message visible in so many seconds; its handle changes. Raises MnsError."""
        if not 0 <= seconds <= MAX_VISIBILITY_SECONDS:
            raise out_of_range("VisibilityTimeout", 1, MAX_VISIBILITY_SECONDS)
        message = self._held(receipt_handle, now)
        self.received += 1
        message.hide(now + timedelta(seconds=seconds))
        return message

    def take_dead(self, now: datetime) -> list[Message]:
        """Removes and returns what was received as often as may be, and not deleted in time."""
        max_count = self.attributes.max_receive_count
        messages = self._unexpired(now)
        dead = [m for m in messages if m.dequeue_count >= max_count and m.visible_at <= now]
        for message in dead:
            del self.messages[message.number]
        return dead

    def counts(self, now: datetime) -> Counts:
        counts = Counts()
        for message in self._unexpired(now):
            if message.visible_at <= now:
                counts.active += 1
            elif message.dequeue_count:
                counts.inactive += 1
            else:
                counts.delayed += 1
        return counts

    def _held(self, receipt_handle: str, now: datetime) -> Message:
        """Returns the message that this handle still stands for. Raises MnsError.

        A handle is valid until NextVisibleTime and for one use (help page "ReceiveMessage").
        """
        message = self.messages.get(_number_in(receipt_handle))
        if message is None or message.receipt_handle != receipt_handle:
            raise error("MessageNotExist")
        if message.visible_at <= now or message.expires_at <= now:
            raise error("MessageNotExist")
        return message

    def _unexpired(self, now: datetime) -> Iterator[Message]:
        """Yields the messages that are not too old, and drops the others."""
        for message in list(self.messages.values()):
            if message.expires_at <= now:
                del self.messages[message.number]
            else:
                yield message


def _number_in(receipt_handle: str) -> int:
    """Returns the number of the message. Raises MnsError for what is no handle."""
    try:
        text = base64.b64decode(receipt_handle.removeprefix("1-"), validate=True).decode()
        return int(text.partition("-")[0])
    except (binascii.Error, UnicodeDecodeError, ValueError) as failure:
        raise error("ReceiptHandleError") from failure


def camel(name: str) -> str:
    """Returns an attribute's name as the API spells it."""
    return "".join(part.capitalize() for part in name.split("_"))
