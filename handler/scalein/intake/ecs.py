"""ECS events of EventBridge: the type of the CloudEvent says what happened, its data to which
instance.
"""

from __future__ import annotations

from scalein.decision.model import Alarm
from scalein.decision.reasons import Ignored
from scalein.intake.attributes import attributes_of
from scalein.intake.envelopes import Message
from scalein.intake.subject import subject_of_event

TYPE_PREFIX = "ecs:"
STATE_CHANGE = "Instance:StateChange"  # each removal causes some


def parse_ecs_event(message: Message) -> Alarm | Ignored:
    """Returns the alarm of an event, such as ecs:Instance:PreemptibleInstanceInterruption, which
    ECS sends five minutes before it reclaims a spot instance; Ignored for a state change.
    """
    name = message.event_type.removeprefix(TYPE_PREFIX)
    if name == STATE_CHANGE:
        return Ignored.SELF_TRIGGERED
    document = message.document
    return Alarm(
        idempotency_key=message.idempotency_key,
        attributes=attributes_of(eventName=[name], product=["ECS"]),
        subject=subject_of_event(document.get("instanceId"), document.get("resourceId")),
        sent_at=message.sent_at,
    )
