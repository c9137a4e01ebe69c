"""Every file of events/ through the handler, the real SDK and the local cloud, against the outcome beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import index
from cli.local import context, environment, local_cloud

ROOT = Path(__file__).parents[2]
EVENTS = sorted(path for path in (ROOT / "events").glob("*.json") if not path.name.endswith(".expected.json"))


def told(event: bytes, function_context: Any) -> dict[str, Any]:
    try:
        return dict(index.handler(event, function_context))
    except index.TryLaterError as error:
        return dict(json.loads(str(error)))


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_has_the_outcome_that_its_neighbour_expects(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The neighbour gives the fields that matter to the story; scaling activity ids are new each time."""
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    with local_cloud(ROOT / "localcloud/fleets/small.json") as ready:
        for name, value in environment(ready).items():
            monkeypatch.setenv(name, value)
        outcome = told(path.read_bytes(), context(ready))

    assert {key: outcome[key] for key in expected} == expected
    assert len(outcome["scalingActivityIds"]) == (1 if outcome["status"] == "removing" else 0)


def test_every_event_has_an_expectation_and_every_expectation_an_event() -> None:
    expected = {path.name.replace(".expected", "") for path in (ROOT / "events").glob("*.expected.json")}

    assert expected == {path.name for path in EVENTS}
