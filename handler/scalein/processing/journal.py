"""What is durable of a removal: the intent before a call, its result, and the follow-up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256

from scalein.decision.progress import Call, CallState, Progress
from scalein.errors import LedgerUnavailable, TryLater
from scalein.ledger.protocol import MessageRef, OtherMessages
from scalein.processing.dependencies import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.progress_record import progress_text
from scalein.report.outcome import FollowUp

FIRST_DELAY_SECONDS, MAX_DELAY_SECONDS = 10, 300
# Constant, as the claim and the lease of a killed invocation expire after a fixed time.
HELD_DELAY_SECONDS = 15
LAST_SHARE = 0.1  # of a message's greatest age, in which no follow-up comes for the first time
MAX_FOLLOW_UP_SECONDS = 86_400  # from the first claim to the last follow-up
ALLOWANCE_SECONDS = 90.0  # beyond the settle time: ESS gives times to the minute


class Journal:
    """Records one message in the ledger, and schedules its follow-ups."""

    def __init__(
        self,
        message: MessageRef,
        group: GroupView,
        dependencies: Dependencies,
        is_first: bool,
        max_age_seconds: float = MAX_FOLLOW_UP_SECONDS,
    ) -> None:
        """`is_first`: no earlier invocation processed the message without leaving a record.

        `max_age_seconds`: when a message that did nothing yet is too old.
        """
        self.scheduled: FollowUp | None = None
        self._message = message
        self._group = group
        self._ledger = dependencies.open_ledger()
        self._schedule_follow_up = dependencies.schedule_follow_up
        self._clock = dependencies.deadline.clock
        self._settle_seconds = dependencies.settle_seconds
        self._is_first = is_first
        self._max_age_seconds = max_age_seconds

    @property
    def has_follow_ups(self) -> bool:
        return self._schedule_follow_up is not None

    @property
    def is_shared(self) -> bool:
        """Whether all instances of the function record here: none acts without the lease."""
        return self._ledger.is_shared

    @property
    def is_complete(self) -> bool:
        """Whether no invocation ever makes a call without recording it here."""
        return self._ledger.is_complete

    @property
    def is_proof(self) -> bool:
        """Whether it is certain that each call of this message is recorded here."""
        return self.is_complete and self._is_first

    def record_intent(self, progress: Progress, calls: tuple[Call, ...]) -> None:
        """Records calls before they are made: their instances are in flight from now on.

        Raises TryLater if it cannot be recorded; then the calls must not be made.
        """
        now, extra_seconds = self._clock.now(), self._settle_seconds + ALLOWANCE_SECONDS
        seconds_by_id = {
            id: (call.send_by - now).total_seconds() + extra_seconds
            for call in calls
            for id in call.instance_ids
        }
        try:
            is_written = self._write(progress, seconds_by_id)
        except LedgerUnavailable as error:
            raise TryLater("RemoveInstances", "LedgerUnavailable", str(error)) from None
        if not is_written:
            sentence = "the claim or the lease expired; another invocation may have it by now."
            raise TryLater("RemoveInstances", "LeaseLost", sentence)

    def record_result(
        self, progress: Progress, call: Call | None = None, freed: tuple[str, ...] = ()
    ) -> bool:
        """Records what is known of a call now; `freed` instances are in no call.

        Returns whether it is recorded.
        """
        seconds_by_id: dict[str, float] = {}
        activity_ids: tuple[str, ...] = ()
        if call is not None and call.state is CallState.ACCEPTED:
            seconds = self._settle_seconds + ALLOWANCE_SECONDS
            seconds_by_id = dict.fromkeys(call.instance_ids, seconds)
            activity_ids = (call.activity_id,)
        try:
            return self._write(progress, seconds_by_id, freed, activity_ids)
        except LedgerUnavailable:
            return False

    def schedule_follow_up(self, progress: Progress, min_seconds: float = 0.0) -> bool:
        """Schedules the follow-up that goes on from this progress, `min_seconds` from now at least,
        but before the message is too old.

        Returns False if another run of this step scheduled it before. Raises TryLater.
        """
        seconds = delay_seconds(progress, progress.idle - 1, min_seconds)
        seconds_left = seconds_until_too_old(progress, self._clock.now(), self._max_age_seconds)
        return self._schedule(progress, min(seconds, seconds_left))

    def schedule_same_step(self, progress: Progress) -> bool:
        """Schedules this step once more, for another invocation holds message or group now.

        Returns False if it was scheduled before. Raises TryLater.
        """
        return self._schedule(progress._replace(attempt=progress.attempt + 1), HELD_DELAY_SECONDS)

    def save_outcome(self, saved_text: str, observation: str, sent_at: datetime | None) -> None:
        """Ends the message: the same message again is a duplicate from now on.

        `observation`: what an alarm observed that removed instances; older alarms that observed
        the same are superseded. Raises LedgerUnavailable.
        """
        self._ledger.release(
            self._message, outcome=saved_text, observation=observation, sent_at=sent_at
        )

    def release(self, observation: str = "", sent_at: datetime | None = None) -> None:
        """Frees claim and lease; the message may be processed again, from its progress.

        Raises LedgerUnavailable.
        """
        self._ledger.release(self._message, observation=observation, sent_at=sent_at)

    def read_others(self) -> OtherMessages:
        """What the ledger knows of the group's other messages. Raises LedgerUnavailable."""
        return self._ledger.read_others(self._message)

    def _write(
        self,
        progress: Progress,
        seconds_by_id: Mapping[str, float],
        freed: tuple[str, ...] = (),
        activity_ids: tuple[str, ...] = (),
    ) -> bool:
        is_written = self._ledger.record(
            self._message,
            progress_text(progress),
            in_flight=seconds_by_id,
            freed=freed,
            activity_ids=activity_ids,
        )
        if is_written:
            self._group.count_write()
        return is_written

    def _schedule(self, progress: Progress, seconds: int) -> bool:
        if progress.age_seconds(self._clock.now()) > MAX_FOLLOW_UP_SECONDS:
            sentence = "the message has been followed up for a day."
            raise TryLater("InvokeFunction", "TooLong", sentence)
        if self._schedule_follow_up is None:
            sentence = "the function has no SCALEIN_FOLLOW_UP_KEY."
            raise TryLater("InvokeFunction", "NoFollowUps", sentence)
        due_at = self._clock.now() + timedelta(seconds=seconds)
        is_new = self._schedule_follow_up(progress._replace(due_at=due_at), seconds)
        self.scheduled = FollowUp(progress.follow_ups, seconds)
        return is_new


def seconds_until_too_old(progress: Progress, now: datetime, max_age_seconds: float) -> int:
    """The seconds until a message must come again, so that there is time to wait for its group.

    A message that began does not grow too old.
    """
    # Those of one event, which are equally old, do not come all at once.
    reserved_share = LAST_SHARE * (1 + _jitter(progress)) / 2
    seconds = max_age_seconds * (1 - reserved_share) - progress.age_seconds(now)
    if seconds < FIRST_DELAY_SECONDS:
        return MAX_FOLLOW_UP_SECONDS if progress.calls else FIRST_DELAY_SECONDS
    return int(seconds)


def delay_seconds(progress: Progress, doublings: int, min_seconds: float = 0.0) -> int:
    """The seconds until a follow-up: 5 to 10, and twice as many with each doubling, up to 300.

    `min_seconds`: not sooner, but up to half as much later, for many messages may have the same.
    The jitter depends on message and number, so that a repeated follow-up has the same delay.
    """
    doublings = min(max(doublings, 0), 10)
    max_seconds: int = min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS << doublings)
    jitter, min_seconds = _jitter(progress), min(min_seconds, MAX_DELAY_SECONDS)
    return round(max(max_seconds * (1 + jitter) / 2, min_seconds * (1 + jitter / 2)))


def _jitter(progress: Progress) -> float:
    """A number from 0 to 1, which depends on message and follow-up."""
    return sha256(f"{progress.key}{progress.follow_ups}".encode()).digest()[0] / 255
