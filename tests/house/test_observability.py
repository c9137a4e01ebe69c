"""What is documented of the audit line is what is written, and the index has what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scalein.decision.reasons import Ignored, Status
from scalein.report import audit
from scalein.report.outcome import Outcome
from tests.support.fakes import NO_CALL_TIMES
from tests.support.outcomes import SCHEMA
from tests.support.templates import each_resolved, properties
from tools import observability

DOCS = Path(__file__).parents[2] / "docs"
OBSERVABILITY = (DOCS / "observability.md").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
DEFINITIONS = observability.definitions()
OUTCOME = Outcome(Status.IGNORED, "r-1", "A recovery.", ignored=Ignored.RECOVERY)
LINE: dict[str, Any] = json.loads(audit.lines(OUTCOME, "fc-1", NO_CALL_TIMES)[0])
DEFINED = SCHEMA["$defs"]
NAME_BY_TYPE: Mapping[type, str] = {str: "string", int: "integer", type(None): "null"}


@pytest.mark.parametrize("field", LINE)
def test_every_field_of_the_audit_line_is_documented(field: str) -> None:
    assert f"`{field}`" in OBSERVABILITY + OPERATIONS


def types_of(path: str) -> set[str]:
    """The JSON types that the schema of the audit line allows at a path."""
    schema: Mapping[str, Any] = {
        "properties": {
            **DEFINED["fields"]["properties"],
            **DEFINED["auditLine"]["properties"],
        }
    }
    for name in path.split("."):
        properties = schema.get("properties", {})
        schema = properties.get(name) or schema["additionalProperties"]
        schema = {**schema, **DEFINED.get(schema.get("$ref", "").rpartition("/")[2], {})}
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if "anyOf" in schema:
        return {"string", "null"}
    named = schema.get("type", [NAME_BY_TYPE[type(value)] for value in values])
    return {named} if isinstance(named, str) else set(named)


@pytest.mark.parametrize(("path", "type"), DEFINITIONS["index"]["message"].items())
def test_an_indexed_field_is_a_leaf_of_the_audit_line_with_that_type(path: str, type: str) -> None:
    expected = {"text": "string", "long": "integer"}[type]

    assert types_of(path) - {"null"} == {expected}


def test_what_is_counted_is_each_list() -> None:
    lists = DEFINED["list"]["enum"]

    assert set(lists) == set(audit.LISTS) == set(LINE["counts"])
    assert set(lists) == {name for name, value in LINE.items() if isinstance(value, list)}


def test_the_charts_of_a_dashboard_lie_side_by_side() -> None:
    places = [
        (x, y)
        for shown in (chart["display"] for chart in observability.charts(DEFINITIONS))
        for x in range(shown["xPos"], shown["xPos"] + shown["width"])
        for y in range(shown["yPos"], shown["yPos"] + shown["height"])
    ]

    assert len(places) == len(set(places)) > 0


def test_there_is_an_alert_for_whatever_went_wrong() -> None:
    assert {alert["name"] for alert in DEFINITIONS["alerts"]} == {
        "failed",
        "partly-removed",
        "refused",
        "expired",
        "dead-letters",
        "silent",
        "failed-invocations",
        "ledger-unavailable",
        "policy",
    }


def test_the_documents_have_every_query_and_every_alert() -> None:
    for query in DEFINITIONS["queries"]:
        assert f"```sql\n{query['query']}\n```" in OBSERVABILITY
    for alert in DEFINITIONS["alerts"]:
        assert alert["title"] in OBSERVABILITY


def test_the_template_has_what_the_definitions_make() -> None:
    template = observability.TEMPLATE.read_text(encoding="utf-8")

    assert observability.written_template(template) == template, "make docs"
    assert observability.written_template(template.replace("outcomes == 0", "")) == template


@pytest.mark.parametrize("name", ["template.yml", "template-fc2.yml", "s-resources.yml"])
def test_a_stack_has_index_dashboard_and_alerts(name: str) -> None:
    for template in each_resolved(name):
        [index] = properties(template, "ALIYUN::SLS::Index")
        [dashboard] = properties(template, "ALIYUN::SLS::Dashboard")
        alerts = properties(template, "ALIYUN::SLS::Alert")
        expected = observability.index_properties(DEFINITIONS)

        assert {key: index[key] for key in expected} == expected
        assert len(dashboard["Charts"]) == len(DEFINITIONS["charts"])
        assert [alert["Detail"]["Configuration"]["QueryList"][0]["Query"] for alert in alerts] == [
            alert["query"] for alert in DEFINITIONS["alerts"]
        ]


@pytest.mark.parametrize("name", ["template.yml", "template-fc2.yml", "s.yaml"])
def test_each_line_is_a_row(name: str) -> None:
    text = (DOCS.parent / name).read_text(encoding="utf-8")

    assert len(re.findall(r"(?i)^ +LogBeginRule: None\b", text, re.MULTILINE)) == 1
    assert "DefaultRegex" not in text
