"""How a trigger reads a queue of the local cloud: batches, retries, dead letters."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.clock import DrivenClock
from localcloud.queues.model import Attributes, Content
from localcloud.queues.service import QueueService
from localcloud.triggers.stream import Options, Stream, options_of

START = datetime(2026, 11, 30, tzinfo=timezone.utc)
ROOT = Path(__file__).parents[2]
DEAD = "acs:mns:cn-hangzhou:1:/queues/dead/messages"


class World:
    """A queue with messages, and a stream that reads it."""

    def __init__(self, *bodies: str, **options: Any) -> None:
        self.clock = DrivenClock(START)
        self.queues = QueueService(self.clock, "cn-hangzhou")
        for name in ("q", "dead"):
            self.queues.create_queue(name, Attributes())
        self.stream = Stream(self.queues, Options("q", **options))
        self.send(*bodies)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.queues.send("q", Content(body))

    def poll(self) -> Any:
        event = self.stream.poll(self.clock.now())
        return None if event is None else json.loads(event)

    def settle(self, has_succeeded: bool) -> None:
        self.stream.settle(has_succeeded, self.clock.now())

    def left(self, name: str = "q") -> int:
        return len(self.queues.queue(name).messages)

    def bodies(self) -> list[str]:
        event = self.poll()
        return [] if event is None else [one["data"]["messageBody"] for one in event]


@given(count=st.integers(0, 40), size=st.integers(1, 20))
def test_every_message_is_delivered_once_in_full_batches(count: int, size: int) -> None:
    world = World(*(f"m{n}" for n in range(count)), batch_size=size)
    batches = []
    while batch := world.bodies():
        batches.append(batch)
        world.settle(True)

    assert [body for batch in batches for body in batch] == [f"m{n}" for n in range(count)]
    assert all(len(batch) == size for batch in batches[:-1])
    assert world.left() == 0


@given(fails=st.lists(st.booleans(), max_size=30), tolerates=st.booleans())
def test_a_message_leaves_the_queue_only_as_a_success_or_a_dead_letter(
    fails: list[bool], tolerates: bool
) -> None:
    world = World("a", "b", "c", batch_size=2, tolerates=tolerates, dead_letters=DEAD)
    succeeded = 0
    for fails_now in fails:
        world.clock.advance(60)
        batch = world.bodies()
        if batch:
            world.settle(not fails_now)
            succeeded += 0 if fails_now else len(batch)

    assert world.left() + world.left("dead") + succeeded == 3
    assert tolerates or world.left("dead") == 0


def test_a_batch_waits_for_its_window_unless_it_is_full() -> None:
    world = World("a", batch_size=3, window_seconds=10)

    assert world.poll() is None
    world.clock.advance(5)
    world.send("b")
    assert world.poll() is None
    world.clock.advance(5)
    assert world.bodies() == ["a", "b"]
    world.settle(True)
    world.send("c", "d", "e")
    assert world.bodies() == ["c", "d", "e"]


def test_a_failed_batch_comes_again_whole_after_10_to_20_seconds() -> None:
    world = World("a", "b", batch_size=2)
    first = world.poll()
    world.settle(False)
    world.clock.advance(9)

    assert world.poll() is None
    world.clock.advance(11)
    assert world.poll() == first


def test_while_a_batch_is_delivered_no_other_is() -> None:
    world = World("a", "b", batch_size=1)

    assert world.bodies() == ["a"]
    assert world.poll() is None


@pytest.mark.parametrize("dead_letters", [DEAD, ""])
def test_with_tolerance_a_batch_that_always_fails_is_given_up(dead_letters: str) -> None:
    world = World("bad", "good", tolerates=True, dead_letters=dead_letters)
    for _ in range(4):  # and three retries
        assert world.bodies() == ["bad"]
        world.settle(False)
        world.clock.advance(20)

    assert world.bodies() == ["good"]
    assert world.left("dead") == (1 if dead_letters else 0)


def test_without_tolerance_a_batch_that_always_fails_blocks_the_stream() -> None:
    world = World("bad", "good", dead_letters=DEAD)
    for _ in range(50):
        assert world.bodies() == ["bad"]
        world.settle(False)
        world.clock.advance(60)


def test_exponential_retries_wait_up_to_512_seconds_176_times() -> None:
    world = World("bad", strategy="EXPONENTIAL_DECAY_RETRY", tolerates=True, dead_letters=DEAD)
    waits = []
    while world.bodies():
        before = world.clock.now()
        world.settle(False)
        if world.stream.retry_at is None:
            break
        waits.append((world.stream.retry_at - before).total_seconds())
        world.clock.advance(waits[-1])

    assert waits[:11] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512]
    assert (len(waits), world.left("dead")) == (176, 1)


def test_an_element_is_a_cloud_event_like_those_of_the_examples() -> None:
    world = World(base64.b64encode('{"a": "ä"}'.encode()).decode(), trigger="t")
    (event,) = world.poll()

    (example, *_) = json.loads((ROOT / "events/mns-queue-batch.json").read_text(encoding="utf-8"))
    assert event.keys() == example.keys()
    assert event["data"].keys() == example["data"].keys()
    assert event["type"] == example["type"]
    assert event["subject"] == "acs:mns:cn-hangzhou:1:queues/q"
    assert event["data"]["messageBody"] == '{"a": "ä"}'


def test_the_forms_of_an_event_are_those_that_the_trigger_asks_for() -> None:
    encoded = base64.b64encode(b"text").decode()

    assert World(encoded, decodes=False).bodies() == [encoded]
    assert World("plain {").bodies() == ["plain {"]
    (raw,) = World("x", is_raw=True).poll()
    assert raw.keys() == {"requestId", "messageId", "messageBody"}
    assert World("x", is_batch=False).poll()["data"]["messageBody"] == "x"


def test_the_options_are_those_of_the_configuration() -> None:
    config = {
        "asyncInvocationType": False,
        "eventSourceConfig": {
            "eventSourceParameters": {"sourceMNSParameters": {"IsBase64Decode": False}}
        },
        "eventSinkConfig": {"deliveryOption": {"eventSchema": "RawData"}},
        "runOptions": {
            "mode": "event-streaming",
            "errorsTolerance": "ALL",
            "retryStrategy": {"PushRetryStrategy": "EXPONENTIAL_DECAY_RETRY"},
            "batchWindow": {"CountBasedWindow": 100_000, "TimeBasedWindow": 99},
            "deadLetterQueue": {"Arn": DEAD},
        },
    }

    assert options_of("t", "q", config) == Options(
        "q", "t", 10_000, 15.0, True, True, False, True, "EXPONENTIAL_DECAY_RETRY", DEAD, False
    )
    assert options_of("t", "q", {}) == Options("q", "t")
