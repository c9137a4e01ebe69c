"""`scalein check --event` and `scalein run` show how an event is read, up to the rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein_cli.event_story import WITHOUT_POLICY, Story, stories_of

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "events"
FILES = [path for path in sorted(EVENTS.glob("*.json")) if ".expected" not in path.name]
POLICY = read_policy("", str(ROOT / "policy.example.json"))


def only_story(name: str) -> Story:
    (story,) = stories_of((EVENTS / name).read_bytes(), POLICY)
    return story


def test_it_names_envelopes_dialect_attributes_and_the_rule_that_matches() -> None:
    story = only_story("http-cloudmonitor-threshold.json")

    assert story.way.endswith("HTTP request > form")
    assert story.message == "cloudmonitor-threshold: alarm web-cpu-low-5m"
    assert dict(story.attributes)["namespace"] == "acs_ess_dashboard, acs_ess"
    assert story.rules == ('alarms[1] matches: remove {"count": 1} of asg-web',)


def test_without_a_rule_that_matches_it_names_the_closest_and_why_not() -> None:
    (sentence,) = only_story("http-cloudmonitor-no-rule.json").rules

    assert "Closest rule: alarms[2]" in sentence
    assert "batch-worker-idle* (the alarm has another value)" in sentence


def test_a_rule_that_matches_and_does_not_apply_is_told_with_its_reason() -> None:
    (sentence,) = only_story("cloudmonitor-threshold-per-instance.json").rules

    assert "matches; ignored:" in sentence
    assert "The alarm names i-" in sentence


def test_without_a_policy_it_says_what_to_give() -> None:
    event = (EVENTS / "http-cloudmonitor-threshold.json").read_bytes()
    (story,) = stories_of(event, None)

    assert story.rules == (WITHOUT_POLICY,)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_every_message_has_a_story_that_agrees_with_its_outcome(path: Path) -> None:
    event = path.read_bytes()
    stories = stories_of(event, POLICY)
    expected = json.loads(path.with_suffix(".expected.json").read_text())
    outcomes = expected.get("outcomes", [expected])

    assert sum(stories.values()) == len(parse_event(event).messages)
    rejected = sum(number for story, number in stories.items() if story.is_rejected)
    assert rejected == path.with_suffix(".expected.json").read_text().count('"status": "rejected"')
    has_no_rule = any("No alarm rule" in rule for story in stories for rule in story.rules)
    ignored = {outcome.get("ignored") for outcome in outcomes}
    assert has_no_rule or "no-rule" not in ignored
