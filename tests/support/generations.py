"""The two generations of Function Compute: how a function schedules its follow-ups on each."""

from __future__ import annotations

from functools import partial

from scalein.clock import Deadline, SystemClock
from scalein.function_ref import FunctionRef
from scalein.processing.dependencies import ScheduleFollowUp
from scalein.processing.follow_ups import schedule
from scalein.settings import Credentials
from scalein.wiring import open_scheduler
from tests.support.deployment import KEY

GENERATIONS = ("2.0", "3.0")
SERVICE = {"2.0": "ops", "3.0": ""}


def follow_ups_at(
    url: str, generation: str, credentials: Credentials = KEY, seconds: float = 30
) -> ScheduleFollowUp:
    """What schedules follow-ups of the function scale-in, within so many seconds."""
    function_ref = FunctionRef(url, SERVICE[generation], "scale-in", "prod", "k" * 32)
    return partial(
        schedule,
        open_scheduler=lambda: open_scheduler(function_ref, credentials),
        key=function_ref.key,
        deadline=Deadline.after(seconds, SystemClock()),
    )
