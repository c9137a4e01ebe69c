"""What is durable of a removal: the intent before a call, its result, and the follow-up that goes on with it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Protocol

from scalein.clock import Deadline
from scalein.decision.progress import Call, Progress
from scalein.errors import LedgerUnavailable, TryLater
from scalein.ledger.protocol import Ledger, MessageRef, Record
from scalein.processing.group_view import GroupView
from scalein.processing.progress_record import text_of
from scalein.report.outcome import FollowUp

FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 10, 300
HELD_DELAY_SECONDS = 15  # constant: a holder that was killed frees message and group by time
MAX_FOLLOW_UP_SECONDS = 86_400  # from the first claim to the last follow-up
ALLOWANCE_SECONDS = (
    90.0  # that ids stay in flight beyond the settle time: ESS says times to the minute
)


class FollowUps(Protocol):
    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        """Has this function called with the progress; False where that very follow-up was scheduled before.

        Raises TryLater.
        """


class Journal(Protocol):
    def record_intent(self, progress: Progress, calls: tuple[Call, ...]) -> None:
        """Before the calls are made: their instances are in flight from now on, for every message of the group.

        Raises TryLater where it is not recorded; then the calls must not be made.
        """

    def record_result(
        self, progress: Progress, freed: tuple[str, ...] = (), accepted: Call | None = None
    ) -> bool:
        """What became of a call; `freed` instances are in no call after all. False where it is not recorded."""

    def forget_intent(self, progress: Progress, freed: tuple[str, ...]) -> None:
        """The intent of this run is void, and so are its selection and its record: another run's follow-up goes on."""

    def schedule_follow_up(self, progress: Progress) -> bool:
        """False where another run of this step has scheduled it before. Raises TryLater."""

    @property
    def follows_up(self) -> bool:
        """Whether there are follow-ups at all."""

    @property
    def is_complete(self) -> bool:
        """Whether no invocation ever calls without it."""

    @property
    def is_proof(self) -> bool:
        """Whether what it does not list was not done by any other invocation either."""


class LedgerJournal:
    """In the ledger, and in the asynchronous invocations of this function by itself."""

    def __init__(
        self,
        ledger: Ledger,
        message: MessageRef,
        group: GroupView,
        follow_ups: FollowUps | None,
        deadline: Deadline,
        settle_seconds: float,
        is_first: bool,
    ) -> None:
        """`is_first`: no earlier invocation processed the message without leaving a record."""
        self.scheduled: FollowUp | None = None
        self._ledger = ledger
        self._message = message
        self._group = group
        self._follow_ups = follow_ups
        self._deadline = deadline
        self._settle_seconds = settle_seconds
        self._is_first = is_first

    @property
    def follows_up(self) -> bool:
        return self._follow_ups is not None

    @property
    def is_complete(self) -> bool:
        return self._ledger.complete

    @property
    def is_proof(self) -> bool:
        return self.is_complete and self._is_first

    def record_intent(self, progress: Progress, calls: tuple[Call, ...]) -> None:
        now = self._deadline.clock.now()
        seconds_by_id = {
            id: (call.send_by - now).total_seconds() + self._settle_seconds + ALLOWANCE_SECONDS
            for call in calls
            for id in call.instance_ids
        }
        try:
            written = self._ledger.record(self._message, Record(text_of(progress), seconds_by_id))
        except LedgerUnavailable as error:
            raise TryLater("RemoveInstances", "LedgerGone", str(error)) from None
        if not written:
            raise TryLater(
                "RemoveInstances",
                "LeaseLost",
                "it took so long that another invocation may process it by now.",
            )
        self._group.count_write()

    def record_result(
        self, progress: Progress, freed: tuple[str, ...] = (), accepted: Call | None = None
    ) -> bool:
        seconds = self._settle_seconds + ALLOWANCE_SECONDS
        in_flight = dict.fromkeys(accepted.instance_ids, seconds) if accepted else {}
        activity_ids = (accepted.activity_id,) if accepted else ()
        return self._write(Record(text_of(progress), in_flight, freed, activity_ids))

    def forget_intent(self, progress: Progress, freed: tuple[str, ...]) -> None:
        self._write(Record(text_of(progress) if progress.selected else "", {}, freed))

    def _write(self, record: Record) -> bool:
        try:
            written = self._ledger.record(self._message, record)
        except LedgerUnavailable:
            return False
        if written:
            self._group.count_write()
        return written

    def schedule_follow_up(self, progress: Progress) -> bool:
        return self._schedule(progress, _delay_seconds(progress))

    def schedule_turn(self, progress: Progress) -> bool:
        """The same step again, later: message or group are held by another invocation now."""
        return self._schedule(progress._replace(attempt=progress.attempt + 1), HELD_DELAY_SECONDS)

    def _schedule(self, progress: Progress, delay_seconds: int) -> bool:
        if self._deadline.clock.now() - progress.first_claimed_at > timedelta(
            seconds=MAX_FOLLOW_UP_SECONDS
        ):
            raise TryLater(
                "InvokeFunction", "TooLong", "the message has been followed up for a day."
            )
        if self._follow_ups is None:
            raise TryLater(
                "InvokeFunction", "NoFollowUps", "the function has no SCALEIN_FOLLOW_UP_KEY."
            )
        is_new = self._follow_ups.schedule(progress, delay_seconds)
        self.scheduled = FollowUp(progress.follow_ups, delay_seconds)
        return is_new


class NoJournal:
    """Of a dry run, and of tests: nothing is durable."""

    follows_up = False
    is_complete = is_proof = True

    def forget_intent(self, progress: Progress, freed: tuple[str, ...]) -> None:
        pass

    def record_intent(self, progress: Progress, calls: tuple[Call, ...]) -> None:
        pass

    def record_result(
        self, progress: Progress, freed: tuple[str, ...] = (), accepted: Call | None = None
    ) -> bool:  # noqa: ARG002 (the protocol's)
        return True

    def schedule_follow_up(self, progress: Progress) -> bool:  # noqa: ARG002 (the protocol's)
        return True


def _delay_seconds(progress: Progress) -> int:
    """Doubled while nothing happens, and jittered by the message: the same follow-up always has the same delay."""
    longest: int = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS << min(max(progress.idle - 1, 0), 10))
    spread = sha256(f"{progress.key}{progress.follow_ups}".encode()).digest()[0] / 255
    return round(longest * (1 + spread) / 2)
