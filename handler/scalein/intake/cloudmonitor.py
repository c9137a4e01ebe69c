"""CloudMonitor: threshold alarms in three forms, system events in two."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from scalein.decision.model import Alarm, Notice
from scalein.decision.reasons import Ignored
from scalein.errors import MalformedEvent
from scalein.intake.attributes import Facts, facts_of, instance_ids_of
from scalein.intake.decoding import value_of
from scalein.intake.envelopes import Message, digest
from scalein.intake.times import earliest, moment

FIRING = ("ALERT", "ALARM")  # alertState; the schemas know the others
RECOVERED = ("OK", "INSUFFICIENT_DATA")


def threshold(message: Message) -> Alarm | Notice:
    """The form-encoded callback, all fields texts, and the JSON of 2018 with its list of dimensions."""
    document = message.document
    if (
        document["alertState"] not in FIRING
        or str(document.get("triggerLevel")).upper() in RECOVERED
    ):
        return Notice(message.idempotency_key, Ignored.RECOVERY)
    attributes = facts_of(
        metricName=[document.get("metricName"), document.get("rawMetricName")],
        namespace=[document.get("namespace"), document.get("metricProject")],
        level=[document.get("triggerLevel")],
    )
    return _threshold(message, document["alertName"], attributes, ("dimensions", "timestamp"))


def threshold_mns(message: Message) -> Alarm | Notice:
    """The body that CloudMonitor writes to a queue. `curLevel` decides; `eventName` says AlertOk even at WARN."""
    document = message.document
    if document["curLevel"].upper() in RECOVERED:
        return Notice(message.idempotency_key, Ignored.RECOVERY)
    metric = document["metricName"]
    attributes = facts_of(
        metricName=[metric, metric.partition("#")[0]],  # cpu_total#60
        namespace=[document.get("namespace")],
        level=[document["curLevel"]],
    )
    return _threshold(message, document["ruleName"], attributes, ("resources", "time"))


def _threshold(message: Message, name: str, attributes: Facts, fields: tuple[str, str]) -> Alarm:
    """Named by one evaluation of one rule for one resource: a repeated callback says the same, a later alarm not."""
    document, (dimensions, when) = (
        message.document,
        [message.document.get(field) for field in fields],
    )
    observed = json.dumps([document.get("ruleId"), name, _readable(dimensions)], sort_keys=True)
    evaluation = json.dumps([document.get("ruleId"), name, dimensions, when], sort_keys=True)
    return Alarm(
        idempotency_key=message.idempotency_key
        if when is None
        else message.named("threshold", evaluation),
        attributes=facts_of(
            alertName=[name],
            ruleName=[name],
            ruleId=[document.get("ruleId")],
            productGroupName=[document.get("productGroupName")],
            regionId=[document.get("regionId")],
        )
        | attributes,
        instance_ids=_instances(dimensions),
        sent_at=_sent_at(message, when, f"$.{fields[1]}"),
        observation=digest("threshold", observed),
    )


def system_event(message: Message) -> Alarm:
    """The body of a system event rule. An event has no recovery; its name tells its stage."""
    document, content = message.document, message.document["content"]
    of_content = content.get("instanceId") if isinstance(content, dict) else None
    return Alarm(
        idempotency_key=message.named("systemevent", document.get("id")),
        attributes=facts_of(
            eventName=[document["name"]],
            product=[document["product"]],
            level=[document.get("level")],
            ruleName=[document.get("ruleName")],
            regionId=[document.get("regionId")],
        ),
        instance_ids=instance_ids_of(of_content, document.get("resourceId")),
        sent_at=_sent_at(message, document.get("eventTime"), "$.eventTime"),
    )


def subscription(message: Message) -> Alarm | Notice:
    """An Event Subscription's push, JSON or form; in a form, what is nested is JSON text."""
    document, alert = message.document, message.document["alert"]
    if alert["alertStatus"] != "TRIGGERED":
        return Notice(message.idempotency_key, Ignored.RECOVERY)
    content = alert.get("eventContentMap")
    of_content = content.get("instanceId") if isinstance(content, dict) else None
    return Alarm(
        idempotency_key=message.named("subscription", alert.get("dedupId")),
        attributes=facts_of(
            eventName=[alert["eventName"]],
            product=[alert.get("product")],
            level=[alert.get("severity"), document.get("severity")],
            ruleName=[document.get("strategyName")],
        ),
        instance_ids=instance_ids_of(of_content, alert.get("arn")),
        sent_at=_sent_at(message, alert.get("timestamp"), "$.alert.timestamp"),
    )


def with_embedded_json(message: Message) -> Message:
    """An Event Subscription's form as its JSON would be. Raises MalformedEvent."""
    alert = message.document.get("alert")
    if not isinstance(alert, str):
        return message
    return message._replace(document={**message.document, "alert": value_of(alert)})


def _instances(dimensions: object) -> tuple[str, ...]:
    """Instances that the dimensions name; none where they cannot be read, and a rule that needs one refuses then."""
    entries = _readable(dimensions)
    found = [
        entry
        for entry in (entries if isinstance(entries, list) else [entries])
        if isinstance(entry, dict)
    ]
    return tuple(
        dict.fromkeys(id for entry in found for id in instance_ids_of(entry.get("instanceId")))
    )


def _readable(dimensions: object) -> Any:
    return _dimensions(dimensions) if isinstance(dimensions, str) else dimensions


def _dimensions(text: str) -> Any:
    """JSON text, or a Java map's: `{userId=1234567890123456, instanceId=i-bp1example}`."""
    try:
        return value_of(text)
    except MalformedEvent:
        pass
    if not (text.startswith("{") and text.endswith("}")):
        return None
    pairs = [pair.partition("=") for pair in text[1:-1].split(", ")]
    fields = {name: value for name, equals, value in pairs if equals}
    return fields if len(fields) == len(pairs) else None


def _sent_at(message: Message, when: object, path: str) -> datetime | None:
    return earliest(message.sent_at, None if when in (None, "null") else moment(when, path))
