"""Event patterns of EventBridge: which events a rule or a trigger takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event has, for each field of the pattern, one of its values ("Event pattern").

    A value is a text or number that is equal, {"prefix": ...}, {"suffix": ...}, or
    {"anything-but": ...}; an object in place of the list looks into the field.
    """
    return all(_field_matches(wanted, event.get(name)) for name, wanted in pattern.items())


def _field_matches(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(wanted, value)
    values = value if isinstance(value, list) else [value]
    alternatives = wanted if isinstance(wanted, list) else [wanted]
    return any(_value_matches(one, each) for one in alternatives for each in values)


def _value_matches(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(wanted == value)
    text = value if isinstance(value, str) else ""
    if "prefix" in wanted:
        return text.startswith(str(wanted["prefix"]))
    if "suffix" in wanted:
        return text.endswith(str(wanted["suffix"]))
    if "anything-but" in wanted:
        refused = wanted["anything-but"]
        return value not in (refused if isinstance(refused, list) else [refused])
    return False
