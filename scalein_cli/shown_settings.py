"""Settings of a function as rows that a person compares. Secrets are never shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from scalein.settings import KNOWN
from scalein_cli.function_api import VARIABLES, FunctionState

# The variables whose values are shown: this function's own settings, but for these.
SECRET_SETTINGS = frozenset({"SCALEIN_FOLLOW_UP_KEY", "SCALEIN_LEDGER", "SCALEIN_POLICY"})
SHOWN_VARIABLES = frozenset(KNOWN) - SECRET_SETTINGS
MAX_VALUE_CHARACTERS = 60
NONE, HIDDEN, OTHER_HIDDEN = "none", "(hidden)", "(hidden, another value)"
NAMES = {
    "memorySize": "memory",
    "instanceLifecycleConfig.initializer.handler": "initializer",
    "instanceLifecycleConfig.initializer.timeout": "initializer timeout",
    "initializationTimeout": "initializer timeout",
    "logConfig.project": "log project",
    "logConfig.logstore": "log store",
}
UNITS = {"timeout": "s", "initializer timeout": "s", "memory": "MB", "diskSize": "MB"}


class Row(NamedTuple):
    """One setting, before and after."""

    name: str
    before: str
    after: str

    @property
    def is_change(self) -> bool:
        return self.before != self.after


def setting_rows(before: FunctionState | None, after: FunctionState) -> list[Row]:
    """All settings of a function, before and after. The code is not among them."""
    old, new = _values(before.settings) if before else {}, _values(after.settings)
    names = sorted({*old, *new}, key=lambda name: (name.startswith("variable "), name))
    return [_row(name, old.get(name), new.get(name)) for name in names]


def config_rows(
    name: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[Row]:
    """All settings of another configuration, before and after."""
    old, new = dict(_flat(before or {}, "")), dict(_flat(after or {}, ""))
    rows = [_row(setting, old.get(setting), new.get(setting)) for setting in sorted({*old, *new})]
    return [row._replace(name=f"{name}: {row.name}") for row in rows]


def _values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings by their printed names; each variable has a name of its own."""
    others = {name: value for name, value in settings.items() if name != VARIABLES}
    values = {NAMES.get(name, name): value for name, value in _flat(others, "")}
    variables = settings.get(VARIABLES) or {}
    return {**values, **{f"variable {name}": value for name, value in variables.items()}}


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yields name and value of each part that is not empty."""
    if isinstance(value, Mapping):
        for part, inner in value.items():
            yield from _flat(inner, f"{name}.{part}" if name else str(part))
    elif value not in (None, "", []):
        yield name, value


def _row(name: str, before: Any, after: Any) -> Row:
    if name.startswith("variable ") and not _is_shown(name, before, after):
        old, new = (NONE if value is None else HIDDEN for value in (before, after))
        is_other = before is not None and after is not None and before != after
        return Row(name, old, OTHER_HIDDEN if is_other else new)
    return Row(name, _text(name, before), _text(name, after))


def _is_shown(name: str, *values: Any) -> bool:
    """Whether the values of a variable are no secrets. In a URL, a name or password may be."""
    has_user = any("@" in str(value) for value in values)
    return name.removeprefix("variable ") in SHOWN_VARIABLES and not has_user


def _text(name: str, value: Any) -> str:
    """The value for a person; a long one is cut, and has a digest to be compared by."""
    if value is None:
        return NONE
    text = value if isinstance(value, str) else json.dumps(value)
    if len(text) > MAX_VALUE_CHARACTERS:
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        return f"{text[:MAX_VALUE_CHARACTERS]}... (sha256 {digest})"
    return f"{text} {UNITS[name]}" if name in UNITS else text or '""'
