"""The attributes of an alarm, on which the rules of a policy match: one name for what several
senders call by different names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

INSTANCE_ID = re.compile(r"i-[A-Za-z0-9-]{1,62}")
ABSENT = ("", "null")  # CloudMonitor's callback writes the text null for a missing value
MAX_TEXT_CHARACTERS = 1_024

Attributes = dict[str, tuple[str, ...]]


def attributes_of(
    labels: Mapping[str, object] | None = None, **values_by_name: Iterable[object]
) -> Attributes:
    """Returns the texts of each attribute, without attributes that have none.

    Labels are attributes named `labels.<name>`. Levels are in capitals, as senders vary.
    """
    texts_by_name = {
        name: _texts(values, is_upper=name == "level") for name, values in values_by_name.items()
    }
    for name, value in (labels or {}).items():
        texts_by_name[f"labels.{name}"] = _texts([value], is_upper=False)
    return {name: texts for name, texts in texts_by_name.items() if texts}


def instance_ids_of(*values: object) -> tuple[str, ...]:
    """Returns the first ECS instance id among the values, which may be ids or ARNs; or nothing."""
    for value in values:
        last_part = value.rsplit("/", 1)[-1] if isinstance(value, str) else ""
        if INSTANCE_ID.fullmatch(last_part):
            return (last_part,)
    return ()


def _texts(values: Iterable[object], is_upper: bool) -> tuple[str, ...]:
    texts = [
        value[:MAX_TEXT_CHARACTERS]
        for value in values
        if isinstance(value, str) and value not in ABSENT
    ]
    return tuple(dict.fromkeys(text.upper() if is_upper else text for text in texts))
