"""The result of a removal: from its activities and a new snapshot, not from the acceptance."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from scalein.decision.model import Activity, Instance, RemoveOptions, Snapshot, Target
from scalein.decision.progress import Call, CallState, Progress
from scalein.decision.reasons import Status
from scalein.decision.result import is_running, removal_result
from scalein.report import audit, wording
from scalein.report.outcome import Outcome
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES
from tests.support.fleets import group_of, member, request_for

SELECTED = ("i-1", "i-2", "i-3")
LATER = NOON + timedelta(minutes=5)


def progress(given_up: tuple[tuple[str, str], ...] = ()) -> Progress:
    accepted_ids = tuple(id for id in SELECTED if id not in dict(given_up))
    return Progress(
        request_for(Target(instances=3)),
        NOON,
        SELECTED,
        (Call(0, accepted_ids, NOON, NOON, CallState.ACCEPTED, "asa-1"),),
        given_up,
    )


def activity(status: str = "Successful", id: str = "asa-1", **fields: object) -> Activity:
    return Activity(id, status, NOON, LATER, **fields)  # type: ignore[arg-type]


def members(*ids: str, state: str = "InService") -> list[Instance]:
    return [member(id, lifecycle_state=state) for id in (*ids, "i-9")]


SETTLED = LATER + timedelta(seconds=181)


def judged(
    *activities: Activity, snapshot: Snapshot, given_up: tuple[tuple[str, str], ...] = ()
) -> Outcome:
    """Once the snapshot was read after the settle time."""
    so_far = progress(given_up)
    result = removal_result(so_far, activities, snapshot._replace(taken_at=SETTLED), 180)
    assert result
    return wording.ended(so_far, result)


@pytest.mark.parametrize(
    ("snapshot", "activity_of_call", "status", "removed", "not_removed"),
    [
        ((), activity(), Status.REMOVED, SELECTED, ()),
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
        (SELECTED, activity("Failed"), Status.FAILED, (), tuple((id, "failed") for id in SELECTED)),
        (
            SELECTED,
            activity("Rejected"),
            Status.FAILED,
            (),
            tuple((id, "rejected") for id in SELECTED),
        ),
        ((), activity("Failed"), Status.UNCONFIRMED, (), ()),  # something else removed them
        (
            SELECTED,
            activity(removed_ids=frozenset(SELECTED)),
            Status.REMOVED,
            SELECTED,
            (),
        ),  # an old picture
    ],
)
def test_an_instance_is_removed_or_a_member_still_for_the_reason_of_the_activity(
    snapshot: tuple[str, ...],
    activity_of_call: Activity,
    status: Status,
    removed: tuple[str, ...],
    not_removed: tuple[tuple[str, str]],
) -> None:
    outcome = judged(activity_of_call, snapshot=group_of(*members(*snapshot)))

    assert outcome.result
    assert (outcome.status, outcome.removed, outcome.result.not_removed) == (
        status,
        removed,
        not_removed,
    )
    assert outcome.scaling_activity_ids == ("asa-1",)


@pytest.mark.parametrize("state", ["Stopped", "Removing", "Removing:Wait"])
def test_an_instance_that_is_stopped_or_removing_counts_as_removed(state: str) -> None:
    assert (
        judged(activity(), snapshot=group_of(*members(*SELECTED, state=state))).status
        is Status.REMOVED
    )


def test_an_instance_that_was_given_up_is_not_removed_for_that_reason() -> None:
    outcome = judged(
        activity(), snapshot=group_of(*members("i-3")), given_up=(("i-3", "min-size"),)
    )

    assert outcome.result
    assert outcome.result.not_removed == (("i-3", "min-size"),)


@pytest.mark.parametrize(
    ("others", "desired", "replacement_capacity"),
    [
        ((), None, 0),
        ((), 1, 0),
        ((), 4, 3),  # it will be
        ((activity(id="asa-2", added=2, trigger="Ess"),), None, 2),
        ((activity(id="asa-2", added=2, trigger="APIs"),), None, 0),  # an operator's
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
def test_the_capacity_that_ess_creates_again_is_counted(
    others: tuple[Activity, ...], desired: int | None, replacement_capacity: int
) -> None:
    snapshot = group_of(*members(), desired_capacity=desired)._replace(
        activities=others, taken_at=SETTLED
    )
    keeping = progress()._replace(
        request=request_for(
            Target(instances=3), options=RemoveOptions(decrease_desired_capacity=False)
        )
    )
    result = removal_result(keeping, (activity(),), snapshot, 180)

    assert result
    assert result.replacement_capacity == replacement_capacity
    assert ("replacements" in wording.ended(keeping, result).message) is (replacement_capacity > 0)


def test_an_activity_that_runs_means_there_is_no_result_yet() -> None:
    assert is_running([activity(), Activity("asa-2", "InProgress", NOON, None)])
    assert not is_running([activity(), activity("Failed")])


@pytest.mark.parametrize(
    ("snapshot", "level"), [((), "INFO"), (("i-1",), "WARNING"), (SELECTED, "ERROR")]
)
def test_the_audit_line_of_an_end_is_as_loud_as_the_end(
    snapshot: tuple[str, ...], level: str
) -> None:
    (line,) = audit.lines(
        judged(activity("Warning"), snapshot=group_of(*members(*snapshot))), "fc-1", NO_CALL_TIMES
    )

    assert json.loads(line)["level"] == level


def test_a_snapshot_from_before_the_settle_time_does_not_prove_a_result() -> None:
    removing = group_of(*members(*SELECTED, state="Removing"))._replace(taken_at=LATER)
    in_service = group_of(*members(*SELECTED))._replace(taken_at=LATER)

    assert removal_result(progress(), (activity("Warning"),), in_service, 180) is None
    assert removal_result(progress(), (activity("Failed"),), removing, 180) is None


def test_a_successful_activity_is_believed_against_an_old_list() -> None:
    late = group_of(*members(*SELECTED))._replace(taken_at=LATER)
    result = removal_result(progress(), (activity(),), late, 180)

    assert result
    assert (wording.ended(progress(), result).status, result.removed) == (Status.REMOVED, SELECTED)


def test_desired_capacity_and_members_of_two_moments_are_no_replacement() -> None:
    snapshot = group_of(*members(), desired_capacity=20)._replace(activities=(), taken_at=LATER)
    result = removal_result(progress(), (activity(),), snapshot, 180)

    assert result
    assert result.replacement_capacity == 0


@pytest.mark.parametrize("state", ["Removing", "Removing:Wait"])
def test_an_instance_that_a_late_list_shows_as_removing_may_still_come_back(state: str) -> None:
    """After a Warning that names no instance: absent is removed, Removing is not known yet."""
    shown = group_of(*members(*SELECTED, state=state))._replace(
        taken_at=LATER + timedelta(seconds=30)
    )

    assert removal_result(progress(), (activity("Warning"),), shown, 180) is None
    assert removal_result(progress(), (activity(),), shown, 180)
    assert removal_result(
        progress(), (activity("Warning"),), group_of()._replace(taken_at=shown.taken_at), 180
    )


def test_an_instance_that_came_back_and_that_another_activity_removed_is_unaccounted() -> None:
    others_gone = group_of(*members())._replace(taken_at=SETTLED)
    other = Activity("asa-2", "Successful", LATER, LATER, removed=1, removed_ids=frozenset({"i-2"}))
    result = removal_result(
        progress(), (activity("Warning"),), others_gone._replace(activities=(other,)), 180
    )

    assert result
    assert (result.removed, result.unaccounted) == (("i-1", "i-3"), ("i-2",))
