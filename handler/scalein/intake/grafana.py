"""Grafana: the webhook of its legacy alerting (versions 4 to 8), and what its alerts say of missing
data. Its unified alerting sends what Alertmanager does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scalein.decision.model import Alarm, Scope, Subject
from scalein.decision.reasons import Ignored
from scalein.intake.alert_list import AlertList, alert_list
from scalein.intake.attributes import attributes_of
from scalein.intake.envelopes import Fields, Message, digest
from scalein.intake.subject import subjects_of_alerts

# "State and health of alerts" of Grafana: alerts of their own for a query that has no data or
# fails; with "Set to Alerting" the rule's own name, and an annotation with the reason.
NAMES_WITHOUT_DATA = ("DatasourceNoData", "DatasourceError")
REASON, REASONS_WITHOUT_DATA = "grafana_state_reason", ("NoData", "Error", "MissingSeries")
ALERTING, NO_DATA = "alerting", "no_data"  # states of legacy alerting; the schema has the others


def is_without_data(labels: Mapping[str, object], annotations: object) -> bool:
    """Whether the alert fires only because its query has no data or fails."""
    reasons = annotations.get(REASON) if isinstance(annotations, dict) else None
    words = reasons.split(", ") if isinstance(reasons, str) else ()  # such as "NoData, KeepLast"
    return labels.get("alertname") in NAMES_WITHOUT_DATA or any(
        word in REASONS_WITHOUT_DATA for word in words
    )


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
    alarms = [
        _alarm(message, match, subject) for match, subject in zip(with_data, subjects, strict=True)
    ]
    return alert_list(alarms, max(1, len(matches)) - len(with_data), 0)


def _alarm(message: Message, match: Fields, subject: Subject) -> Alarm:
    document, tags = message.document, _tags(match)
    labels = {**(document.get("tags") or {}), **tags}
    url = document.get("ruleUrl") or document.get("rule_url")
    rule = [url, document.get("orgId"), document.get("ruleId"), document["ruleName"]]
    series = [match.get("metric"), tags]
    if not tags and subject.scope is Scope.GROUP:
        # Data sources without tags have the name of the host in that of the series.
        subject = Subject(Scope.UNKNOWN, naming_field="metric")
    rule_id = document.get("ruleId")
    return Alarm(
        idempotency_key=message.key_of_content(
            "grafana", digest(_text([*rule, *series, match["value"]]))
        ),
        attributes=attributes_of(
            labels,
            alertName=[document["ruleName"]],
            ruleName=[document["ruleName"]],
            ruleId=[None if rule_id is None else str(rule_id)],
            metricName=[match.get("metric")],
            level=[labels.get("severity")],
        ),
        subject=subject,
        sent_at=message.sent_at,
        observation=digest("grafana", _text([*rule, tags])),
    )


def _tags(match: Fields) -> Fields:
    return match.get("tags") or {}


def _text(parts: list[Any]) -> str:
    return json.dumps(parts, sort_keys=True)
