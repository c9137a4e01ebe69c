"""Auto Scaling's own notices. They are recognised and ignored, so that no removal of this function
causes another.

The form of most of them is not documented, so they are recognised by the words in them.
"""

from __future__ import annotations

from scalein.intake.envelopes import Message

TYPE_PREFIX = "ess:"  # CloudEvents, such as ess:ScalingActivity:ScaleInSuccess
VOCABULARY = ("AUTOSCALING:", "SCALING_GROUP_DIAGNOSE")  # notification types
NAME_FIELDS = ("name", "eventName", "event", "eventType", "notificationType", "type")
PRODUCT = "ESS"  # of a CloudMonitor system event
HOOK_FIELDS = frozenset({"lifecycleHookId", "lifecycleActionToken"})  # in `content` of a hook


def is_ess_notice(message: Message) -> bool:
    """Whether ESS sent the message, by its type, product or vocabulary."""
    if message.event_type.startswith(TYPE_PREFIX):
        return True
    content = message.document.get("content")
    if isinstance(content, dict) and content.keys() & HOOK_FIELDS:
        return True
    alert = message.document.get("alert")
    parts = [message.document, alert] if isinstance(alert, dict) else [message.document]
    names = [part.get(field) for part in parts for field in NAME_FIELDS]
    if any(isinstance(name, str) and name.startswith(VOCABULARY) for name in names):
        return True
    return any(part.get("product") == PRODUCT for part in parts)
