"""The index of a log store: the fields that can be searched and analysed, and what is cut of them.

It is given as ROS describes it (ALIYUN::SLS::Index). ROS cannot change how much of a text is
analysed: 2,048 bytes, where 16,384 are the most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from localcloud.logs.json_values import json_values
from localcloud.logs.rows import Row

MAX_TEXT_BYTES = 2_048  # of a text that is analysed, by default
RESERVED = {"__time__": "long", "__topic__": "text", "__source__": "text"}  # always indexed

Value = str | int | float | None


class Field(NamedTuple):
    """An indexed field; of a JSON field, a leaf of it."""

    name: str  # a leaf's with the field's before it, as queries name it
    type: str  # text, long, double
    has_analytics: bool
    parent: str = ""  # the JSON field


class Index(NamedTuple):
    """The indexed fields by name. `cut_whole`: a JSON field is cut before it is parsed."""

    fields: Mapping[str, Field]
    has_full_text: bool = True
    max_text_bytes: int = MAX_TEXT_BYTES
    cut_whole: bool = False

    def columns(self) -> dict[str, str]:
        """The type of each field that a SELECT may name."""
        analysed = {field.name: field.type for field in self.fields.values() if field.has_analytics}
        return {**RESERVED, **analysed}

    def values(self, row: Row) -> dict[str, Value]:
        """The analysed values of a row, cut; None where it has none of the field's type."""
        values_by_parent = {
            field.parent: self._json_values(str(row[field.parent]))
            for field in self.fields.values()
            if field.parent in row
        }
        values: dict[str, Value] = {}
        for name, type in self.columns().items():
            parent = self.fields[name].parent if name in self.fields else ""
            if parent:
                leaf = values_by_parent.get(parent, {}).get(name.removeprefix(f"{parent}."))
                raw = str(leaf).lower() if isinstance(leaf, bool) else leaf
            else:
                raw = row.get(name)
            values[name] = None if raw is None else self._typed(raw, type)
        return values

    def _json_values(self, text: str) -> dict[str, Any]:
        return json_values(_cut(text, self.max_text_bytes) if self.cut_whole else text)

    def _typed(self, value: str | float, type: str) -> Value:
        with suppress(ValueError):
            if type == "long":
                return int(value)
            if type == "double":
                return float(value)
            return _cut(str(value), self.max_text_bytes)
        return None


def index_of(properties: Mapping[str, Any], **changes: Any) -> Index:
    """The index that the properties of an ALIYUN::SLS::Index describe."""
    fields: list[Field] = []
    keys: Sequence[Mapping[str, Any]] = properties.get("KeyIndices", ())
    for key in keys:
        if key["Type"] != "json":
            fields.append(Field(key["Name"], key["Type"], key.get("EnableAnalytics", True)))
        for leaf in key.get("JsonKeyIndices", ()):
            name = f"{key['Name']}.{leaf['Name']}"
            has_analytics = leaf.get("EnableAnalytics", True) and key.get("EnableAnalytics", False)
            fields.append(Field(name, leaf["Type"], has_analytics, key["Name"]))
    has_full_text = bool(properties["FullTextIndex"]["Enable"])
    return Index({field.name: field for field in fields}, has_full_text, **changes)


def _cut(text: str, max_bytes: int) -> str:
    return text.encode()[:max_bytes].decode("utf-8", "ignore")
