"""The local log store: lines as Function Compute delivers them, an index that cuts, and queries."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fc2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.logs.index import Index, index_of
from localcloud.logs.json_values import json_values
from localcloud.logs.query import QueryError, run_query
from localcloud.logs.rows import MAX_LINE_BYTES, Invocation, Row, rows_of
from localcloud.logs.search import SearchError
from localcloud.logs.store import LogStores
from tests.support.clouds import group
from tests.support.platforms import Compute, compute_of

INDEX = index_of(
    {
        "FullTextIndex": {"Enable": True},
        "KeyIndices": [
            {"Name": "functionName", "Type": "text"},
            {"Name": "durationMs", "Type": "double"},
            {
                "Name": "message",
                "Type": "json",
                "EnableAnalytics": True,
                "JsonKeyIndices": [
                    {"Name": "a", "Type": "text"},
                    {"Name": "n", "Type": "long"},
                    {"Name": "in.b", "Type": "text"},
                ],
            },
        ],
    }
)
WRITES = """
import json, logging, os
def handler(event, context):
    print(json.dumps({"a": "printed"}))
    logging.getLogger().info(json.dumps({"a": "logged"}))
    os.write(1, b"x" * 40_000 + b"\\n")
    if event == b"fail":
        raise ValueError("boom")
    return "x"
"""


@pytest.fixture(scope="module")
def compute() -> Iterator[Compute]:
    with compute_of(group()) as made:
        yield made


@pytest.fixture(scope="module")
def rows(compute: Compute, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    compute.deploy(tmp_path_factory.mktemp("code"), WRITES)
    compute.client.invoke_function("s", "f", b"{}")
    with pytest.raises(fc2.FcError):
        compute.client.invoke_function("s", "f", b"fail")
    return compute.platform.logs.rows()


def messages(rows: list[Row]) -> list[str]:
    return [str(row["message"]) for row in rows if "message" in row]


def test_lines_of_the_platform_enclose_those_of_the_function(rows: list[Row]) -> None:
    inited, first, *_, last = messages(rows)
    begun, ended = (text.partition("RequestId: ") for text in (first, last))

    assert inited == "FunctionCompute python3 runtime inited."
    assert (begun[0], ended[0]) == ("FC Invoke Start ", "FC Invoke End ")
    assert ended[2].endswith(", Error: Unhandled function error")
    assert sum(text == f"FC Invoke End RequestId: {begun[2]}" for text in messages(rows)) == 1


def test_what_is_printed_goes_out_as_it_is_and_what_is_logged_does_not(rows: list[Row]) -> None:
    assert run_query('* | select "message.a" as a', rows, INDEX).count({"a": "printed"}) == 2
    logged = [text for text in messages(rows) if "logged" in text]
    assert len(logged) == 2
    assert all("[INFO]" in text and json_values(text) == {} for text in logged)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import os; os.write(1, b'half a line'); os._exit(7)", "Process exited unexpectedly"),
        ("import time; print('waits'); time.sleep(9)", "Function timed out after 1 seconds"),
    ],
)
def test_an_invocation_that_is_ended_has_its_last_line_all_the_same(
    code: str, reason: str, compute: Compute, tmp_path: Path
) -> None:
    name = f"ended-{reason.split()[1]}"
    compute.deploy(tmp_path, f"def handler(event, context):\n    {code}\n", name, timeout=1)
    with pytest.raises(fc2.FcError):
        compute.client.invoke_function("s", name, b"{}")
    rows = [row for row in compute.platform.logs.rows() if row["functionName"] == name]

    _, first, *_, last = messages(rows)
    assert first.startswith("FC Invoke Start RequestId: ")
    assert f", Error: {reason}" in last


def test_a_line_is_cut_at_32_kb(rows: list[Row]) -> None:
    long = [text for text in messages(rows) if text.startswith("xxx")]

    assert [len(text) for text in long] == [MAX_LINE_BYTES] * 2


def test_an_invocation_has_a_row_of_metrics(rows: list[Row]) -> None:
    query = "hasFunctionError: true | select functionName, durationMs"
    properties: dict[str, Any] = {
        "FullTextIndex": {"Enable": True},
        "KeyIndices": [
            {"Name": "functionName", "Type": "text"},
            {"Name": "hasFunctionError", "Type": "text"},
            {"Name": "durationMs", "Type": "double"},
        ],
    }
    (failed,) = run_query(query, rows, index_of(properties))
    metrics = [row for row in rows if str(row["__topic__"]).startswith("FCRequestMetrics:")]

    assert failed["functionName"] == "f"
    assert [row["isColdStart"] for row in metrics] == ["true", "false"]
    assert all(float(str(row["memoryUsageMB"])) > 1 for row in metrics)


def test_the_tail_of_an_answer_ends_with_its_figures(compute: Compute, tmp_path: Path) -> None:
    compute.deploy(tmp_path, name="tail")
    answer = compute.client.invoke_function("s", "tail", b"1", headers={"x-fc-log-type": "Tail"})
    log = base64.b64decode(answer.headers["x-fc-log-result"]).decode()

    assert log.startswith("FunctionCompute python3 runtime inited.\nFC Invoke Start RequestId: ")
    assert log.splitlines()[-1].startswith("Duration: ")
    assert "Memory Size: 256 MB" in log


def test_a_function_writes_to_the_log_store_of_its_service(
    compute: Compute, tmp_path: Path
) -> None:
    config = {"project": "p", "logstore": "l", "logBeginRule": "DefaultRegex"}
    compute.deploy(tmp_path, name="g")
    compute.platform.registry.services["s"].description["logConfig"] = config
    compute.client.invoke_function("s", "g", b"{}")
    del compute.platform.registry.services["s"].description["logConfig"]

    assert ("p", "l") in list(compute.platform.logs)
    assert {row["functionName"] for row in compute.platform.logs.rows("p", "l")} == {"g"}


INVOCATION = Invocation("", "f", "LATEST", "", "r-1", "c-1", 0.1, 256, 40.0, False, True)
OUTPUT = b'FC Invoke Start\n2026-11-25T03:00:00Z [INFO] x\n{"a": "b"}\nFC Invoke End\n'


def test_a_native_functions_rows_have_a_topic_and_no_service() -> None:
    rows = rows_of(INVOCATION, OUTPUT, 1)

    assert {row["__topic__"] for row in rows} == {"FCLogs:f", "FCRequestMetrics:/f"}
    assert not any("serviceName" in row for row in rows)
    assert messages(rows) == OUTPUT.decode().splitlines()


def test_with_a_rule_for_first_lines_a_line_of_json_is_no_row_of_its_own() -> None:
    """So the templates have no such rule: a line without a date belongs to the row before it."""
    rows = rows_of(INVOCATION, OUTPUT, 1, "DefaultRegex")

    assert len(messages(rows)) == 2
    assert run_query('* | select "message.a" as a where "message.a" = \'b\'', rows, INDEX) == []


def row(message: object, **fields: str | int) -> Row:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"__time__": 1, "message": text, **fields}


scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
names = st.text('abc"\\\u00e9', min_size=1, max_size=3)
documents = st.dictionaries(
    names,
    st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    ),
    max_size=4,
)


def values_of(document: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found.update(values_of(value, f"{prefix}{name}."))
        elif not isinstance(value, list):
            found[prefix + name] = value
    return found


@given(documents)
def test_the_values_of_json_are_those_that_lie_in_no_list(document: dict[str, Any]) -> None:
    assert json_values(json.dumps(document)) == values_of(document)


@given(documents, st.integers(0, 200))
def test_json_that_breaks_off_has_the_values_before(document: dict[str, Any], length: int) -> None:
    names_before = list(json_values(json.dumps(document)[:length]))

    assert names_before == list(values_of(document))[: len(names_before)]


PIECES = ['{"', '":', '"', "}", ",", "\\", "a", "1", "[", "\t", "[" * 10_000]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_text_has_values_or_none(pieces: list[str]) -> None:
    assert isinstance(json_values("".join(pieces)), dict)


@pytest.mark.parametrize("length", [2_047, 2_048, 2_049, 20_000])
def test_an_analysed_text_is_cut_at_2048_bytes(length: int) -> None:
    (answer,) = run_query('* | select "message.a" as a', [row({"a": "x" * length})], INDEX)

    assert len(answer["a"]) == min(length, 2_048)


def test_a_character_is_not_cut_in_half() -> None:
    text = "\u4e2d" * 1_000
    (answer,) = run_query('* | select "message.a" as a', [row({"a": text})], INDEX)

    assert answer["a"] == text[: 2_048 // 3]


def test_where_the_whole_field_is_cut_what_comes_first_is_still_there() -> None:
    cut = INDEX._replace(cut_whole=True)
    one = [row({"a": "first", "long": "x" * 5_000, "n": 7})]

    assert run_query('* | select "message.a" as a, "message.n" as n', one, INDEX) == [
        {"a": "first", "n": 7}
    ]
    assert run_query('* | select "message.a" as a, "message.n" as n', one, cut) == [
        {"a": "first", "n": None}
    ]


SOME = [
    row({"a": "Red apple", "n": 1}, functionName="f"),
    row({"a": "green", "n": 2}, functionName="g"),
    row("no JSON, but an apple", functionName="f"),
    row({"n": "3", "in": {"b": "apple"}}, functionName="g"),
]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("*", [0, 1, 2, 3]),
        ("apple", [0, 2, 3]),
        ("APPLE and not no", [0, 3]),
        ("apple functionName: f", [0, 2]),
        ("(red or green) and functionName: g", [1]),
        ('message.a: "apple red"', [0]),
        ("message.a: *", [0, 1]),
        ("message.n: *", [0, 1, 3]),
        ('message.a: "[red]"', [0]),
        ("message.n: 2", [1]),
        ("message.n >= 2", [1, 3]),
        ("message.n = 1 or message.in.b: apple", [0, 3]),
        ("not message.a: red", [1, 2, 3]),
        ("appl", []),
        ("message.n in [1 2]", [0, 1]),
        ("message.n in (1 2]", [1]),
        ("message.n in [ 1 2 )", [0]),
        ("message.n in [2 9] and functionName: g or red", [0, 1, 3]),
        ("not message.n in (1 9)", [0, 2]),
    ],
)
def test_a_search_finds_words_and_fields(search: str, expected: list[int]) -> None:
    assert run_query(search, SOME, INDEX) == [SOME[number] for number in expected]


@pytest.mark.parametrize(
    "search",
    [
        *("", "(red", "red)", "and", "appl*", "message: x", "message.z: x", "message.a > 1"),
        *("message.a: appl*", "message.a: gre?n", "gre?n", '#"apple red"', 'message.a: #"red"'),
        *("message.n in [1", "message.n in [1 2", "message.n in [a b]", "message.n in [1]"),
        *("message.n in (1 2 3)", "message.a in [1 2]", "other in [1 2]", "message.a: [a"),
        *("message.n > many", "(" * 60 + "red" + ")" * 60, "not " * 2_000 + "red"),
    ],
)
def test_a_search_that_is_not_understood_is_refused(search: str) -> None:
    with pytest.raises(SearchError):
        run_query(search, SOME, INDEX)


@pytest.mark.parametrize(
    "select",
    [
        *("select", "select message", "select nothing", "drop table log", "select 1 +"),
        *("select 'a", "select /* a", "select " + "(" * 3_000 + "1" + ")" * 3_000),
    ],
)
def test_a_statement_over_what_is_not_indexed_is_refused(select: str) -> None:
    with pytest.raises(QueryError):
        run_query(f"* | {select}", SOME, INDEX)


def test_without_a_full_text_index_words_are_not_found() -> None:
    with pytest.raises(SearchError):
        run_query("apple", SOME, Index(INDEX.fields, has_full_text=False))


def test_a_log_store_gives_the_rows_of_a_time() -> None:
    stores = LogStores()
    stores.append("p", "l", [{"__time__": second} for second in range(5)])

    assert [row["__time__"] for row in stores.rows("p", "l", since=1, until=3)] == [1, 2]
    assert stores.rows("p", "another") == []


@pytest.mark.parametrize("file", ["read_text('{}')", "read_csv_auto('{}')", "'{}'"])
def test_a_query_reads_no_file_of_this_machine(file: str) -> None:
    with pytest.raises(QueryError):
        run_query(f"* | select * from {file.format(__file__)}", SOME, INDEX)


def test_a_query_without_an_end_is_ended() -> None:
    rows = "r(n) as (select 1 union all select n + 1 from r)"

    with pytest.raises(QueryError):
        run_query(
            f"* | with recursive {rows} select count(*) from r", SOME, INDEX, max_seconds=0.05
        )


def test_a_search_of_many_words_takes_no_longer_for_each() -> None:
    assert run_query("apple " * 100_000, SOME, INDEX) == [SOME[0], SOME[2], SOME[3]]
