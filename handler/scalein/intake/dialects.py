"""What a message says: the only module that knows which dialects there are, and how to tell one from another.

Each has a schema of its own name, which allows unknown fields, for senders add some over time; the project's own
removal request does not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from scalein.contract import check
from scalein.decision.model import Alarm, Notice, RemovalRequest
from scalein.errors import UnknownSender
from scalein.intake import alertmanager, cloudmonitor, ecs, ess_notices
from scalein.intake.envelopes import Message
from scalein.intake.removal_request import SCHEMA as REMOVAL_REQUEST
from scalein.intake.removal_request import request_of
from scalein.intake.times import moment


class SignedFollowUp(NamedTuple):
    """A follow-up, as it came: whether this function signed it is still to be verified."""

    idempotency_key: str
    text: str
    signature: str


ParsedMessage = RemovalRequest | Alarm | Notice | SignedFollowUp


class Dialect(NamedTuple):
    schema: str
    required_fields: frozenset[str]  # the fields that tell it
    read: Callable[[Message], ParsedMessage]


def read(message: Message) -> ParsedMessage:
    """What the message says. Raises RejectedEvent."""
    message = cloudmonitor.with_embedded_json(message)
    dialect = _dialect(message)
    check(message.document, dialect.schema)
    return dialect.read(message)


def _dialect(message: Message) -> Dialect:
    """Told by the CloudEvent's type, else by the fields that are there. Raises UnknownSender."""
    if ess_notices.is_ess_notice(message):
        return ESS_NOTICE
    if message.event_type.startswith(ecs.TYPE_PREFIX):
        return ECS_EVENT
    fields = message.document.keys()
    for dialect in DIALECTS:
        if dialect.required_fields <= fields:
            return dialect
    if fields & REQUEST.required_fields:
        return REQUEST
    raise _unknown(message)


def _unknown(message: Message) -> UnknownSender:
    """Says what was recognised, and what is missing for the dialect that is nearest. Never what was sent."""
    fields = message.document.keys()
    near = max(
        (*DIALECTS, REQUEST),
        key=lambda dialect: len(dialect.required_fields & fields) / len(dialect.required_fields),
    )
    if not near.required_fields & fields:
        near = REQUEST
    missing = ", ".join(f'"{name}"' for name in sorted(near.required_fields - fields))
    way = ", ".join(envelope.name for envelope in message.envelopes)
    recognised = f"Recognised: {way}. What it holds" if way else "This"
    sentence = f"{recognised} is no message known here; the nearest is {near.schema}, for which it lacks {missing}."
    return UnknownSender("$", "unknownSender", sentence)


def _removal_request(message: Message) -> RemovalRequest:
    document = message.document
    request = request_of(document, message.idempotency_key, message.sent_at)
    if "notAfter" in document:
        request = request._replace(not_after=moment(document["notAfter"], "$.notAfter"))
    return request


def _follow_up(message: Message) -> SignedFollowUp:
    return SignedFollowUp(
        message.idempotency_key, message.document["followUp"], message.document["signature"]
    )


REQUEST = Dialect(REMOVAL_REQUEST, frozenset({"scalingGroupId", "remove"}), _removal_request)
ESS_NOTICE = Dialect("ess-notice", frozenset(), ess_notices.notice)
ECS_EVENT = Dialect("ecs-event", frozenset(), ecs.event)
DIALECTS = (
    Dialect("follow-up", frozenset({"followUp", "signature"}), _follow_up),
    Dialect("alertmanager", frozenset({"alerts", "status", "receiver"}), alertmanager.webhook),
    Dialect(
        "cloudmonitor-event-subscription",
        frozenset({"alert", "subscription"}),
        cloudmonitor.subscription,
    ),
    Dialect(
        "cloudmonitor-threshold", frozenset({"alertState", "alertName"}), cloudmonitor.threshold
    ),
    Dialect(
        "cloudmonitor-threshold-mns",
        frozenset({"curLevel", "ruleName", "metricName"}),
        cloudmonitor.threshold_mns,
    ),
    Dialect(
        "cloudmonitor-system-event",
        frozenset({"product", "name", "content"}),
        cloudmonitor.system_event,
    ),
)
