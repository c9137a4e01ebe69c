"""The names under which alarms say the same things, whoever sends them; a policy's rules match on these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

INSTANCE_ID = re.compile(r"i-[A-Za-z0-9-]{1,62}")
ABSENT = ("", "null")  # CloudMonitor's callback writes what it lacks as the text null
LONGEST_FACT = 1_024

Facts = dict[str, tuple[str, ...]]


def facts_of(labels: Mapping[str, object] | None = None, **attributes: Iterable[object]) -> Facts:
    """Texts by name, what is absent left out; labels as `labels.<name>`; levels in capitals, as senders vary."""
    all_facts = {
        **attributes,
        **{f"labels.{name}": [value] for name, value in (labels or {}).items()},
    }
    found = {name: _texts(values, name == "level") for name, values in all_facts.items()}
    return {name: texts for name, texts in found.items() if texts}


def instance_ids_of(*values: object) -> tuple[str, ...]:
    """The first of the values that names an ECS instance: an id, or an ARN that ends in one."""
    for value in values:
        tail = value.rsplit("/", 1)[-1] if isinstance(value, str) else ""
        if INSTANCE_ID.fullmatch(tail):
            return (tail,)
    return ()


def _texts(values: Iterable[object], capitals: bool) -> tuple[str, ...]:
    texts = [
        value[:LONGEST_FACT] for value in values if isinstance(value, str) and value not in ABSENT
    ]
    return tuple(dict.fromkeys(text.upper() if capitals else text for text in texts))
