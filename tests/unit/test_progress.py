"""The progress of a message goes from one invocation to the next without loss, and signed."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import RemovalRequest, RemoveOptions, Target
from scalein.decision.progress import Call, CallState, Progress, client_token, message_key
from scalein.errors import RejectedEvent
from scalein.intake.dialects import SignedFollowUp
from scalein.processing.progress_record import (
    ids_text,
    parse_ids,
    parse_progress,
    parse_ranges,
    progress_text,
    ranges_text,
    sign_follow_up,
    verify_follow_up,
)
from tests.support.clock import NOON
from tests.support.fleets import request_for, requests

KEY = "k" * 32
ids = st.integers(1, 99).map("i-{}".format)
times = st.none() | st.integers(-9_999, 9_999).map(
    lambda seconds: NOON + timedelta(seconds=seconds, microseconds=7)
)
options = st.builds(
    RemoveOptions,
    st.none() | st.sampled_from(["release", "recycle"]),
    st.none() | st.booleans(),
    st.none() | st.integers(30, 240),
    st.none() | st.booleans(),
    st.lists(ids, max_size=2, unique=True).map(tuple),
)


@st.composite
def progresses(draw: st.DrawFn) -> Progress:
    request = draw(requests())._replace(
        options=draw(options),
        not_after=draw(times),
        sent_at=draw(times),
        request_reason=draw(st.text(max_size=5)),
        wait=True,
    )
    selected = tuple(draw(st.lists(ids, unique=True, max_size=60)))
    calls, at = list[Call](), 0
    for number in range(draw(st.integers(0, 3))):
        state, size = draw(st.sampled_from(CallState)), draw(st.integers(1, 20))
        activity_id = f"asa-{number}" if state is CallState.ACCEPTED else ""
        if selected[at : at + size]:
            calls.append(
                Call(
                    number, tuple(sorted(selected[at : at + size])), NOON, NOON, state, activity_id
                )
            )
        at += size
    given_up = tuple((id, "min-size") for id in selected[at : at + draw(st.integers(0, 3))])
    unaccounted = selected[at + 3 : at + 3 + draw(st.integers(0, 2))]
    return Progress(
        request,
        NOON,
        selected,
        tuple(calls),
        given_up,
        unaccounted,
        next_token=len(calls),
        follow_ups=draw(st.integers(0, 9)),
        attempt=draw(st.integers(0, 9)),
        idle=draw(st.integers(0, 9)),
        due_at=draw(times),
        group_of=tuple(draw(st.lists(ids, unique=True, max_size=3))),
    )


@given(progresses())
def test_nothing_is_lost_on_the_way(progress: Progress) -> None:
    event = json.loads(sign_follow_up(progress, KEY))

    assert parse_progress(progress_text(progress)) == progress
    assert verify_follow_up(SignedFollowUp(event["followUp"], event["signature"]), KEY) == progress


@given(progresses())
def test_a_record_of_before_follow_ups_had_a_due_time_is_read(progress: Progress) -> None:
    record = json.loads(progress_text(progress))
    older = {name: record[name] for name in record.keys() - {"dueAt", "groupOf"}}

    assert parse_progress(json.dumps(older)) == progress._replace(due_at=None, group_of=())


@given(progresses(), st.integers(0, 2_000), st.characters(codec="ascii"))
def test_any_change_breaks_the_signature(progress: Progress, at: int, other: str) -> None:
    event = json.loads(sign_follow_up(progress, KEY))
    text = event["followUp"]
    changed = text[: at % len(text)] + other + text[at % len(text) + 1 :]
    if changed != text:
        with pytest.raises(RejectedEvent):
            verify_follow_up(SignedFollowUp(changed, event["signature"]), KEY)
    for key in ("", "l" * 32):
        with pytest.raises(RejectedEvent):
            verify_follow_up(SignedFollowUp(text, event["signature"]), key)


@given(progresses())
def test_every_selected_instance_is_in_a_call_given_up_unaccounted_or_pending(
    progress: Progress,
) -> None:
    parts = [
        *progress.called_ids,
        *(id for id, _ in progress.given_up),
        *progress.unaccounted,
        *progress.pending,
    ]

    assert sorted(parts) == sorted(progress.selected)


@given(progresses(), st.none() | st.just(1))
def test_calls_take_twenty_at_most_in_sorted_order_with_tokens_in_sequence(
    progress: Progress, max_calls: int | None
) -> None:
    intending = progress.with_intents(max_calls, NOON, NOON)
    calls = intending.calls[len(progress.calls) :]

    assert all(len(call.instance_ids) <= 20 for call in calls)
    assert all(list(call.instance_ids) == sorted(call.instance_ids) for call in calls)
    assert [call.token_number for call in calls] == list(
        range(progress.next_token, intending.next_token)
    )
    assert len(calls) == (
        min(max_calls, -(-len(progress.pending) // 20))
        if max_calls
        else -(-len(progress.pending) // 20)
    )
    assert [call.state for call in calls] == [CallState.UNCONFIRMED] * len(calls)


@given(progresses(), st.booleans())
def test_a_call_that_did_not_happen_gives_its_instances_back(
    progress: Progress, is_token_free: bool
) -> None:
    intending = progress.with_intents(1, NOON, NOON)
    if intending.calls != progress.calls:
        undone = intending.without_call(intending.calls[-1], is_token_free)

        assert undone.pending == progress.pending
        assert undone.next_token == (progress.next_token if is_token_free else intending.next_token)


texts = st.text(max_size=12) | st.sampled_from(
    ["m", "m#1", "X", "X#1", "timer-a-b", "1:a", "\ud800"]
)


@given(texts, texts, st.booleans(), texts, texts, st.booleans())
def test_no_two_messages_share_a_key_whatever_their_senders_write(
    group: str, id: str, derived: bool, other_group: str, other_id: str, other_derived: bool
) -> None:
    one = RemovalRequest(group, id, Target(instances=1), derived_id=derived)
    other = RemovalRequest(other_group, other_id, Target(instances=1), derived_id=other_derived)
    same = (group, id, derived) == (other_group, other_id, other_derived)

    assert (message_key(one) == message_key(other)) is same
    assert (client_token(message_key(one), 1) == client_token(message_key(other), 1)) is same
    assert len(client_token(message_key(one), 10_000)) <= 64


def test_a_progress_record_of_another_version_is_malformed() -> None:
    text = progress_text(Progress(request_for(Target(instances=1)), NOON))
    document = json.loads(text)

    others: list[Any] = [
        {**document, "version": 2},
        {k: v for k, v in document.items() if k != "version"},
        5,
        None,
        [],
    ]
    for other in others:
        with pytest.raises(RejectedEvent):
            parse_progress(json.dumps(other))


@pytest.mark.parametrize("text", ["\ud800", "{}", "", "5"])
@pytest.mark.parametrize("signature", ["0" * 64, "\ud800", ""])
def test_a_poison_follow_up_is_rejected(text: str, signature: str) -> None:
    with pytest.raises(RejectedEvent):
        verify_follow_up(SignedFollowUp(text, signature), KEY)


def test_pending_ids_of_a_plan_are_not_ids_that_a_sender_named() -> None:
    """Protected instances may be removed only where a sender names them."""

    def target_of(request: RemovalRequest) -> object:
        return Progress(request, NOON, ("i-1", "i-2")).request_for_ids(("i-1", "i-2")).target

    assert target_of(request_for(Target(instances=2))) == Target(
        instance_ids=("i-1", "i-2"), by_plan=True
    )
    assert target_of(request_for(Target(instance_ids=("i-1", "i-2")))) == Target(
        instance_ids=("i-1", "i-2"), by_plan=False
    )


@pytest.mark.parametrize("state", list(CallState))
@pytest.mark.parametrize("named", [True, False])
def test_a_follow_up_of_a_thousand_instances_is_small_enough_for_its_response(
    state: CallState, named: bool
) -> None:
    """A destination takes 64 KB for both. Ids have 22 characters, and their order is random."""
    selected = tuple(f"i-{sha256(str(n).encode()).hexdigest()[:20]}" for n in range(1_000))
    request = request_for(
        Target(instance_ids=selected) if named else Target(instances=1_000), sent_at=NOON
    )
    progress = Progress(request._replace(request_id="r" * 128), NOON, selected)
    later = NOON + timedelta(seconds=86_399.123456)
    for call in progress.with_intents(None, NOON, later).calls:
        activity_id = "asa-bp1" + "x" * 18 if state is CallState.ACCEPTED else ""
        known = (
            progress.with_intents(1, NOON, later)
            .calls[-1]
            ._replace(state=state, activity_id=activity_id)
        )
        progress = progress.with_intents(1, NOON, later).with_call(known)
        assert call.token_number == known.token_number

    assert len(sign_follow_up(progress, KEY)) <= 32 << 10


@given(st.lists(st.integers(0, 40), max_size=60))
def test_positions_are_read_as_they_were_written(numbers: list[int]) -> None:
    assert list(parse_ranges(ranges_text(numbers), 41)) == numbers
    if numbers:
        with pytest.raises(ValueError):
            list(parse_ranges(ranges_text(numbers), max(numbers)))


@given(st.lists(st.text(max_size=4)).map(tuple))
def test_ids_are_read_as_they_were_written_whatever_they_are(ids: tuple[str, ...]) -> None:
    assert parse_ids(ids_text(ids)) == ids


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 9)
    | st.floats()
    | st.text(max_size=4)
    | st.just("0-999999999"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(progresses(), st.data())
def test_a_damaged_progress_record_is_malformed_and_nothing_else(
    progress: Progress, data: st.DataObject
) -> None:
    document = json.loads(progress_text(progress))
    for _ in range(data.draw(st.integers(1, 2))):
        name = data.draw(st.sampled_from(sorted(document)))
        if data.draw(st.booleans()):
            del document[name]
            break
        document[name] = data.draw(json_values)
    with suppress(RejectedEvent):
        assert isinstance(parse_progress(json.dumps(document)), Progress)
    with pytest.raises(RejectedEvent):
        parse_progress("[" * 200_000)


@given(progresses(), progresses())
def test_what_either_run_knows_to_be_accepted_stays_accepted(
    one: Progress, other: Progress
) -> None:
    both = one.with_known_calls(other.calls)
    numbers = {call.token_number for call in one.accepted_calls + other.accepted_calls}

    assert {call.token_number for call in both.accepted_calls} == numbers
    assert {call.token_number for call in both.calls} >= {call.token_number for call in one.calls}
    assert both.next_token > max((call.token_number for call in both.calls), default=-1)
    assert one.with_known_calls(one.calls) == one
