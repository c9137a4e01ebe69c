"""The laws of a queue of the local cloud, whatever is done with it and however time passes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from localcloud.clock import DrivenClock
from localcloud.queues.errors import MnsError
from localcloud.queues.model import Attributes, Content, Message
from localcloud.queues.service import QueueService

START = datetime(2026, 11, 30, tzinfo=timezone.utc)
VISIBILITY = 30
bodies = st.text(min_size=1, max_size=5)


def service_of(**attributes: int | str) -> tuple[QueueService, DrivenClock]:
    clock = DrivenClock(START)
    service = QueueService(clock, "cn-hangzhou")
    service.create_queue("q", Attributes(visibility_timeout=VISIBILITY, **attributes))  # type: ignore[arg-type]
    return service, clock


class QueueMachine(RuleBasedStateMachine):
    """A queue beside the simplest model of it: which messages exist, and until when each hides."""

    def __init__(self) -> None:
        super().__init__()
        self.service, self.clock = service_of()
        self.hidden_until: dict[int, datetime] = {}  # by number, of all that exist
        self.handles: dict[int, str] = {}  # the newest of each message

    @rule(body=bodies, delay=st.integers(0, 60), priority=st.integers(1, 16))
    def send(self, body: str, delay: int, priority: int) -> None:
        message = self.service.send("q", Content(body, delay, priority))
        self.hidden_until[message.number] = self.clock.now() + timedelta(seconds=delay)

    @rule(max_count=st.integers(1, 16))
    def receive(self, max_count: int) -> None:
        visible = self.visible()
        received = self.service.receive("q", max_count)

        assert len(received) == min(max_count, len(visible))
        assert {message.number for message in received} <= visible
        for message in received:
            until = self.clock.now() + timedelta(seconds=VISIBILITY)
            self.hidden_until[message.number] = until
            self.handles[message.number] = message.receipt_handle

    @precondition(lambda self: self.handles)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.handles)))
        is_held = self.hidden_until[number] > self.clock.now()
        handle = self.handles.pop(number)
        if is_held:
            self.service.delete("q", handle)
            del self.hidden_until[number]
        with pytest.raises(MnsError) as refused:  # a handle is good once, and until its time
            self.service.delete("q", handle)
        assert refused.value.code == "MessageNotExist"

    @precondition(lambda self: self.handles)
    @rule(data=st.data(), seconds=st.integers(0, 90))
    def change_visibility(self, data: st.DataObject, seconds: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.handles)))
        if self.hidden_until[number] <= self.clock.now():
            return
        queue = self.service.queue("q")
        message = queue.change_visibility(self.handles[number], seconds, self.clock.now())

        assert message.receipt_handle != self.handles[number]
        self.hidden_until[number] = self.clock.now() + timedelta(seconds=seconds)
        self.handles[number] = message.receipt_handle

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @invariant()
    def nothing_is_lost_and_nothing_hidden_is_seen(self) -> None:
        queue = self.service.queue("q")
        seen = {message.number for message in queue.peek(1_000, self.clock.now())}
        counts = queue.counts(self.clock.now())

        assert seen == self.visible()
        assert counts.active == len(seen)
        assert counts.active + counts.inactive + counts.delayed == len(self.hidden_until)

    def visible(self) -> set[int]:
        return {number for number, until in self.hidden_until.items() if until <= self.clock.now()}


TestQueueMachine = QueueMachine.TestCase


@given(priorities=st.lists(st.integers(1, 16), min_size=1, max_size=30))
def test_the_highest_priority_comes_first_and_of_one_priority_the_oldest(
    priorities: list[int],
) -> None:
    service, _ = service_of()
    sent = [service.send("q", Content("x", priority=p)) for p in priorities]
    received: list[Message] = []
    while found := service.receive("q", 1):
        received += found

    expected = sorted(sent, key=lambda message: (message.content.priority, message.number))
    assert [m.message_id for m in received] == [m.message_id for m in expected]


@given(max_count=st.integers(1, 10), receives=st.integers(1, 12))
def test_a_message_is_dead_after_as_many_receives_as_the_queue_allows(
    max_count: int, receives: int
) -> None:
    service, clock = service_of(dead_letter_queue="dead", max_receive_count=max_count)
    service.create_queue("dead", Attributes())
    sent = service.send("q", Content("x"))
    times = 0
    for _ in range(receives):
        times += len(service.receive("q"))
        clock.advance(VISIBILITY)
    dead = service.queue("dead").peek(16, clock.now())

    assert times == min(max_count, receives)
    assert [m.message_id for m in dead] == ([sent.message_id] if receives >= max_count else [])
    assert service.queue("q").counts(clock.now()).active == (receives < max_count)


@given(seconds=st.integers(1, 59), max_count=st.integers(1, 5))
def test_what_is_deleted_in_time_is_never_a_dead_letter(seconds: int, max_count: int) -> None:
    service, clock = service_of(dead_letter_queue="dead", max_receive_count=max_count)
    service.create_queue("dead", Attributes())
    service.send("q", Content("x"))
    for _ in range(max_count - 1):
        service.receive("q")
        clock.advance(VISIBILITY)
    (last,) = service.receive("q")
    service.delete("q", last.receipt_handle)
    clock.advance(seconds)

    assert service.queue("dead").messages == {}


@given(retention=st.integers(60, 300), seconds=st.integers(0, 400))
def test_a_message_lives_as_long_as_the_queue_retains_it_also_as_a_dead_letter(
    retention: int, seconds: int
) -> None:
    service, clock = service_of(
        message_retention_period=retention, dead_letter_queue="dead", max_receive_count=1
    )
    service.create_queue("dead", Attributes())
    service.send("q", Content("x"))
    service.receive("q")
    clock.advance(VISIBILITY)
    service.queue("dead")
    clock.advance(seconds)
    dead = service.queue("dead").peek(1, clock.now())

    assert bool(dead) == (VISIBILITY + seconds < retention)


def test_a_queue_that_is_its_own_dead_letter_queue_keeps_its_messages() -> None:
    service, clock = service_of(dead_letter_queue="q", max_receive_count=1)
    service.send("q", Content("x"))
    service.receive("q")
    clock.advance(VISIBILITY)

    assert len(service.receive("q")) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "QueueNameLengthError"),
        ("a" * 257, "QueueNameLengthError"),
        ("a_b", "InvalidQueueName"),
    ],
)
def test_names_are_those_that_the_documents_allow(name: str, code: str) -> None:
    service, _ = service_of()
    with pytest.raises(MnsError) as refused:
        service.create_queue(name, Attributes())

    assert refused.value.code == code
