"""Runs queries, `search | SELECT`, over log rows, as SQL in an embedded database.

Simple Log Service speaks Presto's SQL, with `log` for the rows that the search found. Here sqlglot
translates it to DuckDB's. A column that the index does not analyse does not exist, as there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from functools import partial
from threading import Timer
from typing import Any

import duckdb
import sqlglot
from sqlglot import expressions

from localcloud.logs.index import Index
from localcloud.logs.rows import Row
from localcloud.logs.search import parse_search

TYPES = {"text": "varchar", "long": "bigint", "double": "double"}
TABLE = "log"
DEFAULT_LIMIT = 100  # of a SELECT without one
MAX_SECONDS = 10.0
MAX_SHOWN = 1_000  # characters of a query in an error
# A query sees its log store, and neither files of this machine nor all of its memory.
CONFINED: dict[str, Any] = {
    "enable_external_access": "false",
    "memory_limit": "512MB",
    "max_temp_directory_size": "0KB",
}


class QueryError(Exception):
    """The query names what is not indexed, or is not understood here."""


def run_query(
    query: str,
    rows: Iterable[Row],
    index: Index,
    now: datetime | None = None,
    max_seconds: float = MAX_SECONDS,
) -> list[dict[str, Any]]:
    """The rows of the answer, as of `now`. Raises QueryError, SearchError."""
    search, _, select = query.partition("|")
    matches = parse_search(search, index)
    found = [(row, values) for row in rows if matches(row, values := index.values(row))]
    if not select.strip():
        return [dict(row) for row, _ in found]
    columns = index.columns()
    statement = translated(select, now or datetime.now(timezone.utc))
    connection = duckdb.connect(config=CONFINED)
    timer = Timer(max_seconds, connection.interrupt)
    timer.start()
    try:
        _fill(connection, columns, _named(columns, statement), [values for _, values in found])
        answer = connection.execute(statement)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    except duckdb.Error as error:
        raise QueryError(f"{select.strip()[:MAX_SHOWN]}: {error}") from error
    finally:
        timer.cancel()
        connection.close()


def translated(select: str, now: datetime) -> str:
    """The statement in DuckDB's SQL. Raises QueryError."""
    try:
        return _translated(select, now)
    # Of a text that ends within a token, or that is nested deeper than the stack.
    except (sqlglot.errors.SqlglotError, IndexError, RecursionError) as error:
        raise QueryError(f"{select.strip()[:MAX_SHOWN]}: {error or 'not understood'}") from error


def _translated(select: str, now: datetime) -> str:
    tree = sqlglot.parse_one(select, read="presto")
    if not isinstance(tree, expressions.Query):
        raise QueryError(f"{select.strip()}: not a SELECT")
    for inner in list(tree.find_all(expressions.Select)):
        if inner.args.get("from_") is None:
            inner.from_(TABLE, copy=False)
    if tree.args.get("limit") is None:
        tree = tree.limit(DEFAULT_LIMIT, copy=False)
    return tree.transform(partial(_in_duckdb, now=now)).sql(dialect="duckdb")


def _in_duckdb(node: expressions.Expr, now: datetime) -> expressions.Expr:
    """The node as DuckDB takes it, where sqlglot does not make it so."""
    if isinstance(node, expressions.TimestampTrunc | expressions.DateTrunc) and isinstance(
        node.this, expressions.Column
    ):
        # `__time__` counts seconds; date_trunc of Simple Log Service takes them too
        node.set("this", expressions.func("to_timestamp", node.this.copy()))
    if isinstance(node, expressions.CurrentTimestamp):
        return expressions.cast(expressions.Literal.string(now.isoformat()), "timestamptz")
    if isinstance(node, expressions.Unnest) and len(node.alias_column_names) == 2:
        return _entries(node)
    return node


def _entries(unnest: expressions.Unnest) -> expressions.Expr:
    """Keys and values of a map as a table."""
    key, value = unnest.alias_column_names
    (entries,) = unnest.expressions
    columns = (
        expressions.alias_(
            expressions.func("unnest", expressions.func(name, entries.copy())), alias
        )
        for name, alias in (("map_keys", key), ("map_values", value))
    )
    return expressions.select(*columns).subquery(unnest.alias)


def _named(columns: dict[str, str], statement: str) -> list[str]:
    """The columns that the statement may read: to fill all of them is most of a query's time."""
    if "*" in statement.replace("COUNT(*)", ""):
        return list(columns)
    return [name for name in columns if name.lower() in statement.lower()]


def _fill(
    connection: duckdb.DuckDBPyConnection,
    columns: dict[str, str],
    filled: list[str],
    rows: Sequence[dict[str, Any]],
) -> None:
    definitions = ", ".join(f'"{name}" {TYPES[type]}' for name, type in columns.items())
    connection.execute(f"set timezone = 'UTC'; create table {TABLE} ({definitions})")
    if rows:
        places = ", ".join("?" if name in filled else "null" for name in columns)
        values = [[row[name] for name in filled] for row in rows]
        connection.executemany(f"insert into {TABLE} values ({places})", values)  # noqa: S608
