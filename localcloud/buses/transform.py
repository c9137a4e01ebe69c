"""What a target gets of an event (help pages "Event transformation", "Event target parameters")."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.buses.model import Param, Target

FORMS = ("ORIGINAL", "CONSTANT", "JSONPATH", "TEMPLATE")
STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]+)\]|\['([^']+)'\]")
VARIABLE = re.compile(r"\$\{([^}]+)\}")


def values_of(target: Target, event: Mapping[str, Any]) -> dict[str, str]:
    """Returns the value of each parameter of a target, by its key in lower case.

    The documents spell a key in several ways.
    """
    return {param.resource_key.lower(): value_of(param, event) for param in target.params}


def value_of(param: Param, event: Mapping[str, Any]) -> str:
    """Returns the value of one parameter for an event."""
    if param.form == "CONSTANT":
        return _text(param.value)
    if param.form == "JSONPATH":
        return _text(extracted(event, _text(param.value)))
    if param.form == "TEMPLATE":
        return _filled(param, event)
    return json.dumps(event, ensure_ascii=False)


def extracted(event: Mapping[str, Any], path: str) -> Any:
    """Returns what is at a path such as $.data.ids[0]; None where nothing is."""
    rest = path.removeprefix("$")
    value: Any = event
    position = 0
    while position < len(rest):
        step = STEP.match(rest, position)
        if step is None:
            return None
        name, index, quoted = step.groups()
        try:
            value = value[int(index) if index else name or quoted]
        except (IndexError, KeyError, TypeError):
            return None
        position = step.end()
    return value


def is_right(param: Param) -> bool:
    """Whether the parameter has all that its form needs."""
    if not param.resource_key or param.form not in FORMS:
        return False
    if param.form == "TEMPLATE":
        return bool(param.template) and _variables(param) is not None
    return param.form == "ORIGINAL" or param.value is not None


def _filled(param: Param, event: Mapping[str, Any]) -> str:
    """Returns the template with its variables; one that starts with $ is a path, else a text."""
    values = {
        name: extracted(event, path) if str(path).startswith("$") else path
        for name, path in (_variables(param) or {}).items()
    }
    return VARIABLE.sub(lambda found: _text(values.get(found[1])), _text(param.template))


def _variables(param: Param) -> dict[str, Any] | None:
    """Returns the variables, an object or its text; None where they are neither."""
    try:
        found = json.loads(param.value) if isinstance(param.value, str) else param.value
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
