"""Holds every outcome that a test sees to schemas/outcome.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from jsonschema import Draft202012Validator

from scalein.report.outcome import Outcome, outcome_json

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "handler/scalein/schemas/outcome.schema.json").read_bytes()
)
FIELDS: dict[str, Any] = SCHEMA["$defs"]["fields"]["properties"]
AUDIT_BEGINNING = '{"audit": '


def _validator_of(name: str) -> Draft202012Validator:
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


OUTCOME = Draft202012Validator(SCHEMA)
AUDIT_LINE, CUSTOM_POLICY_LINE = _validator_of("auditLine"), _validator_of("customPolicyLine")
FOLLOW_ON_LINE = _validator_of("followOnLine")
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
    """What is wrong, by the schema, with an audit line or a follow-on line."""
    document = json.loads(line)
    if document.get("part", 1) != 1:
        return _faults(FOLLOW_ON_LINE, document)
    is_custom = document.get("status") == "custom-policy"
    return _faults(CUSTOM_POLICY_LINE if is_custom else AUDIT_LINE, document)


def joined(lines: Iterable[str]) -> dict[str, Any]:
    """The fields of an audit line, its lists complete again by its follow-on lines."""
    first, *others = [json.loads(line) for line in lines]
    assert [line["part"] for line in others] == list(range(2, first["parts"] + 1))
    for line in others:
        (name,) = line.keys() & first["omitted"].keys()
        first[name] += line[name]
    return {**first, "omitted": {}}


def checked(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The same outcomes. Raises AssertionError where one's JSON form breaks the schema."""
    outcomes = list(outcomes)
    for outcome in outcomes:
        assert _faults(OUTCOME, outcome_json(outcome)) == []
    return outcomes


@contextmanager
def audit_lines_checked(stdout: TextIO) -> Iterator[list[str]]:
    """Collects the audit lines that are written meanwhile; all output goes on to `stdout`.

    Raises AssertionError at the end if a line breaks the schema.
    """
    output = _AuditLines(stdout)
    with redirect_stdout(output):
        yield output.lines
    assert [fault for line in output.lines for fault in audit_faults(line)] == []


class _AuditLines:
    """Standard output, which remembers the audit lines."""

    def __init__(self, stdout: TextIO) -> None:
        self.lines: list[str] = []
        self._stdout = stdout

    def write(self, text: str) -> int:
        if text.startswith(AUDIT_BEGINNING):
            self.lines.append(text)
        return self._stdout.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stdout, name)


def _faults(validator: Draft202012Validator, document: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
