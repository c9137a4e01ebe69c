"""CloudMonitor: threshold alarms in three forms, system events in two."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from scalein.decision.model import Alarm
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.attributes import ABSENT, Attributes, attributes_of, instance_ids_of
from scalein.intake.decoding import value_of
from scalein.intake.envelopes import Message, digest
from scalein.intake.times import earliest, time_of

FIRING = ("ALERT", "ALARM")  # values of alertState; the schemas list the others
RECOVERED = ("OK", "INSUFFICIENT_DATA")


def parse_threshold(message: Message) -> Alarm | Ignored:
    """Returns the alarm of a callback: form-encoded with texts only, or the JSON of 2018 with its
    list of dimensions. Returns Ignored for a recovery.
    """
    document = message.document
    level = document.get("triggerLevel")
    if document["alertState"] not in FIRING or str(level).upper() in RECOVERED:
        return Ignored.RECOVERY
    attributes = attributes_of(
        metricName=[document.get("metricName"), document.get("rawMetricName")],
        namespace=[document.get("namespace"), document.get("metricProject")],
        level=[level],
    )
    return _threshold_alarm(message, document["alertName"], attributes, ("dimensions", "timestamp"))


def parse_mns_threshold(message: Message) -> Alarm | Ignored:
    """Returns the alarm that CloudMonitor writes to a queue, or Ignored for a recovery.

    `curLevel` decides: `eventName` says AlertOk even at WARN.
    """
    document = message.document
    if document["curLevel"].upper() in RECOVERED:
        return Ignored.RECOVERY
    metric = document["metricName"]
    attributes = attributes_of(
        metricName=[metric, metric.partition("#")[0]],  # cpu_total#60
        namespace=[document.get("namespace")],
        level=[document["curLevel"]],
    )
    return _threshold_alarm(message, document["ruleName"], attributes, ("resources", "time"))


def _threshold_alarm(
    message: Message, name: str, attributes: Attributes, fields: tuple[str, str]
) -> Alarm:
    """The alarm of one evaluation of one rule for one resource.

    A repeated callback has the same idempotency key, a later alarm has another. `fields` are the
    names of the fields that hold the resource and the time.
    """
    document = message.document
    dimensions, time = (document.get(field) for field in fields)
    parsed, instance_ids = _parsed_dimensions(dimensions), _instance_ids(dimensions)
    is_of_ecs = any(name.startswith("acs_ecs") for name in attributes.get("namespace", ()))
    rule = [document.get("ruleId"), name]
    evaluation = json.dumps([*rule, dimensions, time], sort_keys=True)
    key = message.idempotency_key
    return Alarm(
        idempotency_key=key if time is None else message.key_of_content("threshold", evaluation),
        attributes=attributes_of(
            alertName=[name],
            ruleName=[name],
            ruleId=[document.get("ruleId")],
            productGroupName=[document.get("productGroupName")],
            regionId=[document.get("regionId")],
        )
        | attributes,
        instance_ids=instance_ids,
        sent_at=_sent_at(message, time, f"$.{fields[1]}"),
        observation=digest("threshold", json.dumps([*rule, parsed], sort_keys=True)),
        has_unknown_scope=not instance_ids and _may_be_one_instance(dimensions, parsed, is_of_ecs),
    )


def parse_system_event(message: Message) -> Alarm:
    """Returns the alarm of a system event rule. Such an event has no recovery; its name contains
    its stage.
    """
    document, content = message.document, message.document["content"]
    instance_id = content.get("instanceId") if isinstance(content, dict) else None
    return Alarm(
        idempotency_key=message.key_of_content("systemevent", document.get("id")),
        attributes=attributes_of(
            eventName=[document["name"]],
            product=[document["product"]],
            level=[document.get("level")],
            ruleName=[document.get("ruleName")],
            regionId=[document.get("regionId")],
        ),
        instance_ids=instance_ids_of(instance_id, document.get("resourceId")),
        sent_at=_sent_at(message, document.get("eventTime"), "$.eventTime"),
    )


def parse_subscription(message: Message) -> Alarm | Ignored:
    """Returns the alarm that an Event Subscription pushes, or Ignored for a recovery."""
    document, alert = message.document, message.document["alert"]
    if alert["alertStatus"] != "TRIGGERED":
        return Ignored.RECOVERY
    content = alert.get("eventContentMap")
    instance_id = content.get("instanceId") if isinstance(content, dict) else None
    return Alarm(
        idempotency_key=message.key_of_content("subscription", alert.get("dedupId")),
        attributes=attributes_of(
            eventName=[alert["eventName"]],
            product=[alert.get("product")],
            level=[alert.get("severity"), document.get("severity")],
            ruleName=[document.get("strategyName")],
        ),
        instance_ids=instance_ids_of(instance_id, alert.get("arn")),
        sent_at=_sent_at(message, alert.get("timestamp"), "$.alert.timestamp"),
    )


def with_parsed_alert(message: Message) -> Message:
    """Returns the message with `alert` parsed: in an Event Subscription's form it is JSON text.

    Raises RejectedEvent if it is text that cannot be decoded.
    """
    alert = message.document.get("alert")
    if not isinstance(alert, str):
        return message
    return message._replace(document={**message.document, "alert": value_of(alert, name="message")})


def _instance_ids(dimensions: object) -> tuple[str, ...]:
    """Ids of the instances in the dimensions; none if the dimensions cannot be read.

    A request for the alarm's instances is refused if there are none.
    """
    parsed = _parsed_dimensions(dimensions)
    entries = parsed if isinstance(parsed, list) else [parsed]
    ids = [
        id
        for entry in entries
        if isinstance(entry, dict)
        for id in instance_ids_of(entry.get("instanceId"))
    ]
    return tuple(dict.fromkeys(ids))


def _may_be_one_instance(dimensions: object, parsed: object, is_of_ecs: bool) -> bool:
    """Whether an alarm without the id of an ECS instance may be of one instance all the same:
    its dimensions cannot be read, or they are of a metric of ECS and do not show what it is of.
    """
    entries = parsed if isinstance(parsed, list) else [parsed]
    resources = [entry for entry in entries if isinstance(entry, dict)]
    are_readable = 0 < len(entries) == len(resources)
    if is_of_ecs:
        return not are_readable or any(not r or "instanceId" in r for r in resources)
    return not are_readable and dimensions not in (None, *ABSENT)


def _parsed_dimensions(dimensions: object) -> Any:
    """The value of JSON text, or of a Java map's: `{userId=123456, instanceId=i-bp1example}`."""
    if not isinstance(dimensions, str):
        return dimensions
    try:
        return value_of(dimensions, name="message")
    except RejectedEvent:
        return _java_map(dimensions)


def _java_map(text: str) -> dict[str, str] | None:
    if not (text.startswith("{") and text.endswith("}")):
        return None
    pairs = [pair.partition("=") for pair in text[1:-1].split(", ")]
    fields = {name: value for name, equals, value in pairs if equals}
    return fields if len(fields) == len(pairs) else None


def _sent_at(message: Message, time: object, path: str) -> datetime | None:
    return earliest(message.sent_at, None if time in (None, "null") else time_of(time, path))
