"""What happened, newest last: calls, messages, hooks, alarms, faults, invocations."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, TypeVar

MAX_ENTRIES = 400  # of each kind: many calls do not displace the one alarm
Item = TypeVar("Item")
Entry = dict[str, Any]


@dataclass
class Tail(Generic[Item]):
    """Finds what was appended to a bounded sequence since it was last looked at."""

    newest: Item | None = None

    def take_new(self, items: Sequence[Item]) -> list[Item]:
        """Returns the new items, oldest first; all, where the newest of last time is not there."""
        fresh: list[Item] = []
        for item in reversed(items):
            if item is self.newest:
                break
            fresh.append(item)
        if items:
            self.newest = items[-1]
        return fresh[::-1]


@dataclass
class Log:
    """Numbered entries, so many of each kind. Threads may share it."""

    entries: dict[str, deque[tuple[str, Entry]]] = field(default_factory=dict)
    number: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self, kind: str, at: str, what: str, **fields: Any) -> None:
        """Adds an entry. `at`: ISO time. `fields`: who, group, status, code, ms, requestId..."""
        with self._lock:
            self.number += 1
            entry = {"n": self.number, "kind": kind, "at": at, "what": what, **fields}
            of_kind = self.entries.setdefault(kind, deque(maxlen=MAX_ENTRIES))
            of_kind.append((str(self.number), entry))

    def rows(self) -> dict[str, Entry]:
        """Returns all entries by number."""
        with self._lock:
            return dict(row for of_kind in self.entries.values() for row in of_kind)
