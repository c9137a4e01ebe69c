"""Attempts to schedule follow-ups: without one, only the trigger can deliver the message again."""

from __future__ import annotations

import re

from scalein.clock import Deadline
from scalein.decision.progress import Progress
from scalein.errors import TryLater
from scalein.processing.dependencies import ScheduleFollowUp

MAX_FIRST_SECONDS = 1.0  # an attempt that fails after a longer time is not made again
PAUSE_SECONDS = 0.3  # before the second attempt
# After so many seconds of failing calls, no other call is made in this invocation.
MAX_FAILING_SECONDS = 3.0
MIN_REMAINING_SECONDS = 2.0  # in the invocation, for a second attempt
REFUSAL = re.compile(r"HTTP 4(?!09|29)\d\d|TooLarge|Misconnected")


class FollowUpAttempts:
    """Schedules the follow-ups of one invocation; a batch has as many as messages."""

    def __init__(self, schedule: ScheduleFollowUp, deadline: Deadline) -> None:
        self._schedule = schedule
        self._deadline = deadline
        self._failing_seconds = 0.0

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        """Schedules a follow-up, with a second attempt if the first may have failed by chance.

        Returns False if it was scheduled before, by the first attempt too: then another run may go
        on. Raises TryLater.
        """
        if self._failing_seconds > MAX_FAILING_SECONDS:
            sentence = "not sent, as Function Compute failed a moment ago."
            raise TryLater("InvokeFunction", "Paused", sentence)
        clock = self._deadline.clock
        began = clock.monotonic()
        try:
            try:
                is_new = self._schedule(progress, delay_seconds)
            except TryLater as error:
                is_slow = clock.monotonic() - began > MAX_FIRST_SECONDS
                is_late = self._deadline.remaining_seconds() < MIN_REMAINING_SECONDS
                if is_slow or is_late or REFUSAL.match(error.code):
                    raise
                clock.sleep(PAUSE_SECONDS)
                is_new = self._schedule(progress, delay_seconds)
        except TryLater:
            self._failing_seconds += clock.monotonic() - began
            raise
        self._failing_seconds = 0.0
        return is_new
