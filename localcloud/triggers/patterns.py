"""Event patterns of EventBridge: which events a rule or a trigger takes."""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Mapping
from typing import Any

COMPARISONS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
TESTS = ("prefix", "suffix", "contains", "cidr", "anything-but", "numeric", "exists")
ABSENT = object()  # the value of a field that an event lacks, which is not null


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event has, for each field of the pattern, one of its values ("Event pattern").

    A value is what is equal, or an object whose every test holds (TESTS). An object in place of the
    list looks into the field. Of a field that is absent holds `exists` alone.
    """
    return all(_field_matches(wanted, event.get(name, ABSENT)) for name, wanted in pattern.items())


def unknown_tests(pattern: Mapping[str, Any]) -> list[str]:
    """Returns the tests in a pattern that there are not."""
    unknown = []
    for wanted in pattern.values():
        if isinstance(wanted, Mapping):
            unknown += unknown_tests(wanted)
        for one in wanted if isinstance(wanted, list) else ():
            names = one if isinstance(one, Mapping) else ()
            unknown += [name for name in names if name not in TESTS]
    return unknown


def _field_matches(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and matches(wanted, value)
    values = value if isinstance(value, list) else [value]
    alternatives = wanted if isinstance(wanted, list) else [wanted]
    return any(_value_matches(one, each) for one in alternatives for each in values)


def _value_matches(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return bool(wanted == value)
    return bool(wanted) and all(_test(name, limit, value) for name, limit in wanted.items())


def _test(name: str, limit: Any, value: Any) -> bool:
    if name == "exists":
        return (value is not ABSENT and value is not None) is bool(limit)
    if value is ABSENT:
        return False
    text = value if isinstance(value, str) else ""
    match name:
        case "prefix":
            return text.startswith(str(limit))
        case "suffix":
            return text.endswith(str(limit))
        case "contains":
            return str(limit) in text
        case "cidr":
            return _is_in_network(limit, text)
        case "anything-but":
            refused = limit if isinstance(limit, list) else [limit]
            return not any(_value_matches(one, value) for one in refused)
        case "numeric":
            return _is_within(limit, value)
    return False


def _is_in_network(network: Any, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(str(network), strict=False)
    except ValueError:
        return False


def _is_within(limits: Any, value: Any) -> bool:
    """Whether a number is within limits such as [">", 1, "<=", 5]."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not isinstance(limits, list) or not limits or len(limits) % 2:
        return False
    pairs = zip(limits[::2], limits[1::2], strict=True)
    try:
        return all(COMPARISONS[sign](value, limit) for sign, limit in pairs)
    except (KeyError, TypeError):
        return False
