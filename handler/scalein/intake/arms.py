"""ARMS: what its alerts have in labels of their own, and the default template of its webhook."""

from __future__ import annotations

from collections.abc import Mapping

from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.reasons import Ignored
from scalein.intake.attributes import attributes_of
from scalein.intake.carriers import Fields
from scalein.intake.envelopes import Message

# Labels of "Format of alert notifications sent by using webhooks".
LEVEL, RULE_ID, REGION_ID = (
    "_aliyun_arms_alert_level",
    "_aliyun_arms_alert_rule_id",
    "_aliyun_arms_region_id",
)
OBJECT_KIND, OBJECT_NAME = (
    "_aliyun_arms_involvedObject_kind",
    "_aliyun_arms_involvedObject_name",
)
WORD_BY_LEVEL = {"P1": "CRITICAL", "P2": "ERROR", "P3": "WARN", "P4": "PAGE"}

# Field names of the default template, and of the one that the API's documents show.
NAME_FIELDS = ("Alert name", "告警名称")
POLICY_FIELDS = ("Notification policy", "通知策略")
APPLICATION_FIELDS = ("Application name", "应用名称")
CLUSTER_FIELDS = ("Cluster name", "集群名称")
FIRING_FIELDS = ("Alert time", "Alarm Time", "告警时间")  # the clear form has none of them


def levels_of(labels: Mapping[str, object]) -> tuple[object, ...]:
    """Returns the level that ARMS gives an alert, and its word if it is P1 to P4."""
    level = labels.get(LEVEL)
    return () if level is None else (level, WORD_BY_LEVEL.get(str(level)))


def object_fields(labels: Mapping[str, object]) -> dict[str, object]:
    """Returns the object of an alert as a field: its kind (node, pod ...) is the field's name."""
    kind = labels.get(OBJECT_KIND)
    return {kind: labels.get(OBJECT_NAME)} if isinstance(kind, str) else {}


def parse_template(message: Message) -> Alarm | Ignored:
    """Returns the alarm of the default template, or Ignored if it is the clear form.

    Its texts say nothing that names instances or shows a group, so it removes nothing: the outcome
    says so.
    """
    document = message.document
    if not any(name in document for name in FIRING_FIELDS):
        return Ignored.RECOVERY
    labels = {
        "application": _first_of(document, APPLICATION_FIELDS),
        "cluster": _first_of(document, CLUSTER_FIELDS),
    }
    return Alarm(
        idempotency_key=message.idempotency_key,
        attributes=attributes_of(
            labels,
            alertName=[_first_of(document, NAME_FIELDS)],
            ruleName=[_first_of(document, POLICY_FIELDS)],
        ),
        subject=Subject(Scope.UNKNOWN),
        sent_at=message.sent_at,  # its own time has no zone
    )


def _first_of(document: Fields, names: tuple[str, ...]) -> object:
    return next((document[name] for name in names if name in document), None)
