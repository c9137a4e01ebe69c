"""Prometheus Alertmanager's webhook, version 4: one notification, however many alerts it groups, is one alarm."""

from __future__ import annotations

import json
from typing import Any

from scalein.decision.model import Alarm, Notice
from scalein.decision.reasons import Ignored
from scalein.intake.attributes import facts_of, instance_ids_of
from scalein.intake.envelopes import Message, digest

INSTANCE_LABELS = (
    "instanceId",
    "instance_id",
    "instance",
)  # the first that holds an ECS instance id


def webhook(message: Message) -> Alarm | Notice:
    """Of the alerts that fire; a notification may carry resolved ones beside them.

    Alertmanager repeats what goes on firing: a repetition has the same alerts since the same time, so it is the same
    message. What it observes is the group of alerts: each notification says what fires of it now.
    """
    document = message.document
    firing = [alert for alert in document["alerts"] if alert["status"] == "firing"]
    if document["status"] != "firing" or not firing:
        return Notice(message.idempotency_key, Ignored.RECOVERY)
    labels = {**document.get("groupLabels", {}), **document.get("commonLabels", {})}
    group = document.get("groupKey", "")
    alerts = json.dumps(sorted(_since(alert) for alert in firing))
    return Alarm(
        idempotency_key=message.named("alerts", group, alerts),
        attributes=facts_of(
            labels, alertName=[labels.get("alertname")], level=[labels.get("severity")]
        ),
        instance_ids=tuple(dict.fromkeys(id for alert in firing for id in _instance_ids(alert))),
        sent_at=message.sent_at,
        observation=digest(
            "alerts", json.dumps([document.get("externalURL"), group or labels], sort_keys=True)
        ),
    )


def _instance_ids(alert: dict[str, Any]) -> tuple[str, ...]:
    return instance_ids_of(*(alert["labels"].get(name) for name in INSTANCE_LABELS))


def _since(alert: dict[str, Any]) -> str:
    return (
        f"{alert.get('fingerprint', sorted(alert['labels'].items()))} {alert.get('startsAt', '')}"
    )
