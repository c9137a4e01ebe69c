"""ECS's events as EventBridge delivers them: the CloudEvent's type says what happened, its data to which instance."""

from __future__ import annotations

from scalein.decision.model import Alarm, Notice
from scalein.decision.reasons import Ignored
from scalein.intake.attributes import facts_of, instance_ids_of
from scalein.intake.envelopes import Message

TYPE_PREFIX = "ecs:"
STATE_CHANGE = "Instance:StateChange"  # what every removal brings about


def event(message: Message) -> Alarm | Notice:
    """Such as ecs:Instance:PreemptibleInstanceInterruption, five minutes before a spot instance is reclaimed."""
    name = message.event_type.removeprefix(TYPE_PREFIX)
    if name == STATE_CHANGE:
        return Notice(message.idempotency_key, Ignored.SELF_TRIGGERED)
    document = message.document
    return Alarm(
        idempotency_key=message.idempotency_key,
        attributes=facts_of(eventName=[name], product=["ECS"]),
        instance_ids=instance_ids_of(document.get("instanceId"), document.get("resourceId")),
        sent_at=message.sent_at,
    )
