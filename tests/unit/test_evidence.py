"""What proves that a call was accepted: an activity that no other call can have begun."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.evidence import activity_of, is_settled, unowned_removals
from scalein.decision.model import Activity
from scalein.decision.progress import Call
from tests.support.clock import NOON

SETTLE = 180.0
IDS = tuple(f"i-{n}" for n in range(4))
CALL = Call(0, IDS, NOON, NOON + timedelta(seconds=30))
NONE_FOREIGN: frozenset[str] = frozenset()


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def activity(*ids: str, id: str = "asa-1", started: float = 0, trigger: str = "APIs") -> Activity:
    return Activity(
        id,
        "InProgress",
        at(started),
        None,
        removed=len(ids),
        trigger=trigger,
        removed_ids=frozenset(ids),
    )


def test_an_activity_that_lists_exactly_the_instances_of_the_call_belongs_to_it() -> None:
    began = activity_of(CALL, [activity(*IDS)], NONE_FOREIGN, SETTLE)

    assert began is not None
    assert began.id == "asa-1"


@given(st.sets(st.sampled_from([*IDS, "i-8", "i-9"])).filter(lambda ids: ids != set(IDS)))
def test_an_activity_that_lists_more_or_fewer_than_the_call_is_never_taken_for_it(
    ids: set[str],
) -> None:
    """However many they share: an overlap does not prove that the call began it."""
    assert activity_of(CALL, [activity(*ids)], NONE_FOREIGN, SETTLE) is None


def test_an_activity_that_is_known_as_anothers_is_never_taken_for_the_calls() -> None:
    history = [activity(*IDS, id="asa-other"), activity(*IDS, id="asa-own")]
    began = activity_of(CALL, history, frozenset({"asa-other"}), SETTLE)

    assert began is not None
    assert began.id == "asa-own"


@pytest.mark.parametrize("trigger", ["Cms", "Ess", "ManualScaling"])
def test_an_activity_that_no_call_of_the_api_began_is_never_taken_for_the_calls(
    trigger: str,
) -> None:
    assert activity_of(CALL, [activity(*IDS, trigger=trigger)], NONE_FOREIGN, SETTLE) is None


@given(st.integers(-600, 600))
def test_an_activity_counts_from_the_intent_to_the_settle_time(started: int) -> None:
    """ESS says times to the minute."""
    began = activity_of(CALL, [activity(*IDS, started=started)], NONE_FOREIGN, SETTLE)

    assert (began is not None) == (0 <= started <= 30 + SETTLE)


@given(st.integers(0, 600))
def test_absence_counts_only_where_the_read_began_after_the_settle_time(read: int) -> None:
    assert is_settled(CALL, at(read), SETTLE) == (read >= 30 + SETTLE)


def test_a_removal_that_no_message_is_known_to_own_may_be_of_an_earlier_delivery() -> None:
    history = [
        activity("i-1", id="asa-owned"),
        activity("i-1", id="asa-older", started=-1),
        activity("i-1", id="asa-alarm", trigger="Cms"),
        activity("i-1", id="asa-stranger"),
    ]

    assert unowned_removals(history, frozenset({"asa-owned"}), NOON) == ("asa-stranger",)
