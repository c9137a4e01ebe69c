"""What was processed before, and what is being processed: the protocol, and what to do without a ledger.

Claims and leases end by themselves, so that a killed invocation blocks others only for so long. Every write compares
the holder first, in one step: an invocation that lost its lease writes nothing. What is kept of a message is JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from scalein.clock import Clock


class MessageRef(NamedTuple):
    """A message and its scaling group: all keys of a group belong together (a Redis Cluster keeps them in one slot)."""

    group: str
    key: str


class Claim(NamedTuple):
    """What is known of a message when an invocation begins to process it."""

    granted: bool  # no other invocation holds it
    outcome: str | None = None  # it has ended so
    progress: str | None = None  # how far an earlier invocation came
    first: bool = True  # no invocation claimed it before


class GroupLease(NamedTuple):
    """What is known of a scaling group by the holder of its lease."""

    in_flight: frozenset[str] = (
        frozenset()
    )  # instances in calls that were, or may have been, accepted lately
    newest: datetime | None = (
        None  # when the newest alarm was sent that removed something, of one observation
    )
    version: int = 0  # another one after each write


class OtherMessages(NamedTuple):
    """What is known of a group's other messages."""

    activity_ids: frozenset[str] = frozenset()  # scaling activities of theirs
    in_flight: frozenset[str] = frozenset()  # instances in calls of theirs


class Record(NamedTuple):
    """One write: how far the message came, and what that means for its group."""

    progress: str
    in_flight: Mapping[
        str, float
    ] = {}  # instance ids, and for how many seconds from now ESS may not show them going
    freed: tuple[str, ...] = ()  # instance ids that are not in a call after all
    activity_ids: tuple[str, ...] = ()  # accepted, and known as this message's


class Completion(NamedTuple):
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

    @property
    def complete(self) -> bool:
        """Shared, and no invocation ever acts without it: what it does not know was not done."""

    def claim_message(self, message: MessageRef) -> Claim:
        """Begins to process a message."""

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        """The group's lease; None while another invocation holds it."""

    def record(self, message: MessageRef, record: Record) -> bool:
        """Writes, unless claim or lease are another's by now: then it writes nothing, and gives False."""

    def read_others(self, message: MessageRef) -> OtherMessages:
        """What is known of the other messages of its group."""

    def close(self, message: MessageRef, closing: Completion) -> None:
        """Ends claim and lease, as far as they are still this invocation's."""


class LeaseOptions(NamedTuple):
    """Who holds what a ledger gives away, and for how long."""

    owner: str  # one invocation; never another's
    lease_seconds: float  # longer than an invocation may run
    remember_seconds: float  # longer than a message may come again
    clock: Clock
