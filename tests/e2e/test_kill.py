"""The function is killed at each step of its way in turn; after redelivery there is exactly one effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import settings

from localcloud.ess.model import Knobs
from tests.clouds import KEY, Cloud, cloud_of, group, instances
from tests.processes import Answer, Job, Worker
from tests.redis_server import RedisServer, redis_server

MOST_STEPS = 400
STRIDE = 5 if settings.default.max_examples < 100 else 1  # all steps where there is time for many examples


class Killed:
    """A message, the processes that serve it, and the cloud that watches."""

    def __init__(self, cloud: Cloud, ledger: RedisServer | None, asked: int, follow_ups: bool) -> None:
        self.cloud, self.ledger, self.asked = cloud, ledger, asked
        self.variables = {
            "SCALEIN_ESS_ENDPOINT": cloud.endpoint,
            "SCALEIN_FC_ENDPOINT": cloud.endpoint,
            "SCALEIN_FOLLOW_UP_KEY": "a key for tests that is long enough" if follow_ups else "",
            "SCALEIN_LEDGER": ledger.url if ledger else "",
            "SCALEIN_POLICY": json.dumps({"groups": {"asg-1": {}}}),
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
        }
        self.worker = Worker(self.variables)
        self.steps = 0

    def story(self, kill_at: int | None) -> list[Answer]:
        """All that comes of one message: steps are counted over all of its invocations, and one of them kills."""
        request = {"scalingGroupId": "asg-1", "remove": {"count": self.asked}, "requestId": "m"}
        answers = list(self._delivered(json.dumps(request).encode(), kill_at))
        functions = self.cloud.inside.functions
        assert functions
        while (due := functions.next_due()) is not None:
            self._pass((due - self.cloud.clock.now()).total_seconds())
            for invocation in functions.due():
                answers += self._delivered(invocation.event, kill_at)
        self.worker.kill()
        return answers

    def _delivered(self, event: bytes, kill_at: int | None) -> Iterator[Answer]:
        """Until it is answered for good, as a trigger does, and Function Compute with a follow-up."""
        for _ in range(20):
            at = None if kill_at is None else kill_at - self.steps
            self.worker.send(Job(event, self.cloud.clock.now(), at))
            answer = self.worker.answer()
            if answer is None:
                self.steps = MOST_STEPS * 2  # killed once, and never again
                self.worker.kill()
                self.worker = Worker(self.variables)
                self._pass(120)
                continue
            self.steps += answer.steps
            yield answer
            if not answer.raised:
                return
            self._pass(60)

    def _pass(self, seconds: float) -> None:
        self.cloud.clock.advance(max(0.0, seconds))
        if self.ledger:
            self.ledger.advance(max(0.0, seconds))


def story(kill_at: int | None, server: RedisServer | None, asked: int, follow_ups: bool) -> tuple[int, Any]:
    """How many steps there were; the cloud's own view of what was done."""
    if server:
        server.client.flushall()
    start = datetime.now(timezone.utc)
    with cloud_of(group(*instances(60), minSize=5), start=start, knobs=Knobs(activity_seconds=3)) as cloud:
        killed = Killed(cloud, server, asked, follow_ups)
        answers = killed.story(kill_at)
        cloud.clock.advance(3_600)
        cloud.states()
        told = [activity.told for activity in cloud.inside.service.activities.values()]
        return killed.steps, (told, [answer.outcome["status"] for answer in answers])


@pytest.mark.slow
@pytest.mark.parametrize("ledger", ["memory", "redis"])
@pytest.mark.parametrize(("asked", "follow_ups"), [(1, False), (1, True), (30, True)])
def test_a_function_killed_at_any_step_acts_exactly_once(ledger: str, asked: int, follow_ups: bool) -> None:
    with redis_server() if ledger == "redis" else nullcontext() as server:
        steps, (whole, _) = story(None, server, asked, follow_ups)
        assert [len(told) for told in whole] == ([1] if asked == 1 else [20, 10])
        assert 5 < steps < MOST_STEPS

        for kill_at in range(0, steps, STRIDE):
            _, (told, statuses) = story(kill_at, server, asked, follow_ups)
            gone = [id for ids in told for id in ids]
            assert len(gone) == len(set(gone)) == asked, (kill_at, statuses)
            assert len(told) == len(whole), (kill_at, statuses)
            assert statuses, kill_at
