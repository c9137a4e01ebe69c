"""What a restart leaves of asynchronous invocations."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.functions.invocation_queue import Invocation, InvocationQueue, TaskExists
from localcloud.functions.saved_invocations import restore_invocations, saved_invocations
from tests.support.clock import DrivenClock

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "begin", "end", "fail", "throttle", "stop", "wait"]),
        st.integers(0, 3),
    )
)


class Played:
    """A queue, with attempts that begin and end in any order."""

    def __init__(self) -> None:
        self.clock = DrivenClock()
        self.queue = InvocationQueue(self.clock)
        self.running: list[Invocation] = []
        self.all: list[Invocation] = []

    def step(self, action: str, number: int) -> None:
        if action == "accept":
            task = f"t{len(self.all)}" if number else ""
            event = bytes([number, 255])
            self.all.append(self.queue.accept("", "f", event, number, task, "prod"))
        elif action == "begin":
            due = self.queue.take_due()
            for invocation in due[number:]:
                self.queue.begin(invocation)
            self.running += due
        elif action == "stop" and self.all:
            self.queue.stop(self.all[number % len(self.all)])
        elif action == "wait":
            self.clock.advance(number)
        elif self.running:
            self.leave(action, self.running.pop())

    def leave(self, action: str, invocation: Invocation) -> None:
        if action == "end":
            invocation.answer = b"\xff"
            self.queue.end(invocation, "Succeeded")
        elif action == "fail":
            self.queue.retry(invocation, 1)
        else:
            self.queue.postpone(invocation)
        self.queue.release(invocation)

    def restarted(self) -> InvocationQueue:
        again = InvocationQueue(self.clock)
        restore_invocations(again, json.loads(json.dumps(saved_invocations(self.queue))))
        return again


@given(STEPS)
def test_after_a_restart_each_invocation_that_has_not_ended_waits_and_the_others_do_not(
    steps: list[tuple[str, int]],
) -> None:
    played = Played()
    for step in steps:
        played.step(*step)
    again = played.restarted()
    taken = {one.request_id for one in played.running}
    open_ids = {one.request_id for one in played.all if not one.ended_at}
    stopping = {one.request_id for one in played.all if one.status == "Stopping"}

    assert sorted(one.request_id for one in again.waiting) == sorted(open_ids - stopping)
    assert not again.taken
    assert len(again.failed) == len(played.queue.failed)
    for key, task in played.queue.tasks.items():
        same = again.tasks[key]
        assert (same.event, same.answer, same.qualifier) == (task.event, task.answer, "prod")
        if task.request_id not in taken:
            assert same == task
        with pytest.raises(TaskExists):
            again.accept("", "f", b"", 0, same.task_id)


def test_an_attempt_that_ended_and_whose_result_is_not_sent_yet_is_made_again() -> None:
    played = Played()
    played.step("accept", 0)
    played.step("begin", 0)
    played.queue.end(played.all[0], "Succeeded")
    [again] = played.restarted().take_due()

    assert (again.request_id, again.ended_at) == (played.all[0].request_id, None)
