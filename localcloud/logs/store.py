"""Log rows by project and log store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any

from localcloud.logs.index import Index
from localcloud.logs.rows import Row

MAX_ROWS = 100_000  # of a log store; older ones are forgotten


class LogStores:
    """All log stores. Threads may call. A function without logConfig writes to ("", "")."""

    def __init__(self) -> None:
        self._rows_by_store: dict[tuple[str, str], deque[Row]] = {}
        # by project and log store:
        self.indexes: dict[tuple[str, str], Index] = {}
        self.index_documents: dict[tuple[str, str], dict[str, Any]] = {}  # as they were given
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}  # of those that were created
        self._lock = Lock()

    def append(self, project: str, logstore: str, rows: Iterable[Row]) -> None:
        """Appends the rows together, so that those of two invocations do not mix."""
        with self._lock:
            store = self._rows_by_store.setdefault((project, logstore), deque(maxlen=MAX_ROWS))
            store.extend(rows)

    def clear(self) -> None:
        """Forgets all rows, log stores and indexes."""
        with self._lock:
            self._rows_by_store.clear()
            self.indexes.clear()
            self.index_documents.clear()
            self.documents.clear()

    def rows(
        self, project: str = "", logstore: str = "", since: int = 0, until: int | None = None
    ) -> list[Row]:
        """The rows written from `since` on and before `until`, in seconds; the oldest first."""
        with self._lock:
            rows = list(self._rows_by_store.get((project, logstore), ()))
        return [row for row in rows if since <= int(row["__time__"]) < (until or float("inf"))]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yields project and name of each log store that has rows."""
        with self._lock:
            return iter(list(self._rows_by_store))
