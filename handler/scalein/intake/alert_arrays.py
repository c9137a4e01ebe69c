"""Arrays of alerts: one notification, and no batch of messages."""

from __future__ import annotations

from typing import Any

from scalein.intake.decoding import malformed

API_ALERT = frozenset({"labels", "startsAt"})  # of POST /api/v2/alerts of Alertmanager
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
    if not isinstance(value, list) or not value:
        return ""
    for name, fields in (("alerts", API_ALERT), ("slsAlerts", SLS_ALERT)):
        if all(isinstance(alert, dict) and fields <= alert.keys() for alert in value):
            return name
    return ""
