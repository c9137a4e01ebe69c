"""Calls this function again, later, instead of waiting: waiting would be billed."""

from __future__ import annotations

from collections.abc import Callable

from scalein.clock import Deadline
from scalein.decision.progress import Progress
from scalein.errors import TryLater
from scalein.processing.dependencies import FollowUpScheduler
from scalein.processing.progress_record import sign_follow_up
from scalein.timing import CallTimer

MAX_FOLLOW_UP_BYTES = 128 << 10  # of an asynchronous invocation's event
# A call gets at least so much, of the margin before the platform ends the invocation.
MIN_CALL_SECONDS = 0.4


def schedule(
    progress: Progress,
    delay_seconds: int,
    *,
    open_scheduler: Callable[[], FollowUpScheduler],
    key: str,
    deadline: Deadline,
    timer: CallTimer | None = None,
) -> bool:
    """Schedules a call of this function, in the version that runs now, with the progress.

    Returns False if this follow-up was scheduled before. Raises TryLater. `key` signs it.
    """
    event = sign_follow_up(progress, key)
    if len(event) > MAX_FOLLOW_UP_BYTES:
        sentence = "a follow-up would be larger than Function Compute takes."
        raise TryLater("InvokeFunction", "TooLarge", sentence)
    scheduler = open_scheduler()
    seconds = max(MIN_CALL_SECONDS, deadline.remaining_seconds())
    with (timer or CallTimer(deadline.clock)).call("InvokeFunction"):
        return scheduler.invoke_later(event, task_id(progress), delay_seconds, seconds)


def task_id(progress: Progress) -> str:
    """The name of a follow-up: Function Compute refuses a second one of the same name.

    Each step of a message has one, and each time that a step waits for its turn. It begins with a
    letter.
    """
    attempt = f"-{progress.attempt}" if progress.attempt else ""
    return f"scalein-{progress.key[:40]}-{progress.follow_ups}{attempt}"
