"""Arrays of alerts: one notification, and no batch of messages."""

from __future__ import annotations

from typing import Any

from scalein.intake.decoding import malformed

# Of Alertmanager's API (its openapi.yaml): of POST /api/v2/alerts only labels are required.
API_ALERT = frozenset({"labels", "startsAt"})
API_FIELDS = frozenset(
    {
        *("labels", "annotations", "startsAt", "endsAt", "generatorURL"),
        *("status", "fingerprint", "receivers", "updatedAt"),
    }
)
SLS_ALERT = frozenset({"alert_id", "alert_name", "status"})


def is_alert_array(value: Any) -> bool:
    """Whether the value is an array of alerts, which is one notification and no batch of messages:
    what Prometheus posts to an Alertmanager, or Simple Log Service's merged notifications.
    """
    return _name_of_array(value) != ""


def message_fields(value: Any) -> dict[str, Any]:
    """Returns the fields of a message; an array of alerts gets a field of its own.

    Raises RejectedEvent if it is neither an object nor such an array.
    """
    name = _name_of_array(value)
    if name:
        return {name: value}
    if not isinstance(value, dict):
        raise malformed("type", "A message must be a JSON object.")
    return value


def _name_of_array(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(alert, dict) for alert in value):
        return ""
    for name, is_alert in (("alerts", _is_api_alert), ("slsAlerts", _is_sls_alert)):
        if value and all(map(is_alert, value)):
            return name
    return ""


def _is_api_alert(alert: dict[str, Any]) -> bool:
    fields = alert.keys()
    return fields >= API_ALERT or (isinstance(alert.get("labels"), dict) and fields <= API_FIELDS)


def _is_sls_alert(alert: dict[str, Any]) -> bool:
    return alert.keys() >= SLS_ALERT
