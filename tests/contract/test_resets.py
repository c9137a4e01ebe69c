"""What runs when the cloud is reset leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import fc2
import pytest

import localcloud
from localcloud.queues.service import Push, QueueService
from tests.support.clock import DrivenClock
from tests.support.waits import soon

# It runs until the file at the path that it gets is there, then fails, or answers.
WAITS = """
import os, time

def handler(event, context):
    path, _, is_failing = event.decode().partition(" ")
    open(path + ".begun", "w").close()
    while not os.path.exists(path):
        time.sleep(0.01)
    if is_failing:
        raise RuntimeError("asked to fail")
    return "done"
"""
QUEUE = "acs:mns:cn-hangzhou:1:/queues/done/messages"


def deploy(endpoint: str, folder: Path) -> fc2.Client:
    """A function whose results go to a queue."""
    client = fc2.Client(
        endpoint=f"http://{endpoint}", accessKeyID="localcloud", accessKeySecret="localcloud-secret"
    )
    source = folder / "source"
    source.mkdir(exist_ok=True)
    (source / "index.py").write_text(WAITS, encoding="utf-8")
    client.create_service("s")
    client.create_function("s", "f", "python3.10", "index.handler", codeDir=str(source))
    result = {"destination": QUEUE}
    config = {"destinationConfig": {"onSuccess": result, "onFailure": result}}
    client.put_function_async_invoke_config("s", "LATEST", "f", config)
    return client


@pytest.mark.parametrize("failing", ["", " failing"])
def test_an_invocation_that_ends_after_a_reset_is_neither_tried_again_nor_reported(
    tmp_path: Path, failing: str
) -> None:
    gate = tmp_path / "gate"
    with localcloud.mocked() as cloud:
        platform = cloud.cloud.platform
        assert platform
        client = deploy(cloud.endpoint, tmp_path)
        event, how = f"{gate}{failing}".encode(), {"x-fc-invocation-type": "Async"}
        client.invoke_function("s", "f", event, headers=how)
        soon((tmp_path / "gate.begun").exists)
        (running,) = platform.queue.taken
        cloud.reset()
        deploy(cloud.endpoint, tmp_path)  # of the next test
        ended: list[object] = []
        platform.on_invocation = lambda *end: ended.append(end)
        gate.touch()
        soon(lambda: ended)
        platform.close()  # waits for the job

        assert (platform.queue.waiting, platform.queue.failed) == ([], [])
        assert running.status == "Running"
        assert list(cloud.queues.lost) == []


def test_a_push_whose_answer_comes_after_a_reset_is_not_made_again() -> None:
    clock = DrivenClock()
    queues = QueueService(clock, "cn-hangzhou")
    queues.pushes = [Push("http://a/", {}, "x", "BACKOFF_RETRY", clock.now())]
    (push,) = queues.take_due_pushes()
    queues.clear()
    queues.settle_push(push, has_arrived=False)

    assert queues.pushes == []
