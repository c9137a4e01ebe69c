"""System events of CloudMonitor, Event Subscription and EventBridge: three forms, one alarm.

What an event means is decided here once for all forms. A report of an instance's own state, which
each removal causes too, needs a rule that names the event exactly; an event that is over, or whose
stage is not known, needs one that names its stage.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard

from scalein.decision.alarm import Alarm
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake.attributes import attributes_of
from scalein.intake.decoding import value_of
from scalein.intake.envelopes import Message
from scalein.intake.stages import (
    UNKNOWN,
    base_name,
    is_state_report,
    needs_its_stage_named,
    parts_of,
    stage_of,
    states_of,
)
from scalein.intake.subject import ABSENT, LIST_MARKS, subject_of_event
from scalein.intake.times import earliest, time_of

TYPE_PREFIXES = ("ecs:", "ebs:")  # of CloudEvents, such as ecs:Instance:StateChange
ALERT_FIELDS = frozenset({"alertStatus", "eventName"})
CONTENT_FIELDS = ("eventContentMap", "eventRawContent", "content")  # of an Event Subscription
# Fields that name instances, in small letters. vmName is not one of them: it is a name.
INSTANCE_FIELDS = frozenset(
    {
        *("instanceid", "instanceids", "ecsinstanceid", "ecsinstanceids"),
        *("resourceid", "resourceids", "resource", "resources", "arn", "arns", "resourcearn"),
    }
)
REGION_ID = re.compile(r"[a-z]{2,}-[a-z0-9-]+")
ARN_OF_REGION = re.compile(r"acs:[a-z]+:([a-z0-9-]+):")
KIND = "systemevent"  # in keys: one for all forms, as all have the id of the same event

Fields = dict[str, Any]


class _Event(NamedTuple):
    """What a system event says, in whatever form it comes."""

    names: list[str]
    product: object
    contents: Sequence[Mapping[str, Any]]  # where stage and state may be, of `parts_of`
    parts: dict[str, Fields]  # where instances may be named, by a name for a person
    is_readable: bool = True  # what the product says
    levels: tuple[object, ...] = ()
    rule_name: object = None
    regions: tuple[object, ...] = ()


def parse_system_event(message: Message) -> Alarm:
    """Returns the alarm of a system event rule. Such an event has no recovery, but stages."""
    document = message.document
    return _alarm_of_rule(message, document["name"], document.get("product"))


def parse_ecs_event(message: Message) -> Alarm:
    """Returns the alarm of an event of EventBridge, such as
    ecs:Instance:PreemptibleInstanceInterruption, which ECS sends five minutes before it reclaims
    a spot instance. The type of the CloudEvent says what happened, its data to which instance.
    """
    product, _, name = message.event_type.partition(":")
    document = message.document
    if isinstance(document.get("name"), str) and "content" in document:
        return _alarm_of_rule(message, document["name"], product.upper(), name)
    extra = _object(document.get("extraAttributes"))
    event = _Event(
        names=[name],
        product=product.upper(),
        contents=parts_of(document, extra),
        parts={**_with_nested("", document), "extraAttributes.": extra},
        levels=(document.get("eventLevel"),),
        regions=(message.region, document.get("regionId")),
    )
    stage = _stage(event)
    key = message.idempotency_key
    key = message.key_of_content("stage", key, stage) if stage else key
    return _alarm(message, event, stage)._replace(idempotency_key=key)


def parse_subscription(message: Message) -> Alarm | Ignored:
    """Returns the alarm that an Event Subscription pushes, or Ignored for a recovery."""
    document, alert = message.document, message.document["alert"]
    if alert["alertStatus"] != "TRIGGERED":
        return Ignored.RECOVERY
    meta = _object(_object(alert.get("meta")).get("sysEventMeta"))
    values = {field: _value(alert.get(field)) for field in CONTENT_FIELDS}
    contents = {field: value for field, value in values.items() if value and _is_object(value)}
    event = _Event(
        names=[alert["eventName"], *_texts(meta.get("name"))],
        product=alert.get("product") or meta.get("product"),
        contents=parts_of(*contents.values(), alert, meta),
        parts={
            "alert.": alert,
            "alert.meta.sysEventMeta.": meta,
            **{
                place: part
                for field, content in contents.items()
                for place, part in _with_nested(f"alert.{field}.", content).items()
            },
        },
        is_readable=bool(contents) or all(map(_is_object, values.values())),
        levels=(alert.get("severity"), document.get("severity")),
        rule_name=document.get("strategyName"),
        regions=(meta.get("regionId"), alert.get("regionId")),
    )
    ids = (alert.get("dedupId"), meta.get("id"), alert.get("traceId"))
    times = (alert.get("timestamp"), meta.get("eventTime"))
    alarm = _alarm(message, event, _stage(event))
    return _identified(alarm, message, ids, times, "$.alert.timestamp")


def is_alert(value: object) -> bool:
    """Whether the value is the alert of an Event Subscription."""
    return _is_object(value) and value.keys() >= ALERT_FIELDS


def with_parsed_alert(message: Message) -> Message:
    """Returns the message with `alert` parsed: in an Event Subscription's form it is JSON text.

    Raises RejectedEvent if it is text that cannot be decoded.
    """
    alert = message.document.get("alert")
    if not isinstance(alert, str):
        return message
    return message._replace(document={**message.document, "alert": value_of(alert, name="message")})


def _alarm_of_rule(message: Message, name: str, product: object, *more_names: str) -> Alarm:
    """The alarm of the fields that a system event rule sends."""
    document = message.document
    value = _value(document["content"])
    content = value if _is_object(value) else {}
    extra = _object(content.get("extraAttributes"))
    event = _Event(
        names=[name, *more_names],
        product=product,
        contents=parts_of(content, extra, document),
        parts={
            "": document,
            **_with_nested("content.", content),
            "content.extraAttributes.": extra,
        },
        is_readable=_is_object(value),
        levels=(document.get("level"),),
        rule_name=document.get("ruleName"),
        regions=(document.get("regionId"), message.region if more_names else None),
    )
    ids, times = (document.get("id"), document.get("traceId")), (document.get("eventTime"),)
    return _identified(_alarm(message, event, _stage(event)), message, ids, times, "$.eventTime")


def _alarm(message: Message, event: _Event, stage: str) -> Alarm:
    is_report = is_state_report(event.names, event.contents)
    states = states_of(event.contents) if is_report else []
    resources = {
        f"{part}{name}": value
        for part, fields in event.parts.items()
        for name, value in fields.items()
        if _may_name_instances(name)
    }
    return Alarm(
        idempotency_key=message.idempotency_key,
        attributes=attributes_of(
            eventName=[*event.names, *map(base_name, event.names)],
            eventStatus=[stage] if stage else states,
            product=[event.product or _product(resources)],
            level=event.levels,
            ruleName=[event.rule_name],
            regionId=event.regions,
        ),
        subject=subject_of_event(resources),
        sent_at=message.sent_at,
        exact_names=("eventName",) * is_report + ("eventStatus",) * needs_its_stage_named(stage),
        region_ids=_region_ids(event.regions, resources),
    )


def _with_nested(place: str, content: Fields) -> dict[str, Fields]:
    """The content and the objects in it, each by its place."""
    nested = {
        f"{place}{name}.": part
        for name, part in content.items()
        if _is_object(part) and any(map(_may_name_instances, part))
    }
    return {place: content, **nested}


def _may_name_instances(name: str) -> bool:
    return name.lower() in INSTANCE_FIELDS


def _identified(
    alarm: Alarm, message: Message, ids: tuple[object, ...], times: tuple[object, ...], path: str
) -> Alarm:
    """The alarm with the event's own key and time.

    The key is id and stage: a later stage is no duplicate of an earlier one, and a stage that is
    delivered twice is one, whatever carries it.
    """
    id = next(iter(_texts(*ids)), None)
    time = next((time for time in times if time not in (None, *ABSENT)), None)
    sent_at = None if time is None else time_of(time, path)
    stages = alarm.attributes.get("eventStatus", ())[:1]
    return alarm._replace(
        idempotency_key=message.key_of_content(KIND, id, *stages),
        sent_at=earliest(message.sent_at, sent_at),
    )


def _stage(event: _Event) -> str:
    stage = stage_of(event.names, event.contents)
    # Content that cannot be read may say that the event is over.
    return stage if event.is_readable or needs_its_stage_named(stage) else UNKNOWN


def _region_ids(regions: tuple[object, ...], resources: dict[str, object]) -> tuple[str, ...]:
    """The regions that the event names, also in ARNs; each once."""
    arns = map(ARN_OF_REGION.match, _texts_within(resources))
    texts = [*_texts(*regions), *(arn[1] for arn in arns if arn)]
    return tuple(dict.fromkeys(text.lower() for text in texts if REGION_ID.fullmatch(text.lower())))


def _texts_within(resources: dict[str, object]) -> list[str]:
    """The texts of fields, and of the lists in them, also of such that are text."""
    lists = [value if isinstance(value, list) else [value] for value in resources.values()]
    texts = _texts(*(value for values in lists for value in values))
    return [part.strip(LIST_MARKS) for text in texts for part in text.split(",")]


def _product(resources: dict[str, object]) -> str:
    """The product of the first ARN: acs:ecs:... is ECS."""
    arns = (text for text in _texts(*resources.values()) if ARN_OF_REGION.match(text))
    return next((arn.split(":")[1].upper() for arn in arns), "")


def _texts(*values: object) -> list[str]:
    return [value for value in values if isinstance(value, str) and value not in ABSENT]


def _value(value: object) -> object:
    """The value of JSON text, else the value itself; an empty object if it is absent."""
    if value is None or value in ABSENT:
        return {}
    if not isinstance(value, str):
        return value
    try:
        return value_of(value, name="message")
    except RejectedEvent:
        return value


def _object(value: object) -> Fields:
    """The object that the value is, or is JSON text of; else an empty one."""
    found = _value(value)
    return found if _is_object(found) else {}


def _is_object(value: object) -> TypeGuard[Fields]:
    return isinstance(value, dict)
