"""An answer fits where it is sent, and says what was left out of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein import answer, audit
from scalein.answer import as_json
from scalein.model import Amount, Ending, Outcome, Plan, Verdict
from scalein.reasons import Ignored, Reason, Status
from tests.fakes import NOTHING_SPENT


def outcome(number: int, status: Status = Status.NOTHING_TO_REMOVE, kept: int = 0, removed: int = 0) -> Outcome:
    verdicts = [Verdict(f"i-bp1{n:017}", leaves=True, reason=Reason.NAMED) for n in range(removed)]
    verdicts += [Verdict(f"i-bp2{n:017}", leaves=False, reason=Reason.MIN_SIZE) for n in range(kept)]
    plan = Plan(tuple(verdicts), Amount(removed, "instances"), kept + removed, kept, kept)
    message = 'A sentence of the "usual" length, about MinSize.'
    return Outcome(status, f"mns-{number:032}", message, "asg-1", plan, told=plan.leaving)


def bytes_of(told: dict[str, Any]) -> int:
    """As a destination in MNS carries it: what Function Compute makes of a returned object, as text within JSON."""
    return len(json.dumps({"responsePayload": json.dumps(told, indent=4, sort_keys=True)}))


def test_one_outcome_that_fits_is_told_in_full() -> None:
    told = answer.of_one(outcome(1, kept=100))

    assert told == as_json(outcome(1, kept=100))
    assert told["keptOmitted"] is False


def test_one_outcome_of_a_large_group_leaves_its_kept_list_to_its_counts() -> None:
    told = answer.of_one(outcome(1, kept=2_000, removed=20))

    assert (told["kept"], told["keptOmitted"], told["keptByReason"]) == ([], True, {"min-size": 2_000})
    assert bytes_of(told) < 64 * 1024


def test_one_outcome_of_a_thousand_leavers_leaves_its_lists_to_its_activities() -> None:
    ids = tuple(f"i-{number:062}" for number in range(1_000))
    ending = Ending(ids[:500], tuple((id, "IncorrectInstanceStatus") for id in ids[500:]), 0)
    one = outcome(1, Status.PARTLY_REMOVED)._replace(ending=ending, scaling_activity_ids=("asa-1",) * 50)
    told, line = answer.of_one(one), audit.line(one, "fc-1", NOTHING_SPENT)

    assert (told["removed"], told["stayed"], told["listsOmitted"]) == ([], [], True)
    assert len(told["scalingActivityIds"]) == 50
    assert bytes_of(told) < 64 * 1024
    assert len(line) < 32 * 1024
    assert json.loads(line)["listsOmitted"] is True


def test_a_batch_is_its_outcomes_in_order_and_a_summary() -> None:
    outcomes = [outcome(1, Status.REMOVING, removed=2), Outcome(Status.IGNORED, "a", "b", ignored=Ignored.RECOVERY)]
    told = answer.of_batch([*outcomes, outcome(2, Status.DRY_RUN, removed=5)])

    assert [entry["requestId"][:5] for entry in told["outcomes"]] == ["mns-0", "a", "mns-0"]
    assert told["outcomes"][:2] == [as_json(entry) for entry in outcomes]
    assert told["summary"] == {
        "messages": 3,
        "byStatus": {"removing": 1, "ignored": 1, "dry-run": 1},
        "removed": 2,
        "keptOmitted": False,
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

    assert (summary["keptOmitted"], summary["detailOmitted"]) == (kept, detail)
    assert (summary["outcomesOmitted"] == 0) is all_there
    assert len(told["outcomes"]) + summary["outcomesOmitted"] == summary["messages"] == len(outcomes)
    assert bytes_of(told) < 64 * 1024


def test_outcomes_in_which_something_happened_are_the_last_to_go() -> None:
    outcomes = [outcome(n, Status.REMOVING if n % 100 == 99 else Status.DUPLICATE, removed=1) for n in range(5_000)]
    told = answer.of_batch(outcomes)
    ids = [entry["requestId"] for entry in told["outcomes"]]

    assert sum(entry["status"] == "removing" for entry in told["outcomes"]) == 50
    assert ids == sorted(ids)
    assert bytes_of(told) < 64 * 1024


shapes = st.tuples(st.sampled_from(Status), st.integers(0, 300), st.integers(0, 20))


@given(st.lists(shapes, max_size=60), st.integers(1, 40))
def test_every_answer_fits_and_counts_every_message(drawn: list[tuple[Status, int, int]], times: int) -> None:
    outcomes = [outcome(n, *shape) for n, shape in enumerate(drawn * times)]
    told = answer.of_batch(outcomes)

    assert bytes_of(told) < 64 * 1024
    assert sum(told["summary"]["byStatus"].values()) == len(outcomes)
    assert told["summary"]["removed"] == sum(len(o.removed) for o in outcomes if o.status is not Status.DRY_RUN)
    assert all(bytes_of(answer.of_one(one)) < 64 * 1024 for one in outcomes[:5])


def test_an_http_sender_learns_by_the_status_that_its_request_is_wrong() -> None:
    good, bad = answer.http({"status": "removing"}, rejected=False), answer.http({"status": "rejected"}, rejected=True)

    assert (good["statusCode"], bad["statusCode"]) == (200, 400)
    assert json.loads(good["body"]) == {"status": "removing"}
    assert good["headers"]["Content-Type"] == "application/json"
