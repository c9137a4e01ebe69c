"""The ledger in the memory of one process. It vanishes with the process; then age and tokens keep a
message from acting twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from heapq import heappop, heappush
from threading import Lock

from scalein.ledger.protocol import (
    NOTHING,
    Claim,
    GroupLease,
    LeaseOptions,
    MessageRef,
    OtherMessages,
)

MAX_MESSAGES = 10_000  # in memory


class MemoryStore:
    """What MemoryLedger stores from one invocation to the next. Each text is deleted at its end."""

    def __init__(self, max_texts: int = 4 * MAX_MESSAGES) -> None:
        self.lock = Lock()
        self.groups: dict[str, GroupRecord] = {}
        # By action: end, length, and for how long no call is made, which differs while one probes.
        self.pauses: dict[str, tuple[datetime, float, float]] = {}
        self._max_texts = max_texts
        self._texts: dict[str, tuple[datetime, str]] = {}  # by name: end and text
        self._ends: list[tuple[datetime, str]] = []  # heap of the ends and names

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, name: str) -> str | None:
        return self._texts[name][1] if name in self._texts else None

    def put(self, name: str, text: str, end: datetime) -> None:
        """Stores the text until `end`, and removes the oldest text if there are too many."""
        self._texts[name] = (end, text)
        heappush(self._ends, (end, name))
        if len(self._texts) > self._max_texts:
            del self._texts[next(iter(self._texts))]  # the oldest
        if len(self._ends) > 2 * self._max_texts:  # half of it is of replaced or deleted texts
            self._ends = sorted((end, name) for name, (end, _) in self._texts.items())

    def delete(self, name: str) -> None:
        self._texts.pop(name, None)

    def delete_expired(self, now: datetime) -> None:
        """Deletes the texts whose end has passed, without a look at the others."""
        while self._ends and self._ends[0][0] <= now:
            end, name = heappop(self._ends)
            if name in self._texts and self._texts[name][0] <= end:
                del self._texts[name]


class GroupRecord:
    """What memory stores of one scaling group."""

    def __init__(self) -> None:
        self.version = 0
        self.in_flight: dict[tuple[str, str], datetime] = {}  # end by message key and instance id
        self.activities: dict[tuple[str, str], datetime] = {}  # end by message key and activity id
        self.newest: dict[str, datetime] = {}  # by observation


@cache
def process_store() -> MemoryStore:
    """Returns the store of this process, which is a cache: it may vanish."""
    return MemoryStore()


class MemoryLedger:
    """The ledger in a store, for one owner."""

    name = "memory"
    is_shared = is_complete = False

    def __init__(self, options: LeaseOptions, store: MemoryStore) -> None:
        self._options = options
        self._store = store

    def claim_message(self, message: MessageRef) -> Claim:
        with self._store.lock:
            owner = self._options.owner
            self._store.delete_expired(self._options.clock.now())
            outcome, progress = self._get("outcome", message), self._get("progress", message)
            first_owner = self._get("first", message) or self._put("first", message, owner)
            is_held = self._hold(_name("claim", message))
            return Claim(is_held and outcome is None, outcome, progress, first_owner == owner)

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        with self._store.lock:
            now = self._options.clock.now()
            self._store.delete_expired(now)
            if not self._hold(f"lease {group}"):
                return None
            record = self._group(group)
            record.in_flight = _unexpired(record.in_flight, now)
            in_flight = frozenset(id for _, id in record.in_flight)
            return GroupLease(in_flight, record.newest.get(observation), record.version)

    def record(
        self,
        message: MessageRef,
        progress: str,
        *,
        in_flight: Mapping[str, float] = NOTHING,
        freed: tuple[str, ...] = (),
        activity_ids: tuple[str, ...] = (),
    ) -> bool:
        with self._store.lock:
            now = self._options.clock.now()
            self._store.delete_expired(now)
            owners = {self._get("claim", message), self._store.get(f"lease {message.group}")}
            if owners != {self._options.owner}:
                return False
            self._put("progress", message, progress)
            record = self._group(message.group)
            record.version += 1
            for id in freed:
                record.in_flight.pop((message.key, id), None)
            for id, seconds in in_flight.items():
                record.in_flight[message.key, id] = now + timedelta(seconds=seconds)
            end = now + timedelta(seconds=self._options.remember_seconds)
            record.activities |= {(message.key, id): end for id in activity_ids}
            return True

    def read_others(self, message: MessageRef) -> OtherMessages:
        with self._store.lock:
            now, record = self._options.clock.now(), self._group(message.group)
            record.activities = _unexpired(record.activities, now)
            record.in_flight = _unexpired(record.in_flight, now)
            return OtherMessages(
                frozenset(id for key, id in record.activities if key != message.key),
                frozenset(id for key, id in record.in_flight if key != message.key),
            )

    def release(
        self,
        message: MessageRef,
        *,
        outcome: str | None = None,
        observation: str = "",
        sent_at: datetime | None = None,
    ) -> None:
        with self._store.lock:
            self._store.delete_expired(self._options.clock.now())
            claim, lease = _name("claim", message), f"lease {message.group}"
            if self._store.get(claim) == self._options.owner:
                if outcome is not None:
                    self._put("outcome", message, outcome)
                self._store.delete(claim)
            if self._store.get(lease) == self._options.owner:
                if observation and sent_at is not None:
                    newest = self._group(message.group).newest
                    newest[observation] = max(sent_at, newest.get(observation, sent_at))
                self._store.delete(lease)

    def _group(self, group: str) -> GroupRecord:
        return self._store.groups.setdefault(group, GroupRecord())

    def _get(self, kind: str, message: MessageRef) -> str | None:
        return self._store.get(_name(kind, message))

    def _put(self, kind: str, message: MessageRef, text: str) -> str:
        end = self._options.clock.now() + timedelta(seconds=self._options.remember_seconds)
        self._store.put(_name(kind, message), text, end)
        return text

    def _hold(self, name: str) -> bool:
        """Takes the claim or lease if it is free; returns whether this owner holds it."""
        if self._store.get(name) is None:
            end = self._options.clock.now() + timedelta(seconds=self._options.lease_seconds)
            self._store.put(name, self._options.owner, end)
        return self._store.get(name) == self._options.owner


def _unexpired(
    end_by_key: dict[tuple[str, str], datetime], now: datetime
) -> dict[tuple[str, str], datetime]:
    if end_by_key and min(end_by_key.values()) <= now:
        return {key: end for key, end in end_by_key.items() if end > now}
    return end_by_key


def _name(kind: str, message: MessageRef) -> str:
    return f"{kind} {message.group} {message.key}"
