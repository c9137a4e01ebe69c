"""A ledger that may be unavailable, and what the function does without it."""

from collections.abc import Callable
from typing import TypeVar

from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import (
    Claim,
    Completion,
    GroupLease,
    Ledger,
    MessageRef,
    OtherMessages,
    Record,
)

Said = TypeVar("Said")


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

    @property
    def complete(self) -> bool:
        return self._closed and not self._gone

    def claim_message(self, message: MessageRef) -> Claim:
        claim = self._ask(lambda ledger: ledger.claim_message(message))
        self._message = message if claim.granted else None
        return claim

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        entry = self._ask(lambda ledger: ledger.acquire_lease(group, observation))
        self._group = group if entry else ""
        return entry

    def record(self, message: MessageRef, record: Record) -> bool:
        return self._ask(lambda ledger: ledger.record(message, record))

    def read_others(self, message: MessageRef) -> OtherMessages:
        return self._ask(lambda ledger: ledger.read_others(message))

    def close(self, message: MessageRef, closing: Completion) -> None:
        if not self._gone:
            try:
                self._ledger.close(message, closing)
            except LedgerUnavailable:
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
            except LedgerUnavailable:
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
