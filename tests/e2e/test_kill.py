"""The function is killed at each step in turn, while reads are late; the cloud's record judges."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import pytest

from localcloud.ess.model import Assumptions
from localcloud.lag import Lag
from tests.support import truth
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.examples import max_examples
from tests.support.outcomes import response_faults
from tests.support.processes import CRASHED, FastClock, Job, Worker, check_steps, missing_steps
from tests.support.redis_server import RedisServer, redis_server

MAX_STEPS = 400
STRIDE = 7 if max_examples() < 1_000 else 1  # all steps where there is time for many examples
LATE = {"lists": Lag(lists=60), "history": Lag(history=60), "both": Lag(lists=60, history=60)}
AFTER_KILL_SECONDS, AFTER_RAISE_SECONDS = (
    20.0,
    15.0,
)  # sooner than a late read shows what the killed process did
MAX_DELIVERIES = 60


@dataclass
class Case:
    requested: int
    follow_ups: bool
    late: str


class Killed:
    """A message, the processes that serve it, and the cloud that watches."""

    def __init__(self, cloud: Cloud, ledger: RedisServer | None, case: Case) -> None:
        self.cloud, self.ledger, self.case = cloud, ledger, case
        self.variables = {
            "SCALEIN_ESS_ENDPOINT": cloud.endpoint,
            "SCALEIN_FC_ENDPOINT": cloud.endpoint,
            "SCALEIN_FOLLOW_UP_KEY": "a key for tests that is long enough"
            if case.follow_ups
            else "",
            "SCALEIN_LEDGER": ledger.url if ledger else "",
            "SCALEIN_POLICY": json.dumps({"groups": {"asg-1": {}}}),
            "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
        }
        self.worker = Worker(self.variables)
        self.steps = 0

    def story(self, kill_at: int | None) -> list[truth.Said]:
        """All outcomes of one message. Steps count over all of its invocations; one kills."""
        request = {
            "scalingGroupId": "asg-1",
            "remove": {"count": self.case.requested},
            "requestId": "m",
        }
        said = list(self._delivered(json.dumps(request).encode(), kill_at))
        functions = self.cloud.inside.functions
        assert functions
        while (due := functions.next_due()) is not None:
            self._pass((due - self.cloud.clock.now()).total_seconds())
            for invocation in functions.take_due():
                said += self._delivered(invocation.event, kill_at)
        self.worker.kill()
        return said

    def _delivered(self, event: bytes, kill_at: int | None) -> Iterator[truth.Said]:
        """Delivers until there is an outcome, as a trigger does, and Function Compute."""
        for number in range(MAX_DELIVERIES):
            at = None if kill_at is None else kill_at - self.steps
            clock = FastClock(self.cloud.clock.now(), time.monotonic(), 1.0)
            self.worker.send(Job(event, clock, at, request_id=f"fc-{number}"))
            answer = self.worker.answer()
            if answer is None:
                self.steps = MAX_STEPS * 2  # killed once, and never again
                self.worker.kill()
                self.worker = Worker(self.variables)
                self._pass(AFTER_KILL_SECONDS)
                continue
            assert answer.outcome["status"] != CRASHED, answer.outcome["message"]
            assert response_faults(answer.outcome) == []
            self.steps += answer.steps
            yield truth.Said(self.cloud.clock.now(), answer.outcome)
            if not answer.raised:
                return
            self._pass(AFTER_RAISE_SECONDS)

    def _pass(self, seconds: float) -> None:
        self.cloud.clock.advance(max(0.0, seconds))
        if self.ledger:
            self.ledger.advance(max(0.0, seconds))


@dataclass
class Story:
    steps: int
    own: list[truth.Did]  # all that the cloud did, for there is one message
    said: list[truth.Said]

    @property
    def removed(self) -> int:
        return sum(len(did.instance_ids) for did in self.own)


def story(kill_at: int | None, server: RedisServer | None, case: Case) -> Story:
    if server:
        server.client.flushall()
    start = datetime.now(timezone.utc)
    with cloud_of(
        group(*instances(60), minSize=5), start=start, assumptions=Assumptions(activity_seconds=20)
    ) as cloud:
        late = LATE[case.late]
        cloud.inside.lag = Lag(late.lists, late.history)
        killed = Killed(cloud, server, case)
        said = killed.story(kill_at)
        cloud.clock.advance(3_600)
        cloud.states()
        own = [truth.Did.of(activity) for activity in cloud.inside.service.activities.values()]
        return Story(killed.steps, own, said)


def test_a_step_that_does_not_exist_is_named_before_anything_is_killed(tmp_path: Path) -> None:
    (tmp_path / "present.py").write_text("def known(): pass")
    steps = {"present.py": {"known", "renamed"}, "absent.py": {"known"}}

    assert missing_steps(steps, tmp_path) == [
        "renamed(), which present.py lacks",
        "absent.py, which does not exist",
    ]


def test_every_step_at_which_the_function_is_killed_exists() -> None:
    check_steps()


CASES = [
    Case(requested, follow_ups, late)
    for requested, follow_ups in ((1, False), (1, True), (30, True))
    for late in (LATE if STRIDE == 1 else ["both"])
]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_at_any_step_it_acts_exactly_once_with_a_shared_ledger(case: Case) -> None:
    with redis_server() as server:
        whole = story(None, server, case)
        assert 5 < whole.steps < MAX_STEPS

        for kill_at in (None, *range(0, whole.steps, STRIDE)):
            found = story(kill_at, server, case)
            wrong = truth.excess(case.requested, found.own) + truth.lies(found.said, found.own)
            statuses = [one.outcome["status"] for one in found.said]
            assert wrong == [], (kill_at, statuses)
            assert found.removed == case.requested, (kill_at, statuses)
            assert not case.follow_ups or truth.finals(found.said) == {"removed"}, (
                kill_at,
                statuses,
            )


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=str)
def test_killed_at_any_step_it_acts_at_most_once_without_a_shared_ledger_and_says_no_lie(
    case: Case,
) -> None:
    whole = story(None, None, case)
    assert 5 < whole.steps < MAX_STEPS

    for kill_at in (None, *range(0, whole.steps, STRIDE)):
        found = story(kill_at, None, case)
        wrong = truth.excess(case.requested, found.own) + truth.lies(found.said, found.own)
        statuses = [one.outcome["status"] for one in found.said]
        assert wrong == [], (kill_at, statuses)
        if kill_at is None:
            assert found.removed == case.requested, statuses
        assert not case.follow_ups or len(truth.finals(found.said)) == 1, (kill_at, statuses)
