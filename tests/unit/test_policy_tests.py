"""`scalein test`: what a case may say, what it compares, and how a failure is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from localcloud.ess.model import Assumptions
from localcloud.fleet import read_document, service_of
from scalein.decision.guardrails import read_scope
from scalein.decision.model import RemovalRequest, Target
from scalein.decision.planner import plan_removal
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.policy import apply_policy, read_policy
from scalein.report.outcome import outcome_json
from scalein_cli.__main__ import main
from scalein_cli.local import EXAMPLE_POLICY, SMALL_FLEET
from scalein_cli.policy_test import differences
from scalein_cli.policy_test_file import SCHEMA
from scalein_cli.simulated_function import SimulatedClock, SimulatedFunction
from tests.support.clock import NOON

ROOT = Path(__file__).parents[2]
POLICY_TESTS = ROOT / "policy-tests"
INSTANCE = {"createdTime": "2026-11-01T08:00:00Z"}
GROUP = {
    "scalingGroupId": "asg-1",
    "minSize": 2,
    "maxSize": 30,
    "instances": [{"instanceId": f"i-{n:02}", **INSTANCE} for n in range(28)],
}
POLICY = {"groups": {"asg-1": {"floor": 3}}}
REMOVE_TWO = {"scalingGroupId": "asg-1", "remove": {"count": 2}}
MESSAGE: dict[str, Any] = {"request": REMOVE_TWO, "expect": {"selected": 2}}


def run(folder: Path, document: object, *options: str) -> Result:
    """Of a file with this document, beside a policy."""
    (folder / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")
    text = document if isinstance(document, str) else json.dumps(document)
    (folder / "cases.yaml").write_text(text, encoding="utf-8")
    return CliRunner().invoke(main, ["test", str(folder / "cases.yaml"), *options])


def file_of(*messages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    case = {"name": "two are removed", "messages": [*messages], **fields}
    start = "2026-11-23T12:00:00Z"
    fleet = {"groups": [GROUP]}
    return {"policy": "policy.json", "fleet": fleet, "now": start, "cases": [case]}


def test_the_example_policy_passes_its_tests() -> None:
    done = CliRunner().invoke(main, ["test", str(POLICY_TESTS)])

    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1].endswith(" passed, 0 failed.")


def test_every_group_that_the_example_policy_limits_has_a_test() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in POLICY_TESTS.iterdir())
    groups = json.loads(EXAMPLE_POLICY.read_text(encoding="utf-8"))["groups"]

    assert [id for id, policy in groups.items() if policy and id not in tests] == []


def test_a_case_that_fails_shows_the_plan_and_what_was_expected(tmp_path: Path) -> None:
    wrong = {"request": REMOVE_TWO, "expect": {"selected": ["i-27"], "status": "blocked"}}
    done = run(tmp_path, file_of(wrong))

    assert done.exit_code == 1
    assert "status: expected blocked, found removing" in done.output
    assert "selected: expected i-27, found i-00, i-01" in done.output
    assert "i-02" in done.output  # a row of the plan
    assert "floor" in done.output  # a row of the limits
    assert done.output.splitlines()[-1] == "1 case in 1 file: 0 passed, 1 failed."


def test_results_are_json_alone_and_junit_for_ci(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    wrong = {**MESSAGE, "afterSeconds": 3_600, "expect": {"limits": {"floor": 5}}}
    done = run(tmp_path, file_of(MESSAGE, wrong), "--json", "--junit", str(report))
    results = json.loads(done.stdout)

    assert (done.exit_code, results["passed"], results["failed"]) == (1, 0, 1)
    (failure,) = results["cases"][0]["failures"]
    assert (failure["message"], failure["at"]) == (2, "2026-11-23T13:00:00Z")
    assert failure["differences"] == [{"field": "limits.floor", "expected": 5, "found": 23}]
    assert failure["outcome"]["status"] == "removing"
    suite = Xml.parse(report).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite.find("testcase/failure") is not None


def test_a_removal_in_several_calls_goes_on_by_follow_ups(tmp_path: Path) -> None:
    """A group without desired capacity runs one removal of twenty at a time."""
    many = {"request": {**REMOVE_TWO, "remove": {"count": 25}}, "expect": {"selected": 25}}
    none = {**MESSAGE, "afterSeconds": 600, "expect": {"selected": 0, "shortfall": "floor"}}
    done = run(tmp_path, file_of(many, none))

    assert done.exit_code == 0, done.output


def test_the_history_of_a_fleet_counts(tmp_path: Path) -> None:
    activity = {"scalingGroupId": "asg-1", "seconds": 60, "endedSecondsAgo": 120, "destroyed": 1}
    cooldown = {"groups": {"asg-1": {"cooldownSeconds": 300}}}
    policy = tmp_path / "cooldown.json"
    policy.write_text(json.dumps(cooldown), encoding="utf-8")
    first = {**MESSAGE, "expect": {"blockedBy": "cooldown"}}
    later = {**MESSAGE, "afterSeconds": 300, "expect": {"blockedBy": None, "selected": 2}}
    fleet = {"groups": [GROUP], "activities": [activity]}
    done = run(tmp_path, file_of(first, later, fleet=fleet), "--policy", str(policy))

    assert done.exit_code == 0, done.output


def test_each_message_of_a_batch_has_its_own_expectation(tmp_path: Path) -> None:
    event = [{**REMOVE_TWO, "requestId": "a"}, {"scalingGroupId": "asg-9", "remove": {"count": 1}}]
    expected = [{"selected": 2}, {"status": "refused"}]
    passed = run(tmp_path, file_of({"event": event, "expect": expected}))
    failed = run(tmp_path, file_of({"event": event, "expect": {"selected": 2}}))

    assert passed.exit_code == 0, passed.output
    assert failed.exit_code == 1
    assert "number of outcomes: expected 1, found 2" in failed.output


def changed(**fields: Any) -> dict[str, Any]:
    return file_of(MESSAGE) | fields


REQUEST = {"request": REMOVE_TWO}
CASES = file_of(MESSAGE)["cases"]
WRONG_FILES: list[tuple[object, str]] = [
    ("", "cases.yaml: it is empty; "),
    ("cases: [", "cases.yaml: not YAML: "),
    ("now: x\nnow: y\n", "the key now stands twice"),
    (changed(cases=[]), "cases.yaml, at cases: "),
    (changed(policies=1), "'policies' was unexpected"),
    (
        file_of({**REQUEST, "expect": {"state": 1}}),
        "case 'two are removed', at messages[0].expect: ",
    ),
    (
        file_of({**REQUEST, "expect": {"status": "remove"}}),
        "at messages[0].expect.status: 'remove' is not known. Did you mean removed?",
    ),
    (
        file_of({**REQUEST, "expect": {"retained": {"min-sise": 1}}}),
        "'min-sise' is not known. Did you mean min-size?",
    ),
    (file_of({**MESSAGE, "event": {}}), "exactly one of alarm, request, event, eventFile; it"),
    (file_of({"expect": {"selected": 1}}), "it has none."),
    (file_of(REQUEST), "so nothing is tested."),
    (file_of(MESSAGE, now="noon"), "at now: The time cannot be read."),
    (file_of({**MESSAGE, "at": "2026-11-22T12:00:00Z"}), "at messages[0].at: the message before"),
    (file_of({"eventFile": "none.json", "expect": {"selected": 1}}), "none.json cannot be read"),
    (file_of(MESSAGE, fleet="none.json"), "case 'two are removed', at fleet: "),
    (file_of(MESSAGE, fleet={"groups": [{}]}), "at fleet: $.groups[0]: "),
    (changed(policy="none.json"), "at policy: The policy "),
    ({"cases": CASES}, "at policy: no policy is named"),
    ({"policy": "policy.json", "cases": CASES}, "at fleet: fleet is missing"),
]


@pytest.mark.parametrize(("document", "message"), WRONG_FILES)
def test_a_wrong_file_names_the_file_the_case_and_the_field(
    document: object, message: str, tmp_path: Path
) -> None:
    done = run(tmp_path, document)

    assert done.exit_code == 2
    assert message in done.stderr
    assert "cases.yaml" in done.stderr


def test_the_schema_knows_exactly_the_statuses_and_reasons_of_the_function() -> None:
    definitions = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    expected = definitions["expected"]["properties"]

    assert expected["status"]["enum"] == [status.value for status in Status]
    assert expected["ignored"]["enum"] == [None, *(why.value for why in Ignored)]
    assert definitions["reason"]["enum"] == [reason.value for reason in Reason]
    for field in ("blockedBy", "shortfall"):
        assert expected[field]["enum"] == [None, *definitions["reason"]["enum"]]


def simulated_function() -> SimulatedFunction:
    """Under the example policy, for the small fleet at noon."""
    clock = SimulatedClock(NOON)
    service = service_of(read_document(SMALL_FLEET), clock, Assumptions())
    return SimulatedFunction(read_policy("", str(EXAMPLE_POLICY)), service, clock)


@given(
    st.sampled_from(["asg-web", "asg-batch", "asg-jobs", "asg-frozen", "asg-weighted"]),
    st.integers(1, 9),
)
def test_a_simulated_function_selects_what_the_planner_selects(group_id: str, count: int) -> None:
    function = simulated_function()
    event = {"scalingGroupId": group_id, "remove": {"count": count}, "requestId": "r"}
    (outcome,) = function.deliver(json.dumps(event).encode())
    policy = read_policy("", str(EXAMPLE_POLICY))
    request = apply_policy(RemovalRequest(group_id, "r", Target(instances=count)), policy)
    assert isinstance(request, RemovalRequest)
    group_policy = policy.groups[group_id]
    before = simulated_function().gateway.snapshot(group_id, read_scope(request, group_policy))

    assert outcome.selected == plan_removal(request, before, group_policy).selected


@given(st.sampled_from(["asg-web", "asg-batch"]), st.integers(1, 9), st.data())
def test_what_an_outcome_has_is_no_difference_and_anything_else_is_one(
    group_id: str, count: int, data: st.DataObject
) -> None:
    event = {"scalingGroupId": group_id, "remove": {"count": count}}
    (outcome,) = map(outcome_json, simulated_function().deliver(json.dumps(event).encode()))
    right: dict[str, Any] = {
        "status": outcome["status"],
        "selected": sorted(outcome["selected"]),
        "capacityAfter": outcome["capacity"]["after"],
        "limits": {limit["guardrail"]: limit["allows"] for limit in outcome["limits"]},
        "retained": {**outcome["retainedByReason"], "too-young": 0},
        "shortfall": outcome["shortfall"] and outcome["shortfall"]["reason"],
        "ignored": None,
    }
    field = data.draw(st.sampled_from(["status", "selected", "capacityAfter", "shortfall"]))
    wrong = right | {field: "another"}

    assert list(differences(right, outcome)) == []
    assert [difference.field for difference in differences(wrong, outcome)] == [field]
