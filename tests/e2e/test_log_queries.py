"""Every documented query, chart and alert gives the right answer over real log lines.

The function runs in the local Function Compute; what it writes is cut and stored as the platform
and Simple Log Service do; each query runs as SQL. The answers are counted here by other means.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pytest

from localcloud.logs.index import Index, index_of
from localcloud.logs.query import QueryError, run_query
from localcloud.logs.rows import Row
from scalein_cli.audit_lines import read_audit_lines
from scalein_cli.log_service import QUERY
from tests.support.logged_story import LARGE, Story, told_story
from tests.support.outcomes import AUDIT_BEGINNING, audit_faults, joined
from tools import observability

DEFINITIONS = observability.definitions()
INDEX = index_of(observability.index_properties(DEFINITIONS))
# Simple Log Service may also cut the whole field to 2,048 bytes before it parses it: unverified.
CUT_WHOLE = index_of(observability.index_properties(DEFINITIONS), cut_whole=True)
QUERIES = {query["know"]: query["query"] for query in DEFINITIONS["queries"]}
ALERTS = {alert["name"]: alert for alert in DEFINITIONS["alerts"]}
Answer = list[dict[str, Any]]


class Logged(NamedTuple):
    """The rows of the story, and its outcomes as the function wrote them."""

    story: Story
    outcomes: list[dict[str, Any]]

    @property
    def rows(self) -> list[Row]:
        return self.story.rows


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Logged:
    story = told_story(tmp_path_factory.mktemp("policy") / "policy.json")
    lines = [json.loads(text) for text in audit_texts(story.rows)]
    return Logged(story, [line for line in lines if line["part"] == 1])


def audit_texts(rows: Iterable[Row]) -> list[str]:
    texts = [str(row.get("message", "")) for row in rows]
    return [text for text in texts if text.startswith(AUDIT_BEGINNING)]


def ask(query: str, rows: Iterable[Row], at: float, index: Index = INDEX) -> Answer:
    return run_query(query, rows, index, datetime.fromtimestamp(at, timezone.utc))


def test_the_search_of_the_history_command_finds_every_audit_line(logged: Logged) -> None:
    found = run_query(QUERY, logged.rows, INDEX)
    log = read_audit_lines(map(json.dumps, found))

    assert [one["message"] for one in log.outcomes] == [one["message"] for one in logged.outcomes]
    assert [len(one["retained"]) for one in log.outcomes] == [
        sum(one["retainedByReason"].values()) for one in logged.outcomes
    ]
    assert log.broken == sum(one.missing_parts for one in log.outcomes) == 0
    assert all(one.logged_at for one in log.outcomes)


def pairs(answer: Answer) -> dict[str, int]:
    """What a query with two columns says, as a map."""
    return dict(tuple(row.values()) for row in answer)


def total_of(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return total


def outcomes_by_status(logged: Logged, answer: Answer) -> None:
    assert pairs(answer) == Counter(outcome["status"] for outcome in logged.outcomes)
    assert {"removed", "failed", "partly-removed", "refused", "rejected"} <= pairs(answer).keys()


def removed_a_day(logged: Logged, answer: Answer) -> None:
    removed = sum(len(outcome["removed"]) for outcome in logged.outcomes)

    assert sum(row["removed"] for row in answer) == removed >= 3
    assert all(row["day"].hour == 0 for row in answer)


def retained_by_reason(logged: Logged, answer: Answer) -> None:
    retained = total_of(outcome["retainedByReason"] for outcome in logged.outcomes)

    assert pairs(answer) == retained
    assert retained["not-needed"] >= LARGE - 1
    assert list(pairs(answer).values()) == sorted(retained.values(), reverse=True)


def blocked_by(logged: Logged, answer: Answer) -> None:
    (row,) = answer

    assert (row["reason"], row["outcomes"]) == ("paused", 1)
    assert "2999-01-01" in row["such_as"]


def duplicates_a_day(logged: Logged, answer: Answer) -> None:
    duplicates = sum(outcome["status"] == "duplicate" for outcome in logged.outcomes)

    assert sum(row["duplicates"] for row in answer) == duplicates >= 1


def refusals_and_failures(logged: Logged, answer: Answer) -> None:
    bad = ("refused", "failed", "unconfirmed", "rejected", "partly-removed", "expired")
    expected = [
        (o["status"], o["scalingGroupId"], o["requestId"], o["message"])
        for o in logged.outcomes
        if o["status"] in bad
    ]
    columns = ("status", "scaling_group", "request", "what")

    assert sorted(map(str, expected)) == sorted(
        str(tuple(row[c] for c in columns)) for row in answer
    )
    assert [row["time"] for row in answer] == sorted((row["time"] for row in answer), reverse=True)


def one_message(logged: Logged, answer: Answer) -> None:
    expected = [
        (o["status"], o["functionRequestId"]) for o in logged.outcomes if o["requestId"] == "web-1"
    ]

    assert [(row["status"], row["function_request"]) for row in answer] == expected
    assert expected[0][0] == "removing"
    assert "removed" in [status for status, _ in expected]


def lines_about_an_instance(logged: Logged, answer: Answer) -> None:
    expected = [row for row in logged.rows if '"i-web-0001"' in str(row.get("message"))]

    assert answer == expected
    assert expected


def lines_of_an_invocation(logged: Logged, answer: Answer) -> None:
    outcome = joined(audit_texts(answer))

    assert outcome["scalingGroupId"] == "asg-large"
    assert len(outcome["retained"]) == LARGE


def time_by_call(logged: Logged, answer: Answer) -> None:
    calls = [outcome["durations"]["calls"] for outcome in logged.outcomes]

    for figure, column in (("count", "calls"), ("milliseconds", "milliseconds")):
        expected = total_of({name: c[figure] for name, c in some.items()} for some in calls)
        assert {row["call"]: row[column] for row in answer} == dict(expected)
    assert {"RemoveInstances", "InvokeFunction", "redis"} <= {row["call"] for row in answer}


def milliseconds_an_hour(logged: Logged, answer: Answer) -> None:
    every = [outcome["durations"]["totalMilliseconds"] for outcome in logged.outcomes]

    for row in answer:
        assert min(every) <= row["median"] <= row["p99"] <= max(every)
        assert row["waiting"] <= row["p99"]


def policies(logged: Logged, answer: Answer) -> None:
    outcomes = Counter(o["policy"] for o in logged.outcomes if o["policy"])

    assert {row["policy"]: row["outcomes"] for row in answer} == dict(outcomes)
    assert all(row["first_time"] <= row["last_time"] for row in answer)


def failed_invocations(logged: Logged, answer: Answer) -> None:
    failed = {
        o["functionRequestId"]
        for o in logged.outcomes
        if o["status"] == "retry" and o["followUp"] is None
    }

    assert {row["function_request"] for row in answer} == failed
    assert len(failed) == 2
    assert all(row["milliseconds"] > 0 for row in answer)


JUDGES: Mapping[str, Callable[[Logged, Answer], None]] = {
    "how many outcomes of each status": outcomes_by_status,
    "how many instances were removed, a day": removed_a_day,
    "why instances are retained": retained_by_reason,
    "which guardrail lets no instance go": blocked_by,
    "duplicates, a day": duplicates_a_day,
    "refusals and failures": refusals_and_failures,
    "what became of one message": one_message,
    "all lines about an instance": lines_about_an_instance,
    "all lines of an invocation's outcomes, with follow-on lines": lines_of_an_invocation,
    "where the time goes": time_by_call,
    "how long a message takes, an hour": milliseconds_an_hour,
    "which policy decided, and since when": policies,
    "failed invocations, with the request id of each": failed_invocations,
}


def filled(query: str, logged: Logged) -> str:
    """The query with what an operator puts in place of its words in capitals."""
    large = next(o for o in logged.outcomes if o["requestId"] == "asg-large" and o["parts"] > 1)
    for word, value in (
        ("REQUEST", "web-1"),
        ("INSTANCE", "i-web-0001"),
        ("INVOCATION", large["functionRequestId"]),
    ):
        query = re.sub(rf"(?<=['\"]){word}(?=['\"])", value, query)
    return query


@pytest.mark.parametrize("index", [INDEX, CUT_WHOLE], ids=["leaves-cut", "field-cut"])
@pytest.mark.parametrize("name", QUERIES)
def test_a_documented_query_gives_the_right_answer(name: str, index: Index, logged: Logged) -> None:
    if index is CUT_WHOLE and 'message.message"' in QUERIES[name]:
        return  # the sentence may be cut then; all that a query selects by is not
    JUDGES[name](logged, ask(filled(QUERIES[name], logged), logged.rows, 0.0, index))


def test_each_chart_shows_a_documented_query_and_all_of_its_columns(logged: Logged) -> None:
    charts = list(observability.charts(DEFINITIONS))

    for chart in charts:
        answer = ask(chart["search"]["query"], logged.rows, 0.0)
        display = chart["display"]
        assert [*display["xAxis"], *display["yAxis"]] == list(answer[0])
    assert len(charts) >= 8


def fired(name: str, rows: list[Row], first: float, last: float) -> set[str]:
    """What the alert names, evaluated in its period from first to last: groups, if it names any."""
    alert, named = ALERTS[name], set[str]()
    period, span = alert["every_minutes"] * 60, observability.over_minutes(alert) * 60
    for at in range(int(first), int(last) + 1, period):
        seen = [row for row in rows if at - span <= int(row["__time__"]) < at]
        for row in ask(alert["query"], seen, at):
            column, _, number = alert.get("fires_if", "").partition(" == ")
            if column and row[column] != int(number):
                continue
            named.add(str(row.get("scaling_group") or row.get("status") or row.get("outcomes")))
    return named


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("failed", {"asg-failing"}),
        ("partly-removed", {"asg-warning"}),
        ("refused", {"asg-unknown", "rejected"}),
        ("dead-letters", {"asg-throttled"}),
        ("ledger-unavailable", {"1"}),
        ("policy", {"1"}),
        ("failed-invocations", {"None"}),
        ("silent", set[str]()),
    ],
)
@pytest.mark.parametrize("offset_seconds", [1, 100, 299])
def test_an_alert_fires_for_what_it_is_for_whenever_it_is_evaluated(
    name: str, expected: set[str], offset_seconds: int, logged: Logged
) -> None:
    first = int(logged.rows[0]["__time__"]) + offset_seconds

    last = logged.story.ended_at + ALERTS[name]["every_minutes"] * 60

    assert fired(name, logged.rows, first, last) == expected


def test_a_day_without_an_outcome_fires(logged: Logged) -> None:
    at = logged.story.ended_at + 86_400

    assert fired("silent", logged.rows, at, at)
    assert fired("silent", [], at, at)


def test_a_message_that_may_still_be_delivered_is_no_dead_letter(logged: Logged) -> None:
    last = max(
        int(row["__time__"]) for row in logged.rows if row.get("message") == last_retry(logged)
    )

    assert fired("dead-letters", logged.rows, last + 800, last + 800) == set()
    assert fired("dead-letters", logged.rows, last + 1_000, last + 1_000) == {"asg-throttled"}


def last_retry(logged: Logged) -> str:
    """The last audit line of a message that its trigger must send again."""
    texts = audit_texts(logged.rows)
    return [t for t in texts if '"status": "retry"' in t and '"followUp": null' in t][-1]


def test_a_message_that_is_processed_in_the_end_is_no_dead_letter(logged: Logged) -> None:
    last = last_retry(logged)
    processed = last.replace('"status": "retry"', '"status": "removed"')
    at = int(logged.story.ended_at)
    rows: list[Row] = [*logged.rows, {"__time__": at - 1_000, "message": processed}]

    assert fired("dead-letters", rows, at, at) == set()


def test_a_message_that_is_followed_up_is_no_dead_letter(logged: Logged) -> None:
    last = last_retry(logged)
    followed = last.replace(
        '"followUp": null', '"followUp": {"number": 1, "delaySeconds": 3600}', 1
    )
    at = int(logged.story.ended_at)
    rows: list[Row] = [*logged.rows, {"__time__": at - 1_000, "message": followed}]

    assert fired("dead-letters", rows, at, at) == set()


@pytest.mark.parametrize("alert", ALERTS.values(), ids=ALERTS)
def test_an_alert_looks_back_over_its_whole_period_and_a_day_at_most(alert: dict[str, Any]) -> None:
    assert alert["every_minutes"] < observability.over_minutes(alert) <= 24 * 60


QUERIED = [*QUERIES.values(), *(alert["query"] for alert in ALERTS.values())]


@pytest.mark.parametrize("query", QUERIED)
def test_a_query_fails_without_any_field_of_the_index_that_it_names(query: str) -> None:
    """The index has what the queries need: this engine, as the service, knows no other column."""
    named = {name for name in INDEX.fields if re.search(rf"(?<![\w.]){re.escape(name)}\b", query)}

    ask(query, [], 0.0)
    for name in named:
        index = Index({key: value for key, value in INDEX.fields.items() if key != name})
        with pytest.raises(Exception, match=r"no index|not found"):
            ask(query, [], 0.0, index)
    assert named or "|" not in query


def test_every_line_of_the_story_came_through_whole(logged: Logged) -> None:
    texts = audit_texts(logged.rows)

    assert [fault for text in texts for fault in audit_faults(text)] == []
    assert sum(json.loads(text)["part"] > 1 for text in texts) >= 3


def test_no_line_has_what_is_secret(logged: Logged) -> None:
    text = json.dumps(logged.rows)

    for secret in ("test-secret", "a key for tests that is long enough"):
        assert secret not in text


def test_a_select_over_a_field_without_analytics_is_refused() -> None:
    properties = observability.index_properties(DEFINITIONS)
    for key in properties["KeyIndices"]:
        key["EnableAnalytics"] = False

    with pytest.raises(QueryError):
        ask("* | select functionName", [], 0.0, index_of(properties))
