"""Simple Log Service: its alerts, by webhook, Function Compute and EventBridge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.reasons import Ignored
from scalein.intake.alert_list import AlertList, alert_list
from scalein.intake.attributes import attributes_of, text_of_number
from scalein.intake.carriers import Fields
from scalein.intake.envelopes import Message
from scalein.intake.keys import digest
from scalein.intake.subject import subjects_of_alerts
from scalein.intake.times import earliest, known_time_of

RESOLVED_TYPE = "sls:AlertEvent:Resolved"  # of a CloudEvent, whose data is the user's template
NO_SIGN = Subject(Scope.UNKNOWN)  # neither labels nor rows show what the alert is of
WORDS_BY_SEVERITY = {
    "10": ("CRITICAL",),
    "8": ("HIGH",),
    "6": ("MEDIUM", "WARN"),  # "Alert ingestion": warn and warning are Medium, info is Low
    "4": ("LOW", "INFO"),
    "2": ("REPORT",),
}


def parse_alert(message: Message) -> AlertList | Ignored:
    """Returns the alarm of one alert in the default form; Ignored if it does not fire."""
    return _parsed(message, [message.document])


def parse_merged(message: Message) -> AlertList | Ignored:
    """Returns the alarms of alerts that were sent together; Ignored if none fires."""
    return _parsed(message, message.document["slsAlerts"])


def _parsed(message: Message, alerts: Sequence[Fields]) -> AlertList | Ignored:
    firing = [alert for alert in alerts if _fires(alert)]
    with_data = [alert for alert in firing if not _is_without_data(alert)]
    subjects = subjects_of_alerts([(_labels(a), *_rows(a)) for a in with_data])
    alarms = [
        _alarm(message, alert, subject if _labels(alert) or alert.get("fire_results") else NO_SIGN)
        for alert, subject in zip(with_data, subjects, strict=True)
    ]
    return alert_list(alarms, len(firing) - len(with_data), 0)


def _fires(alert: Fields) -> bool:
    """Whether the alert fires; if a time of its end contradicts its status, it does not."""
    return alert["status"] == "firing" and alert.get("resolve_time") in (None, "", 0, "0")


def _is_without_data(alert: Fields) -> bool:
    """Whether no row fired: then the alert is of missing data, which no field of it says."""
    return alert.get("fire_results") == [] or alert.get("fire_results_count") in (0, "0")


def _rows(alert: Fields) -> Iterator[Fields]:
    """The rows that fired. They may name instances, but only labels say which one is meant."""
    for row in alert.get("fire_results") or ():
        yield row if isinstance(row, dict) else {"fire_results": [row]}


def _labels(alert: Fields) -> Fields:
    labels = alert.get("labels")
    return labels if isinstance(labels, dict) else {}


def _alarm(message: Message, alert: Fields, subject: Subject) -> Alarm:
    labels = _labels(alert)
    evaluated_at = known_time_of(alert.get("alert_time"), "$.alert_time")
    rule = [alert.get("aliuid"), alert.get("project"), alert["alert_id"], labels]
    evaluation = [
        *rule,
        alert.get("alert_instance_id"),
        evaluated_at.isoformat() if evaluated_at else message.idempotency_key,
    ]
    content = digest(json.dumps(evaluation, sort_keys=True))
    severity = text_of_number(alert.get("severity", ""))
    return Alarm(
        idempotency_key=message.key_of_content("sls", content),
        attributes=attributes_of(
            labels,
            alertName=[alert["alert_name"]],
            ruleName=[alert["alert_name"]],
            ruleId=[alert["alert_id"]],
            level=[severity, *WORDS_BY_SEVERITY.get(severity, ())],
            regionId=[alert.get("region")],
        ),
        subject=subject,
        sent_at=earliest(message.sent_at, evaluated_at),
        observation=digest("sls", json.dumps(rule, sort_keys=True)),
    )
