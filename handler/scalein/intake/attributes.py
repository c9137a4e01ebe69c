"""The attributes of an alarm, on which the rules of a policy match: one name for what several
senders call by different names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from scalein.intake.subject import ABSENT

MAX_TEXT_CHARACTERS = 1_024
# Words of one meaning: CloudMonitor's, then those by custom of Prometheus and Grafana.
LEVELS = (("CRITICAL", "CRIT"), ("WARN", "WARNING"), ("INFO", "INFORMATION"))

Attributes = dict[str, tuple[str, ...]]


def attributes_of(
    labels: Mapping[str, object] | None = None, **values_by_name: Iterable[object]
) -> Attributes:
    """Returns the texts of each attribute, without attributes that have none.

    Labels are attributes named `labels.<name>`. Levels are in capitals, each with the other words
    of its meaning.
    """
    texts_by_name = {name: _texts(values) for name, values in values_by_name.items()}
    if "level" in texts_by_name:
        words = (word for text in texts_by_name["level"] for word in _words_of_level(text.upper()))
        texts_by_name["level"] = tuple(dict.fromkeys(words))
    for name, value in (labels or {}).items():
        texts_by_name[f"labels.{name}"] = _texts((value,))
    return {name: texts for name, texts in texts_by_name.items() if texts}


def pattern_of_level(pattern: str) -> str:
    """Returns the pattern of a rule for levels: in capitals, and one word for each meaning."""
    return _words_of_level(pattern.upper())[0]


def text_of_number(value: object) -> str:
    """Returns the text of a number or text: 6 for 6.0, as EventBridge's HTTP source writes 6."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _words_of_level(level: str) -> tuple[str, ...]:
    return next((words for words in LEVELS if level in words), (level,))


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    texts = [
        value[:MAX_TEXT_CHARACTERS]
        for value in values
        if isinstance(value, str) and value not in ABSENT
    ]
    return tuple(texts if len(texts) < 2 else dict.fromkeys(texts))
