"""What an invocation waits for, over real sockets: little where the message comes again by itself.

Pauses between attempts move the driven clock; calls that hang take real time.
"""

from __future__ import annotations

import json
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import index
from localcloud.ess.model import Assumptions
from tests.support.clouds import group, instances
from tests.support.servers import action_of, answer_of, request_on, serving
from tests.support.worlds import World, world_of

INSTANCES = "DescribeScalingInstances"
READS = ("DescribeScalingGroups", INSTANCES)
DOWN = ["refused", "unavailable", "throttled", "bad-gateway", "internal-error", "reset"]
GROUPS = [f"asg-{number}" for number in range(100)]


def down(world: World, kind: str = "unavailable") -> None:
    world.cloud.inside.faults.set_random(1.0, [kind], 1)


def ess_calls(world: World) -> Counter[str]:
    calls = (call.action for call in world.cloud.inside.calls)
    return Counter(action for action in calls if action != "InvokeFunction")


def waited_seconds(world: World) -> float:
    """Of the billed time, since the world began: pauses, for no call takes long."""
    return sum(world.cloud.clock.naps)


def messages(group_ids: list[str]) -> list[dict[str, Any]]:
    return [
        {"scalingGroupId": id, "remove": {"count": 1}, "requestId": f"m-{id}"} for id in group_ids
    ]


def queued(message: dict[str, Any]) -> dict[str, Any]:
    data = {"messageId": message["requestId"], "messageBody": json.dumps(message)}
    return {"specversion": "1.0", "type": "mns:Queue:SendMessage", "id": "x", "data": data}


def only_ess(world: World, kind: str, *actions: str) -> None:
    """ESS is down and Function Compute is not; `refused` breaks connections of both."""
    for action in actions or (*READS, "DescribeScalingActivities", "RemoveInstances"):
        world.cloud.inside.faults.add(kind, action, times=100_000)


@pytest.mark.parametrize("follow_ups", [True, False], ids=["follow-ups", "trigger"])
@pytest.mark.parametrize("kind", [kind for kind in DOWN if kind != "refused"])
def test_an_invocation_gives_up_after_five_seconds_of_waiting(kind: str, follow_ups: bool) -> None:
    with world_of(group(*instances(9)), follow_ups=follow_ups) as world:
        only_ess(world, kind)
        outcome = world.send({"remove": {"count": 1}})

        assert outcome["status"] == "retry"
        assert (outcome["followUp"] is not None) == follow_ups
        assert 0 < world.cloud.clock.elapsed <= 5
        assert world.cloud.inside.faults.occurrences.total() < 25  # of two actions


def test_the_time_to_wait_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEIN_MAX_WAIT_SECONDS", "20")
    with world_of(group(*instances(9))) as world:
        only_ess(world, "unavailable")
        world.send({"remove": {"count": 1}})

        assert 10 < world.cloud.clock.elapsed <= 20


def test_the_next_invocations_are_answered_at_once_and_one_probes_after_the_pause() -> None:
    with world_of(group(*instances(9))) as world:
        # Of several reads at once, those that no thread began when the first fails are never sent.
        only_ess(world, "unavailable", INSTANCES)
        world.send({"remove": {"count": 1}, "requestId": "first"})
        calls, waited = ess_calls(world)[INSTANCES], waited_seconds(world)
        for number in range(10):
            outcome = world.send({"remove": {"count": 1}, "requestId": f"m-{number}"})
            assert outcome["status"] == "retry"
            assert outcome["followUp"]
        assert ess_calls(world)[INSTANCES] == calls
        assert waited_seconds(world) == waited
        world.cloud.clock.advance(5)
        for number in range(10, 20):
            world.send({"remove": {"count": 1}, "requestId": f"m-{number}"})

        assert ess_calls(world)[INSTANCES] - calls == 1
        assert waited_seconds(world) == waited


def test_a_hundred_messages_of_one_event_cost_the_attempts_of_one() -> None:
    groups = [group(*instances(3, id), scalingGroupId=id) for id in GROUPS]
    with world_of(*groups) as world:
        only_ess(world, "unavailable")
        world.invoke(json.dumps([queued(message) for message in messages(GROUPS)]).encode())

        assert world.outcomes[-1]["summary"]["byStatus"] == {"retry": 100}
        assert max(ess_calls(world).values()) < 15
        assert world.cloud.clock.elapsed <= 5
        functions = world.cloud.inside.functions
        assert functions
        assert len(functions.waiting) == 100


def test_a_request_that_nothing_delivers_again_is_attempted_as_long_as_the_time_allows() -> None:
    request = {"scalingGroupId": "asg-1", "remove": {"count": 1}}
    http = {
        "version": "v1",
        "rawPath": "/",
        "headers": {"content-type": "application/json"},
        "queryParameters": {},
        "body": json.dumps(request),
        "isBase64Encoded": False,
        "requestContext": {"http": {"method": "POST", "path": "/"}},
    }
    with world_of(group(*instances(9)), follow_ups=False) as world:
        only_ess(world, "unavailable")
        answer = index.serve(json.dumps(http).encode(), world.context(), world.cloud.clock)

        assert 30 < world.cloud.clock.elapsed < 60
        assert answer["statusCode"] == 503  # its sender must send it again
        assert int(answer["headers"]["Retry-After"]) > 0


def test_throttling_of_one_action_pauses_that_action_alone() -> None:
    """RemoveInstances is throttled; what became of an earlier removal is still read."""
    with world_of(
        group(*instances(50), desiredCapacity=50), assumptions=Assumptions(activity_seconds=5)
    ) as world:
        world.send({"remove": {"count": 1}, "requestId": "earlier"})
        world.cloud.inside.faults.add("throttled", "RemoveInstances", times=100_000)
        world.send({"remove": {"count": 1}, "requestId": "throttled"})
        removals = ess_calls(world)["RemoveInstances"]
        named = {"remove": {"instanceIds": ["i-0030"]}, "requestId": "m"}
        second = world.send(named)
        world.follow(60)

        assert (second["status"], second["accepted"]) == ("retry", [])
        assert ess_calls(world)["RemoveInstances"] - removals < 10
        ended = [o for o in world.outcomes if o["requestId"] == "earlier"]
        assert ended[-1]["status"] == "removed"
        world.cloud.inside.faults.clear()
        world.follow()
        assert len(world.removals) == 3


def test_a_hint_of_the_server_is_when_the_follow_up_comes() -> None:
    with throttling_for(40) as endpoint, world_of(group(*instances(9))) as world:
        world.set("SCALEIN_ESS_ENDPOINT", endpoint)
        outcome = world.send({"remove": {"count": 1}})

        assert outcome["status"] == "retry"
        assert 40 <= outcome["followUp"]["delaySeconds"] <= 60
        assert world.cloud.clock.elapsed == 0  # nothing is gained by waiting for less


@contextmanager
def throttling_for(seconds: int) -> Iterator[str]:
    body = json.dumps({"Code": "Throttling.User", "RequestId": "R-1", "Message": ""}).encode()
    header = f"x-ratelimit-user-api: Limit:10,Remain:0,TimeLeft:{seconds * 1000}"

    def converse(connection: socket.socket) -> None:
        while request_on(connection):
            connection.sendall(answer_of(body, "400 Bad Request", header))

    with serving(converse) as endpoint:
        yield endpoint


@contextmanager
def hanging(*actions: str) -> Iterator[tuple[str, Counter[str]]]:
    """A server that accepts all calls and never answers these actions."""
    calls = Counter[str]()

    def converse(connection: socket.socket) -> None:
        while head := request_on(connection):
            calls[action_of(head)] += 1
            if action_of(head) in actions:
                request_on(connection)  # until the client hangs up

    with serving(converse) as endpoint:
        yield endpoint, calls


def test_a_read_that_hangs_ends_with_the_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEIN_MAX_WAIT_SECONDS", "0.6")
    with hanging(*READS) as (endpoint, calls), world_of(group(*instances(9))) as world:
        world.set("SCALEIN_ESS_ENDPOINT", endpoint)
        began = time.monotonic()
        assert world.send({"remove": {"count": 1}})["status"] == "retry"

        assert time.monotonic() - began < 2.5
        assert calls


def test_the_answer_to_a_removal_is_waited_for_longer_than_reads_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCALEIN_MAX_WAIT_SECONDS", "0.6")
    with world_of(group(*instances(9))) as world:
        world.cloud.inside.faults.add("slow", "RemoveInstances", seconds=1.2)

        assert world.send({"remove": {"count": 1}})["status"] == "removing"
        assert ess_calls(world)["RemoveInstances"] == 1


def test_processes_that_share_a_ledger_share_the_pauses() -> None:
    from tests.support.redis_server import redis_server

    with redis_server() as server, world_of(group(*instances(9)), ledger=server.url) as world:
        world.restarts = True  # each invocation meets a new process
        only_ess(world, "unavailable", INSTANCES)
        world.send({"remove": {"count": 1}, "requestId": "first"})
        calls, elapsed = ess_calls(world)[INSTANCES], world.cloud.clock.elapsed
        for number in range(3):  # within five real seconds, for the ledger's clock is real
            assert world.send({"remove": {"count": 1}, "requestId": f"m-{number}"})["followUp"]
        assert ess_calls(world)[INSTANCES] == calls
        assert world.cloud.clock.elapsed == elapsed
        world.cloud.inside.faults.clear()
        server.advance(6, ("*:pauses",))
        last = world.send({"remove": {"count": 1}, "requestId": "m"})

        assert last["status"] == "removing", last["message"]
        assert server.client.zcard("scalein:{!cn-hangzhou}:pauses") == 0
