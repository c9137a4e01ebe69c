"""How far a message has come: carried from one invocation to the next without loss, and sealed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.errors import ContractViolation
from scalein.model import Count, Named, RemovalRequest, RemoveOptions
from scalein.progress import Call, Progress, Sealed, progress_of, sealed, text_of, unsealed
from tests.fakes import NOON
from tests.fleets import request_for, requests

KEY = "k" * 32
ids = st.integers(1, 99).map("i-{}".format)
times = st.none() | st.integers(-9_999, 9_999).map(lambda seconds: NOON + timedelta(seconds=seconds, microseconds=7))
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
        options=draw(options), not_after=draw(times), sent_at=draw(times), reason=draw(st.text(max_size=5)), wait=True
    )
    chosen = tuple(draw(st.lists(ids, unique=True, max_size=60)))
    told = draw(st.integers(0, len(chosen)))
    calls = (Call(0, chosen[:told], draw(st.sampled_from(["asa-1", None, ""]))),) if told else ()
    given_up = tuple((id, "min-size") for id in chosen[told : told + draw(st.integers(0, 3))])
    return Progress(request, NOON, chosen, calls, given_up, 1, draw(st.integers(0, 9)), draw(st.integers(0, 9)))


@given(progresses())
def test_nothing_is_lost_on_the_way(progress: Progress) -> None:
    event = json.loads(sealed(progress, KEY))

    assert progress_of(text_of(progress)) == progress
    assert unsealed(Sealed("x", event["followUp"], event["signature"]), KEY) == progress


@given(progresses(), st.integers(0, 2_000), st.characters(codec="ascii"))
def test_whatever_is_changed_breaks_the_seal(progress: Progress, at: int, other: str) -> None:
    event = json.loads(sealed(progress, KEY))
    text = event["followUp"]
    changed = text[: at % len(text)] + other + text[at % len(text) + 1 :]
    if changed != text:
        with pytest.raises(ContractViolation):
            unsealed(Sealed("x", changed, event["signature"]), KEY)
    for key in ("", "l" * 32):
        with pytest.raises(ContractViolation):
            unsealed(Sealed("x", text, event["signature"]), key)


@given(progresses())
def test_everybody_chosen_is_told_given_up_or_the_rest(progress: Progress) -> None:
    parts = [*progress.told, *(id for id, _ in progress.given_up), *progress.rest]

    assert sorted(parts) == sorted(progress.chosen)
    if progress.rest:
        telling = progress.telling()
        assert telling.unanswered == Call(progress.next_token, progress.rest[:20])
        assert telling.untold() == progress
        assert telling.accepted("asa-9").activity_ids[-1] == "asa-9"
        assert telling.untold(frozenset()).rest == progress.rest[20:]


def test_the_rest_of_a_choice_is_not_what_a_sender_named() -> None:
    """Protected instances may leave only where a sender names them."""

    def question(request: RemovalRequest) -> object:
        return Progress(request, NOON, ("i-1", "i-2")).question.ask

    assert question(request_for(Count(2))) == Named(("i-1", "i-2"), chosen=True)
    assert question(request_for(Named(("i-1", "i-2")))) == Named(("i-1", "i-2"), chosen=False)


def test_a_thousand_long_ids_fit_into_an_asynchronous_event() -> None:
    chosen = tuple(f"i-{number:062}" for number in range(1_000))
    progress = Progress(request_for(Count(1_000)), NOON, chosen, (Call(0, chosen[:20], "asa-" + "x" * 20),))

    assert len(sealed(progress, KEY)) < 128 << 10
