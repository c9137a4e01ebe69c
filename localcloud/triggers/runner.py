"""Lets the triggers work: reads queues, watches timers, pushes notifications over HTTP.

A thread does it, a few times a second; a test can call `step` instead, and drive the clock.
"""

from __future__ import annotations

import http.client
import json
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import uuid4

from localcloud.background import Background
from localcloud.buses.model import FunctionCall
from localcloud.functions.instances import Result
from localcloud.functions.invocation_queue import MAX_BYTES
from localcloud.functions.model import FcError
from localcloud.functions.platform import Platform, function_in
from localcloud.queues.service import Push, QueueService
from localcloud.queues.topics import Published, Subscription
from localcloud.triggers.patterns import matches
from localcloud.triggers.registry import Trigger, triggers_in
from localcloud.triggers.stream import Stream, options_of
from localcloud.triggers.timer import schedule_of

WORKERS = 8
MAX_TICKS = 100  # of one timer, where the clock was put far forward
PUSH_SECONDS = 5.0

Submit = Callable[..., object]


class Delivery(NamedTuple):
    """One delivery of a trigger, and what came of it."""

    at: datetime
    trigger: str
    kind: str
    function: str
    event: bytes
    attempt: int
    error: str  # empty: the function answered, or the invocation was accepted
    answer: bytes


class Runner:
    """All triggers of a platform. Start it, and close it."""

    def __init__(
        self, platform: Platform, queues: QueueService, submit: Submit | None = None
    ) -> None:
        """`submit`: runs a function with arguments, later; a thread of its own pool without it."""
        self.platform = platform
        self.queues = queues
        self.streams: dict[str, Stream] = {}  # by the id of the trigger
        self.deliveries: deque[Delivery] = deque(maxlen=200)
        queues.on_publish = self.publish
        self.timers_due_at: dict[str, datetime] = {}  # by id and expression of the trigger
        background = Background("trigger", WORKERS, self.step)
        self._submit: Submit = submit or background.submit
        self.start, self.close = background.start, background.close

    def reset(self) -> None:
        """Forgets what streams and timers remember."""
        self.streams.clear()
        self.timers_due_at.clear()
        self.deliveries.clear()

    def held_messages(self) -> list[tuple[str, int]]:
        """Returns queue and number of each message that a trigger has received and not deleted."""
        streams = list(self.streams.values())
        return [(s.options.queue, message.number) for s in streams for message in list(s.batch)]

    def step(self) -> None:
        """Does what is due now."""
        now = self.platform.clock.now()
        enabled = [t for t in triggers_in(self.platform.registry) if t.is_enabled]
        readers = [trigger for trigger in enabled if trigger.queue_name]
        timers = [trigger for trigger in enabled if trigger.kind == "timer"]
        self._forget_others(readers, timers, now)
        for trigger in readers:
            self._read_queue(trigger, now)
        for trigger in timers:
            self._look_at_timer(trigger, now)
        for push in self.queues.take_due_pushes():
            self._submit(self._push, push)

    def invoke(self, trigger: Trigger, event: bytes, request_id: str, attempt: int = 1) -> Result:
        """Invokes the function of a trigger and waits for its answer. Raises FcError."""
        registry = self.platform.registry
        function = registry.function(trigger.service, trigger.function, trigger.qualifier)
        result = self.platform.invoke(function, event, request_id)
        self._record(trigger, event, attempt, result.error, result.body)
        return result

    def publish(self, topic_name: str, message: Published) -> None:
        """Gives a message of a topic to the functions that have a trigger on it."""
        topic = self.queues.topic(topic_name)
        for trigger in triggers_in(self.platform.registry):
            tag = str(trigger.config.get("filterTag") or "")
            if trigger.topic_name != topic_name or (tag and tag != message.tag):
                continue
            # STREAM, the default, is the body alone.
            form = "JSON" if trigger.config.get("notifyContentFormat") == "JSON" else "SIMPLIFIED"
            now = self.platform.clock.now()
            subscription = Subscription(trigger.name, "", now, now, notify_content_format=form)
            self._accept(trigger, topic.notification(subscription, message).encode())

    def take_event(self, event: Mapping[str, Any]) -> None:
        """Gives an event of the default bus to the functions with a trigger whose pattern fits."""
        for trigger in triggers_in(self.platform.registry):
            pattern = trigger.bus_pattern
            if trigger.is_enabled and pattern is not None and matches(pattern, event):
                self._accept(trigger, json.dumps(event).encode())

    def take_call(self, call: FunctionCall, end: Callable[[str], None]) -> None:
        """Invokes a function for a rule; gives its error, or nothing, to `end`."""
        named = function_in(call.arn)
        if named is None:
            end("InvalidArgument")
        elif call.is_asynchronous:
            code = self._enqueue(named, call.event)
            self._add(call.rule, "rule", named[1], call.event, call.attempt, code, b"")
            end(code)
        else:
            self._submit(self._run_call, call, named, end)

    def _run_call(
        self, call: FunctionCall, named: tuple[str, str, str], end: Callable[[str], None]
    ) -> None:
        try:
            function = self.platform.registry.function(*named)
            result = self.platform.invoke(function, call.event)
            error, answer = result.error, result.body
        except FcError as failure:
            error, answer = failure.code, str(failure).encode()
        self._add(call.rule, "rule", named[1], call.event, call.attempt, error, answer)
        end(error)

    def _forget_others(self, readers: list[Trigger], timers: list[Trigger], now: datetime) -> None:
        """Ends the streams and timers of triggers that are deleted, disabled, or otherwise set."""
        reading, due = {t.id: t.queue_name for t in readers}, {_timer_key(t) for t in timers}
        for id, stream in list(self.streams.items()):
            if reading.get(id) != stream.options.queue and not stream.is_delivering:
                stream.release(now)
                del self.streams[id]
        for key in self.timers_due_at.keys() - due:
            del self.timers_due_at[key]

    def _read_queue(self, trigger: Trigger, now: datetime) -> None:
        stream = self.streams.get(trigger.id)
        pattern = trigger.pattern or {}
        options = options_of(trigger.name, trigger.queue_name, trigger.config, pattern)
        if stream is None:
            stream = self.streams[trigger.id] = Stream(self.queues, options)
        if not stream.is_delivering:
            stream.options = options
        event = stream.poll(now)
        if event is not None:
            self._submit(self._deliver, trigger, stream, event)

    def _deliver(self, trigger: Trigger, stream: Stream, event: bytes) -> None:
        """Delivers a batch. An asynchronous one succeeds as soon as it is accepted."""
        try:
            if stream.options.is_asynchronous:
                has_succeeded = self._accept(trigger, event)
            else:
                result = self.invoke(trigger, event, str(uuid4()), stream.attempts + 1)
                has_succeeded = not result.error
        except FcError as error:
            self._record(trigger, event, stream.attempts + 1, error.code, str(error).encode())
            has_succeeded = False
        if self.streams.get(trigger.id) is stream:  # else a reset has forgotten it
            stream.settle(has_succeeded, self.platform.clock.now())

    def _look_at_timer(self, trigger: Trigger, now: datetime) -> None:
        """Fires for each time that is over. A timer's event is an asynchronous invocation."""
        try:
            following = schedule_of(str(trigger.config.get("cronExpression") or ""))
            # What fell due before it was created, enabled or set so is not made up for.
            first = following(trigger.modified_at)
        except ValueError:  # it never fires
            return
        due_at = self.timers_due_at.get(_timer_key(trigger), first)
        ticks = 0
        while due_at <= now:
            ticks += 1
            if ticks <= MAX_TICKS:
                self._accept(trigger, timer_event(trigger, due_at))
            due_at = following(due_at) if ticks < MAX_TICKS else following(now)
        self.timers_due_at[_timer_key(trigger)] = due_at

    def _accept(self, trigger: Trigger, event: bytes) -> bool:
        """Invokes asynchronously; returns whether the invocation was accepted."""
        code = self._enqueue((trigger.service, trigger.function, trigger.qualifier), event)
        self._record(trigger, event, 1, code, b"")
        return not code

    def _enqueue(self, named: tuple[str, str, str], event: bytes) -> str:
        """Adds an asynchronous invocation; returns the code of an error, or nothing."""
        if len(event) > MAX_BYTES:
            return "RequestEntityTooLarge"
        try:
            self.platform.registry.function(*named)
        except FcError as error:
            return error.code
        service, function, qualifier = named
        self.platform.queue.accept(service, function, event, 0, "", qualifier)
        return ""

    def _push(self, push: Push) -> None:
        """Sends a notification to an HTTP endpoint; any status of 2xx is success."""
        self.queues.settle_push(push, push_over_http(push))

    def _record(
        self, trigger: Trigger, event: bytes, attempt: int, error: str, answer: bytes
    ) -> None:
        self._add(trigger.name, trigger.kind, trigger.function, event, attempt, error, answer)

    def _add(self, name: str, kind: str, function: str, event: bytes, *outcome: Any) -> None:
        """`outcome`: the number of the attempt, its error, the answer."""
        now = self.platform.clock.now()
        self.deliveries.append(Delivery(now, name, kind, function, event, *outcome))


def _timer_key(trigger: Trigger) -> str:
    """Returns the name of a timer's next time; another expression has its own."""
    return f"{trigger.id} {trigger.config.get('cronExpression')}"


def timer_event(trigger: Trigger, due_at: datetime) -> bytes:
    """Returns the event of a timer (help page "Time triggers")."""
    event: dict[str, Any] = {
        "triggerTime": due_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "triggerName": trigger.name,
        "payload": trigger.config.get("payload") or "",
    }
    return json.dumps(event).encode()


def push_over_http(push: Push) -> bool:
    """Posts a notification; returns whether its endpoint took it."""
    request = urllib.request.Request(  # noqa: S310 (http or https: Subscription.check)
        push.url, push.body.encode(), push.headers, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=PUSH_SECONDS) as response:  # noqa: S310
            return bool(200 <= response.status < 300)
    except (OSError, ValueError, http.client.HTTPException):  # the last: no HTTP, or broken off
        return False
