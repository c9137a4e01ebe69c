"""Makes the objects of one invocation from its settings, with the adapters to ESS and the ledger.

The SDK and Redis are slow to import. They are imported here when an adapter is first opened, so
that a rejected event pays for neither (docs/decisions/0004-cold-start.md).
"""

from __future__ import annotations

import os
from functools import cache, partial

from scalein.clock import Clock, Deadline
from scalein.cloud.gateway import Gateway
from scalein.function_ref import FunctionRef
from scalein.ledger.fallback import FallbackLedger
from scalein.ledger.memory import MemoryLedger, process_store
from scalein.ledger.protocol import LeaseOptions, Ledger
from scalein.policy import Policy, check_groups
from scalein.processing.dependencies import Dependencies, FollowUpScheduler, ScheduleFollowUp
from scalein.processing.follow_ups import schedule
from scalein.settings import Credentials, Settings
from scalein.timing import CallTimer

LEASE_MARGIN_SECONDS = 5.0  # a lease outlives the hard timeout of its invocation by this much
MIN_RETENTION_SECONDS = 86_400  # Function Compute repeats an asynchronous event for a day


def wire(settings: Settings, policy: Policy, clock: Clock) -> tuple[Dependencies, CallTimer]:
    """The adapters of one invocation, not opened yet, and the timer of their calls.

    Raises ConfigurationError if the stop switch names a group that the policy lacks.
    """
    check_groups(settings.stopped_groups, policy)
    deadline, timer = Deadline.after(settings.run_seconds, clock), CallTimer(clock)
    function_ref = settings.function_ref
    dependencies = Dependencies(
        open_gateway=cache(lambda: open_gateway(settings, deadline, timer)),
        open_ledger=cache(lambda: _open_ledger(settings, policy, deadline, timer)),
        deadline=deadline,
        schedule_follow_up=follow_ups_of(settings, deadline, timer),
        follow_up_key=function_ref.key if function_ref else "",
        settle_seconds=settings.settle_seconds,
        is_dry_run=settings.dry_run,
        stopped_groups=settings.stopped_groups,
    )
    return dependencies, timer


def follow_ups_of(
    settings: Settings, deadline: Deadline, timer: CallTimer
) -> ScheduleFollowUp | None:
    """What schedules the follow-ups of one invocation; None if there are none."""
    function_ref = settings.function_ref
    if function_ref is None:
        return None
    return partial(
        schedule,
        open_scheduler=cache(lambda: open_scheduler(function_ref, settings.credentials)),
        key=function_ref.key,
        deadline=deadline,
        timer=timer,
    )


def open_scheduler(function_ref: FunctionRef, credentials: Credentials) -> FollowUpScheduler:
    """The adapter to the generation of Function Compute that has this function.

    It is imported here, when the first follow-up is scheduled: most messages need none.
    """
    if function_ref.service:
        from scalein.cloud.function_compute import ServiceFunctionScheduler

        return ServiceFunctionScheduler(function_ref, credentials)
    from scalein.cloud.native_function import NativeFunctionScheduler

    return NativeFunctionScheduler(function_ref, credentials)


def open_gateway(settings: Settings, deadline: Deadline, timer: CallTimer) -> Gateway:
    """The gateway to ESS. It sends nothing before its first call."""
    from scalein.cloud.ess import EssGateway

    return EssGateway(settings, deadline, timer)


def _open_ledger(
    settings: Settings, policy: Policy, deadline: Deadline, timer: CallTimer
) -> Ledger:
    options = LeaseOptions(
        owner=f"{settings.invocation_id}-{os.urandom(8).hex()}",
        lease_seconds=settings.run_seconds + settings.closing_seconds + LEASE_MARGIN_SECONDS,
        remember_seconds=max(MIN_RETENTION_SECONDS, 2 * policy.max_event_age_seconds),
        clock=deadline.clock,
    )
    memory = MemoryLedger(options, process_store())
    if not settings.ledger_url:
        return memory
    from scalein.ledger.redis import RedisLedger

    # After the deadline, results are still recorded, until the platform ends the invocation.
    ledger_deadline = deadline._replace(at=deadline.at + settings.closing_seconds)
    redis = RedisLedger(settings.ledger_url, options, timer, ledger_deadline)
    return FallbackLedger(redis, memory, policy.fail_closed)
