"""Audit lines go to standard output whole, or nowhere, and what queries read stands first."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import Amount, Plan, RankedBy, Verdict, Veto
from scalein.decision.reasons import Reason, Status
from scalein.report import audit
from scalein.report.outcome import (
    MAX_MESSAGE_BYTES,
    MAX_REQUEST_REASON_BYTES,
    FollowUp,
    Outcome,
    policy_json,
)
from scalein.timing import CallTimes
from tests.support.fakes import NO_CALL_TIMES
from tests.support.outcomes import joined

ANALYSED_BYTES = 2_048  # of a text, where an index has Simple Log Service's default
CALLS = CallTimes(
    9.0,
    8.0,
    dict.fromkeys(
        (
            "DescribeScalingGroups",
            "DescribeScalingInstances",
            "DescribeScalingActivities",
            "DescribeMetricLast",
            "RemoveInstances",
            "InvokeFunction",
            "redis",
        ),
        (1_000, 99.0),
    ),
)
WRITTEN_FIRST = (
    *("audit", "part", "parts", "level", "status", "requestId", "scalingGroupId"),
    *("originalStatus", "ignored", "ledger", "followUp", "blockedBy", "policy"),
    *("functionRequestId", "counts", "asText", "durations"),
)


def blocked(retained: int, reasons: tuple[Reason, ...] = tuple(Reason)) -> Outcome:
    """An outcome whose texts are as long as they may be, with ids as long as real ones."""
    verdicts = tuple(
        Verdict(f"i-bp1{number:017}", selected=False, reason=reasons[number % len(reasons)])
        for number in range(retained)
    )
    veto = Veto(Reason.COOLDOWN, "d" * 190)
    plan = Plan(verdicts, Amount(1, "instances"), 9, 9, 9, blocked_by=veto)
    return Outcome(
        Status.BLOCKED,
        "r" * 36,
        "m" * MAX_MESSAGE_BYTES,
        scaling_group_id="asg-bp1" + "g" * 15,
        plan=plan,
        request_reason="w" * MAX_REQUEST_REASON_BYTES,
        follow_up=FollowUp(10, 3_600),
        ledger="unavailable",
    )


class Broken(io.StringIO):
    """Standard output whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(f"{len(text)} characters unread")


class Writes(io.StringIO):
    """Standard output that remembers each call of write, and what was written at each flush."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.flushed = 0

    def write(self, text: str) -> int:
        self.texts.append(text)
        return len(text)

    def flush(self) -> None:
        self.flushed = len(self.texts)


@pytest.mark.parametrize("retained", [0, 3_000])
def test_each_line_is_one_write_that_is_flushed(retained: int) -> None:
    one = blocked(retained)
    with redirect_stdout(Writes()) as stdout:
        audit.record(one, "fc-1", NO_CALL_TIMES)

    assert stdout.texts == [f"{line}\n" for line in audit.lines(one, "fc-1", NO_CALL_TIMES)]
    assert stdout.flushed == len(stdout.texts)


def closed() -> TextIO:
    stream = io.StringIO()
    stream.close()
    return stream


@pytest.mark.parametrize("stdout", [Broken(), closed(), None], ids=["broken", "closed", "none"])
def test_without_standard_output_the_line_goes_to_standard_error(stdout: TextIO | None) -> None:
    stderr = io.StringIO()
    with redirect_stdout(stdout), redirect_stderr(stderr):
        audit.record(blocked(1), "fc-1", NO_CALL_TIMES)

    assert stderr.getvalue().splitlines() == audit.lines(blocked(1), "fc-1", NO_CALL_TIMES)


def test_without_any_output_the_invocation_goes_on() -> None:
    with redirect_stdout(Broken()), redirect_stderr(Broken()):
        audit.record(blocked(1), "fc-1", NO_CALL_TIMES)


def test_what_queries_read_comes_first_however_long_the_texts_are() -> None:
    """Whether Simple Log Service cuts the leaves of a JSON field or the whole field is unverified.

    Cut whole, all that stands before the cut can still be queried.
    """
    lines = audit.lines(blocked(40, (Reason.MIN_SIZE, Reason.COOLDOWN)), "f" * 36, CALLS)
    first, fields = lines[0], json.loads(lines[0])

    assert tuple(fields)[: len(WRITTEN_FIRST)] == WRITTEN_FIRST
    assert first.index('"version": ') < ANALYSED_BYTES
    longest = json.loads(audit.lines(blocked(40), "f" * 36, CALLS)[0])
    assert max(len(text) for text in longest["asText"].values()) < ANALYSED_BYTES


def test_maps_are_there_as_text_too() -> None:
    fields = json.loads(audit.lines(blocked(40), "fc-1", CALLS)[0])

    assert json.loads(fields["asText"]["retainedByReason"]) == fields["retainedByReason"]
    assert json.loads(fields["asText"]["calls"]) == fields["durations"]["calls"]


@given(st.integers(0, 3_000), st.integers(1, 60))
def test_follow_on_lines_have_all_that_does_not_fit(retained: int, id_length: int) -> None:
    verdicts = tuple(
        Verdict(f"i-{number:0{id_length}}", selected=False, reason=Reason.MIN_SIZE)
        for number in range(retained)
    )
    plan = Plan(verdicts, Amount(1, "instances"), retained, retained, 0)
    lines = audit.lines(Outcome(Status.BLOCKED, "r", "m", plan=plan), "fc-1", NO_CALL_TIMES)

    assert max(map(len, lines)) <= audit.MAX_BYTES
    assert [entry["id"] for entry in joined(lines)["retained"]] == [v.instance_id for v in verdicts]
    assert (len(lines) == 1) is (json.loads(lines[0])["omitted"] == {})


def test_the_answer_to_a_custom_policy_may_have_follow_on_lines_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ranked = [(f"i-{number:022}", RankedBy("id", "1")) for number in range(1_000)]
    audit.record_choice("asg-1", ranked, policy_json("0123456789ab", ""), "fc-1", NO_CALL_TIMES)
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) > 1
    assert [entry["id"] for entry in joined(lines)["rankedBy"]] == [id for id, _ in ranked]
