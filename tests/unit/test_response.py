"""An answer fits where it is sent, and says what was left out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.model import (
    Amount,
    Limit,
    Plan,
    RankedBy,
    RemovalResult,
    Shortfall,
    Verdict,
    Veto,
)
from scalein.decision.progress import Call
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.policy import read_policy
from scalein.policy_rules import why_no_rule
from scalein.report import audit, response
from scalein.report.outcome import MARK, FollowUp, Outcome, outcome_json
from scalein.timing import CallTimes
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES
from tests.support.outcomes import audit_faults, joined, response_faults


def outcome(
    number: int, status: Status = Status.BLOCKED, retained: int = 0, removed: int = 0
) -> Outcome:
    verdicts = [
        Verdict(f"i-bp1{n:017}", selected=True, reason=Reason.NAMED) for n in range(removed)
    ]
    verdicts += [
        Verdict(f"i-bp2{n:017}", selected=False, reason=Reason.MIN_SIZE) for n in range(retained)
    ]
    plan = Plan(
        tuple(verdicts), Amount(removed, "instances"), retained + removed, retained, retained
    )
    message = 'A sentence of the "usual" length, about MinSize.'
    return Outcome(status, f"mns-{number:032}", message, "asg-1", plan)._replace(
        selected=plan.selected,
        accepted=() if status is Status.DRY_RUN else plan.selected,
        result=RemovalResult(plan.selected, (), 0) if status is Status.REMOVED else None,
    )


def bytes_of(fields: dict[str, Any], event: bytes = b"") -> int:
    """Bytes as a destination in MNS carries it, as text within JSON, beside the event.

    Function Compute makes it of a returned object, or of an error whose text it is.
    """
    error = {
        "errorMessage": json.dumps(fields),
        "errorType": "RemovalFailedError",
        "stackTrace": [],
    }
    payloads = json.dumps(fields, indent=4, sort_keys=True), json.dumps(error)
    request = event.decode("utf-8", "replace")
    return max(
        len(json.dumps({"requestPayload": request, "responsePayload": payload}))
        for payload in payloads
    )


def test_one_outcome_that_fits_is_told_in_full() -> None:
    fields = response.for_one(outcome(1, retained=100))

    assert fields == outcome_json(outcome(1, retained=100))
    assert fields["omitted"] == {}


def test_one_outcome_of_a_large_group_leaves_its_kept_list_to_its_counts() -> None:
    fields = response.for_one(outcome(1, retained=2_000, removed=20))

    assert (fields["retained"], fields["omitted"], fields["retainedByReason"]) == (
        [],
        {"retained": 2_000},
        {"min-size": 2_000},
    )
    assert bytes_of(fields) < 64 * 1024


@given(st.integers(200, 600), st.integers(-2_000, 2_000))
@example(300, -1)
@example(300, 600)
def test_one_outcome_is_told_in_full_only_if_it_fits_in_lines(retained: int, spare: int) -> None:
    """To two bytes for each instance, for its lines are not written to be counted."""
    one = outcome(1, retained=retained)
    whole = outcome_json(one)
    size = len(json.dumps(json.dumps(whole, indent=4, sort_keys=True)))
    is_told = response.for_one(one, size + spare) == whole

    assert is_told if spare >= 2 * retained else (spare >= 0 or not is_told)


def test_one_outcome_of_a_thousand_leavers_leaves_its_lists_to_its_activities() -> None:
    ids = tuple(f"i-{number:062}" for number in range(1_000))
    ending = RemovalResult(ids[:500], tuple((id, "IncorrectInstanceStatus") for id in ids[500:]), 0)
    one = outcome(1, Status.PARTLY_REMOVED)._replace(
        result=ending, scaling_activity_ids=("asa-1",) * 50
    )
    fields, lines = response.for_one(one), audit.lines(one, "fc-1", NO_CALL_TIMES)

    assert (fields["removed"], fields["notRemoved"]) == ([], [])
    assert len(fields["scalingActivityIds"]) == 50
    assert bytes_of(fields) < 64 * 1024
    assert max(map(len, lines)) <= 16_000
    assert json.loads(lines[0])["omitted"] == {"removed": 500, "notRemoved": 500}
    assert joined(lines)["removed"] == list(ids[:500])
    assert joined(lines)["notRemoved"] == outcome_json(one)["notRemoved"]
    assert fields["omitted"] == {"removed": 500, "notRemoved": 500}


def test_a_batch_is_its_outcomes_in_order_and_a_summary() -> None:
    outcomes = [
        outcome(1, Status.REMOVING, removed=2),
        Outcome(Status.IGNORED, "a", "b", ignored=Ignored.RECOVERY),
    ]
    fields = response.for_batch([*outcomes, outcome(2, Status.DRY_RUN, removed=5)])

    assert [entry["requestId"][:5] for entry in fields["outcomes"]] == ["mns-0", "a", "mns-0"]
    assert fields["outcomes"][:2] == [outcome_json(entry) for entry in outcomes]
    assert fields["summary"] == {
        "messages": 3,
        "byStatus": {"removing": 1, "ignored": 1, "dry-run": 1},
        "accepted": 2,
        "removed": 0,
        "retainedOmitted": False,
        "detailOmitted": False,
        "outcomesOmitted": 0,
    }


@pytest.mark.parametrize(
    ("outcomes", "retained", "detail", "all_there"),
    [
        ([outcome(n, retained=10) for n in range(5)], False, False, True),
        ([outcome(n, retained=100) for n in range(10)], True, False, True),
        ([outcome(n) for n in range(150)], True, True, True),
        ([outcome(n) for n in range(10_000)], True, True, False),
    ],
)
def test_kept_lists_go_first_then_detail_then_whole_outcomes(
    outcomes: list[Outcome], retained: bool, detail: bool, all_there: bool
) -> None:
    fields = response.for_batch(outcomes)
    summary = fields["summary"]

    assert (summary["retainedOmitted"], summary["detailOmitted"]) == (retained, detail)
    assert (summary["outcomesOmitted"] == 0) is all_there
    assert (
        len(fields["outcomes"]) + summary["outcomesOmitted"] == summary["messages"] == len(outcomes)
    )
    assert bytes_of(fields) < 64 * 1024


def test_outcomes_in_which_something_happened_are_the_last_to_go() -> None:
    outcomes = [
        outcome(n, Status.REMOVING if n % 100 == 99 else Status.DUPLICATE, removed=1)
        for n in range(5_000)
    ]
    fields = response.for_batch(outcomes)
    ids = [entry["requestId"] for entry in fields["outcomes"]]

    assert sum(entry["status"] == "removing" for entry in fields["outcomes"]) == 50
    assert ids == sorted(ids)
    assert bytes_of(fields) < 64 * 1024


shapes = st.tuples(st.sampled_from(Status), st.integers(0, 300), st.integers(0, 20))


@pytest.mark.slow
@given(st.lists(shapes, max_size=60), st.integers(1, 40))
def test_every_answer_fits_and_counts_every_message(
    drawn: list[tuple[Status, int, int]], times: int
) -> None:
    outcomes = [outcome(n, *shape) for n, shape in enumerate(drawn * times)]
    fields = response.for_batch(outcomes)

    assert bytes_of(fields) < 64 * 1024
    assert sum(fields["summary"]["byStatus"].values()) == len(outcomes)
    assert fields["summary"]["accepted"] == sum(len(o.accepted) for o in outcomes)
    assert fields["summary"]["removed"] == sum(len(o.removed) for o in outcomes)
    assert all(bytes_of(response.for_one(one)) < 64 * 1024 for one in outcomes[:5])


def test_an_http_sender_learns_by_the_status_that_its_request_is_wrong() -> None:
    good, bad = (
        response.for_http({"status": "removing"}, [Outcome(Status.REMOVING, "m", "x")]),
        response.for_http({"status": "rejected"}, [Outcome(Status.REJECTED, "m", "x")]),
    )

    assert (good["statusCode"], bad["statusCode"]) == (200, 400)
    assert json.loads(good["body"]) == {"status": "removing"}
    assert good["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(("seconds", "header"), [(29.2, "30"), (0.0, "15")])
def test_an_http_sender_learns_when_to_send_its_request_again(seconds: float, header: str) -> None:
    outcome = Outcome(Status.RETRY, "m", "x", retry_after_seconds=seconds)
    reply = response.for_http({"status": "retry"}, [outcome])

    assert (reply["statusCode"], reply["headers"]["Retry-After"]) == (503, header)


def test_an_http_sender_need_not_repeat_what_this_function_follows_up() -> None:
    outcome = Outcome(Status.RETRY, "m", "x", retry_after_seconds=30.0, follow_up=FollowUp(1, 30))
    reply = response.for_http({"status": "retry"}, [outcome])

    assert reply["statusCode"] == 200
    assert "Retry-After" not in reply["headers"]


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        ("removing rejected", 200),
        ("rejected rejected", 400),
        ("ignored retry", 503),
        ("rejected retry", 503),
        ("ignored blocked", 200),
    ],
)
def test_an_http_sender_learns_one_status_of_several_outcomes(statuses: str, code: int) -> None:
    outcomes = [Outcome(Status(status), "m", "x") for status in statuses.split()]

    assert response.for_http({}, outcomes)["statusCode"] == code


def test_an_http_sender_waits_for_the_last_of_several_outcomes() -> None:
    outcomes = [Outcome(Status.RETRY, "m", "x", retry_after_seconds=s) for s in (20.0, 90.0, 1.0)]

    assert response.for_http({}, outcomes)["headers"]["Retry-After"] == "90"


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
    selected = [
        Verdict(id, selected=True, reason=reason, ranked_by=RankedBy(text, text)) for id in many
    ]
    few = many[: draw(st.integers(0, 40))]
    retained = [Verdict(id, selected=False, reason=reason) for reason in Reason for id in few]
    limits = tuple(Limit(reason, 1, "instances", text) for reason in Reason)
    plan = Plan(
        (*selected, *retained),
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
        draw(any_text) or "A message.",
        draw(st.none() | any_text),
        draw(st.none() | st.just(plan)),
        draw(ids),
        (text, text) if draw(st.booleans()) else None,
        request_reason=text,
        policy_warning=text,
        selected=many,
        accepted=many,
        pending=many,
        result=RemovalResult(many, tuple((id, text) for id in many), 1, many)
        if draw(st.booleans())
        else None,
        unconfirmed=tuple(
            (f"scalein-{n:048}", Call(n, many, NOON, NOON)) for n in range(draw(st.integers(0, 60)))
        ),
    )


# What `bytes_of` wraps around event and answer: part of the 4 KB.
WRAPPED_BYTES = bytes_of({}) - len(json.dumps(json.dumps({"errorMessage": "{}"})))


def leaves_no_room(event: bytes) -> bool:
    """An event of more than 52 KB as text within JSON gets a response of 8 KB all the same."""
    return len(json.dumps(event.decode("utf-8", "replace"))) > 52 << 10


def short_of(text: str, cut: str) -> bool:
    """Whether it is the text, but for what UTF-8 cannot write, or its beginning and a mark."""
    text = text.encode("utf-8", "replace").decode()
    return cut == text or (cut.endswith(MARK) and text.startswith(cut.removesuffix(MARK)))


@given(
    outcomes_of_any_text(),
    st.binary(max_size=70_000) | st.integers(0, 70_000).map(lambda n: b"{" * n),
)
def test_whatever_others_write_an_answer_fits_beside_its_event(one: Outcome, event: bytes) -> None:
    room = response.max_bytes_for(event, is_http=False)
    fields = response.for_one(one, room)

    assert bytes_of(fields) <= max(room, 8 << 10) + WRAPPED_BYTES
    assert (
        leaves_no_room(event) or bytes_of(fields, event) + (4 << 10) <= (64 << 10) + WRAPPED_BYTES
    )
    assert json.loads(json.dumps(fields, ensure_ascii=False).encode()) == fields
    assert response_faults(fields) == []
    assert fields["status"] == one.status.value
    assert short_of(one.request_id, fields["requestId"])
    assert short_of(one.scaling_group_id or "", fields["scalingGroupId"] or "")
    assert short_of(one.message, fields["message"])
    assert short_of(one.request_reason, fields["requestReason"] or "")
    for name, number in fields["omitted"].items():
        assert len(outcome_json(one)[name]) == number > len(fields[name])


def fitting(entries: list[Any]) -> list[Any]:
    """The entries, without those, or of calls in doubt without the ids, that no line can hold."""
    fitting_entries = []
    for entry in entries:
        if len(json.dumps([entry])) <= audit.MAX_SLICE_BYTES:
            fitting_entries.append(entry)
        elif "instanceIds" in entry:
            fitting_entries.append({**entry, "instanceIds": []})
    return fitting_entries


@given(outcomes_of_any_text())
def test_whatever_others_write_audit_lines_have_16_kb_and_the_whole_outcome(one: Outcome) -> None:
    calls = dict.fromkeys(
        ("DescribeScalingGroups", "RemoveInstances", "InvokeFunction", "redis"), (1_000, 99.0)
    )
    lines = audit.lines(one, "f" * 64, CallTimes(99.0, 99.0, calls))

    for line in lines:
        assert len(line.encode()) <= 16_000
        assert audit_faults(line) == []
        assert line.isascii()
        assert "\n" not in line
        assert json.dumps(json.loads(line), ensure_ascii=False).encode()
    fields = outcome_json(one)
    whole, fields = joined(lines), response.encodable(fields, json.dumps(fields))
    assert whole["counts"] == {name: len(fields[name]) for name in audit.LISTS}
    assert {name: whole[name] for name in fields} == {
        **fields,
        **{name: fitting(fields[name]) for name in json.loads(lines[0])["omitted"]},
    }


@given(st.lists(outcomes_of_any_text(), max_size=4), st.integers(0, 70_000))
def test_whatever_others_write_a_batch_fits_beside_its_event(
    outcomes: list[Outcome], size: int
) -> None:
    fields = response.for_batch(outcomes, response.max_bytes_for(b"{" * size, is_http=False))

    assert bytes_of(fields) <= max(64 << 10, 8 << 10)
    event = b"{" * size
    assert (
        leaves_no_room(event) or bytes_of(fields, event) + (4 << 10) <= (64 << 10) + WRAPPED_BYTES
    )
    assert json.dumps(fields, ensure_ascii=False).encode()
    assert len(fields["outcomes"]) + fields["summary"]["outcomesOmitted"] == len(outcomes)
    assert response_faults(fields) == []


@pytest.mark.slow
@given(st.lists(shapes, min_size=1, max_size=4), st.integers(0, 70_000))
def test_what_many_outcomes_are_reduced_to_is_all_that_their_answer_says(
    drawn: list[tuple[Status, int, int]], size: int
) -> None:
    outcomes = [outcome(n, *drawn[n % len(drawn)]) for n in range(response.MAX_DETAILED + 1)]
    small = [Outcome(Status.IGNORED, "", "") for _ in outcomes]
    room = response.max_bytes_for(b"{" * size, is_http=False)

    for some in (outcomes, small):
        reduced = [
            *some[: response.MAX_DETAILED],
            *map(response.without_detail, some[response.MAX_DETAILED :]),
        ]
        assert response.for_batch(reduced, room) == response.for_batch(some, room)
        assert response.for_batch(some, room)["summary"]["detailOmitted"]


@given(outcomes_of_any_text())
def test_real_ids_are_never_cut(one: Outcome) -> None:
    """A requestId has at most 128 visible characters, a group 64. 50 activities take 1,000."""
    activity_ids = tuple(f"asa-bp1{n:018}" for n in range(50))
    one = one._replace(
        request_id='"' * 128, scaling_group_id="g" * 64, scaling_activity_ids=activity_ids
    )
    fields = response.for_one(one, response.max_bytes_for(b"{" * 70_000, is_http=False))

    assert (fields["requestId"], fields["scalingGroupId"]) == ('"' * 128, "g" * 64)
    assert tuple(fields["scalingActivityIds"]) == activity_ids
    line, *_ = audit.lines(one, "fc-1", NO_CALL_TIMES)
    assert tuple(json.loads(line)["scalingActivityIds"]) == activity_ids


def test_a_thousand_long_label_names_make_a_short_answer() -> None:
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": []}))
    attributes = {f"labels.{'x' * 1_000}{n}": ("v",) for n in range(1_000)}
    message = why_no_rule(Alarm("alarm-1", attributes, Subject(Scope.GROUP)), policy.rules)
    one = Outcome(Status.IGNORED, "alarm-1", message, ignored=Ignored.NO_RULE)

    assert "and 980 more" in message
    assert response.for_one(one)["message"] == message
    assert len("".join(audit.lines(one, "fc-1", NO_CALL_TIMES))) < 5_000


def test_an_answer_by_http_has_no_event_beside_it() -> None:
    assert response.max_bytes_for(b"{" * 50_000, is_http=True) > response.max_bytes_for(
        b"{" * 50_000, is_http=False
    )
    assert response.max_bytes_for(b"{" * 50_000, is_http=False) == (60 << 10) - 50_002
