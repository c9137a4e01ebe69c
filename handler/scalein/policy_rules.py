"""The alarm rules of the policy: which alarm matches which rule, and what the rule requests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.intake.alert_list import merged
from scalein.intake.attributes import pattern_of_level
from scalein.intake.keys import digest
from scalein.intake.removal_request import request_of
from scalein.intake.stages import (
    canonical_stage,
    is_name_of_state_report,
    needs_its_stage_named,
)

FROM_ALARM = "alarm"  # as the value of instanceIds or scalingGroupId
# Attributes that an alarm may need a rule to name exactly, and for which values it does so.
IS_NEEDED_EXACTLY = {
    "eventName": is_name_of_state_report,
    "eventStatus": needs_its_stage_named,
}
MAX_NAMES, MAX_CONDITIONS, MAX_CHARACTERS = 20, 3, 64  # in a message to a person


class Rule(NamedTuple):
    """What an alarm means: a removal request, without what the alarm itself says."""

    pattern_by_attribute: Mapping[str, str]
    request: Mapping[str, Any]

    @property
    def uses_alarm_group(self) -> bool:
        return bool(self.request["scalingGroupId"] == FROM_ALARM)

    @property
    def removes_amount(self) -> bool:
        return "instanceIds" not in self.request["remove"]

    @property
    def uses_alarm_instances(self) -> bool:
        return bool(self.request["remove"].get("instanceIds") == FROM_ALARM)


class Match(NamedTuple):
    """What alarms of one message the same rule matches first, as one alarm."""

    rule: Rule | None  # None: no rule matches
    alarm: Alarm
    alarms: int = 1  # how many they are


def rule_of(document: dict[str, Any]) -> Rule:
    """Returns the rule of a document that satisfies the schema of policies."""
    patterns = {name: pattern for name, pattern in document["when"].items() if name != "labels"}
    for name, pattern in document["when"].get("labels", {}).items():
        patterns[f"labels.{name}"] = pattern
    if "level" in patterns:
        patterns["level"] = pattern_of_level(patterns["level"])
    if "eventStatus" in patterns:
        patterns["eventStatus"] = canonical_stage(patterns["eventStatus"])
    request = {name: value for name, value in document.items() if name not in ("when", "comment")}
    return Rule(patterns, request)


def rule_for(alarm: Alarm, rules: Sequence[Rule]) -> Rule | None:
    """Returns the first rule that matches the alarm, None if none does."""
    exact = alarm.exact_names
    return next((rule for rule in rules if _is_met(rule, alarm.attributes, exact)), None)


def matches_of(alarms: Sequence[Alarm], rules: Sequence[Rule]) -> list[Match]:
    """Returns one match for each rule and scope of the alarms, in the order of the rules.

    Alarms of single instances and those of a group are apart: neither says anything of the other.
    """
    names = list(dict.fromkeys(name for rule in rules for name in rule.pattern_by_attribute))
    number_by_texts: dict[object, int] = {}
    alarms_by_place: dict[tuple[int, str], list[Alarm]] = {}
    for alarm in alarms:
        texts = tuple(alarm.attributes.get(name, ()) for name in names)
        exact = alarm.exact_names
        number = number_by_texts.get((texts, exact))
        if number is None:  # most alerts of a notification differ in what no rule looks at
            attributes = dict(zip(names, texts, strict=True))
            met = (n for n, rule in enumerate(rules) if _is_met(rule, attributes, exact))
            number = number_by_texts[texts, exact] = next(met, len(rules))
        # What no rule matches is one outcome, whatever it is of.
        scope = alarm.subject.scope.value if number < len(rules) else ""
        alarms_by_place.setdefault((number, scope), []).append(alarm)
    return [
        Match(rules[number] if number < len(rules) else None, merged(same), len(same))
        for (number, _), same in sorted(alarms_by_place.items(), key=lambda item: item[0])
    ]


def why_no_rule(alarm: Alarm, rules: Sequence[Rule]) -> str:
    """Returns a sentence that names the closest rule and what it expects.

    It names the alarm's attributes, which can be many and long, and never their values.
    """
    attributes = _joined([_cut(name) for name in alarm.attributes], MAX_NAMES)
    if not rules:
        return f"The policy has no alarm rules. The alarm has {attributes or 'no attributes'}."
    closest = max(range(len(rules)), key=lambda index: _closeness(rules[index], alarm))
    conditions = [
        _condition(name, rules[closest], alarm) for name in _unmet_conditions(rules[closest], alarm)
    ]
    return (
        f"No alarm rule of the policy matches. Closest rule: alarms[{closest}]."
        f" It expects {_joined(conditions, MAX_CONDITIONS)}."
        f" The alarm has {attributes or 'no attributes'}."
    )


def why_exact(alarm: Alarm) -> str:
    """Returns a sentence that says which attributes a rule must name to match this alarm."""
    names = " and ".join(alarm.exact_names)
    return f"Only a rule whose `when` has {names}, exactly and without *, matches it."


def may_apply(rule: Rule, alarm: Alarm) -> bool:
    """Whether a rule that matches may remove anything for the alarm: an alarm of single instances
    says nothing about the group, so only a rule that names instances may apply to it.
    """
    return alarm.is_of_group or not rule.removes_amount


def why_not_of_group(alarm: Alarm) -> str:
    """Returns a sentence that says for what the alarm counts as one of single instances. It names
    ids that can be read or a field, which a sender may have named, and no other value.
    """
    if alarm.instance_ids:
        return f"The alarm names {_joined(alarm.instance_ids, MAX_CONDITIONS)}."
    if alarm.subject.naming_field:
        return f"The alarm's field {_cut(alarm.subject.naming_field)} may name an instance."
    return "Nothing in the alarm shows that it is of a group."


def why_another_region(alarm: Alarm, region_id: str) -> str:
    """Returns a sentence if the alarm is an event of another region than this one; else ""."""
    if not region_id or all(id == region_id for id in alarm.region_ids):
        return ""
    return (
        f"The event is of another region than this function's scaling groups, {region_id}"
        " (SCALEIN_REGION_ID). Send it to a function of its own region."
    )


def request_from_rule(rule: Rule, alarm: Alarm, scaling_group_id: str) -> RemovalRequest:
    """Returns the request that the rule makes of the alarm. If the rule takes the alarm's
    instances, the caller checks that the alarm names some.
    """
    document = {**rule.request, "scalingGroupId": scaling_group_id}
    if rule.uses_alarm_instances:
        document["remove"] = {"instanceIds": alarm.instance_ids}
    request = request_of(document, _key(rule, alarm), alarm.sent_at)
    return request._replace(observation=_observation(rule, alarm))


def covering_rule(rules: Sequence[Rule], index: int) -> int | None:
    """Returns the index of an earlier rule that matches every alarm that rule `index` matches."""
    return next((n for n in range(index) if _covers(rules[n], rules[index])), None)


def _key(rule: Rule, alarm: Alarm) -> str:
    """The key of the request. Alerts of a group that began together are one for a rule that removes
    an amount: when one of them joins, or is over, those that have acted do not act again.
    """
    if not (alarm.episode and rule.removes_amount):
        return alarm.idempotency_key
    return f"alerts:{digest(alarm.episode, json.dumps(_parts(rule), sort_keys=True))}"


def _parts(rule: Rule) -> list[Any]:
    return [dict(rule.pattern_by_attribute), dict(rule.request)]


def _observation(rule: Rule, alarm: Alarm) -> str:
    """What the alarm observes, as a digest; "" if it observes nothing that a later alarm would.

    A newer alarm supersedes older ones with the same digest: those of the same rule and, if the
    rule removes the alarm's instances, of the same instances.
    """
    if not alarm.observation:
        return ""
    instance_ids = sorted(alarm.instance_ids) if rule.uses_alarm_instances else []
    parts = [alarm.observation, *_parts(rule), instance_ids]
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


def _condition(name: str, rule: Rule, alarm: Alarm) -> str:
    pattern = rule.pattern_by_attribute.get(name)
    if pattern is None:
        return f"any {name} (the rule must name it)"
    if name in alarm.exact_names and "*" in pattern:
        return f"{name} {_cut(pattern)} (the rule must name it without *)"
    has = "another value" if name in alarm.attributes else "no such attribute"
    return f"{_cut(name)} {_cut(pattern)} (the alarm has {has})"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}..."


def _joined(texts: Sequence[str], maximum: int) -> str:
    more = len(texts) - maximum
    return ", ".join(texts[:maximum]) + (f" and {more} more" if more > 0 else "")


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether every alarm that matches the later rule matches the earlier one. A * of the later
    rule's pattern counts as text.
    """
    patterns = later.pattern_by_attribute
    for name, is_needed_exactly in IS_NEEDED_EXACTLY.items():
        pattern = patterns.get(name, "*")
        is_exact = "*" not in pattern and is_needed_exactly(pattern)
        if is_exact and earlier.pattern_by_attribute.get(name) != pattern:
            return False
    return all(
        name in patterns and _matches(pattern, patterns[name])
        for name, pattern in earlier.pattern_by_attribute.items()
    )


def _closeness(rule: Rule, alarm: Alarm) -> tuple[int, int, int]:
    """How close a rule is that does not match: most conditions met, then fewest on attributes that
    the alarm does not even have (a rule for another sender), then fewest in all.
    """
    unmet = _unmet_conditions(rule, alarm)
    foreign = sum(name not in alarm.attributes for name in unmet)
    return len(rule.pattern_by_attribute) - len(unmet), -foreign, -len(unmet)


def _is_met(
    rule: Rule, attributes: Mapping[str, tuple[str, ...]], exact_names: tuple[str, ...]
) -> bool:
    patterns = rule.pattern_by_attribute
    return all("*" not in patterns.get(name, "*") for name in exact_names) and all(
        any(_matches(pattern, text) for text in attributes.get(name, ()))
        for name, pattern in patterns.items()
    )


def _unmet_conditions(rule: Rule, alarm: Alarm) -> list[str]:
    patterns = rule.pattern_by_attribute
    unmet = [
        name
        for name, pattern in patterns.items()
        if not any(_matches(pattern, text) for text in alarm.attributes.get(name, ()))
        or (name in alarm.exact_names and "*" in pattern)
    ]
    return unmet + [name for name in alarm.exact_names if name not in patterns]


def _matches(pattern: str, text: str) -> bool:
    """Whether the text matches, where * stands for any characters. Takes one pass over the text, so
    that no sender can make it slow.
    """
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *middle, last = others
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    start, end = len(first), len(text) - len(last)
    for part in middle:
        start = text.find(part, start, end)
        if start < 0:
            return False
        start += len(part)
    return True
