"""Messages from a real RabbitMQ: a failed batch is delivered again, and each message acts once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from localcloud.queues.rabbitmq_trigger import (
    Delivery,
    Queue,
    Trigger,
    cloud_event,
    declare,
    drain,
    publish,
)
from scalein_cli.broker import broker, server
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY, POLICY
from tests.support.needs import skip_without

ROOT = Path(__file__).parents[2]
ONE = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}}).encode()
CONSUMER = """
import sys
from types import SimpleNamespace
import index
from localcloud.queues.rabbitmq_trigger import Queue, Trigger

function = SimpleNamespace(timeout=30)
context = SimpleNamespace(region="cn-hangzhou", request_id="fc-1", function=function)

def invoke(event):
    print(index.handler(event, context)["outcomes"][0]["status"], flush=True)

# A full batch does not wait for the end of its window, and a busy machine splits none.
size = int(sys.argv[4])
queue = Queue(sys.argv[1], sys.argv[2], batch_size=size, window_seconds=10, pause_seconds=0.1)
Trigger(queue, invoke, die_before_acknowledging=sys.argv[3] == "die").run(idle_seconds=1)
"""


@pytest.fixture(scope="session")
def broker_url() -> Iterator[str]:
    """The URL of the broker that RABBITMQ_URL names, else of one that is started for the tests."""
    if os.environ.get("RABBITMQ_URL"):
        yield os.environ["RABBITMQ_URL"]
    elif server() is None:
        skip_without("rabbitmq-server", "sh tools/install_server.sh rabbitmq-server")
    else:
        with broker() as url:
            yield url


@pytest.fixture
def queue(broker_url: str) -> Queue:
    made = Queue(broker_url, f"scale-in-{uuid.uuid4()}", window_seconds=0.2, pause_seconds=0.05)
    declare(made)
    return made


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with cloud_of(group(*instances(6), minSize=2), start=datetime.now(timezone.utc)) as cloud:
        yield cloud


@pytest.fixture
def consume(queue: Queue, cloud: Cloud) -> Callable[[str, int], subprocess.CompletedProcess[str]]:
    """Runs a consumer in its own process, which may kill itself once the function has returned.

    Takes what it does, "live" or "die", and how many messages make a batch.
    """
    variables = {
        **os.environ,
        "PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}",
        "SCALEIN_POLICY": POLICY,
        "SCALEIN_ESS_ENDPOINT": cloud.endpoint,
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
    }

    def run(how: str, size: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CONSUMER, queue.url, queue.name, how, str(size)]
        return subprocess.run(
            command, env=variables, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def returned_by(consumer: subprocess.CompletedProcess[str]) -> list[str]:
    """The statuses that the function returned; its audit lines are on standard output too."""
    return [line for line in consumer.stdout.splitlines() if not line.startswith("{")]


def test_a_message_of_a_consumer_killed_before_acknowledging_removes_nothing_twice(
    queue: Queue, cloud: Cloud, consume: Callable[[str, int], subprocess.CompletedProcess[str]]
) -> None:
    publish(queue, [("m-1", ONE)])
    killed = consume("die", 1)
    cloud.clock.advance(
        3_600
    )  # the activity has ended: only the idempotency key prevents a removal
    again = consume("live", 1)

    assert (killed.returncode, returned_by(killed)) == (-signal.SIGKILL, ["removing"])
    assert (again.returncode, returned_by(again)) == (0, ["unconfirmed"]), again.stderr
    tokens = [call["ClientToken"] for call in cloud.calls("RemoveInstances")]
    assert len(tokens) == 2
    assert len(set(tokens)) == len(cloud.inside.service.activities) == 1
    assert len(cloud.states()) == 5
    assert drain(queue.url, queue.name) == []


def test_a_message_that_needs_a_retry_is_delivered_again_and_ends_in_the_dead_letters(
    queue: Queue, cloud: Cloud, consume: Callable[[str, int], subprocess.CompletedProcess[str]]
) -> None:
    publish(queue, [("m-1", ONE), ("m-2", ONE)])  # the second waits for the activity of the first
    done = consume("live", 2)

    assert (done.returncode, returned_by(done)) == (0, []), done.stderr
    assert len(cloud.inside.service.activities) == 1
    assert drain(queue.url, queue.dead_letters) == [ONE, ONE]


def events_of(queue: Queue, *, failures: int = 0) -> list[list[dict[str, Any]]]:
    """The batches that a function gets which fails so many times."""
    batches: list[list[dict[str, Any]]] = []

    def invoke(event: bytes) -> None:
        batches.append(json.loads(event))
        if len(batches) <= failures:
            raise RuntimeError

    Trigger(queue, invoke).run(idle_seconds=0.5)
    return batches


def test_messages_are_gathered_up_to_the_batch_size_and_acknowledged_once_processed(
    queue: Queue,
) -> None:
    publish(queue, [(f"m-{n}", ONE) for n in range(5)])
    batches = events_of(queue._replace(batch_size=2, window_seconds=1.0))

    ids = [[element["data"]["props"]["messageId"] for element in batch] for batch in batches]
    assert ids == [["m-0", "m-1"], ["m-2", "m-3"], ["m-4"]]
    assert events_of(queue) == []


def test_a_batch_whose_function_fails_is_delivered_again_as_the_same_messages(queue: Queue) -> None:
    publish(queue, [("m-1", ONE)])
    (first,), (second,) = events_of(queue, failures=1)

    assert [first["data"]["envelope"]["redeliver"], second["data"]["envelope"]["redeliver"]] == [
        False,
        True,
    ]
    assert first["id"] != second["id"]
    assert first["data"]["props"] == second["data"]["props"]
    assert drain(queue.url, queue.dead_letters) == []


def test_a_batch_that_fails_at_every_delivery_ends_in_the_dead_letters(queue: Queue) -> None:
    publish(queue, [("m-1", ONE), ("m-2", b"\xff\xfe")])
    batches = events_of(queue, failures=99)

    # Counted by message: a busy machine may take longer for one batch than its window.
    ids = [element["data"]["props"]["messageId"] for batch in batches for element in batch]
    assert Counter(ids) == {"m-1": queue.deliveries, "m-2": queue.deliveries}
    assert sorted(drain(queue.url, queue.dead_letters)) == sorted([ONE, b"\xff\xfe"])


def test_an_element_has_the_fields_that_the_clouds_trigger_sends() -> None:
    (sample, in_base64) = json.loads((ROOT / "events/rabbitmq-batch.json").read_bytes())

    class Properties:
        timestamp, content_encoding, message_id = 1795406400, "UTF-8", "m-1"

    def element(body: bytes) -> dict[str, Any]:
        return cloud_event(Delivery(98, Properties(), "scale-in", "", False, body), "scale-in")

    own = element(ONE)
    assert own.keys() <= sample.keys()
    assert sample.keys() - own.keys() == {name for name in sample if name.startswith("aliyun")} - {
        "aliyunaccountid"
    }
    assert {name: part.keys() for name, part in own["data"].items() if name != "body"} == {
        name: part.keys() for name, part in sample["data"].items() if name != "body"
    }
    assert isinstance(sample["data"]["body"], dict)
    assert isinstance(own["data"]["body"], dict)
    assert isinstance(element(b"\xff")["data"]["body"], type(in_base64["data"]["body"]))


def test_the_main_job_runs_from_the_queue(broker_url: str) -> None:
    command = [
        sys.executable,
        "-m",
        "scalein_cli",
        "run-queue",
        "--broker",
        broker_url,
        "--window",
        "0.5",
    ]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}"}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=120, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "i-web-01 is being removed" in done.stdout  # the alarm is blocked by it
    assert done.stdout.count("Acknowledged.") == 1
    assert "asg-web    after               7" in done.stdout
    assert "asg-batch  after               3" in done.stdout
    assert "Dead letters: 0" in done.stdout


def test_a_broker_that_does_not_answer_is_told_without_its_password() -> None:
    broker = "amqp://me:canary@127.0.0.1:1"
    command = [sys.executable, "-m", "scalein_cli", "run-queue", "--broker", broker]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}"}
    done = subprocess.run(
        command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 1
    assert "127.0.0.1:1 does not work as a broker" in done.stderr
    assert "Traceback" not in done.stderr
    assert "canary" not in done.stderr
