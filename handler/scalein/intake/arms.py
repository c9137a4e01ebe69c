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

# Field names of the default template, and of the one that the API's documents show, in small
# letters: pages differ in capitals, and in alert or alarm.
NAME_FIELDS = ("alert name", "alarm name", "告警名称")
POLICY_FIELDS = ("notification policy", "通知策略")
APPLICATION_FIELDS = ("application name", "应用名称")
CLUSTER_FIELDS = ("cluster name", "集群名称")
FIRING_FIELDS = ("alert time", "alarm time", "告警时间")  # the clear form has none of them


def levels_of(labels: Mapping[str, object]) -> tuple[object, ...]:
    """Returns the level that ARMS gives an alert, and its word if it is P1 to P4."""
    level = labels.get(LEVEL)
    return () if level is None else (level, WORD_BY_LEVEL.get(str(level)))


def object_fields(labels: Mapping[str, object]) -> dict[str, object]:
    """Returns the object of an alert as a field: its kind (node, pod ...) is the field's name."""
    kind = labels.get(OBJECT_KIND)
    return {kind: labels.get(OBJECT_NAME)} if isinstance(kind, str) else {}


def is_template(document: Fields) -> bool:
    """Whether the document is of the default template, by the fields that it has."""
    names = {name.lower() for name in document}
    return not names.isdisjoint(NAME_FIELDS) and not names.isdisjoint(
        (*POLICY_FIELDS, *APPLICATION_FIELDS, *CLUSTER_FIELDS)
    )


def parse_template(message: Message) -> Alarm | Ignored:
    """Returns the alarm of the default template, or Ignored if it is the clear form.

    Its texts say nothing that names instances or shows a group, so it removes nothing: the outcome
    says so.
    """
    document = {name.lower(): value for name, value in message.document.items()}
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
