"""What processing needs of a ledger, as a protocol.

Claims and leases expire, so that a killed invocation blocks others for a limited time only. Each
write first compares the owner, in one step: an invocation that lost its lease writes nothing. The
outcome and the progress of a message are JSON texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from scalein.clock import Clock

NOTHING: Mapping[str, float] = MappingProxyType({})


class MessageRef(NamedTuple):
    """A message and its scaling group: a Redis Cluster stores all keys of a group in one slot."""

    group: str
    key: str


class Claim(NamedTuple):
    """What the ledger knows of a message when an invocation begins to process it."""

    granted: bool  # no other invocation holds it, and it has no outcome
    outcome: str | None = None  # saved by an earlier invocation
    progress: str | None = None  # recorded by an earlier invocation
    first: bool = True  # no invocation claimed it before


class GroupLease(NamedTuple):
    """What the ledger knows of a scaling group, for the holder of its lease."""

    # Instances in calls that were, or may have been, accepted lately.
    in_flight: frozenset[str] = frozenset()
    # When the newest alarm of the given observation was sent that removed something.
    newest: datetime | None = None
    version: int = 0  # grows with each write


class OtherMessages(NamedTuple):
    """What the ledger knows of the other messages of a group."""

    activity_ids: frozenset[str] = frozenset()  # scaling activities of theirs
    in_flight: frozenset[str] = frozenset()  # instances in calls of theirs


class Ledger(Protocol):
    """The ledger for one owner, which is one invocation. Each method raises LedgerUnavailable."""

    @property
    def name(self) -> str:
        """Returns the ledger's name in outcomes: redis, memory or unavailable."""

    @property
    def is_shared(self) -> bool:
        """Whether all instances of the function use it."""

    @property
    def is_complete(self) -> bool:
        """Whether it is shared and no invocation acts without it: a call not in it was not made."""

    def claim_message(self, message: MessageRef) -> Claim:
        """Claims the right to process a message; returns what is known of it."""

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        """Acquires the right to act on a group; returns None while another invocation has it."""

    def record(
        self,
        message: MessageRef,
        progress: str,
        *,
        in_flight: Mapping[str, float] = NOTHING,
        freed: tuple[str, ...] = (),
        activity_ids: tuple[str, ...] = (),
    ) -> bool:
        """Records the progress of a message, and what it means for the group, in one write.

        `in_flight` has the seconds, by instance id, for which ESS may still not show an instance as
        Removing; `freed` instances are in no call; `activity_ids` are this message's. Returns
        False, and writes nothing, if the claim or the lease has passed to another invocation.
        """

    def read_others(self, message: MessageRef) -> OtherMessages:
        """Returns what is known of the other messages of the group."""

    def release(
        self,
        message: MessageRef,
        *,
        outcome: str | None = None,
        observation: str = "",
        sent_at: datetime | None = None,
    ) -> None:
        """Releases claim and lease, and saves the outcome, as far as this invocation holds them.

        Without an outcome the message may be processed again, from its progress. With an
        observation and its time, a later lease learns of it as `newest`.
        """


class LeaseOptions(NamedTuple):
    """Who acquires claims and leases, and for how long."""

    owner: str  # one invocation; never another's
    lease_seconds: float  # longer than an invocation may run
    remember_seconds: float  # longer than a message may come again
    clock: Clock
