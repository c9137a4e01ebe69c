"""JSON from outside, as the local cloud takes it."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.authenticator import time_of
from localcloud.json_text import MAX_LEVELS, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


@given(VALUES)
def test_what_is_taken_can_be_sent_on_as_it_is(value: object) -> None:
    with suppress(ValueError):
        taken = parse_json(json.dumps(value))

        assert json.loads(json.dumps(taken, ensure_ascii=False, allow_nan=False).encode()) == taken


@pytest.mark.parametrize("brackets", [("[", "]"), ('{"a":', "}")])
def test_a_value_has_as_many_levels_as_are_allowed(brackets: tuple[str, str]) -> None:
    def nested(levels: int) -> str:
        return f"{brackets[0] * levels}1{brackets[1] * levels}"

    assert parse_json(nested(MAX_LEVELS - 1))
    for levels in (MAX_LEVELS, 100_000):
        with pytest.raises(ValueError, match="levels"):
            parse_json(nested(levels))


@given(st.text() | st.integers().map(lambda year: f"Mon, 01 Jan {year} 00:00:00 GMT"))
def test_a_date_header_is_a_time_or_refused(header: str) -> None:
    with suppress(TypeError, ValueError):
        assert isinstance(time_of(header), datetime)
