"""The judge of outcomes finds what it is for: a document that breaks the schema."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from scalein.decision.model import RankedBy
from scalein.decision.reasons import Ignored, Status
from scalein.report import audit, response
from scalein.report.outcome import Outcome, policy_json
from tests.support.fakes import NO_CALL_TIMES
from tests.support.outcomes import (
    audit_faults,
    audit_lines_checked,
    checked,
    response_faults,
)

ONE = Outcome(Status.IGNORED, "r-1", "A recovery.", ignored=Ignored.RECOVERY)
(LINE,) = audit.lines(ONE, "fc-1", NO_CALL_TIMES)


@pytest.mark.parametrize(
    "change",
    [
        {"removed": None},
        {"status": "another"},
        {"another": 1},
        {"version": 2},
        {"limits": [{"guardrail": "min-size", "allows": 1, "unit": "instances"}]},
        {"omitted": {"kept": 1}},
    ],
    ids=str,
)
def test_an_outcome_that_breaks_the_schema_is_found(change: dict[str, Any]) -> None:
    document = response.for_one(ONE)

    assert response_faults(document) == []
    assert response_faults({**document, **change})
    assert audit_faults(LINE) == []
    assert audit_faults(json.dumps({**json.loads(LINE), **change}))


def test_a_field_that_is_missing_is_found() -> None:
    document = response.for_one(ONE)
    line = json.loads(LINE)

    for name in document:
        assert response_faults({key: document[key] for key in document if key != name})
    for name in line:
        assert audit_faults(json.dumps({key: line[key] for key in line if key != name}))


def test_a_batch_is_checked_with_each_of_its_outcomes() -> None:
    batch = response.for_batch([ONE, ONE])

    assert response_faults(batch) == []
    assert response_faults({**batch, "outcomes": [batch["outcomes"][0], {}]})
    assert response_faults({**batch, "summary": {**batch["summary"], "removed": -1}})
    assert response_faults(response.for_batch([ONE] * 5_000)) == []


def test_the_answer_to_a_custom_policy_has_an_audit_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ranked, policy = [("i-1", RankedBy("id", "i-1"))], policy_json("0123456789ab", "")
    audit.record_choice("asg-1", ranked, policy, "fc-1", NO_CALL_TIMES)
    (line,) = capsys.readouterr().out.splitlines()

    assert audit_faults(line) == []
    assert json.loads(line)["status"] == "custom-policy"


def test_what_is_written_and_what_is_made_is_checked() -> None:
    bad = ONE._replace(original_status="served")
    output = io.StringIO()
    with pytest.raises(AssertionError), audit_lines_checked(output):
        print(json.dumps({**json.loads(LINE), "another": 1}))
    assert '"another": 1' in output.getvalue()
    with pytest.raises(AssertionError):
        checked([bad])
