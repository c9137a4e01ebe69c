"""The attributes of an alarm, on which the rules of a policy match: one name for what several
senders call by different names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scalein.intake.subject import ABSENT

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


def _texts(values: Iterable[object], is_upper: bool) -> tuple[str, ...]:
    texts = [
        value[:MAX_TEXT_CHARACTERS]
        for value in values
        if isinstance(value, str) and value not in ABSENT
    ]
    return tuple(dict.fromkeys(text.upper() if is_upper else text for text in texts))
