"""The dialects: what each sender's messages look like, and how to recognise them.

Each has a schema of its own name. These schemas allow unknown fields, for senders add some over
time; only the project's own removal request and follow-up forbid them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from scalein.contract import check
from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.decision.reasons import Ignored
from scalein.errors import RejectedEvent
from scalein.intake import (
    alerts,
    arms,
    cloudmonitor,
    ess_notices,
    foreign,
    grafana,
    sls,
    system_events,
)
from scalein.intake.alert_arrays import SLS_ALERT
from scalein.intake.alert_list import AlertList
from scalein.intake.decoding import malformed, placed
from scalein.intake.envelopes import Message
from scalein.intake.removal_request import SCHEMA as REMOVAL_REQUEST
from scalein.intake.removal_request import request_of
from scalein.intake.times import time_of


class SignedFollowUp(NamedTuple):
    """A follow-up whose signature has not been verified yet."""

    text: str
    signature: str


MIN_SHARE = 0.5  # of a type's required fields, to be called the closest: many have a `status`
ParsedMessage = RemovalRequest | Alarm | AlertList | Ignored | SignedFollowUp


class Dialect(NamedTuple):
    """A sender's format. A message with all required fields is of this dialect."""

    schema: str
    required_fields: frozenset[str]
    parse: Callable[[Message], ParsedMessage]


def parse_message(message: Message) -> ParsedMessage:
    """Returns the content of a message. Raises RejectedEvent if it is malformed, of no known
    dialect, or breaks the schema of its dialect.
    """
    if message.error is not None:
        raise message.error
    try:
        message = system_events.with_parsed_alert(message)
        dialect = dialect_of(message)
        if dialect.schema not in OWN:
            message = message._replace(document=_without_nulls(message.document, dialect))
        check(message.document, dialect.schema)
        return dialect.parse(message)
    except RejectedEvent as error:
        raise placed(error, message.place) from error


def dialect_of(message: Message) -> Dialect:
    """The dialect of a message, by the type of its CloudEvent, else by the fields of its document.

    Raises RejectedEvent if it is unknown.
    """
    if ess_notices.is_ess_notice(message):
        return ESS_NOTICE
    if message.event_type.startswith(system_events.TYPE_PREFIXES):
        return ECS_EVENT
    if message.event_type == sls.RESOLVED_TYPE:
        return SLS_RESOLVED
    fields = message.document.keys()
    for dialect in DIALECTS:
        if dialect.required_fields <= fields:
            return dialect
    if system_events.is_alert(message.document.get("alert")):
        return SUBSCRIPTION  # without the subscription, which says nothing of the event
    if arms.is_template(message.document):
        return ARMS_TEMPLATE
    if fields & REQUEST.required_fields:
        return REQUEST
    raise _unknown_dialect(message)


def _unknown_dialect(message: Message) -> RejectedEvent:
    """The error of a message of no known dialect: says of which other trigger it is, or names the
    closest dialect and what it requires.

    It never repeats a value of the message.
    """
    foreign_error = foreign.error_of(message.document, message.event_type)
    if foreign_error:
        return foreign_error
    fields = message.document.keys()

    def share_of_fields(dialect: Dialect) -> float:
        return len(dialect.required_fields & fields) / len(dialect.required_fields)

    closest = max((*DIALECTS, REQUEST), key=share_of_fields)
    if share_of_fields(closest) < MIN_SHARE:
        closest = REQUEST
    missing = ", ".join(f'"{name}"' for name in sorted(closest.required_fields - fields))
    sentence = (
        "Unknown type of message."
        f" The closest known type is {closest.schema}; required fields are missing: {missing}."
    )
    if closest is REQUEST:
        sentence += " A sender with a template can send one (events/README.md, Templates)."
    return malformed("unknownSender", sentence)


def _without_nulls(document: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
    """The document without fields that are null: senders write null for what is missing. Only the
    message itself and the alert of an Event Subscription, for the name of a label says something.
    """
    required_fields = dialect.required_fields
    present = {n: v for n, v in document.items() if v is not None or n in required_fields}
    alert = present.get("alert")
    if isinstance(alert, dict):
        present["alert"] = {name: value for name, value in alert.items() if value is not None}
    return present


def _parse_removal_request(message: Message) -> RemovalRequest:
    document = message.document
    request = request_of(document, message.idempotency_key, message.sent_at)
    if "notAfter" in document:
        request = request._replace(not_after=time_of(document["notAfter"], "$.notAfter"))
    return request


def _parse_follow_up(message: Message) -> SignedFollowUp:
    document = message.document
    return SignedFollowUp(document["followUp"], document["signature"])


REQUEST = Dialect(REMOVAL_REQUEST, frozenset({"scalingGroupId", "remove"}), _parse_removal_request)
OWN = (REMOVAL_REQUEST, "follow-up")  # schemas of this project, in which null is a fault
ESS_NOTICE = Dialect("ess-notice", frozenset(), lambda _: Ignored.SELF_TRIGGERED)
ECS_EVENT = Dialect("ecs-event", frozenset(), system_events.parse_ecs_event)
SLS_RESOLVED = Dialect("sls-resolved", frozenset(), lambda _: Ignored.RECOVERY)
ARMS_TEMPLATE = Dialect(
    "arms-template", frozenset({"Alert name", "Notification policy"}), arms.parse_template
)
SUBSCRIPTION = Dialect(
    "cloudmonitor-event-subscription",
    frozenset({"alert", "subscription"}),
    system_events.parse_subscription,
)
DIALECTS = (
    Dialect("follow-up", frozenset({"followUp", "signature"}), _parse_follow_up),
    Dialect("grafana", frozenset({"alerts", "status", "receiver", "orgId"}), alerts.parse_alerts),
    Dialect("alertmanager", frozenset({"alerts", "status", "receiver"}), alerts.parse_alerts),
    Dialect(
        "grafana-legacy", frozenset({"ruleName", "state", "evalMatches"}), grafana.parse_legacy
    ),
    Dialect("sls-alert", SLS_ALERT, sls.parse_alert),
    Dialect("sls-alerts", frozenset({"slsAlerts"}), sls.parse_merged),
    ARMS_TEMPLATE,
    SUBSCRIPTION,
    Dialect(
        "cloudmonitor-threshold",
        frozenset({"alertState", "alertName"}),
        cloudmonitor.parse_threshold,
    ),
    Dialect(
        "cloudmonitor-threshold-mns",
        frozenset({"curLevel", "ruleName", "metricName"}),
        cloudmonitor.parse_mns_threshold,
    ),
    *(
        Dialect(
            "cloudmonitor-system-event",
            frozenset({"name", "content", field}),
            system_events.parse_system_event,
        )
        for field in ("product", "resourceId")  # some have no product, but its ARN
    ),
    Dialect("alerts", frozenset({"alerts"}), alerts.parse_alerts),
)
