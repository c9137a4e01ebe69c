"""Every file of events/ through handler, SDK and local cloud, against the outcome beside it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import index
from scalein_cli.local import clock_for, context, environment
from scalein_cli.local_function import outcomes_of
from tests.support.clouds import cloud_of
from tests.support.deployment import KEY
from tests.support.outcomes import response_faults

ROOT = Path(__file__).parents[2]
FLEET = json.loads((ROOT / "localcloud/fleets/small.json").read_bytes())
EVENTS = sorted(
    path for path in (ROOT / "events").glob("*.json") if not path.name.endswith(".expected.json")
)


def response_to(event: bytes, function_context: Any) -> dict[str, Any]:
    try:
        answer = index.serve(event, function_context, clock_for(event))
    except index.TryLaterError as error:
        return {"raised": json.loads(str(error))}
    return {**answer, "body": json.loads(answer["body"])} if "statusCode" in answer else answer


def holds(expected: Any, found: Any) -> bool:
    """Whether all is as expected; an object may have more fields, a list no more entries."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and holds(expected[name], found[name]) for name in expected
        )
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(holds, expected, found))
    return bool(expected == found)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_an_event_has_the_outcome_that_its_neighbour_expects(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The neighbour gives the fields that matter; scaling activity ids are new each time."""
    expected = json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))
    with cloud_of(
        *FLEET["groups"], activitySeconds=FLEET["activitySeconds"], start=datetime.now(timezone.utc)
    ) as cloud:
        ready = {
            "endpoint": cloud.endpoint,
            "accessKeyId": KEY.access_key_id,
            "accessKeySecret": KEY.access_key_secret,
            "regionId": "cn-hangzhou",
        }
        for name, value in environment(ready).items():
            monkeypatch.setenv(name, value)
        answer = response_to(path.read_bytes(), context(ready))

    response = answer.get("raised", answer.get("body", answer))
    assert holds(expected, answer), answer
    assert response_faults(response) == []
    for outcome in outcomes_of(response):
        assert (
            len(outcome["scalingActivityIds"]) == (outcome["status"] == "removing")
            or outcome["status"] == "duplicate"
        )


def test_every_event_has_an_expectation_and_every_expectation_an_event() -> None:
    expected = {
        path.name.replace(".expected", "") for path in (ROOT / "events").glob("*.expected.json")
    }

    assert expected == {path.name for path in EVENTS}


def test_the_table_of_events_has_every_event_and_no_other() -> None:
    table = (ROOT / "events/README.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| ([a-z0-9-]+\.json) \|", table, re.MULTILINE)) == {
        path.name for path in EVENTS
    }


def test_an_expectation_is_not_met_by_another_outcome() -> None:
    assert not holds({"status": "removing"}, {"status": "refused"})
    assert not holds({"outcomes": [{}]}, {"outcomes": []})
    assert not holds({"removed": ["i-1"]}, {"removed": ["i-1", "i-2"]})
    assert not holds({"ignored": "recovery"}, {"status": "ignored"})
