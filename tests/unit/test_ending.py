"""How a removal ended: from its activities and a fresh picture, never from the acceptance."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from scalein.decision.model import Activity, Count, Instance, RemoveOptions, Snapshot
from scalein.decision.progress import Call, CallState, Progress
from scalein.decision.reasons import Status
from scalein.decision.result import ended, is_running
from scalein.report import audit, wording
from scalein.report.outcome import Outcome
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES
from tests.support.fleets import group_of, member, request_for

CHOSEN = ("i-1", "i-2", "i-3")
LATER = NOON + timedelta(minutes=5)


def progress(given_up: tuple[tuple[str, str], ...] = ()) -> Progress:
    told = tuple(id for id in CHOSEN if id not in dict(given_up))
    return Progress(
        request_for(Count(3)),
        NOON,
        CHOSEN,
        (Call(0, told, NOON, NOON, CallState.ACCEPTED, "asa-1"),),
        given_up,
    )


def activity(status: str = "Successful", id: str = "asa-1", **fields: object) -> Activity:
    return Activity(id, status, NOON, LATER, **fields)  # type: ignore[arg-type]


def there(*ids: str, state: str = "InService") -> list[Instance]:
    return [member(id, lifecycle_state=state) for id in (*ids, "i-9")]


SETTLED = LATER + timedelta(seconds=181)


def judged(
    *activities: Activity, left: Snapshot, given_up: tuple[tuple[str, str], ...] = ()
) -> Outcome:
    """Once the snapshot was read after the settle time."""
    so_far = progress(given_up)
    result = ended(so_far, activities, left._replace(taken_at=SETTLED), 180)
    assert result
    return wording.ended(so_far, result)


@pytest.mark.parametrize(
    ("left", "found", "status", "removed", "not_removed"),
    [
        ((), activity(), Status.REMOVED, CHOSEN, ()),
        (
            ("i-2",),
            activity("Warning"),
            Status.PARTLY_REMOVED,
            ("i-1", "i-3"),
            (("i-2", "still-a-member"),),
        ),
        (
            ("i-2",),
            activity("Warning", failures=(("i-2", "IncorrectInstanceStatus"),)),
            Status.PARTLY_REMOVED,
            ("i-1", "i-3"),
            (("i-2", "IncorrectInstanceStatus"),),
        ),
        (CHOSEN, activity("Failed"), Status.FAILED, (), tuple((id, "failed") for id in CHOSEN)),
        (CHOSEN, activity("Rejected"), Status.FAILED, (), tuple((id, "rejected") for id in CHOSEN)),
        ((), activity("Failed"), Status.UNCONFIRMED, (), ()),  # they are gone, by another cause
        (
            CHOSEN,
            activity(removed_ids=frozenset(CHOSEN)),
            Status.REMOVED,
            CHOSEN,
            (),
        ),  # an old picture
    ],
)
def test_who_is_gone_is_gone_and_who_is_there_stays_for_the_activitys_reason(
    left: tuple[str, ...],
    found: Activity,
    status: Status,
    removed: tuple[str, ...],
    not_removed: tuple[tuple[str, str]],
) -> None:
    outcome = judged(found, left=group_of(*there(*left)))

    assert outcome.result
    assert (outcome.status, outcome.removed, outcome.result.not_removed) == (
        status,
        removed,
        not_removed,
    )
    assert outcome.scaling_activity_ids == ("asa-1",)


@pytest.mark.parametrize("state", ["Stopped", "Removing", "Removing:Wait"])
def test_who_is_parked_or_leaving_counts_as_gone(state: str) -> None:
    assert judged(activity(), left=group_of(*there(*CHOSEN, state=state))).status is Status.REMOVED


def test_who_was_given_up_stays_for_that_reason() -> None:
    outcome = judged(activity(), left=group_of(*there("i-3")), given_up=(("i-3", "min-size"),))

    assert outcome.result
    assert outcome.result.not_removed == (("i-3", "min-size"),)


@pytest.mark.parametrize(
    ("others", "desired", "replacement_capacity"),
    [
        ((), None, 0),
        ((), 1, 0),
        ((), 4, 3),  # it will be
        ((activity(id="asa-2", added=2, trigger="Ess"),), None, 2),
        ((activity(id="asa-2", added=2, trigger="APIs"),), None, 0),  # somebody's own doing
        (
            (
                Activity(
                    "asa-0", "Successful", NOON - timedelta(hours=1), NOON, added=2, trigger="Ess"
                ),
            ),
            None,
            0,
        ),
        ((activity(added=2, trigger="Ess"),), None, 0),  # our own
    ],
)
def test_what_ess_creates_anew_is_told(
    others: tuple[Activity, ...], desired: int | None, replacement_capacity: int
) -> None:
    left = group_of(*there(), desired_capacity=desired)._replace(
        activities=others, taken_at=SETTLED
    )
    kept = progress()._replace(
        request=request_for(Count(3), options=RemoveOptions(decrease_desired_capacity=False))
    )
    result = ended(kept, (activity(),), left, 180)

    assert result
    assert result.replacement_capacity == replacement_capacity
    assert ("anew" in wording.ended(kept, result).message) is (replacement_capacity > 0)


def test_one_that_runs_keeps_the_end_open() -> None:
    assert is_running([activity(), Activity("asa-2", "InProgress", NOON, None)])
    assert not is_running([activity(), activity("Failed")])


@pytest.mark.parametrize(
    ("left", "level"), [((), "INFO"), (("i-1",), "WARNING"), (CHOSEN, "ERROR")]
)
def test_the_audit_line_of_an_end_is_as_loud_as_the_end(
    left: tuple[str, ...], level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="scalein.audit")
    audit.record(judged(activity("Warning"), left=group_of(*there(*left))), "fc-1", NO_CALL_TIMES)

    assert [record.levelname for record in caplog.records] == [level]


def test_a_snapshot_from_before_the_settle_time_does_not_say_what_became_of_an_instance() -> None:
    going = group_of(*there(*CHOSEN, state="Removing"))._replace(taken_at=LATER)
    there_still = group_of(*there(*CHOSEN))._replace(taken_at=LATER)

    assert ended(progress(), (activity("Warning"),), there_still, 180) is None
    assert ended(progress(), (activity("Failed"),), going, 180) is None


def test_a_successful_activity_is_believed_against_an_old_list() -> None:
    late = group_of(*there(*CHOSEN))._replace(taken_at=LATER)
    result = ended(progress(), (activity(),), late, 180)

    assert result
    assert (wording.ended(progress(), result).status, result.removed) == (Status.REMOVED, CHOSEN)


def test_desired_capacity_and_members_of_two_moments_are_not_a_refill() -> None:
    left = group_of(*there(), desired_capacity=20)._replace(activities=(), taken_at=LATER)
    result = ended(progress(), (activity(),), left, 180)

    assert result
    assert result.replacement_capacity == 0


@pytest.mark.parametrize("state", ["Removing", "Removing:Wait"])
def test_an_instance_that_a_late_list_shows_on_its_way_out_may_still_come_back(state: str) -> None:
    """After a Warning that names no instance: absent is removed, Removing is not known yet."""
    shown = group_of(*there(*CHOSEN, state=state))._replace(taken_at=LATER + timedelta(seconds=30))

    assert ended(progress(), (activity("Warning"),), shown, 180) is None
    assert ended(progress(), (activity(),), shown, 180)
    assert ended(
        progress(), (activity("Warning"),), group_of()._replace(taken_at=shown.taken_at), 180
    )


def test_an_instance_that_came_back_after_a_warning_and_that_another_removed_is_nobodys_claim() -> (
    None
):
    gone = group_of(*there())._replace(taken_at=SETTLED)
    other = Activity("asa-2", "Successful", LATER, LATER, removed=1, removed_ids=frozenset({"i-2"}))
    result = ended(progress(), (activity("Warning"),), gone._replace(activities=(other,)), 180)

    assert result
    assert (result.removed, result.unaccounted) == (("i-1", "i-3"), ("i-2",))
