"""Audit lines are found in any log, joined with their follow-on lines, and make stories."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import Amount, Plan, RankedBy, RemovalResult, Verdict
from scalein.decision.reasons import Reason, Status
from scalein.report import audit
from scalein.report.outcome import FollowUp, Outcome
from scalein_cli.audit_lines import AuditLog, read_audit_lines
from scalein_cli.errors import CommandError
from scalein_cli.history import messages_of
from scalein_cli.log_service import MAX_ROWS, PAGE
from scalein_cli.log_service import lines_of as lines_of_store
from scalein_cli.stories import end_text, instance_story, message_story
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES

LARGE = 1_500  # instances: their verdicts take several lines
GROUP = "asg-bp1example0000000000"


KEYS = st.sampled_from(["id", "reason", "by", "value", "unit"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner),
)


def instance_id(number: int) -> str:
    return f"i-bp1{number:017}"


def planned(members: int, selected: int) -> Plan:
    verdicts = [
        Verdict(instance_id(n), True, Reason.NEXT_IN_ORDER, RankedBy("OldestInstance", f"day {n}"))
        for n in range(selected)
    ]
    verdicts += [
        Verdict(instance_id(n), False, Reason.PROTECTED if n % 2 else Reason.NOT_NEEDED)
        for n in range(selected, members)
    ]
    amount = Amount(selected, "instances")
    return Plan(tuple(verdicts), amount, members, 1, members - selected)


def removal(members: int = 6, selected: int = 2, request_id: str = "request-1") -> list[Outcome]:
    """The outcomes of a removal: accepted, then ended."""
    plan, ids = planned(members, selected), tuple(map(instance_id, range(selected)))
    begun = Outcome(
        Status.REMOVING,
        request_id,
        "Instances accepted for removal.",
        GROUP,
        plan,
        ("asa-bp1example0000000000",),
        request_reason="web-cpu-low",
        selected=ids,
        accepted=ids,
        follow_up=FollowUp(1, 8),
    )
    result = RemovalResult(ids[:-1], ((ids[-1], "IncorrectInstanceStatus"),), 0)
    ended = begun._replace(
        status=Status.PARTLY_REMOVED, message="Some removed.", plan=None, result=result,
        follow_up=None,
    )  # fmt: skip
    return [begun, ended]


def lines_of(outcomes: list[Outcome]) -> list[str]:
    return [
        line
        for number, outcome in enumerate(outcomes)
        for line in audit.lines(outcome, f"fc-{number}", NO_CALL_TIMES)
    ]


def as_row(line: str, time: int = 1_800_000_000) -> str:
    return json.dumps({"__time__": time, "functionName": "scalein", "message": line})


def as_cut_by_grep(line: str) -> str:
    return f"scalein.log:2026-11-23T12:00:00.123Z stdout F {line}"


def as_windows(line: str) -> str:
    return f"\ufeff{line}\r\n"


@pytest.mark.parametrize("written", [str, as_row, as_cut_by_grep, as_windows])
def test_an_audit_line_is_found_whatever_stands_around_it(written: object) -> None:
    assert callable(written)
    noise = ["FC Invoke Start RequestId: fc-0", "", "Traceback:", '{"audit": 1}', "[", "{"]
    log = read_audit_lines([*noise, *map(written, lines_of(removal()))])

    assert [one["status"] for one in log.outcomes] == ["removing", "partly-removed"]
    assert log.outcomes[0]["selected"] == [instance_id(0), instance_id(1)]
    assert log.broken == 0


def test_a_document_of_rows_over_many_lines_is_read_too() -> None:
    rows = [json.loads(as_row(line)) for line in lines_of(removal())]
    for document in (rows, {"meta": {"count": 2}, "data": rows}):
        log = read_audit_lines(json.dumps(document, indent=2).splitlines())
        assert [one["status"] for one in log.outcomes] == ["removing", "partly-removed"]


def test_the_time_is_that_of_the_row_or_of_the_prefix() -> None:
    (line,) = lines_of(removal()[1:])
    written = [as_row(line), as_cut_by_grep(line), f"2026-11-23 20:00:00,5+08:00 {line}", line]
    times = [read_audit_lines([text]).outcomes[0].logged_at for text in written]

    assert times[0] == datetime.fromtimestamp(1_800_000_000, timezone.utc)
    assert [time and time.replace(microsecond=0) for time in times[1:]] == [NOON, NOON, None]


@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_follow_on_lines_are_joined_whatever_their_order(order: random.Random, copies: int) -> None:
    lines = lines_of(removal(LARGE, 600)) * copies
    order.shuffle(lines)
    log = read_audit_lines(lines)
    begun = [one for one in log.outcomes if one["status"] == "removing"]

    assert len(begun) == copies
    for outcome in begun:
        assert outcome.missing_parts == 0
        assert len(outcome["retained"]) == LARGE - 600
        assert {*outcome["selected"]} == {*map(instance_id, range(600))}


def test_a_missing_follow_on_line_is_counted() -> None:
    lines = lines_of(removal(LARGE, 600))
    without = [line for line in lines if '"part": 3' not in line]
    log = read_audit_lines(without)

    assert sum(outcome.missing_parts for outcome in log.outcomes) == len(lines) - len(without) == 2


def test_a_line_that_is_cut_or_of_another_version_is_counted() -> None:
    line, _ = lines_of(removal())
    log = read_audit_lines([line[:500], line.replace("scalein/3", "scalein/2")])

    assert log == AuditLog((), 2)


@given(ANY_JSON)
def test_a_field_of_another_type_makes_no_story_fail(value: object) -> None:
    (line,) = lines_of(removal()[:1])
    fields = json.loads(line)
    names = [name for name in fields if name not in ("audit", "part", "parts", "requestId")]
    for name in names:
        log = read_audit_lines([json.dumps({**fields, name: value})])
        assert message_story(log.outcomes)
        assert list(messages_of(log.outcomes))
        instance_story(instance_id(0), log.outcomes)


def test_a_log_with_its_newest_line_first_is_read_from_its_end() -> None:
    lines = [as_row(line, 1_800_000_000 + n // 2) for n, line in enumerate(lines_of(removal()) * 2)]
    forwards, backwards = read_audit_lines(lines), read_audit_lines(lines[::-1])

    assert [one["status"] for one in backwards.outcomes] == [
        one["status"] for one in forwards.outcomes
    ]


def test_the_story_of_a_message_has_reason_plan_call_follow_up_and_end() -> None:
    outcomes = read_audit_lines(lines_of(removal())).outcomes
    begun, ended = (" ".join(step.sentences) for step in message_story(outcomes))

    for words in (
        f"Received for {GROUP}.",
        "by its rule or sender: web-cpu-low.",
        "Plan: 2 instances requested; capacity 6 to 4, MinSize 1.",
        f"Selected 2 instances: {instance_id(0)} (OldestInstance day 0)",
        "Retained: 2 not needed, 2 Protected.",
        f"ESS accepted 2 instances: {instance_id(0)}, {instance_id(1)}, in scaling activity asa-",
        "Scheduled follow-up 1, 8 s later.",
    ):
        assert words in begun
    assert f"Removed: 1 instance: {instance_id(0)}, in scaling activity asa-" in ended
    assert f"Not removed: 1 instance: {instance_id(1)} (IncorrectInstanceStatus)." in ended
    assert "Called RemoveInstances" not in ended  # the same call
    assert end_text(outcomes) == "The end: partly-removed."
    assert "an absent" not in end_text(outcomes)


def test_a_message_without_an_end_is_said_to_have_none() -> None:
    outcomes = read_audit_lines(lines_of(removal()[:1])).outcomes

    assert "its last outcome is removing. A line that is absent proves nothing" in end_text(
        outcomes
    )


def test_the_story_of_an_instance_says_why_it_was_retained_or_selected() -> None:
    outcomes = read_audit_lines(lines_of(removal(LARGE, 600))).outcomes
    removed, not_removed, retained = (
        [" ".join(step.sentences) for step in instance_story(instance_id(n), outcomes)]
        for n in (0, 599, 601)
    )

    assert removed[0].startswith("Selected: OldestInstance day 0. ESS accepted its removal, in")
    assert removed[1].endswith("Removed, in scaling activity asa-bp1example0000000000.")
    assert not_removed[1].endswith("Not removed: IncorrectInstanceStatus.")
    assert retained == ["Retained: Protected. The instance is Protected."]
    assert instance_story(instance_id(LARGE), outcomes) == []


def test_history_has_one_entry_for_a_message_and_ignores_its_duplicates() -> None:
    duplicate = Outcome(Status.DUPLICATE, "request-1", "Before.", GROUP, original_status="removing")
    other = Outcome(Status.IGNORED, "request-2", "An alarm is over.")
    log = read_audit_lines(lines_of([*removal(), duplicate, other]))

    entries = [
        (m.latest["requestId"], m.latest["status"], m.outcomes) for m in messages_of(log.outcomes)
    ]
    assert entries == [("request-2", "ignored", 1), ("request-1", "partly-removed", 3)]


class Pages(NamedTuple):
    """A log store with so many rows."""

    number: int

    def rows(self, since: datetime, until: datetime, offset: int) -> list[dict[str, Any]]:
        assert since <= until
        return [{"message": str(n)} for n in range(self.number)][offset : offset + PAGE]


@pytest.mark.parametrize("number", [0, 1, PAGE, PAGE + 1, MAX_ROWS - 1])
def test_all_pages_of_a_log_store_are_read(number: int) -> None:
    lines = list(lines_of_store(Pages(number), NOON, NOON))

    assert [json.loads(line)["message"] for line in lines] == [str(n) for n in range(number)]


def test_a_log_store_with_too_many_rows_is_no_part_of_a_history() -> None:
    with pytest.raises(CommandError, match="Give a shorter --since"):
        list(lines_of_store(Pages(MAX_ROWS + 1), NOON, NOON))
