"""What is documented of the audit line is what is written, and the queries ask only for that."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from scalein.decision.reasons import Ignored, Status
from scalein.report import audit
from scalein.report.outcome import Outcome
from tests.support.fakes import NO_CALL_TIMES

DOCS = Path(__file__).parents[2] / "docs"
OBSERVABILITY = (DOCS / "observability.md").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((DOCS / "dashboard.json").read_text(encoding="utf-8"))
LINE: dict[str, Any] = json.loads(
    audit.line(
        Outcome(Status.IGNORED, "r-1", "A recovery.", ignored=Ignored.RECOVERY),
        "fc-1",
        NO_CALL_TIMES,
    )
)
CHARTS = {
    chart["title"]: chart["search"]["query"].partition("|")[2] for chart in DASHBOARD["charts"]
}
IN_PROSE = re.findall(r"`(select .+?)` \|", OBSERVABILITY) + re.findall(
    r"audit \| (select.+?)```", OBSERVABILITY, re.S
)


@pytest.mark.parametrize("query", [*CHARTS.values(), *IN_PROSE])
def test_a_query_is_sql_and_names_only_what_an_audit_line_has(query: str) -> None:
    sqlglot.parse_one(query, read="presto")
    named = {name.partition(".")[0] for name in re.findall(r"'\$\.([\w.]+)'", query)}

    assert named
    assert named <= LINE.keys()


def test_there_are_queries_in_the_dashboard_and_in_prose() -> None:
    assert len(CHARTS) == len(DASHBOARD["charts"]) >= 8
    assert len(IN_PROSE) >= 7


@pytest.mark.parametrize("chart", DASHBOARD["charts"], ids=lambda chart: chart["title"])
def test_a_chart_shows_columns_that_its_query_has(chart: dict[str, Any]) -> None:
    query = sqlglot.parse_one(CHARTS[chart["title"]], read="presto")
    assert isinstance(query, sqlglot.exp.Query)
    columns = query.named_selects

    assert {*chart["display"]["xAxis"], *chart["display"]["yAxis"]} == set(columns)


def test_the_charts_of_a_dashboard_lie_side_by_side() -> None:
    places = [
        (x, y)
        for shown in (chart["display"] for chart in DASHBOARD["charts"])
        for x in range(shown["xPos"], shown["xPos"] + shown["width"])
        for y in range(shown["yPos"], shown["yPos"] + shown["height"])
    ]

    assert len(places) == len(set(places))


@pytest.mark.parametrize("field", LINE)
def test_every_field_of_the_audit_line_is_documented(field: str) -> None:
    assert f"`{field}`" in OBSERVABILITY + OPERATIONS
