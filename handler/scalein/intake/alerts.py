"""Alerts in the form of Prometheus Alertmanager, which Grafana and ARMS send too: the webhook, a
message with `alerts` alone, and what is posted to Alertmanager's own API.
"""

from __future__ import annotations

import json
from collections import ChainMap
from typing import NamedTuple

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.reasons import Ignored
from scalein.intake import arms, grafana
from scalein.intake.alert_list import AlertList, alert_list
from scalein.intake.attributes import Attributes, attributes_of
from scalein.intake.carriers import Fields
from scalein.intake.envelopes import Message
from scalein.intake.keys import digest
from scalein.intake.subject import subjects_of_alerts
from scalein.intake.times import earliest, known_time_of

FIRING, ACTIVE = "firing", "active"  # of a webhook; of GET /api/v2/alerts, unless silenced


class Group(NamedTuple):
    """What all alerts of a notification share. It is made once, however many they are."""

    labels: Fields
    attributes: Attributes
    key: str
    episodes: str  # without the sender's address: ARMS has another one for each notification
    observation: str  # "" if each alert is observed by itself


def parse_alerts(message: Message) -> AlertList | Ignored:
    """Returns one alarm for each alert of the notification that fires; Ignored if none does.

    Alertmanager repeats a notification while its alerts fire, and sends it again when others join
    or leave. An alert keeps its start time, so that it keeps its idempotency key. The observation
    is the group of alerts: each notification says which alerts of it fire now.
    """
    document = message.document
    firing = []
    # Grafana has a state too. If the two contradict each other, nothing fires for certain.
    if document.get("status", FIRING) == FIRING and document.get("state") not in grafana.NOT_FIRING:
        firing = [(n, alert) for n, alert in enumerate(document["alerts"]) if _fires(alert)]
    group = _group(document)
    with_data = [
        (n, alert)
        for n, alert in firing
        if not grafana.is_without_data(_label(alert, group, "alertname"), alert.get("annotations"))
    ]
    subjects = subjects_of_alerts(
        [
            (alert["labels"], group.labels, arms.object_fields(alert["labels"]))
            for _, alert in with_data
        ]
    )
    alarms = [
        _alarm(message, number, alert, group, subject)
        for (number, alert), subject in zip(with_data, subjects, strict=True)
    ]
    left_out = int(document.get("truncatedAlerts") or 0)
    return alert_list(alarms, len(firing) - len(with_data), left_out)


def _group(document: Fields) -> Group:
    labels = {**document.get("groupLabels", {}), **document.get("commonLabels", {})}
    key = document.get("groupKey") or ""
    observed = key or _text(document.get("groupLabels") or {})
    observation = digest("alerts", str(document.get("externalURL")), observed)
    return Group(
        labels,
        attributes_of(labels),
        digest(key),
        digest("alerts", observed),
        "" if observed == "{}" else observation,
    )


def _fires(alert: Fields) -> bool:
    """Whether the alert fires, unless its end has passed, which is decided by the clock."""
    status = alert.get("status", FIRING)
    return status.get("state") == ACTIVE if isinstance(status, dict) else bool(status == FIRING)


def _alarm(message: Message, number: int, alert: Fields, group: Group, subject: Subject) -> Alarm:
    labels, path = alert["labels"], f"$.alerts[{number}]"
    since = known_time_of(alert.get("startsAt"), f"{path}.startsAt")
    ends_at = None
    if not isinstance(alert.get("status"), str):
        # Alertmanager's API has no status but the end, which is in the future while it fires. In a
        # webhook the status decides: ARMS has an end in the past there, and the alert fires.
        ends_at = known_time_of(alert.get("endsAt"), f"{path}.endsAt")
    start = since.isoformat() if since else message.idempotency_key
    observation = group.observation or digest("alert", _text(labels))
    if subject.scope is Scope.GROUP:
        observation = group.episodes  # one alert of a whole group says as much as another
    of_alert = str(alert.get("fingerprint") or _text(labels))
    own = attributes_of(
        labels,
        alertName=[_label(alert, group, "alertname")],
        level=[_label(alert, group, "severity"), *arms.levels_of(labels)],
        ruleId=[alert.get("ruleUID"), labels.get(arms.RULE_ID)],
        regionId=[labels.get(arms.REGION_ID)],
    )
    return Alarm(
        idempotency_key=message.key_of_content("alert", digest(group.key, of_alert, start)),
        attributes=ChainMap(own, group.attributes),
        subject=subject,
        sent_at=earliest(message.sent_at, since),
        observation=observation,
        episode=message.key_of_content("episode", digest(group.episodes, start)) if since else "",
        began_at=since,
        ends_at=ends_at,
    )


def _label(alert: Fields, group: Group, name: str) -> object:
    return alert["labels"].get(name, group.labels.get(name))


def _text(fields: Fields) -> str:
    return json.dumps(fields, sort_keys=True)
