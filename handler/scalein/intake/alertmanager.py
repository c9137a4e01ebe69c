"""The webhook of Prometheus Alertmanager, version 4."""

from __future__ import annotations

import json
from typing import Any

from scalein.decision.model import Alarm
from scalein.decision.reasons import Ignored
from scalein.intake.attributes import attributes_of
from scalein.intake.envelopes import Message
from scalein.intake.keys import digest
from scalein.intake.subject import subject_of_alerts


def parse_webhook(message: Message) -> Alarm | Ignored:
    """Returns one alarm for all firing alerts of the notification; Ignored if none fires.

    Alertmanager repeats a notification while its alerts fire. A repetition has the same alerts
    with the same start times, so it has the same idempotency key. The observation is the group
    of alerts: each notification says which alerts of it fire now.
    """
    document = message.document
    firing = [alert for alert in document["alerts"] if alert["status"] == "firing"]
    if document["status"] != "firing" or not firing:
        return Ignored.RECOVERY
    labels = {**document.get("groupLabels", {}), **document.get("commonLabels", {})}
    group = document.get("groupKey", "")
    alerts = json.dumps(sorted(_alert_key(alert) for alert in firing))
    observed = [document.get("externalURL"), group or labels]
    return Alarm(
        idempotency_key=message.key_of_content("alerts", group, alerts),
        attributes=attributes_of(
            labels, alertName=[labels.get("alertname")], level=[labels.get("severity")]
        ),
        subject=subject_of_alerts([alert["labels"] for alert in firing], labels),
        sent_at=message.sent_at,
        observation=digest("alerts", json.dumps(observed, sort_keys=True)),
    )


def _alert_key(alert: dict[str, Any]) -> str:
    fingerprint = alert.get("fingerprint", sorted(alert["labels"].items()))
    return f"{fingerprint} {alert.get('startsAt', '')}"
