"""The newest things of a kind, numbered: a short row of each, and its whole on request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

MAX_CHARACTERS = 100_000  # of an event, an answer or a log


@dataclass
class Newest:
    """So many things, the oldest forgotten first. Threads may share it."""

    max_count: int
    number: int = 0
    _entries: dict[str, tuple[dict[str, Any], Mapping[str, Any]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, row: Mapping[str, Any], rest: Mapping[str, Any]) -> int:
        """Adds a thing: `row` is what each page gets of it, `rest` what is read on request.

        Returns its number.
        """
        with self._lock:
            self.number += 1
            self._entries[str(self.number)] = ({"number": self.number, **row}, rest)
            while len(self._entries) > self.max_count:
                del self._entries[next(iter(self._entries))]
            return self.number

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._entries.clear()

    def rows(self) -> dict[str, Mapping[str, Any]]:
        """Returns the rows by number, oldest first."""
        with self._lock:
            return {number: row for number, (row, _) in self._entries.items()}

    def whole(self, number: str) -> dict[str, Any]:
        """Returns all of one. Raises KeyError where it is forgotten."""
        with self._lock:
            row, rest = self._entries[number]
            return {**row, **rest}


def text_of(content: bytes) -> str:
    """Returns bytes as the text that a page shows, cut where it is very long."""
    return content.decode("utf-8", "replace")[:MAX_CHARACTERS]
