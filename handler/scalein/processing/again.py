"""Has messages come again that were not processed: too early, or no time, or ESS does not answer.

Nothing was done for them in this invocation, so the same step comes again: no claim is needed.
"""

from __future__ import annotations

import math
from datetime import timedelta

from scalein.decision.progress import Progress
from scalein.decision.reasons import Status
from scalein.errors import TryLater
from scalein.processing.dependencies import Dependencies
from scalein.processing.journal import (
    MAX_DELAY_SECONDS,
    MAX_FOLLOW_UP_SECONDS,
    delay_seconds,
    seconds_until_too_old,
)
from scalein.report import wording
from scalein.report.outcome import FollowUp, Outcome

# Function Compute's delay may be not accurate (its help page), and clocks differ a little.
TOLERANCE_SECONDS = 1.0
# No follow-up is due later: who scheduled it, or this machine, has a wrong clock.
MAX_EARLY_SECONDS = 2.0 * MAX_DELAY_SECONDS
MAX_PAUSE_SECONDS = 5.0  # in one invocation: a platform that ignores delays would repeat at once


def come_again(
    outcome: Outcome, progress: Progress, dependencies: Dependencies, max_wait_seconds: float
) -> Outcome:
    """Schedules the same step once more, if there are follow-ups. Returns the outcome with it.

    `max_wait_seconds`: how long a message that did nothing yet may wait.
    """
    if dependencies.schedule_follow_up is None:
        return outcome  # its trigger delivers it again
    now = dependencies.deadline.clock.now()
    age = progress.age_seconds(now)
    max_age = MAX_FOLLOW_UP_SECONDS if progress.calls else max_wait_seconds
    if age > max_age:
        return wording.waited_too_long(progress, age, max_age)
    seconds = delay_seconds(progress, progress.attempt, outcome.retry_after_seconds)
    seconds = min(seconds, seconds_until_too_old(progress, now, max_wait_seconds))
    return _with_same_step(outcome, progress._replace(due_at=None), dependencies, seconds)


def wait_until_due(progress: Progress, dependencies: Dependencies) -> Outcome | None:
    """Waits a few seconds for a follow-up that comes early to be due. Returns None if it is.

    Else schedules it once more, and returns the outcome. So no follow-up acts early, and a platform
    that ignores delays is not called without a pause.
    """
    if progress.due_at is None:
        return None
    clock = dependencies.deadline.clock
    seconds = (progress.due_at - clock.now()).total_seconds()
    if not TOLERANCE_SECONDS < seconds < MAX_EARLY_SECONDS:
        return None
    pause_seconds = min(seconds, MAX_PAUSE_SECONDS, dependencies.deadline.remaining_seconds() / 2)
    clock.sleep(pause_seconds)
    if seconds - pause_seconds <= TOLERANCE_SECONDS:
        return None
    outcome = _early_outcome(progress, seconds)
    return _with_same_step(outcome, progress, dependencies, math.ceil(seconds - pause_seconds))


def _early_outcome(progress: Progress, seconds: float) -> Outcome:
    sentence = f"This follow-up comes {seconds:.0f} s before it is due."
    if progress.unconfirmed_calls:
        outcome = wording.unconfirmed_calls(progress)
    elif progress.accepted_calls:
        outcome = wording.removing(progress, None)
    else:
        return wording.busy(progress.request, sentence)
    return outcome._replace(message=f"{outcome.message} {sentence}")


def _with_same_step(
    outcome: Outcome, progress: Progress, dependencies: Dependencies, seconds: int
) -> Outcome:
    due_at = progress.due_at or dependencies.deadline.clock.now() + timedelta(seconds=seconds)
    next_attempt = progress._replace(attempt=progress.attempt + 1, due_at=due_at)
    try:
        if dependencies.schedule_follow_up is not None:
            # It may have been scheduled before, by another delivery of the message: that counts.
            dependencies.schedule_follow_up(next_attempt, seconds)
    except TryLater as error:
        # Not an end: this invocation fails, so that its trigger delivers the message again.
        message = f"{outcome.message} It is not followed up: {error}"
        return outcome._replace(status=Status.RETRY, message=message)
    return outcome._replace(follow_up=FollowUp(progress.follow_ups, seconds))
