"""Holds every outcome that a test sees to schemas/outcome.schema.json."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from scalein.report.outcome import Outcome, outcome_json

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "handler/scalein/schemas/outcome.schema.json").read_bytes()
)
FIELDS: dict[str, Any] = SCHEMA["$defs"]["fields"]["properties"]


def _validator_of(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


OUTCOME = Draft202012Validator(SCHEMA)
AUDIT_LINE, CUSTOM_POLICY_LINE = _validator_of("auditLine"), _validator_of("customPolicyLine")
BATCH, BRIEF = _validator_of("batch"), _validator_of("brief")


def response_faults(document: Any) -> list[str]:
    """What is wrong, by the schema, with a response: of one message, or of a batch."""
    if "outcomes" not in document:
        return _faults(OUTCOME, document)
    outcomes = document["outcomes"]
    faults = _faults(BATCH, {**document, "outcomes": []})
    one = BRIEF if document["summary"]["detailOmitted"] else OUTCOME
    return faults + [fault for outcome in outcomes for fault in _faults(one, outcome)]


def audit_faults(line: str) -> list[str]:
    """What is wrong, by the schema, with an audit line."""
    document = json.loads(line)
    is_custom = document.get("status") == "custom-policy"
    return _faults(CUSTOM_POLICY_LINE if is_custom else AUDIT_LINE, document)


def checked(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The same outcomes. Raises AssertionError where one's JSON form breaks the schema."""
    outcomes = list(outcomes)
    for outcome in outcomes:
        assert _faults(OUTCOME, outcome_json(outcome)) == []
    return outcomes


@contextmanager
def audit_lines_checked(logger_name: str = "scalein.audit") -> Iterator[None]:
    """Raises AssertionError at the end if a line that was logged meanwhile breaks the schema."""
    handler = _AuditFaults()
    logger = logging.getLogger(logger_name)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    assert handler.faults == []


class _AuditFaults(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.faults += audit_faults(record.getMessage())


def _faults(validator: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
