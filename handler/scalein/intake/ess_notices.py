"""Auto Scaling's own notices. They are recognised and ignored, so that no removal of this function
causes another.

The form of most of them is not documented, so they are recognised by the words in them.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from scalein.errors import RejectedEvent
from scalein.intake.decoding import value_of
from scalein.intake.envelopes import Message

TYPE_PREFIX = "ess:"  # CloudEvents, such as ess:ScalingActivity:ScaleInSuccess
VOCABULARY = ("AUTOSCALING:", "SCALING_GROUP_DIAGNOSE")  # notification types
NAME_FIELDS = ("name", "eventName", "event", "eventType", "notificationType", "type")
PRODUCT, ARN = "ESS", "acs:ess:"  # of a CloudMonitor system event; how an ARN of ESS begins
ARN_FIELDS = ("resourceArn", "resourceId", "arn")
MAX_CHARACTERS = 64  # that are looked at
HOOK_FIELDS = frozenset({"lifecycleHookId", "lifecycleActionToken"})  # in `content` of a hook


def is_ess_notice(message: Message) -> bool:
    """Whether ESS sent the message, by its type, product or vocabulary."""
    if message.event_type.startswith(TYPE_PREFIX):
        return True
    if _content(message).keys() & HOOK_FIELDS:
        return True
    alert = message.document.get("alert")
    parts = [message.document, alert] if isinstance(alert, dict) else [message.document]
    names = [_text(part.get(field)) for part in parts for field in NAME_FIELDS]
    arns = [_text(part.get(field)) for part in parts for field in ARN_FIELDS]
    return (
        any(name.upper().startswith(VOCABULARY) for name in names)
        or any(arn.lower().startswith(ARN) for arn in arns)
        or any(_text(part.get("product")).upper() == PRODUCT for part in parts)
    )


def _content(message: Message) -> dict[str, Any]:
    """The content of a hook's message, which may be JSON text."""
    content = message.document.get("content")
    if isinstance(content, str) and any(name in content for name in HOOK_FIELDS):
        with suppress(RejectedEvent):
            content = value_of(content, name="message")
    return content if isinstance(content, dict) else {}


def _text(value: object) -> str:
    return value[:MAX_CHARACTERS] if isinstance(value, str) else ""
