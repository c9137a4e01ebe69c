"""JSON from outside: what could not be saved, matched and sent on is refused where it arrives.

Python's own parser takes more than JSON: NaN, halves of surrogate pairs, and as many levels as its
stack allows, while what follows a value down has less of the stack left.
"""

from __future__ import annotations

import json
from typing import Any

MAX_LEVELS = 50  # an event in an envelope in an envelope has a dozen


def parse_json(text: str | bytes) -> Any:
    """Returns the value of a JSON text. Raises ValueError, also for one that is nested too deep."""
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise ValueError(f"more than {MAX_LEVELS} levels") from error
    _check_levels(value)
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # ValueError: no JSON
    return value


def _check_levels(value: Any) -> None:
    level = [value]
    for _ in range(MAX_LEVELS):
        level = [inner for outer in level for inner in _parts(outer)]
        if not level:
            return
    raise ValueError(f"more than {MAX_LEVELS} levels")


def _parts(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
