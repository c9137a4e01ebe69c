"""What was processed before, and who is at it now: the protocol, and the ledger that one process keeps in memory.

Claims and leases end by themselves, so that a killed invocation blocks others only for so long. Every write compares
the holder first, in one step: an invocation that lost its lease writes nothing. What is kept of a message is JSON text.
Redis: redis_ledger.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from heapq import heappop, heappush
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

from scalein.clock import Clock
from scalein.errors import LedgerGone

MAX_MESSAGES = 10_000  # kept in memory

Said = TypeVar("Said")


class MessageRef(NamedTuple):
    """A message and its scaling group: all keys of a group belong together (a Redis Cluster keeps them in one slot)."""

    group: str
    key: str


class Claim(NamedTuple):
    """What is known of a message when an invocation begins to process it."""

    ours: bool  # no other invocation holds it
    outcome: str | None = None  # it has ended so
    progress: str | None = None  # how far an earlier invocation came
    first: bool = True  # no invocation claimed it before


class Entry(NamedTuple):
    """What is known of a scaling group by the holder of its lease."""

    in_flight: frozenset[str] = frozenset()  # instances in calls that were, or may have been, accepted lately
    newest: datetime | None = None  # when the newest alarm was sent that removed something, of one observation
    version: int = 0  # another one after each write


class Record(NamedTuple):
    """One write: how far the message came, and what that means for its group."""

    progress: str
    in_flight: Mapping[str, float] = {}  # instance ids, and for how many seconds from now ESS may not show them going
    freed: tuple[str, ...] = ()  # instance ids that are not in a call after all
    activity_ids: tuple[str, ...] = ()  # accepted, and known as this message's


class Closing(NamedTuple):
    """How processing ends. Without an outcome the message may be processed again, from its progress."""

    outcome: str | None = None
    observation: str = ""  # that was acted on ...
    sent_at: datetime | None = None  # ... as of then


class Ledger(Protocol):
    """One holder's view of it; a holder is one invocation. Every method raises LedgerGone."""

    @property
    def name(self) -> str:
        """For the outcome."""

    @property
    def shared(self) -> bool:
        """By all instances of the function."""

    def claim_message(self, message: MessageRef) -> Claim:
        """Begins to process a message."""

    def acquire_lease(self, group: str, observation: str = "") -> Entry | None:
        """The group's lease; None while another invocation holds it."""

    def record(self, message: MessageRef, record: Record) -> bool:
        """Writes, unless claim or lease are another's by now: then it writes nothing, and gives False."""

    def foreign_activities(self, message: MessageRef) -> frozenset[str]:
        """Scaling activities of the group that are known as another message's."""

    def close(self, message: MessageRef, closing: Closing) -> None:
        """Ends claim and lease, as far as they are still this invocation's."""


class Terms(NamedTuple):
    """Who holds what a ledger gives away, and for how long."""

    holder: str  # one invocation; never another's
    lease_seconds: float  # longer than an invocation may run
    remember_seconds: float  # longer than a message may come again
    clock: Clock


class Kept:
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
        self.in_flight: dict[str, datetime] = {}  # until when
        self.activities: dict[tuple[str, str], datetime] = {}  # by message key and id: until when
        self.newest: dict[str, datetime] = {}  # by observation

    def in_flight_at(self, now: datetime) -> frozenset[str]:
        if self.in_flight and min(self.in_flight.values()) <= now:
            self.in_flight = {id: until for id, until in self.in_flight.items() if until > now}
        return frozenset(self.in_flight)


@cache
def kept_by_this_process() -> Kept:
    """A cache: it may vanish, and then the other nets hold."""
    return Kept()


class Memory:
    """Of one process: it knows what this instance of the function did, and vanishes with it."""

    name = "memory"
    shared = False

    def __init__(self, terms: Terms, kept: Kept) -> None:
        self._terms = terms
        self._kept = kept

    def claim_message(self, message: MessageRef) -> Claim:
        with self._kept.lock:
            self._kept.forget(self._terms.clock.now())
            outcome, progress = self._get("outcome", message), self._get("progress", message)
            first = self._get("first", message) or self._keep("first", message, self._terms.holder)
            ours = self._take(_name("claim", message))
            return Claim(ours and outcome is None, outcome, progress, first == self._terms.holder)

    def acquire_lease(self, group: str, observation: str = "") -> Entry | None:
        with self._kept.lock:
            now = self._terms.clock.now()
            self._kept.forget(now)
            if not self._take(f"lease {group}"):
                return None
            known = self._group(group)
            return Entry(known.in_flight_at(now), known.newest.get(observation), known.version)

    def record(self, message: MessageRef, record: Record) -> bool:
        with self._kept.lock:
            now = self._terms.clock.now()
            self._kept.forget(now)
            holders = {self._get("claim", message), self._kept.get(f"lease {message.group}")}
            if holders != {self._terms.holder}:
                return False
            self._keep("progress", message, record.progress)
            known = self._group(message.group)
            known.version += 1
            for id in record.freed:
                known.in_flight.pop(id, None)
            for id, seconds in record.in_flight.items():
                known.in_flight[id] = now + timedelta(seconds=seconds)
            until = now + timedelta(seconds=self._terms.remember_seconds)
            known.activities |= {(message.key, id): until for id in record.activity_ids}
            return True

    def foreign_activities(self, message: MessageRef) -> frozenset[str]:
        with self._kept.lock:
            now, known = self._terms.clock.now(), self._group(message.group)
            known.activities = {one: until for one, until in known.activities.items() if until > now}
            return frozenset(id for key, id in known.activities if key != message.key)

    def close(self, message: MessageRef, closing: Closing) -> None:
        with self._kept.lock:
            self._kept.forget(self._terms.clock.now())
            claim, lease = _name("claim", message), f"lease {message.group}"
            if self._kept.get(claim) == self._terms.holder:
                if closing.outcome is not None:
                    self._keep("outcome", message, closing.outcome)
                self._kept.drop(claim)
            if self._kept.get(lease) == self._terms.holder:
                if closing.observation and closing.sent_at is not None:
                    newest = self._group(message.group).newest
                    newest[closing.observation] = max(closing.sent_at, newest.get(closing.observation, closing.sent_at))
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
            self._kept.keep(name, self._terms.holder, until)
        return self._kept.get(name) == self._terms.holder


def _name(kind: str, message: MessageRef) -> str:
    return f"{kind} {message.group} {message.key}"


class FallbackLedger:
    """A ledger, and what to do without it: go on (`open`), for two other nets hold, or stop (`closed`)."""

    def __init__(self, ledger: Ledger, instead: Ledger, closed: bool) -> None:
        self._ledger, self._instead, self._closed = ledger, instead, closed
        self._gone = False
        self._message: MessageRef | None = None  # that is claimed
        self._group = ""  # that is leased

    @property
    def name(self) -> str:
        return "gone" if self._gone else self._ledger.name

    @property
    def shared(self) -> bool:
        return not self._gone

    def claim_message(self, message: MessageRef) -> Claim:
        claim = self._ask(lambda ledger: ledger.claim_message(message))
        self._message = message if claim.ours else None
        return claim

    def acquire_lease(self, group: str, observation: str = "") -> Entry | None:
        entry = self._ask(lambda ledger: ledger.acquire_lease(group, observation))
        self._group = group if entry else ""
        return entry

    def record(self, message: MessageRef, record: Record) -> bool:
        return self._ask(lambda ledger: ledger.record(message, record))

    def foreign_activities(self, message: MessageRef) -> frozenset[str]:
        return self._ask(lambda ledger: ledger.foreign_activities(message))

    def close(self, message: MessageRef, closing: Closing) -> None:
        if not self._gone:
            try:
                self._ledger.close(message, closing)
            except LedgerGone:
                if self._closed and closing.outcome is not None:
                    raise  # an outcome that is not saved would be followed by another
                self._take_over()
        if self._gone:
            self._instead.close(message, closing)
        self._message, self._group = None, ""

    def _ask(self, ask: Callable[[Ledger], Said]) -> Said:
        if not self._gone:
            try:
                return ask(self._ledger)
            except LedgerGone:
                if self._closed:
                    raise
                self._take_over()
        return ask(self._instead)

    def _take_over(self) -> None:
        """From now on this process alone knows: claim and lease are held in its memory instead."""
        self._gone = True
        if self._message is not None:
            self._instead.claim_message(self._message)
        if self._group:
            self._instead.acquire_lease(self._group)
