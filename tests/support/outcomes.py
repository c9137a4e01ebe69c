"""Holds every outcome that a test sees to schemas/outcome.schema.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from scalein.report.outcome import Outcome, outcome_json

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "handler/scalein/schemas/outcome.schema.json").read_bytes()
)
FIELDS: dict[str, Any] = SCHEMA["$defs"]["fields"]["properties"]
AUDIT_BEGINNING = '{"audit": '


MAX_REMEMBERED = 50_000


class _Remembering:
    """`properties` and `items` of JSON Schema. What was valid is not examined again: outcomes are
    alike, and this is a third of what the tests of messages take.
    """

    def __init__(self) -> None:
        self._valid: set[tuple[int, str]] = set()

    def properties(
        self, validator: Any, properties: dict[str, Any], instance: Any, _: object
    ) -> Iterator[ValidationError]:
        if validator.is_type(instance, "object"):
            for name, schema in properties.items():
                if name in instance:
                    yield from self._errors(validator, schema, instance[name], name)

    def items(
        self, validator: Any, items: Any, instance: Any, schema: dict[str, Any]
    ) -> Iterator[ValidationError]:
        assert "prefixItems" not in schema
        if validator.is_type(instance, "array"):
            for number, item in enumerate(instance):
                yield from self._errors(validator, items, item, number)

    def _errors(
        self, validator: Any, schema: Any, value: Any, path: str | int
    ) -> Iterator[ValidationError]:
        key = (id(schema), repr(value))  # schemas are parts of SCHEMA, which stays
        if key in self._valid:
            return
        errors = list(validator.descend(value, schema, path=path, schema_path=path))
        yield from errors
        if not errors:
            if len(self._valid) >= MAX_REMEMBERED:
                self._valid.clear()
            self._valid.add(key)


_remembering = _Remembering()
_Validator: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {"properties": _remembering.properties, "items": _remembering.items},
)


def _validator_of(name: str) -> Draft202012Validator:
    return _Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})


OUTCOME = _Validator(SCHEMA)
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
