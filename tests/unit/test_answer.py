"""An answer fits where it is sent, and says what was left out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import (
    Alarm,
    Amount,
    Limit,
    Plan,
    RankedBy,
    RemovalResult,
    Shortfall,
    Verdict,
    Veto,
)
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.policy import read_policy
from scalein.policy_rules import why_no_rule
from scalein.report import audit
from scalein.report import response as answer
from scalein.report.outcome import Outcome, Rejection, Unconfirmed
from scalein.report.response import as_json
from scalein.timing import CallTimes
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES


def outcome(
    number: int, status: Status = Status.AT_TARGET_OR_BLOCKED, kept: int = 0, removed: int = 0
) -> Outcome:
    verdicts = [
        Verdict(f"i-bp1{n:017}", selected=True, reason=Reason.NAMED) for n in range(removed)
    ]
    verdicts += [
        Verdict(f"i-bp2{n:017}", selected=False, reason=Reason.MIN_SIZE) for n in range(kept)
    ]
    plan = Plan(tuple(verdicts), Amount(removed, "instances"), kept + removed, kept, kept)
    message = 'A sentence of the "usual" length, about MinSize.'
    return Outcome(status, f"mns-{number:032}", message, "asg-1", plan, accepted=plan.selected)


def bytes_of(told: dict[str, Any], event: bytes = b"") -> int:
    """As a destination in MNS carries it: what Function Compute makes of a returned object, or of an error whose text
    it is, as text within JSON, beside the event.
    """
    error = {"errorMessage": json.dumps(told), "errorType": "RemovalFailedError", "stackTrace": []}
    payloads = json.dumps(told, indent=4, sort_keys=True), json.dumps(error)
    request = event.decode("utf-8", "replace")
    return max(
        len(json.dumps({"requestPayload": request, "responsePayload": payload}))
        for payload in payloads
    )


def test_one_outcome_that_fits_is_told_in_full() -> None:
    told = answer.of_one(outcome(1, kept=100))

    assert told == as_json(outcome(1, kept=100))
    assert told["retainedOmitted"] is False


def test_one_outcome_of_a_large_group_leaves_its_kept_list_to_its_counts() -> None:
    told = answer.of_one(outcome(1, kept=2_000, removed=20))

    assert (told["retained"], told["retainedOmitted"], told["retainedByReason"]) == (
        [],
        True,
        {"min-size": 2_000},
    )
    assert bytes_of(told) < 64 * 1024


def test_one_outcome_of_a_thousand_leavers_leaves_its_lists_to_its_activities() -> None:
    ids = tuple(f"i-{number:062}" for number in range(1_000))
    ending = RemovalResult(ids[:500], tuple((id, "IncorrectInstanceStatus") for id in ids[500:]), 0)
    one = outcome(1, Status.PARTLY_REMOVED)._replace(
        result=ending, scaling_activity_ids=("asa-1",) * 50
    )
    told, line = answer.of_one(one), audit.line(one, "fc-1", NO_CALL_TIMES)

    assert (told["removed"], told["notRemoved"], told["listsOmitted"]) == ([], [], True)
    assert len(told["scalingActivityIds"]) == 50
    assert bytes_of(told) < 64 * 1024
    assert len(line) <= 16 * 1024
    assert json.loads(line)["listsOmitted"] is True
    assert told["omitted"] == {"removed": 500, "notRemoved": 500}


def test_a_batch_is_its_outcomes_in_order_and_a_summary() -> None:
    outcomes = [
        outcome(1, Status.REMOVING, removed=2),
        Outcome(Status.IGNORED, "a", "b", ignored=Ignored.RECOVERY),
    ]
    told = answer.of_batch([*outcomes, outcome(2, Status.DRY_RUN, removed=5)])

    assert [entry["requestId"][:5] for entry in told["outcomes"]] == ["mns-0", "a", "mns-0"]
    assert told["outcomes"][:2] == [as_json(entry) for entry in outcomes]
    assert told["summary"] == {
        "messages": 3,
        "byStatus": {"removing": 1, "ignored": 1, "dry-run": 1},
        "removed": 2,
        "retainedOmitted": False,
        "detailOmitted": False,
        "outcomesOmitted": 0,
    }


@pytest.mark.parametrize(
    ("outcomes", "kept", "detail", "all_there"),
    [
        ([outcome(n, kept=10) for n in range(5)], False, False, True),
        ([outcome(n, kept=100) for n in range(10)], True, False, True),
        ([outcome(n) for n in range(150)], True, True, True),
        ([outcome(n) for n in range(10_000)], True, True, False),
    ],
)
def test_kept_lists_go_first_then_detail_then_whole_outcomes(
    outcomes: list[Outcome], kept: bool, detail: bool, all_there: bool
) -> None:
    told = answer.of_batch(outcomes)
    summary = told["summary"]

    assert (summary["retainedOmitted"], summary["detailOmitted"]) == (kept, detail)
    assert (summary["outcomesOmitted"] == 0) is all_there
    assert (
        len(told["outcomes"]) + summary["outcomesOmitted"] == summary["messages"] == len(outcomes)
    )
    assert bytes_of(told) < 64 * 1024


def test_outcomes_in_which_something_happened_are_the_last_to_go() -> None:
    outcomes = [
        outcome(n, Status.REMOVING if n % 100 == 99 else Status.DUPLICATE, removed=1)
        for n in range(5_000)
    ]
    told = answer.of_batch(outcomes)
    ids = [entry["requestId"] for entry in told["outcomes"]]

    assert sum(entry["status"] == "removing" for entry in told["outcomes"]) == 50
    assert ids == sorted(ids)
    assert bytes_of(told) < 64 * 1024


shapes = st.tuples(st.sampled_from(Status), st.integers(0, 300), st.integers(0, 20))


@given(st.lists(shapes, max_size=60), st.integers(1, 40))
def test_every_answer_fits_and_counts_every_message(
    drawn: list[tuple[Status, int, int]], times: int
) -> None:
    outcomes = [outcome(n, *shape) for n, shape in enumerate(drawn * times)]
    told = answer.of_batch(outcomes)

    assert bytes_of(told) < 64 * 1024
    assert sum(told["summary"]["byStatus"].values()) == len(outcomes)
    assert told["summary"]["removed"] == sum(
        len(o.removed) for o in outcomes if o.status is not Status.DRY_RUN
    )
    assert all(bytes_of(answer.of_one(one)) < 64 * 1024 for one in outcomes[:5])


def test_an_http_sender_learns_by_the_status_that_its_request_is_wrong() -> None:
    good, bad = (
        answer.http({"status": "removing"}, rejected=False),
        answer.http({"status": "rejected"}, rejected=True),
    )

    assert (good["statusCode"], bad["statusCode"]) == (200, 400)
    assert json.loads(good["body"]) == {"status": "removing"}
    assert good["headers"]["Content-Type"] == "application/json"


any_text = st.text(max_size=40) | st.sampled_from(
    ['"', "\\", "\ud800", "\U0001f600", "\0", "a"]
).flatmap(lambda text: st.integers(0, 3_000).map(lambda times: text * times))
ids = st.lists(
    st.text(max_size=5) | st.just("i-bp1" + "x" * 17) | st.just("\\" * 64), max_size=6
).flatmap(lambda some: st.sampled_from([1, 100]).map(lambda times: tuple(some * times)))


@st.composite
def outcomes_of_any_text(draw: st.DrawFn) -> Outcome:
    """Whatever senders and ESS write, wherever an outcome has a text of theirs."""
    reason, text, many = draw(st.sampled_from(Reason)), draw(any_text), draw(ids)
    leaving = [
        Verdict(id, selected=True, reason=reason, ranked_by=RankedBy(text, text)) for id in many
    ]
    few = many[: draw(st.integers(0, 40))]
    kept = [Verdict(id, selected=False, reason=reason) for reason in Reason for id in few]
    limits = tuple(Limit(reason, 1, "instances", text) for reason in Reason)
    plan = Plan(
        (*leaving, *kept),
        Amount(1, "instances"),
        9,
        1,
        8,
        limits,
        shortfall=Shortfall(9, 8, "capacity", reason),
        blocked_by=Veto(reason, text),
    )
    return Outcome(
        draw(st.sampled_from(Status)),
        draw(any_text),
        draw(any_text),
        draw(st.none() | any_text),
        draw(st.none() | st.just(plan)),
        draw(ids),
        Rejection(text, text) if draw(st.booleans()) else None,
        reason=text,
        accepted=many,
        result=RemovalResult(many, tuple((id, text) for id in many), 1, many)
        if draw(st.booleans())
        else None,
        unconfirmed=tuple(
            Unconfirmed(f"scalein-{n:048}", many, NOON) for n in range(draw(st.integers(0, 60)))
        ),
    )


WRAPPED_BYTES = 100  # what bytes_of wraps around event and answer: part of the 4 KB


def leaves_no_room(event: bytes) -> bool:
    """Of 64 KB less 4: an event of more than 52 KB as text within JSON gets an answer of 8 KB all the same."""
    return len(json.dumps(event.decode("utf-8", "replace"))) > 52 << 10


def short_of(text: str, cut: str) -> bool:
    """Whether it is the text, but for what UTF-8 cannot write, or its beginning and a mark."""
    text = text.encode("utf-8", "replace").decode()
    return cut == text or (
        cut.endswith(answer.MARK) and text.startswith(cut.removesuffix(answer.MARK))
    )


@given(
    outcomes_of_any_text(),
    st.binary(max_size=70_000) | st.integers(0, 70_000).map(lambda n: b"{" * n),
)
def test_whatever_others_write_an_answer_fits_beside_its_event(one: Outcome, event: bytes) -> None:
    room = answer.room(event, is_http=False)
    told = answer.of_one(one, room)

    assert bytes_of(told) <= max(room, 8 << 10) + 100
    assert leaves_no_room(event) or bytes_of(told, event) + (4 << 10) <= (64 << 10) + WRAPPED_BYTES
    assert json.loads(json.dumps(told, ensure_ascii=False).encode()) == told
    assert set(told) == set(as_json(one))
    assert told["status"] == one.status.value
    assert short_of(one.request_id, told["requestId"])
    assert short_of(one.scaling_group_id or "", told["scalingGroupId"] or "")
    assert short_of(one.message, told["message"])
    for name, number in told["omitted"].items():
        assert len(as_json(one)[name]) == number > len(told[name])


@given(outcomes_of_any_text())
def test_whatever_others_write_an_audit_line_is_one_line_of_16_kb(one: Outcome) -> None:
    calls = dict.fromkeys(
        ("DescribeScalingGroups", "RemoveInstances", "InvokeFunction", "redis"), (1_000, 99.0)
    )
    line = audit.line(one, "f" * 64, CallTimes(99.0, 99.0, calls))
    told = json.loads(line)

    assert len(line.encode()) <= 16_384
    assert line.isascii()
    assert "\n" not in line
    assert json.dumps(told, ensure_ascii=False).encode()
    assert told["status"] == one.status.value
    assert short_of(one.reason, told["reason"])


@given(st.lists(outcomes_of_any_text(), max_size=4), st.integers(0, 70_000))
def test_whatever_others_write_a_batch_fits_beside_its_event(
    outcomes: list[Outcome], size: int
) -> None:
    told = answer.of_batch(outcomes, answer.room(b"{" * size, is_http=False))

    assert bytes_of(told) <= max(64 << 10, 8 << 10)
    event = b"{" * size
    assert leaves_no_room(event) or bytes_of(told, event) + (4 << 10) <= (64 << 10) + WRAPPED_BYTES
    assert json.dumps(told, ensure_ascii=False).encode()
    assert len(told["outcomes"]) + told["summary"]["outcomesOmitted"] == len(outcomes)


@given(st.lists(shapes, min_size=1, max_size=4), st.integers(0, 70_000))
def test_what_many_outcomes_are_reduced_to_is_all_that_their_answer_says(
    drawn: list[tuple[Status, int, int]], size: int
) -> None:
    outcomes = [outcome(n, *drawn[n % len(drawn)]) for n in range(answer.MAX_DETAILED + 1)]
    small = [Outcome(Status.IGNORED, "", "") for _ in outcomes]
    room = answer.room(b"{" * size, is_http=False)

    for some in (outcomes, small):
        reduced = [*some[: answer.MAX_DETAILED], *map(answer.brief, some[answer.MAX_DETAILED :])]
        assert answer.of_batch(reduced, room) == answer.of_batch(some, room)
        assert answer.of_batch(some, room)["summary"]["detailOmitted"]


@given(outcomes_of_any_text())
def test_real_ids_are_never_cut(one: Outcome) -> None:
    """A requestId has 128 visible characters at most, a group 64; fifty activities are a thousand instances."""
    activity_ids = tuple(f"asa-bp1{n:018}" for n in range(50))
    one = one._replace(
        request_id='"' * 128, scaling_group_id="g" * 64, scaling_activity_ids=activity_ids
    )
    told = answer.of_one(one, answer.room(b"{" * 70_000, is_http=False))

    assert (told["requestId"], told["scalingGroupId"]) == ('"' * 128, "g" * 64)
    assert tuple(told["scalingActivityIds"]) == activity_ids
    assert json.loads(audit.line(one, "fc-1", NO_CALL_TIMES))["scalingActivityIds"] == list(
        activity_ids
    )


def test_a_thousand_long_label_names_make_a_short_answer() -> None:
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": []}))
    attributes = {f"labels.{'x' * 1_000}{n}": ("v",) for n in range(1_000)}
    message = why_no_rule(Alarm("alarm-1", attributes), policy.rules)
    one = Outcome(Status.IGNORED, "alarm-1", message, ignored=Ignored.NO_RULE)

    assert "and 980 more" in message
    assert answer.of_one(one)["message"] == message
    assert len(audit.line(one, "fc-1", NO_CALL_TIMES)) < 4_000


def test_an_answer_by_http_has_no_event_beside_it() -> None:
    assert answer.room(b"{" * 50_000, is_http=True) > answer.room(b"{" * 50_000, is_http=False)
    assert answer.room(b"{" * 50_000, is_http=False) == (60 << 10) - 50_002
