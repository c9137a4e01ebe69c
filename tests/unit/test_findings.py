"""`scalein check`: grades, one line for one cause, what an event is, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from scalein_cli.__main__ import main
from scalein_cli.check import check_event
from scalein_cli.findings import Finding, Grade, conclusion, is_bad, merged, steps

ROOT = Path(__file__).parents[2]
FINDINGS = st.lists(
    st.builds(
        Finding,
        check=st.sampled_from(["policy of", "group"]),
        grade=st.sampled_from(Grade),
        detail=st.sampled_from(["no cooldown", "missing"]),
        to_do=st.sampled_from(["", "set it."]),
        subjects=st.lists(st.sampled_from(["asg-1", "asg-2", "asg-3"]), max_size=2).map(tuple),
        stories=st.just(()),
    )
)


@given(FINDINGS)
def test_one_cause_is_one_line_and_no_subject_is_lost(findings: list[Finding]) -> None:
    causes = {finding._replace(subjects=()) for finding in findings}
    once = merged(findings)

    assert {finding._replace(subjects=()) for finding in once} == causes
    assert len(once) == len(causes)
    for cause in once:
        mine = [f for f in findings if f._replace(subjects=()) == cause._replace(subjects=())]
        assert set(cause.subjects) == {id for finding in mine for id in finding.subjects}
        assert len(set(cause.subjects)) == len(cause.subjects)


@given(FINDINGS)
def test_all_that_is_not_good_has_a_step_and_nothing_that_is_good_has_one(
    findings: list[Finding],
) -> None:
    once = merged(findings)
    texts = {f"{f.name}: {f.to_do or f.detail}" for f in once if f.grade is not Grade.GOOD}

    assert set(steps(once)) == texts
    assert conclusion(once).startswith("All good") == (not texts)
    assert ("Fix what is bad" in conclusion(once)) == is_bad(once)


def check(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["check", *options])
    return done.exit_code, done.output


def test_a_missing_cooldown_is_one_warning_for_all_groups_and_no_failure(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"groups": {f"asg-{n}": {} for n in range(9)}}))
    status, output = check("--policy", str(policy))

    assert status == 0
    assert [line.split()[0] for line in output.splitlines() if "no cooldownSeconds" in line] == [
        "warning"
    ]
    assert "asg-0, asg-1, asg-2, asg-3, asg-4 and 4 more" in output
    assert output.splitlines()[-2].startswith("1. policy of asg-0")
    assert output.splitlines()[-1].startswith("It will work, with 1 warning.")


@pytest.mark.parametrize(
    ("when", "is_warned"),
    [
        ({"eventName": "Instance:StateChange"}, True),
        ({"eventName": "Instance:StateChange", "eventStatus": "Stopped"}, False),
        ({"eventName": "Instance:*"}, False),  # never matches one
    ],
)
def test_a_rule_for_every_state_of_an_instance_is_a_warning(
    tmp_path: Path, when: dict[str, str], is_warned: bool
) -> None:
    rule = {"when": when, "scalingGroupId": "asg-1", "remove": {"instanceIds": "alarm"}}
    policy = tmp_path / "policy.json"
    groups = {"asg-1": {"cooldownSeconds": 600}}
    policy.write_text(json.dumps({"groups": groups, "alarms": [rule]}))
    status, output = check("--policy", str(policy))

    assert status == 0
    assert ("reports of every state of an instance remove it" in output) is is_warned


def test_what_is_good_ends_with_nothing_to_do(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"groups": {"asg-1": {"cooldownSeconds": 600}}}))

    assert check("--policy", str(policy))[0] == 0
    assert check("--policy", str(policy))[1].splitlines()[-1] == "All good: nothing to do."


def test_a_group_that_never_loses_an_instance_is_a_warning(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    groups = {
        "asg-1": {"cooldownSeconds": 600, "dryRun": True},
        "asg-2": {"cooldownSeconds": 600, "paused": True},
    }
    policy.write_text(json.dumps({"groups": groups}))
    status, output = check("--policy", str(policy))

    assert status == 0
    assert "with 2 warnings" in output


def test_an_event_tells_how_its_messages_are_read() -> None:
    finding = check_event(ROOT / "events/kafka-batch.json", None)

    assert (finding.grade, finding.detail) == (Grade.GOOD, "2 messages")
    assert [(story.message, number) for story, number in finding.stories] == [
        ("removal-request: a request for asg-web", 1),
        ("removal-request: a request for asg-batch", 1),
    ]


@pytest.mark.parametrize(
    "path", sorted((ROOT / "events").glob("*.expected.json")), ids=lambda path: path.name
)
def test_an_event_is_bad_exactly_if_the_function_rejects_a_message_of_it(path: Path) -> None:
    event = path.with_name(path.name.replace(".expected", ""))
    is_rejected = '"rejected"' in path.read_text(encoding="utf-8")

    assert (check_event(event, None).grade is Grade.BAD) == is_rejected
