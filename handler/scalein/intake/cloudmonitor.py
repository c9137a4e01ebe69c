"""CloudMonitor's threshold alarms, in three forms."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from scalein.decision.alarm import Alarm
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.attributes import Attributes, attributes_of
from scalein.intake.decoding import value_of
from scalein.intake.envelopes import Message
from scalein.intake.keys import digest
from scalein.intake.subject import ABSENT, subject_of_metric
from scalein.intake.times import earliest, time_of

FIRING = ("ALERT", "ALARM")  # values of alertState; the schemas list the others
RECOVERED, NO_DATA = "OK", "INSUFFICIENT_DATA"
# How an eventName may say that an alarm is over: AlertOk is the only one that is documented.
RECOVERY_NAME = re.compile(
    r"ok$|recover|resolv|clear|(?<!ab)(?<!un)normal|恢复|解除|正常", re.IGNORECASE
)
RESOURCE_FIELDS = ("instanceId", "instanceName")  # beside the dimensions
COMMA = re.compile(r",\s*")


def parse_threshold(message: Message) -> Alarm | Ignored:
    """Returns the alarm of a callback: form-encoded with texts only, or the JSON of 2018 with its
    list of dimensions. Returns Ignored for a recovery, and if there is no data.
    """
    document = message.document
    level = document.get("triggerLevel")
    states = (document["alertState"], str(level).upper())
    if NO_DATA in states:
        return Ignored.NO_DATA
    if RECOVERED in states or states[0] not in FIRING:
        return Ignored.RECOVERY
    attributes = attributes_of(
        metricName=[document.get("metricName"), document.get("rawMetricName")],
        namespace=[document.get("namespace"), document.get("metricProject")],
        level=[level],
    )
    return _threshold_alarm(message, document["alertName"], attributes, ("dimensions", "timestamp"))


def parse_mns_threshold(message: Message) -> Alarm | Ignored:
    """Returns the alarm that CloudMonitor writes to a queue; Ignored for a recovery, if there is no
    data, and if `curLevel` and `eventName` contradict each other.

    The help page's only sample does: curLevel WARN after OK, eventName AlertOk.
    """
    document = message.document
    level, name = document["curLevel"].upper(), document.get("eventName")
    if level == NO_DATA:
        return Ignored.NO_DATA
    is_over = level == RECOVERED
    has_name = name is not None and name not in ABSENT
    if has_name and is_over != bool(RECOVERY_NAME.search(str(name))):
        return Ignored.CONTRADICTION
    if is_over:
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
    parsed, namespaces = _parsed_dimensions(dimensions), attributes.get("namespace", ())
    rule = [document.get("ruleId"), name]
    evaluation = json.dumps([*rule, dimensions, time], sort_keys=True)
    key = message.idempotency_key
    return Alarm(
        idempotency_key=key
        if time in (None, *ABSENT)
        else message.key_of_content("threshold", evaluation),
        attributes=attributes_of(
            alertName=[name],
            ruleName=[name],
            ruleId=[document.get("ruleId")],
            productGroupName=[document.get("productGroupName")],
            regionId=[document.get("regionId")],
        )
        | attributes,
        subject=subject_of_metric(parsed, namespaces, _further_fields(document)),
        sent_at=_sent_at(message, time, f"$.{fields[1]}"),
        observation=digest("threshold", json.dumps([*rule, parsed], sort_keys=True)),
    )


def _further_fields(document: dict[str, Any]) -> dict[str, Any]:
    """What a threshold alarm says of its resource beside its dimensions."""
    data = document.get("metricData")
    names = {name: document[name] for name in RESOURCE_FIELDS if name in document}
    present = {name: value for name, value in names.items() if value not in ABSENT}
    return present | (data if isinstance(data, dict) else {})


def _parsed_dimensions(dimensions: object) -> Any:
    """The value of JSON text, or of a Java map's: `{userId=123456, instanceId=i-bp1example}`; text
    that is neither, as it is.
    """
    if not isinstance(dimensions, str):
        return dimensions
    try:
        return value_of(dimensions, name="message")
    except RejectedEvent:
        return _java_map(dimensions)


def _java_map(text: str) -> dict[str, str] | str:
    if not (text.startswith("{") and text.endswith("}")):
        return text
    pairs = [pair.partition("=") for pair in COMMA.split(text[1:-1])]
    fields = {name: value for name, equals, value in pairs if equals}
    return fields if len(fields) == len(pairs) else text


def _sent_at(message: Message, time: object, path: str) -> datetime | None:
    return earliest(message.sent_at, None if time in (None, *ABSENT) else time_of(time, path))
