"""The ledger that one process keeps in memory. It vanishes with the process; then the other nets hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from heapq import heappop, heappush
from threading import Lock

from scalein.ledger.protocol import (
    Claim,
    Completion,
    GroupLease,
    LeaseOptions,
    MessageRef,
    OtherMessages,
    Record,
)

MAX_MESSAGES = 10_000  # kept in memory


class MemoryStore:
    """What Memory keeps from one invocation to the next. What is over is forgotten in the order in which it ends."""

    def __init__(self, max_texts: int = 4 * MAX_MESSAGES) -> None:
        self.lock = Lock()
        self._max_texts = max_texts
        self.groups: dict[str, GroupRecord] = {}
        self._texts: dict[str, tuple[datetime, str]] = {}  # until when
        self._ends: list[tuple[datetime, str]] = []  # heap of the same

    def __len__(self) -> int:
        return len(self._texts)

    def get(self, name: str) -> str | None:
        return self._texts[name][1] if name in self._texts else None

    def keep(self, name: str, text: str, until: datetime) -> None:
        self._texts[name] = (until, text)
        heappush(self._ends, (until, name))
        if len(self._texts) > self._max_texts:
            del self._texts[next(iter(self._texts))]  # the oldest
        if len(self._ends) > 2 * self._max_texts:  # most are ends of what is replaced or dropped
            self._ends = sorted((until, name) for name, (until, _) in self._texts.items())

    def drop(self, name: str) -> None:
        self._texts.pop(name, None)

    def forget(self, now: datetime) -> None:
        """What is over by now; each entry is looked at once."""
        while self._ends and self._ends[0][0] <= now:
            until, name = heappop(self._ends)
            if name in self._texts and self._texts[name][0] <= until:
                del self._texts[name]


class GroupRecord:
    """What memory has of one scaling group."""

    def __init__(self) -> None:
        self.version = 0
        self.in_flight: dict[tuple[str, str], datetime] = {}  # by message key and id: until when
        self.activities: dict[tuple[str, str], datetime] = {}  # by message key and id: until when
        self.newest: dict[str, datetime] = {}  # by observation

    def in_flight_at(self, now: datetime) -> frozenset[str]:
        if self.in_flight and min(self.in_flight.values()) <= now:
            self.in_flight = {one: until for one, until in self.in_flight.items() if until > now}
        return frozenset(id for _, id in self.in_flight)


@cache
def process_store() -> MemoryStore:
    """A cache: it may vanish, and then the other nets hold."""
    return MemoryStore()


class MemoryLedger:
    """Of one process: it knows what this instance of the function did, and vanishes with it."""

    name = "memory"
    shared = complete = False

    def __init__(self, terms: LeaseOptions, kept: MemoryStore) -> None:
        self._terms = terms
        self._kept = kept

    def claim_message(self, message: MessageRef) -> Claim:
        with self._kept.lock:
            self._kept.forget(self._terms.clock.now())
            outcome, progress = self._get("outcome", message), self._get("progress", message)
            first = self._get("first", message) or self._keep("first", message, self._terms.owner)
            ours = self._take(_name("claim", message))
            return Claim(ours and outcome is None, outcome, progress, first == self._terms.owner)

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        with self._kept.lock:
            now = self._terms.clock.now()
            self._kept.forget(now)
            if not self._take(f"lease {group}"):
                return None
            known = self._group(group)
            return GroupLease(known.in_flight_at(now), known.newest.get(observation), known.version)

    def record(self, message: MessageRef, record: Record) -> bool:
        with self._kept.lock:
            now = self._terms.clock.now()
            self._kept.forget(now)
            holders = {self._get("claim", message), self._kept.get(f"lease {message.group}")}
            if holders != {self._terms.owner}:
                return False
            self._keep("progress", message, record.progress)
            known = self._group(message.group)
            known.version += 1
            for id in record.freed:
                known.in_flight.pop((message.key, id), None)
            for id, seconds in record.in_flight.items():
                known.in_flight[message.key, id] = now + timedelta(seconds=seconds)
            until = now + timedelta(seconds=self._terms.remember_seconds)
            known.activities |= {(message.key, id): until for id in record.activity_ids}
            return True

    def read_others(self, message: MessageRef) -> OtherMessages:
        with self._kept.lock:
            now, known = self._terms.clock.now(), self._group(message.group)
            known.activities = {
                one: until for one, until in known.activities.items() if until > now
            }
            known.in_flight_at(now)
            return OtherMessages(
                frozenset(id for key, id in known.activities if key != message.key),
                frozenset(id for key, id in known.in_flight if key != message.key),
            )

    def close(self, message: MessageRef, closing: Completion) -> None:
        with self._kept.lock:
            self._kept.forget(self._terms.clock.now())
            claim, lease = _name("claim", message), f"lease {message.group}"
            if self._kept.get(claim) == self._terms.owner:
                if closing.outcome is not None:
                    self._keep("outcome", message, closing.outcome)
                self._kept.drop(claim)
            if self._kept.get(lease) == self._terms.owner:
                if closing.observation and closing.sent_at is not None:
                    newest = self._group(message.group).newest
                    newest[closing.observation] = max(
                        closing.sent_at, newest.get(closing.observation, closing.sent_at)
                    )
                self._kept.drop(lease)

    def _group(self, group: str) -> GroupRecord:
        return self._kept.groups.setdefault(group, GroupRecord())

    def _get(self, kind: str, message: MessageRef) -> str | None:
        return self._kept.get(_name(kind, message))

    def _keep(self, kind: str, message: MessageRef, text: str) -> str:
        until = self._terms.clock.now() + timedelta(seconds=self._terms.remember_seconds)
        self._kept.keep(_name(kind, message), text, until)
        return text

    def _take(self, name: str) -> bool:
        if self._kept.get(name) is None:
            until = self._terms.clock.now() + timedelta(seconds=self._terms.lease_seconds)
            self._kept.keep(name, self._terms.owner, until)
        return self._kept.get(name) == self._terms.owner


def _name(kind: str, message: MessageRef) -> str:
    return f"{kind} {message.group} {message.key}"
