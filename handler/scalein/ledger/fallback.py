"""Goes on without a ledger that does not answer, or stops, as the policy says."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from scalein.errors import LedgerUnavailable
from scalein.ledger.protocol import (
    NOTHING,
    Claim,
    GroupLease,
    Ledger,
    MessageRef,
    OtherMessages,
)

Result = TypeVar("Result")


class FallbackLedger:
    """A ledger, and another one to use once the first is unavailable.

    `fail_closed`: no fallback is used and LedgerUnavailable is raised.
    """

    def __init__(self, ledger: Ledger, fallback: Ledger, fail_closed: bool) -> None:
        self._ledger = ledger
        self._fallback = fallback
        self._fail_closed = fail_closed
        self._is_unavailable = False
        self._claimed_message: MessageRef | None = None
        self._leased_group = ""

    @property
    def name(self) -> str:
        return "unavailable" if self._is_unavailable else self._ledger.name

    @property
    def is_shared(self) -> bool:
        return not self._is_unavailable

    @property
    def is_complete(self) -> bool:
        return self._fail_closed and not self._is_unavailable

    def claim_message(self, message: MessageRef) -> Claim:
        claim = self._call(lambda ledger: ledger.claim_message(message))
        self._claimed_message = message if claim.granted else None
        return claim

    def acquire_lease(self, group: str, observation: str = "") -> GroupLease | None:
        lease = self._call(lambda ledger: ledger.acquire_lease(group, observation))
        self._leased_group = group if lease else ""
        return lease

    def record(
        self,
        message: MessageRef,
        progress: str,
        *,
        in_flight: Mapping[str, float] = NOTHING,
        freed: tuple[str, ...] = (),
        activity_ids: tuple[str, ...] = (),
    ) -> bool:
        return self._call(
            lambda ledger: ledger.record(
                message, progress, in_flight=in_flight, freed=freed, activity_ids=activity_ids
            )
        )

    def read_others(self, message: MessageRef) -> OtherMessages:
        return self._call(lambda ledger: ledger.read_others(message))

    def release(
        self,
        message: MessageRef,
        *,
        outcome: str | None = None,
        observation: str = "",
        sent_at: datetime | None = None,
    ) -> None:
        try:
            self._call(
                lambda ledger: ledger.release(
                    message, outcome=outcome, observation=observation, sent_at=sent_at
                )
            )
        except LedgerUnavailable:
            if outcome is not None:
                raise  # an outcome that is not saved would be followed by another one
            # Nothing is lost: claim and lease expire.
        self._claimed_message, self._leased_group = None, ""

    def _call(self, step: Callable[[Ledger], Result]) -> Result:
        """Does the step in the ledger, or in the fallback once the ledger is unavailable."""
        if not self._is_unavailable:
            try:
                return step(self._ledger)
            except LedgerUnavailable:
                if self._fail_closed:
                    raise
                self._switch_to_fallback()
        return step(self._fallback)

    def _switch_to_fallback(self) -> None:
        """Has the fallback hold the claim and the lease from now on."""
        self._is_unavailable = True
        if self._claimed_message is not None:
            self._fallback.claim_message(self._claimed_message)
        if self._leased_group:
            self._fallback.acquire_lease(self._leased_group)
