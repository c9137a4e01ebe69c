"""Asks Function Compute to call this function again, later, instead of waiting: nobody is paid for that.

Each follow-up has a task id made of the message and its number, so that Function Compute refuses the second of two.
"""

from __future__ import annotations

from scalein.clock import Deadline
from scalein.decision.progress import Progress
from scalein.errors import TryLater
from scalein.processing.progress_record import sign_follow_up
from scalein.settings import Credentials, FunctionRef
from scalein.timing import CallTimer

MAX_EVENT_BYTES_ASYNC = 128 << 10  # of an asynchronous invocation's event
LEAST_SECONDS = 0.4  # that a call gets, within the margin before the platform ends the invocation


class FunctionCompute:
    """Follow-ups of this function, as it runs now."""

    def __init__(
        self,
        caller: FunctionRef,
        credentials: Credentials,
        deadline: Deadline,
        tally: CallTimer | None = None,
    ) -> None:
        self._function_ref = caller
        self._credentials = credentials
        self._deadline = deadline
        self._tally = tally or CallTimer(deadline.clock)

    def schedule(self, progress: Progress, delay_seconds: int) -> bool:
        """Has this function called with the progress; False where that very follow-up was scheduled before.

        Raises TryLater.
        """
        from scalein.cloud.function_compute import (
            invoke_later,
        )  # fc2 costs 150 ms, and most messages need no follow-up

        event = sign_follow_up(progress, self._function_ref.key)
        if len(event) > MAX_EVENT_BYTES_ASYNC:
            raise TryLater(
                "InvokeFunction",
                "TooLarge",
                "a follow-up would be larger than Function Compute takes.",
            )
        seconds = max(LEAST_SECONDS, self._deadline.remaining_seconds())
        with self._tally.call("InvokeFunction"):
            return invoke_later(
                self._function_ref,
                self._credentials,
                event,
                task_id(progress),
                delay_seconds,
                seconds,
            )


def task_id(progress: Progress) -> str:
    """One for each follow-up of a message, and one for each time that it has to wait its turn. Begins with a letter."""
    waited = f"-{progress.attempt}" if progress.attempt else ""
    return f"scalein-{progress.key[:40]}-{progress.follow_ups}{waited}"
