"""Grafana: the webhook of its legacy alerting (versions 4 to 8), and what its alerts say of missing
data. Its unified alerting sends what Alertmanager does.
"""

from __future__ import annotations

import json
from collections import ChainMap
from typing import Any, NamedTuple

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.reasons import Ignored
from scalein.intake.alert_list import AlertList, alert_list
from scalein.intake.attributes import Attributes, attributes_of, text_of_number
from scalein.intake.carriers import Fields
from scalein.intake.envelopes import Message
from scalein.intake.keys import digest
from scalein.intake.subject import subjects_of_alerts

# "State and health of alerts" of Grafana: alerts of their own for a query that has no data or
# fails; with "Set to Alerting" the rule's own name, and an annotation with the reason.
NAMES_WITHOUT_DATA = ("DatasourceNoData", "DatasourceError")
REASON, REASONS_WITHOUT_DATA = "grafana_state_reason", ("NoData", "Error", "MissingSeries")
NOT_FIRING = ("ok", "paused", "no_data")
ALERTING, NO_DATA = "alerting", "no_data"  # states of legacy alerting; the schema has the others


def is_without_data(alert_name: object, annotations: object) -> bool:
    """Whether the alert fires only because its query has no data or fails."""
    reasons = annotations.get(REASON) if isinstance(annotations, dict) else None
    words = reasons.split(", ") if isinstance(reasons, str) else ()  # such as "NoData, KeepLast"
    return alert_name in NAMES_WITHOUT_DATA or any(word in REASONS_WITHOUT_DATA for word in words)


def parse_legacy(message: Message) -> AlertList | Ignored:
    """Returns one alarm for each series that the rule matched; Ignored unless the rule alerts.

    The notification has neither id nor time. So its content gives the key: the same values of the
    same series are the same message, which removes too little rather than twice.
    """
    document = message.document
    if document["state"] != ALERTING:
        return Ignored.NO_DATA if document["state"] == NO_DATA else Ignored.RECOVERY
    matches = document["evalMatches"] or []
    # A rule may be set to alert on missing data: then it has no match, or one without a value.
    with_data = [match for match in matches if match.get("value") is not None]
    shared = document.get("tags") or {}
    subjects = subjects_of_alerts(
        [(_tags(match), shared, {"metric": match.get("metric")}) for match in with_data]
    )
    rule = _rule(document, shared)
    alarms = [
        _alarm(message, rule, match, subject)
        for match, subject in zip(with_data, subjects, strict=True)
    ]
    return alert_list(alarms, max(1, len(matches)) - len(with_data), 0)


class Rule(NamedTuple):
    """What all series of a notification share. It is made once, however many they are."""

    key: str
    attributes: Attributes
    severity: object


def _rule(document: Fields, tags: Fields) -> Rule:
    name, id = document["ruleName"], document.get("ruleId")
    url = document.get("ruleUrl") or document.get("rule_url")
    attributes = attributes_of(
        tags, alertName=[name], ruleName=[name], ruleId=[None if id is None else text_of_number(id)]
    )
    key = digest(_text([url, document.get("orgId"), id, name]))
    return Rule(key, attributes, tags.get("severity"))


def _alarm(message: Message, rule: Rule, match: Fields, subject: Subject) -> Alarm:
    tags, metric = _tags(match), match.get("metric")
    if not tags and subject.scope is Scope.GROUP:
        # Data sources without tags have the name of the host in that of the series.
        subject = Subject(Scope.UNKNOWN, naming_field="metric")
    series = digest(rule.key, _text([metric, tags, match["value"]]))
    own = attributes_of(tags, metricName=[metric], level=[tags.get("severity", rule.severity)])
    return Alarm(
        idempotency_key=message.key_of_content("grafana", series),
        attributes=ChainMap(own, rule.attributes),
        subject=subject,
        sent_at=message.sent_at,
        observation=digest("grafana", rule.key, _text([tags])),
    )


def _tags(match: Fields) -> Fields:
    return match.get("tags") or {}


def _text(parts: list[Any]) -> str:
    return json.dumps(parts, sort_keys=True)
