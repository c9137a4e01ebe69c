"""What was served before, and who is at it now: the protocol, and the ledger that one process keeps in memory.

Claims and leases end by themselves, so that whoever is killed stands in nobody's way for long. What is kept of a
message is JSON text; what it says is for others to know. Redis: redis_ledger.py.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from threading import Lock
from typing import NamedTuple, Protocol, TypeVar

from scalein.clock import Clock
from scalein.errors import LedgerGone

TOLD_SECONDS = 300  # by then ESS shows whom it was told to remove
MOST_KEPT = 10_000  # messages, in memory

Said = TypeVar("Said")


class Claim(NamedTuple):
    """What is known of a message when somebody begins to serve it."""

    ours: bool  # nobody else serves it now
    outcome: str | None = None  # it was served
    progress: str | None = None  # how far somebody came who never came back


class Entry(NamedTuple):
    """What is known of a scaling group by whoever has its lease."""

    told: frozenset[str] = frozenset()  # who was told to leave lately, by anybody
    newest: datetime | None = None  # when the newest message was sent that was decided
    version: int = 0  # another one after each removal


class Closing(NamedTuple):
    """What serving a message leaves behind. Without an outcome it may be served again, from its progress."""

    outcome: str | None = None
    spared: tuple[str, ...] = ()  # who was not told to leave after all
    newest: datetime | None = None


class Ledger(Protocol):
    """One holder's view of it; a holder is one invocation."""

    @property
    def name(self) -> str:
        """For the outcome."""

    @property
    def shared(self) -> bool:
        """By all instances of the function."""

    def claim(self, message: str) -> Claim:
        """Begins to serve a message. Raises LedgerGone, as all of these do."""

    def enter(self, group: str) -> Entry | None:
        """The group's lease; None while another holder has it."""

    def note(self, message: str, group: str, progress: str, told: tuple[str, ...]) -> bool:
        """How far it came and whom it will tell to leave, before it does. False where the lease is another's now."""

    def close(self, message: str, group: str, closing: Closing) -> None:
        """Ends claim and lease."""

    def remember(self, message: str, outcome: str) -> None:
        """How the message of an earlier invocation ended at last."""


class Terms(NamedTuple):
    """Who holds what a ledger gives away, and for how long."""

    holder: str  # one invocation; never another's
    lease_seconds: float  # longer than an invocation may run
    remember_seconds: float  # longer than a message may come again
    clock: Clock


class Memory:
    """Of one process: it knows what this instance of the function served, and vanishes with it."""

    name = "memory"
    shared = False

    def __init__(self, terms: Terms, kept: Kept) -> None:
        self._terms = terms
        self._kept = kept

    def claim(self, message: str) -> Claim:
        with self._kept.lock:
            self._kept.forget(self._terms.clock.now())
            outcome, progress = self._kept.get(f"served:{message}"), self._kept.get(f"progress:{message}")
            return Claim(self._take(f"claim:{message}") and outcome is None, outcome, progress)

    def enter(self, group: str) -> Entry | None:
        with self._kept.lock:
            now = self._terms.clock.now()
            self._kept.forget(now)
            if not self._take(f"lease:{group}"):
                return None
            told = frozenset(id for id, until in self._kept.told.get(group, {}).items() if until > now)
            return Entry(told, self._kept.newest.get(group), self._kept.versions.get(group, 0))

    def note(self, message: str, group: str, progress: str, told: tuple[str, ...]) -> bool:
        with self._kept.lock:
            now = self._terms.clock.now()
            self._kept.forget(now)
            self._keep(f"progress:{message}", progress, self._terms.remember_seconds)
            until = dict.fromkeys(told, now + timedelta(seconds=TOLD_SECONDS))
            self._kept.told.setdefault(group, {}).update(until)
            self._kept.versions[group] = self._kept.versions.get(group, 0) + 1
            holders = {self._kept.get(f"claim:{message}"), self._kept.get(f"lease:{group}")}
            return holders == {self._terms.holder}

    def close(self, message: str, group: str, closing: Closing) -> None:
        with self._kept.lock:
            if closing.outcome is not None:
                self._keep(f"served:{message}", closing.outcome, self._terms.remember_seconds)
                self._kept.texts.pop(f"progress:{message}", None)
            for id in closing.spared:
                self._kept.told.get(group, {}).pop(id, None)
            if closing.newest is not None:
                self._kept.newest[group] = closing.newest
            for name in (f"claim:{message}", f"lease:{group}"):
                if self._kept.get(name) == self._terms.holder:
                    del self._kept.texts[name]

    def remember(self, message: str, outcome: str) -> None:
        with self._kept.lock:
            self._keep(f"served:{message}", outcome, self._terms.remember_seconds)

    def _take(self, name: str) -> bool:
        if self._kept.get(name) is None:
            self._keep(name, self._terms.holder, self._terms.lease_seconds)
        return self._kept.get(name) == self._terms.holder

    def _keep(self, name: str, text: str, seconds: float) -> None:
        self._kept.texts.pop(name, None)  # the newest last
        self._kept.texts[name] = (self._terms.clock.now() + timedelta(seconds=seconds), text)


class Kept:
    """What Memory keeps from one invocation to the next."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.texts: dict[str, tuple[datetime, str]] = {}  # until when
        self.told: dict[str, dict[str, datetime]] = {}
        self.newest: dict[str, datetime] = {}
        self.versions: dict[str, int] = {}

    def get(self, name: str) -> str | None:
        return self.texts[name][1] if name in self.texts else None

    def forget(self, now: datetime) -> None:
        """What is over; and the oldest, where it is too much."""
        for name in [name for name, (until, _) in self.texts.items() if until <= now]:
            del self.texts[name]
        for name in list(self.texts)[: max(0, len(self.texts) - MOST_KEPT)]:
            del self.texts[name]
        for told in self.told.values():
            for id in [id for id, until in told.items() if until <= now]:
                del told[id]


@cache
def kept_by_this_process() -> Kept:
    """A cache: it may vanish, and then the other nets hold."""
    return Kept()


class OrWithout:
    """A ledger, and what to do without: go on (`open`), for two other nets hold, or stop (`closed`)."""

    def __init__(self, ledger: Ledger, instead: Ledger, closed: bool) -> None:
        self._ledger, self._instead, self._closed = ledger, instead, closed
        self._gone = False

    @property
    def name(self) -> str:
        return "gone" if self._gone else self._ledger.name

    @property
    def shared(self) -> bool:
        return not self._gone

    def claim(self, message: str) -> Claim:
        return self._ask(lambda: self._ledger.claim(message), lambda: self._instead.claim(message))

    def enter(self, group: str) -> Entry | None:
        return self._ask(lambda: self._ledger.enter(group), lambda: self._instead.enter(group))

    def note(self, message: str, group: str, progress: str, told: tuple[str, ...]) -> bool:
        return self._ask(
            lambda: self._ledger.note(message, group, progress, told),
            lambda: self._instead.note(message, group, progress, told) or True,
        )

    def close(self, message: str, group: str, closing: Closing) -> None:
        self._tell(lambda: self._ledger.close(message, group, closing))
        self._instead.close(message, group, closing)

    def remember(self, message: str, outcome: str) -> None:
        self._tell(lambda: self._ledger.remember(message, outcome))

    def _ask(self, ask: Callable[[], Said], otherwise: Callable[[], Said]) -> Said:
        if not self._gone:
            try:
                return ask()
            except LedgerGone:
                if self._closed:
                    raise
                self._gone = True
        return otherwise()

    def _tell(self, tell: Callable[[], None]) -> None:
        """What is done is done: nothing can be stopped any more."""
        if not self._gone:
            try:
                tell()
            except LedgerGone:
                self._gone = True
