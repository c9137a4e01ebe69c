"""How the function reads an event: from its envelopes to the rule of the policy that matches."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake import system_events
from scalein.intake.alert_list import AlertList
from scalein.intake.dialects import ParsedMessage, dialect_of, parse_message
from scalein.intake.envelopes import Message, parse_event
from scalein.policy import Policy
from scalein.policy_rules import Match, matches_of
from scalein.processing.alarm_requests import request_of_match

MAX_STORIES = 3  # that are printed of one event
MAX_CHARACTERS = 80  # of an attribute's values
NO_WAY = "nothing around it"
WITHOUT_POLICY = "Which rule matches is known with a policy: --policy FILE."


class Story(NamedTuple):
    """How messages of an event are read; equal ones are one story."""

    way: str  # envelopes and encodings, outermost first
    message: str  # dialect and meaning, or the rejection
    attributes: tuple[tuple[str, str], ...] = ()  # of an alarm: what rules can match
    rules: tuple[str, ...] = ()  # sentences: which rule matches, or the closest one and why not
    is_rejected: bool = False


def stories_of(event: bytes, policy: Policy | None) -> dict[Story, int]:
    """Returns how the messages of the event are read, and how many are read so."""
    return Counter(_story(message, policy) for message in parse_event(event).messages)


def story_json(story: Story, messages: int) -> dict[str, Any]:
    """The story as JSON, of so many messages."""
    fields = story._asdict() | {"attributes": dict(story.attributes), "rules": list(story.rules)}
    return {"messages": messages, **fields}


def print_stories(stories: Mapping[Story, int], console: Console) -> None:
    """Prints the first stories, one line for each part."""
    for story in list(stories)[:MAX_STORIES]:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="dim")
        table.add_column(overflow="fold")
        for name, text in _parts(story, stories[story]):
            table.add_row(f" {name}", Text(text))
        console.print(table)
    if len(stories) > MAX_STORIES:
        console.print(f" and {len(stories) - MAX_STORIES} other kinds of messages")


def _parts(story: Story, messages: int) -> Iterable[tuple[str, str]]:
    times = f", {messages} messages" if messages > 1 else ""
    yield "unwrapped", story.way + times
    yield "rejected" if story.is_rejected else "read as", story.message
    if story.attributes:
        yield "attributes", "; ".join(f"{name} {values}" for name, values in story.attributes)
    for sentence in story.rules:
        yield "rule", sentence


def _story(message: Message, policy: Policy | None) -> Story:
    way = " > ".join(message.steps) or NO_WAY
    try:
        parsed = parse_message(message)
    except RejectedEvent as error:
        return Story(way, f"{error} ({error.rule}, at {error.path})", is_rejected=True)
    dialect = dialect_of(system_events.with_parsed_alert(message)).schema
    alarms = _alarms_of(parsed)
    attributes = _attributes(alarms)
    rules = tuple(_rules(alarms, policy)) if alarms else ()
    return Story(way, f"{dialect}: {_meaning(parsed)}", attributes, rules)


def _meaning(parsed: ParsedMessage) -> str:
    match parsed:
        case Ignored():
            return f"ignored ({parsed.value})"
        case AlertList() | Alarm():
            alarms = _alarms_of(parsed)
            names = ", ".join(dict.fromkeys(map(_alarm_name, alarms)))
            return f"{len(alarms)} x {names}" if len(alarms) > 1 else names
        case RemovalRequest():
            return f"a request for {parsed.scaling_group_id}"
        case _:
            return "a follow-up"


def _alarm_name(alarm: Alarm) -> str:
    names = alarm.attributes.get("alertName") or alarm.attributes.get("eventName") or ()
    return f"alarm {names[0]}" if names else "alarm"


def _alarms_of(parsed: ParsedMessage) -> tuple[Alarm, ...]:
    if isinstance(parsed, AlertList):
        return parsed.alarms
    return (parsed,) if isinstance(parsed, Alarm) else ()


def _attributes(alarms: Iterable[Alarm]) -> tuple[tuple[str, str], ...]:
    """Each attribute with the values that any of the alarms has."""
    values_by_name: dict[str, dict[str, None]] = {}
    for alarm in alarms:
        for name, values in alarm.attributes.items():
            values_by_name.setdefault(name, {}).update(dict.fromkeys(values))
    texts = {name: ", ".join(values) for name, values in values_by_name.items()}
    return tuple(
        (name, text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}...")
        for name, text in texts.items()
    )


def _rules(alarms: tuple[Alarm, ...], policy: Policy | None) -> Iterable[str]:
    """Yields a sentence for each rule that matches some of the alarms, and for what has none."""
    if policy is None:
        yield WITHOUT_POLICY
        return
    for match in matches_of(alarms, policy.rules):
        result = request_of_match(match, policy, alarms=len(alarms))
        if isinstance(result, RemovalRequest):
            requested = "" if match.rule is None else json.dumps(match.rule.request["remove"])
            group = result.scaling_group_id or "the group of these instances"
            yield f"{_rule_name(match, policy)} matches: remove {requested} of {group}"
        elif match.rule is None:
            yield result.message
        else:
            name = _rule_name(match, policy)
            yield f"{name} matches; {result.status.value}: {result.message}"


def _rule_name(match: Match, policy: Policy) -> str:
    number = next(n for n, rule in enumerate(policy.rules) if rule is match.rule)
    return f"alarms[{number}]"
