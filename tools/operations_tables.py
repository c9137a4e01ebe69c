"""Writes tables of docs/operations.md and docs/observability.md from the code's words and schema.

python -m tools.operations_tables           writes them
python -m tools.operations_tables --check   exits with 1 if the document has others
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scalein.cloud.error_codes import MEANINGS, error_of
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.errors import (
    ConfigurationError,
    Refused,
    ScaleInError,
    StaleSnapshot,
    TokenUsed,
    Transient,
    TryLater,
)
from scalein.report import audit
from scalein.report.status_texts import FAILURES, STATUSES
from scalein.report.texts import CODES, IGNORED, REASONS, Text
from tools import observability

ROOT = Path(__file__).parents[1]
DOCUMENTS = (ROOT / "docs/operations.md", ROOT / "docs/observability.md")
SCHEMA = ROOT / "handler/scalein/schemas/outcome.schema.json"
BECOMES: Mapping[type[ScaleInError], str] = {
    Refused: "`refused`",
    StaleSnapshot: "planned again, twice; then `retry`",
    TryLater: "`retry`",
    Transient: "retried, then `retry`",
    TokenUsed: "not known, then by the history",
    ConfigurationError: "`ConfigurationError`",
}
BECOMES_BY_CODE = {"IDEMPOTENCE_PROCESSING": "the same call again, then not known"}
TABLE = re.compile(r"<!-- table: ([a-z]+) -->\n.*?<!-- /table -->", re.DOTALL)


def written(document: str) -> str:
    """The document with each of its tables made again."""
    tables = made_tables()
    return TABLE.sub(lambda found: _marked(found[1], tables[found[1]]), document)


def made_tables() -> dict[str, str]:
    """Every table as Markdown, by its name."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    return {
        "statuses": _table(
            ("status", "level", "what it means", "what to do"),
            (
                (f"`{status.value}`", _level(status), text.sentence, text.action)
                for status, text in STATUSES.items()
            ),
        ),
        "failures": _table(
            ("error", "what it means, what to do"),
            ((f"`{name}`", _both(text)) for name, text in FAILURES.items()),
        ),
        "fields": _table(("field", "what it is"), _fields(schema["fields"], schema)),
        "ignored": _table(
            ("ignored", "what it means, what to do"),
            ((f"`{why.value}`", _both(IGNORED[why])) for why in Ignored),
        ),
        "reasons": _table(
            ("reason", "what it means, what to do"),
            ((f"`{why.value}`", _both(REASONS[why])) for why in Reason),
        ),
        "codes": _table(
            ("code", "what it means"),
            (
                (
                    ", ".join(f"`{code}`" for code in CODES if CODES[code].sentence == sentence),
                    sentence,
                )
                for sentence in dict.fromkeys(text.sentence for text in CODES.values())
            ),
        ),
        "errors": _table(("code", "becomes", "what to do"), _errors()),
        "audit": _table(("field", "what it is"), _fields(schema["auditLine"], schema)),
        "durations": _table(("field", "what it is"), _fields(schema["durations"], schema)),
        "following": _table(
            ("field", "what it is"),
            (
                row
                for row in _fields(schema["followOnLine"], schema)
                if row[0].strip("`") not in audit.LISTS
            ),
        ),
        "queries": observability.query_blocks(),
        "alerts": _table(("alert", "what to do", "looked for"), observability.alert_rows()),
    }


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n".replace("|  |", "| |") for cells in lines)


def _both(text: Text) -> str:
    return f"{text.sentence} {text.action}".strip()


def _marked(name: str, table: str) -> str:
    return f"<!-- table: {name} -->\n{table}<!-- /table -->"


def _level(status: Status) -> str:
    """The level of the audit line, and where it differs."""
    level = audit.LEVELS.get(status, "INFO")
    if status is Status.IGNORED:
        loud = [why.value for why in Ignored if why not in audit.EXPECTED]
        return f"{level}; WARNING: {', '.join(f'`{why}`' for why in loud)}"
    if status is Status.BLOCKED:
        return f"{level}; ERROR: {', '.join(f'`{reason.value}`' for reason in audit.ERRORS)}"
    return level


def _errors() -> Iterable[Sequence[str]]:
    """One row for all codes which become the same, and ask for the same."""
    codes_by_rest: dict[tuple[str, str], list[str]] = {}
    for code, meaning in MEANINGS.items():
        error = error_of("RemoveInstances", code, 400)
        rest = BECOMES_BY_CODE.get(code, BECOMES[type(error)]), meaning.what_to_do
        codes_by_rest.setdefault(rest, []).append(f"`{code}`")
    return [(", ".join(codes), *rest) for rest, codes in codes_by_rest.items()]


def _fields(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, field in schema["properties"].items():
        form = _form(field, definitions)
        yield f"`{name}`", f"{form}{field['description']}"


def _form(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The fields of an object, or of the objects of a list, before its description."""
    resolved = {**definitions.get(field.get("$ref", "").rpartition("/")[2], {}), **field}
    items = resolved.get("items", {})
    if "properties" in items:
        return f"`[{{{', '.join(items['properties'])}}}]` "
    if "properties" in resolved:
        return f"`{{{', '.join(resolved['properties'])}}}` "
    return ""


def main(arguments: Sequence[str]) -> int:
    """Writes or checks the tables; the exit status."""
    status_code = 0
    for path in DOCUMENTS:
        before = path.read_text(encoding="utf-8")
        after = written(before)
        if "--check" not in arguments:
            path.write_text(after, encoding="utf-8")
        elif after != before:
            status_code = 1
            print(f"{path.relative_to(ROOT)} differs: run make docs", file=sys.stderr)
    return status_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
