"""Auto Scaling's own notices: recognised so that the function never answers its own removals with another.

The layout of most of them is documented nowhere, so they are told by their vocabulary.
"""

from __future__ import annotations

from scalein.decision.model import Notice
from scalein.decision.reasons import Ignored
from scalein.intake.envelopes import Message

TYPE_PREFIX = "ess:"  # CloudEvents: ess:ScalingActivity:ScaleInSuccess, ess:LifecycleHook:ScaleIn, ess:CloudMonitor:...
VOCABULARY = ("AUTOSCALING:", "SCALING_GROUP_DIAGNOSE")  # notification types
NAMES = (
    "name",
    "eventName",
    "event",
    "eventType",
    "notificationType",
    "type",
)  # where one may stand
PRODUCT = "ESS"  # of a CloudMonitor system event
HOOK_FIELDS = frozenset(
    {"lifecycleHookId", "lifecycleActionToken"}
)  # of `content`, in a lifecycle hook's message


def is_ess_notice(message: Message) -> bool:
    """Whether ESS sent it, by type, by product or by vocabulary."""
    if message.event_type.startswith(TYPE_PREFIX):
        return True
    content = message.document.get("content")
    if isinstance(content, dict) and content.keys() & HOOK_FIELDS:
        return True
    alert = message.document.get("alert")
    parts = [message.document, alert] if isinstance(alert, dict) else [message.document]
    names = [part.get(name) for part in parts for name in NAMES]
    if any(isinstance(name, str) and name.startswith(VOCABULARY) for name in names):
        return True
    return any(part.get("product") == PRODUCT for part in parts)


def notice(message: Message) -> Notice:
    return Notice(message.idempotency_key, Ignored.SELF_TRIGGERED)
