"""An outage of ESS loses no message, and a platform that ignores delays has none act early.

Driven clocks; the simulated cloud judges.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from random import Random
from typing import NoReturn

import pytest

from scalein.clock import Deadline
from scalein.cloud.gateway import GROUP_ONLY
from scalein.decision.model import ReadScope, RemovalRequest, Snapshot, Target
from scalein.decision.progress import Call, CallState, Progress
from scalein.decision.reasons import Status
from scalein.errors import TryLater
from scalein.intake.envelopes import parse_event
from scalein.ledger.protocol import MessageRef
from scalein.policy import read_policy
from scalein.processing.again import MAX_PAUSE_SECONDS, come_again, wait_until_due
from scalein.processing.batch import BatchProcessor
from scalein.processing.follow_up_attempts import FollowUpAttempts
from scalein.processing.group_view import GroupView
from scalein.processing.journal import Journal, delay_seconds, seconds_until_too_old
from scalein.processing.progress_record import sign_follow_up
from scalein.report import wording
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import FakeEss, dependencies_of
from tests.support.fleets import fleet
from tests.support.outcomes import checked
from tests.support.simulated import Function, finals
from tests.support.simulated_ess import SimulatedEss

KEY = "k" * 32
POLICY = read_policy('{"groups": {"asg-1": {}}}')
OUTAGE_SECONDS = 600
MESSAGES = 100


def function_in_outage(ledger: str) -> Function:
    """Each message is delivered once: its trigger repeats nothing that raises."""
    clock = DrivenClock(NOON)
    ess = SimulatedEss(clock, 400, 0, desired=True, activity_seconds=20.0)
    ess.is_down = lambda: clock.elapsed < OUTAGE_SECONDS
    function = Function(ess, clock, ledger, True, Random(1))
    function.repeats_raised = False
    for number in range(MESSAGES):
        function.send(RemovalRequest("asg-1", f"m-{number}", Target(instances=1)), number)
    return function


@pytest.mark.slow
@pytest.mark.parametrize("ledger", ["none", "memory", "redis", "redis-closed"])
def test_an_outage_of_ten_minutes_loses_none_of_a_hundred_messages(ledger: str) -> None:
    function = function_in_outage(ledger)
    function.run()

    ends = Counter(tuple(finals(outcomes)) for outcomes in function.outcomes.values())
    assert ends == {("removed",): MESSAGES}
    assert sum(len(one.removed_ids) for one in function.ess.accepted) == MESSAGES
    assert function.ess.calls < 3 * MESSAGES


def test_follow_ups_of_an_outage_come_less_and_less_often() -> None:
    function = function_in_outage("redis")
    function.run(OUTAGE_SECONDS)

    assert max(len(outcomes) for outcomes in function.outcomes.values()) < 12


@pytest.mark.parametrize("ledger", ["none", "memory", "redis"])
def test_where_the_platform_ignores_delays_no_follow_up_acts_before_it_is_due(ledger: str) -> None:
    """A call whose answer was lost is not given up before its settle time has passed."""
    clock = DrivenClock(NOON)
    ess = SimulatedEss(clock, 60, 10, desired=True, activity_seconds=20.0)
    lost = iter(["lost", "lost", "lost"])
    ess.fault = lambda: next(lost, "")
    ess.history_lag = lambda: 60.0
    function = Function(ess, clock, ledger, True, Random(1), ignores_delays=True)
    function.send(RemovalRequest("asg-1", "m", Target(instances=5), sent_at=NOON))
    function.run()

    outcomes, moments = function.outcomes["m"], function.moments["m"]
    assert finals(outcomes) == ["removed"]
    assert len(ess.accepted) == 1
    steps = zip(moments, outcomes, strict=True)
    acting = [(at, one) for at, one in steps if "before it is due" not in one.message]
    for (at, one), (next_at, _) in pairwise(acting):
        assert one.follow_up
        assert next_at >= at + timedelta(seconds=one.follow_up.delay_seconds - 1)


def test_a_platform_that_ignores_delays_is_not_called_without_a_pause() -> None:
    clock = DrivenClock(NOON)
    ess = SimulatedEss(clock, 60, 10, desired=True, activity_seconds=600.0)
    function = Function(ess, clock, "redis", True, Random(1), ignores_delays=True)
    function.send(RemovalRequest("asg-1", "m", Target(instances=5), sent_at=NOON))
    function.run()

    assert finals(function.outcomes["m"]) == ["removed"]
    assert len(function.outcomes["m"]) < 20 + clock.elapsed / MAX_PAUSE_SECONDS


def follow_up_due_in(seconds: float, clock: DrivenClock) -> Progress:
    due_at = clock.now() + timedelta(seconds=seconds)
    return Progress(RemovalRequest("asg-1", "m", Target(instances=1)), NOON, due_at=due_at)


@pytest.mark.parametrize("seconds", [-3_600, -1, 0, 0.9, 601, 86_400])
def test_a_follow_up_that_is_due_or_whose_clock_is_wrong_goes_on_at_once(seconds: float) -> None:
    clock = DrivenClock()
    dependencies = dependencies_of(FakeEss(), clock, schedule_follow_up=lambda *_: True)

    assert wait_until_due(follow_up_due_in(seconds, clock), dependencies) is None
    assert clock.naps == []


def test_a_follow_up_that_is_a_little_early_waits_and_goes_on() -> None:
    clock = DrivenClock()
    dependencies = dependencies_of(FakeEss(), clock, schedule_follow_up=lambda *_: True)

    assert wait_until_due(follow_up_due_in(4, clock), dependencies) is None
    assert clock.elapsed == 4


def test_an_early_follow_up_schedules_itself_for_the_same_moment() -> None:
    clock, scheduled = DrivenClock(), list[tuple[Progress, int]]()

    def schedule(progress: Progress, delay_seconds: int) -> bool:
        scheduled.append((progress, delay_seconds))
        return True

    dependencies = dependencies_of(FakeEss(), clock, schedule_follow_up=schedule)
    progress = follow_up_due_in(60, clock)
    outcome = wait_until_due(progress, dependencies)

    assert outcome and outcome.follow_up
    assert outcome.status is Status.RETRY
    assert scheduled == [(progress._replace(attempt=1), 55)]


def test_an_early_follow_up_that_cannot_be_scheduled_is_left_to_its_trigger() -> None:
    def schedule(progress: Progress, delay_seconds: int) -> bool:
        raise TryLater("InvokeFunction", "HTTP 500", "no.")

    clock = DrivenClock()
    dependencies = dependencies_of(FakeEss(), clock, schedule_follow_up=schedule)
    accepted = Call(0, ("i-1",), NOON, NOON, CallState.ACCEPTED, "asa-1")
    for calls in ((), (accepted,)):
        progress = follow_up_due_in(60, clock)._replace(selected=("i-1",), calls=calls)
        outcome = wait_until_due(progress, dependencies)
        assert outcome
        assert (outcome.status, outcome.follow_up) == (Status.RETRY, None)


@pytest.mark.parametrize("group_of", [(), ("i-1",)])
def test_an_early_follow_up_calls_neither_ess_nor_the_ledger(group_of: tuple[str, ...]) -> None:
    clock, ess = DrivenClock(), FakeEss(fleet(10))

    def never() -> NoReturn:
        raise AssertionError

    known = dependencies_of(ess, clock, schedule_follow_up=lambda *_: True, follow_up_key=KEY)
    dependencies = known._replace(open_gateway=never, open_ledger=never)
    progress = follow_up_due_in(60, clock)._replace(group_of=group_of)
    event = parse_event(sign_follow_up(progress, KEY))
    (outcome,) = checked(BatchProcessor(POLICY, dependencies).process(event))

    assert "before it is due" in outcome.message
    assert outcome.follow_up


class FunctionCompute:
    """Takes a follow-up, or fails, by a script; each call takes so many seconds."""

    def __init__(self, clock: DrivenClock, *codes: str, seconds: float = 0.1) -> None:
        self.clock, self.codes, self.seconds = clock, list(codes), seconds
        self.calls = 0

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        self.calls += 1
        self.clock.advance(self.seconds)
        code = self.codes.pop(0) if self.codes else ""
        if code:
            raise TryLater("InvokeFunction", code, "no.")
        return True

    def attempts(self, seconds: float = 59.0) -> FollowUpAttempts:
        return FollowUpAttempts(self.schedule, Deadline.after(seconds, self.clock))


@pytest.mark.parametrize(
    "code", ["HTTP 409 ConcurrentUpdateError", "HTTP 429", "HTTP 503", "ConnectionError"]
)
def test_a_follow_up_that_fails_by_chance_is_tried_a_second_time(code: str) -> None:
    compute = FunctionCompute(DrivenClock(), code)

    assert compute.attempts().schedule(follow_up_due_in(0, compute.clock), 10)
    assert compute.calls == 2


@pytest.mark.parametrize("code", ["HTTP 400", "HTTP 403", "HTTP 404", "TooLarge", "Misconnected"])
def test_a_follow_up_that_is_refused_is_not_tried_again(code: str) -> None:
    compute = FunctionCompute(DrivenClock(), code)
    with pytest.raises(TryLater):
        compute.attempts().schedule(follow_up_due_in(0, compute.clock), 10)

    assert compute.calls == 1


@pytest.mark.parametrize("seconds", [0.01, 0.4, 5.0])
def test_a_hundred_follow_ups_that_fail_take_a_few_seconds(seconds: float) -> None:
    compute = FunctionCompute(DrivenClock(), *["HTTP 503"] * 1_000, seconds=seconds)
    attempts = compute.attempts()
    for _ in range(100):
        with pytest.raises(TryLater):
            attempts.schedule(follow_up_due_in(0, compute.clock), 10)

    assert compute.clock.elapsed < 6


def test_near_the_end_of_the_invocation_a_follow_up_is_tried_once() -> None:
    compute = FunctionCompute(DrivenClock(), "HTTP 503")
    with pytest.raises(TryLater):
        compute.attempts(seconds=1.0).schedule(follow_up_due_in(0, compute.clock), 10)

    assert compute.calls == 1


def test_a_message_that_was_not_processed_comes_again_until_it_is_too_old() -> None:
    clock = DrivenClock()
    compute = FunctionCompute(clock)
    dependencies = dependencies_of(FakeEss(), clock, schedule_follow_up=compute.schedule)
    progress = Progress(RemovalRequest("asg-1", "m", Target(instances=1)), NOON)
    delays = []
    for attempt in range(8):
        outcome = wording.busy(progress.request, "ESS is down.")
        again = come_again(outcome, progress._replace(attempt=attempt), dependencies, 3_600)
        assert again.follow_up
        delays.append(again.follow_up.delay_seconds)
    clock.advance(3_700)
    last = come_again(outcome, progress, dependencies, 3_600)

    assert delays[:5] == sorted(delays[:5])
    assert 5 <= delays[0] <= 10
    assert max(delays) <= 300
    assert (last.status, last.follow_up) == (Status.EXPIRED, None)


@pytest.mark.parametrize("age_seconds", [0, 300, 640, 700])
def test_a_follow_up_comes_before_the_message_is_too_old(age_seconds: int) -> None:
    """So that an outage that ends in time costs no message, however long the delays have grown."""
    clock = DrivenClock(NOON + timedelta(seconds=age_seconds))
    for number in range(50):
        request = RemovalRequest("asg-1", f"m-{number}", Target(instances=1))
        for progress in (
            Progress(request, NOON, idle=9),
            Progress(request, NOON, idle=9, calls=(Call(0, ("i-1",), NOON, NOON),)),
        ):
            compute = FunctionCompute(clock)
            dependencies = dependencies_of(FakeEss(), clock, schedule_follow_up=compute.schedule)
            view = GroupView("asg-1", FakeEss(), clock)
            journal = Journal(MessageRef("asg-1", "m"), view, dependencies, True, 900)
            journal.schedule_follow_up(progress, 60.0)
            assert journal.scheduled
            assert age_seconds + journal.scheduled.delay_seconds < 860


def test_a_message_that_began_is_followed_up_as_rarely_however_old_it_is() -> None:
    call = Call(0, ("i-1",), NOON, NOON)
    progress = Progress(RemovalRequest("asg-1", "m", Target(instances=1)), NOON, calls=(call,))

    assert seconds_until_too_old(progress, NOON + timedelta(seconds=3_000), 900) > 300


def test_a_follow_up_comes_no_sooner_than_the_server_says_and_not_all_at_once() -> None:
    messages = [
        Progress(RemovalRequest("asg-1", f"m-{number}", Target(instances=1)), NOON)
        for number in range(100)
    ]
    delays = [delay_seconds(progress, 0, 60.0) for progress in messages]

    assert 60 <= min(delays) < 65
    assert 85 < max(delays) <= 90


class SlowEss(FakeEss):
    """Takes so many seconds for each read."""

    def __init__(self, clock: DrivenClock, seconds: float, *snapshots: Snapshot) -> None:
        super().__init__(*snapshots)
        self._clock, self._seconds = clock, seconds

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self._clock.advance(self._seconds)
        snapshot = super().snapshot(scaling_group_id, read_scope)
        return snapshot._replace(taken_at=self._clock.now())


def batch_outcomes(compute_seconds: float, age_seconds: float = 60.0) -> list[Outcome]:
    """A hundred messages of one event, in a hundred groups, while each read of ESS takes 2 s.

    The last one is so old.
    """
    clock = DrivenClock()
    ids = [f"asg-{number}" for number in range(MESSAGES)]
    ess = SlowEss(clock, 2.0, *(fleet(10, id=id) for id in ids))
    compute = FunctionCompute(clock, seconds=compute_seconds)
    dependencies = dependencies_of(ess, clock, seconds=59, schedule_follow_up=compute.schedule)
    policy = read_policy(json.dumps({"groups": {id: {} for id in ids}}))
    requests = [{"scalingGroupId": id, "remove": {"count": 1}, "requestId": id} for id in ids]
    times = [*(NOON for _ in ids[1:]), NOON - timedelta(seconds=age_seconds)]
    envelopes = [
        {"specversion": "1.0", "type": "x", "id": "1", "time": time.isoformat(), "data": data}
        for data, time in zip(requests, times, strict=True)
    ]
    event = parse_event(json.dumps(envelopes).encode())
    outcomes = checked(BatchProcessor(policy, dependencies).process(event))
    assert clock.elapsed < 60
    return outcomes


def test_messages_that_their_invocation_has_no_time_for_come_again_by_themselves() -> None:
    outcomes = batch_outcomes(compute_seconds=0.05)

    statuses = Counter(outcome.status for outcome in outcomes)
    assert statuses.keys() == {Status.REMOVING, Status.RETRY}
    assert statuses[Status.REMOVING] > 20
    assert all(outcome.follow_up for outcome in outcomes)


def test_a_message_that_is_too_old_is_not_made_young_by_coming_again() -> None:
    outcomes = batch_outcomes(compute_seconds=0.05, age_seconds=90_000)

    assert outcomes[-2].status is Status.RETRY
    assert outcomes[-1].status is Status.EXPIRED


def test_messages_for_whose_follow_ups_there_is_no_time_either_are_left_to_the_trigger() -> None:
    outcomes = batch_outcomes(compute_seconds=1.0)

    left = [outcome for outcome in outcomes if outcome.follow_up is None]
    assert 0 < len(left) < MESSAGES
    assert {outcome.status for outcome in left} == {Status.RETRY}
