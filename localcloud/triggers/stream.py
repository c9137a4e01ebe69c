"""How a trigger reads a queue: in batches, each given to a function until it succeeds.

Help page "Advanced features of triggers": a batch is delivered when it is full or its window is
over. There is no partial answer: the whole batch is tried again. Then, with errorsTolerance ALL,
its messages go to the dead letters, or are dropped; with NONE the stream is blocked.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import uuid4

from localcloud.queues.errors import MnsError
from localcloud.queues.model import MAX_BATCH, MAX_VISIBILITY_SECONDS, Message
from localcloud.queues.service import QueueService, retry_seconds
from localcloud.triggers.patterns import matches
from localcloud.triggers.registry import part

MAX_COUNT, MAX_WINDOW_SECONDS = 10_000, 15
ALL: Mapping[str, Any] = MappingProxyType({})
BLOCKED_SECONDS = 60  # between two attempts of a stream that is blocked: not published


class Options(NamedTuple):
    """How a queue is read and how a batch is delivered."""

    queue: str
    trigger: str = "trigger"
    batch_size: int = 1
    window_seconds: float = 0.0
    is_batch: bool = True  # event-streaming; else event-driven: one event, no array
    is_raw: bool = False  # eventSchema RawData: without the envelope of CloudEvents
    decodes: bool = True  # IsBase64Decode
    tolerates: bool = False  # errorsTolerance ALL
    strategy: str = "BACKOFF_RETRY"
    dead_letters: str = ""  # ARN; empty: what fails is dropped
    is_asynchronous: bool = False
    pattern: Mapping[str, Any] = ALL  # of the messages that it takes


def options_of(
    trigger_name: str, queue: str, config: Mapping[str, Any], pattern: Mapping[str, Any] = ALL
) -> Options:
    """Returns the options that a trigger's configuration and its pattern mean."""
    run = part(config, "runOptions")
    source = part(config, "eventSourceConfig", "eventSourceParameters", "sourceMNSParameters")
    window = part(run, "batchWindow")
    sink = part(config, "eventSinkConfig", "deliveryOption")
    is_batch = run.get("mode", "event-streaming") == "event-streaming"
    size = _number(window.get("CountBasedWindow")) if is_batch else 1
    seconds = _number(window.get("TimeBasedWindow")) if is_batch else 0.0
    return Options(
        queue,
        trigger_name,
        batch_size=int(min(max(1, size), MAX_COUNT)),
        window_seconds=min(max(0.0, seconds), MAX_WINDOW_SECONDS),
        is_batch=is_batch,
        is_raw=sink.get("eventSchema") == "RawData",
        decodes=source.get("IsBase64Decode", True) is not False,
        tolerates=run.get("errorsTolerance") == "ALL",
        strategy=str(part(run, "retryStrategy").get("PushRetryStrategy") or "BACKOFF_RETRY"),
        dead_letters=str(part(run, "deadLetterQueue").get("Arn") or ""),
        # By its name true is asynchronous; its description in the SDK says the opposite.
        is_asynchronous=config.get("asyncInvocationType") is True,
        pattern=pattern,
    )


def _number(value: Any) -> float:
    """Returns a number of a configuration; 0 for what is none."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


@dataclass
class Stream:
    """Reads one queue. Time passes only in the calls: `poll` for a batch, then `settle` it."""

    queues: QueueService
    options: Options
    batch: list[Message] = field(default_factory=list)
    elements: list[dict[str, Any]] = field(default_factory=list)
    attempts: int = 0  # that failed, of this batch
    is_delivering: bool = False
    first_at: datetime | None = None  # when the first message of the batch was read
    retry_at: datetime | None = None
    dead: int = 0  # messages that went to the dead letters, or were dropped
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 (the same waits again)

    def poll(self, now: datetime) -> bytes | None:
        """Returns the event of a batch that is to be delivered now. Then comes `settle`."""
        if self.is_delivering:
            return None
        if self.retry_at is not None:
            is_due = now >= self.retry_at
        else:
            self._fill(now)
            is_due = self._is_complete(now)
        if not is_due:
            return None
        self.is_delivering = True
        elements = [one["data"] if self.options.is_raw else one for one in self.elements]
        return json.dumps(elements if self.options.is_batch else elements[0]).encode()

    def settle(self, has_succeeded: bool, now: datetime) -> None:
        """Ends a delivery: deletes the batch, plans another attempt, or gives it up."""
        if has_succeeded:
            self._finish()
        else:
            self._fail(now)
        self.is_delivering = False  # last: another thread polls

    def release(self, now: datetime) -> None:
        """Makes the messages that it holds visible again: nothing reads them here any more."""
        with self.queues.lock:
            for message in self.batch:
                try:
                    queue = self.queues.queue(self.options.queue)
                    queue.change_visibility(message.receipt_handle, 0, now)
                except MnsError:
                    continue  # it expired, or its queue was deleted
        self._forget()

    def _fail(self, now: datetime) -> None:
        self.attempts += 1
        seconds = retry_seconds(self.options.strategy, self.attempts, self.chance)
        if seconds is None and self.options.tolerates:
            self._give_up()
            self._finish()
        else:
            wait = BLOCKED_SECONDS if seconds is None else seconds
            self.retry_at = now + timedelta(seconds=wait)

    def _fill(self, now: datetime) -> None:
        while len(self.batch) < self.options.batch_size:
            max_count = min(MAX_BATCH, self.options.batch_size - len(self.batch))
            try:
                found = self.queues.receive(self.options.queue, max_count, MAX_VISIBILITY_SECONDS)
            except MnsError:  # no such queue, yet
                return
            if not found:
                return
            for message in found:
                self._take(message, now)

    def _take(self, message: Message, now: datetime) -> None:
        """Adds a message to the batch; one that the pattern does not take is deleted."""
        element = self._element(message, now)
        if not matches(self.options.pattern, element):
            with suppress(MnsError):
                self.queues.delete(self.options.queue, message.receipt_handle)
            return
        self.first_at = self.first_at or now
        self.batch.append(message)
        self.elements.append(element)

    def _is_complete(self, now: datetime) -> bool:
        if self.first_at is None:
            return False
        is_over = now >= self.first_at + timedelta(seconds=self.options.window_seconds)
        return is_over or len(self.batch) >= self.options.batch_size

    def _finish(self) -> None:
        for message in self.batch:
            try:
                self.queues.delete(self.options.queue, message.receipt_handle)
            except MnsError:
                continue  # it expired, or its queue was deleted
        self._forget()

    def _forget(self) -> None:
        self.batch, self.elements = [], []
        self.attempts, self.first_at, self.retry_at = 0, None, None

    def _give_up(self) -> None:
        self.dead += len(self.batch)
        for element in self.elements:
            self.queues.deliver_text(self.options.dead_letters, json.dumps(element))

    def _element(self, message: Message, now: datetime) -> dict[str, Any]:
        return cloud_event(self.queues, self.options, message, now)


def cloud_event(
    queues: QueueService, options: Options, message: Message, now: datetime
) -> dict[str, Any]:
    """Returns a message as a trigger delivers it (help page "Format of the event parameter")."""
    body = message.content.body
    source, account = f"MNS-Function-{options.trigger}", queues.account_id
    return {
        "id": str(uuid4()),
        "source": source,
        "specversion": "1.0",
        "type": "mns:Queue:SendMessage",
        "datacontenttype": "application/json; charset=utf-8",
        "subject": f"acs:mns:{queues.region_id}:{account}:queues/{options.queue}",
        "time": _text(message.sent_at),
        "aliyunaccountid": account,
        "aliyunpublishtime": _text(now),
        "aliyunoriginalaccountid": account,
        "aliyuneventbusname": source,
        "aliyunregionid": queues.region_id,
        "aliyunpublishaddr": "127.0.0.1",
        "data": {
            "requestId": uuid4().hex[:24].upper(),
            "messageId": message.message_id,
            "messageBody": decoded(body) if options.decodes else body,
        },
    }


def decoded(body: str) -> str:
    """Returns the text that a body has in Base64; a body that is not in Base64 as it is."""
    try:
        return base64.b64decode(body, validate=True).decode()
    except (binascii.Error, ValueError):
        return body


def _text(time: datetime) -> str:
    utc = time.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return utc.replace("+00:00", "Z")
