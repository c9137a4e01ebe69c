"""Makes the objects of one invocation from its settings, with the adapters to ESS and the ledger.

The SDK and Redis are slow to import. They are imported here when an adapter is first opened, so
that a rejected event pays for neither (docs/decisions/0004-cold-start.md).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from scalein.clock import Clock, Deadline
from scalein.cloud.gateway import Gateway
from scalein.errors import ConfigurationError
from scalein.function_ref import FunctionRef
from scalein.ledger.fallback import FallbackLedger
from scalein.ledger.memory import MemoryLedger, process_store
from scalein.ledger.protocol import LeaseOptions, Ledger
from scalein.policy import Policy, stop_fault
from scalein.processing.dependencies import Dependencies, FollowUpScheduler, ScheduleFollowUp
from scalein.processing.follow_up_attempts import FollowUpAttempts
from scalein.processing.follow_ups import schedule
from scalein.settings import Credentials, Settings
from scalein.timing import CallTimer

if TYPE_CHECKING:
    from scalein.cloud.breaker import Pauses
    from scalein.cloud.retries import Retries

LEASE_MARGIN_SECONDS = 5.0  # a lease outlives the hard timeout of its invocation by this much
MIN_RETENTION_SECONDS = 86_400  # Function Compute repeats an asynchronous event for a day


def wire(
    settings: Settings, policy: Policy, clock: Clock, is_http: bool = False
) -> tuple[Dependencies, CallTimer]:
    """The adapters of one invocation, not opened yet, and the timer of their calls.

    `is_http`: the event is an HTTP request, which nothing delivers again by itself.
    """
    deadline, timer = Deadline.after(settings.run_seconds, clock), CallTimer(clock)
    function_ref = settings.function_ref
    open_ledgers = cache(lambda: _open_ledgers(settings, policy, deadline, timer))
    dependencies = Dependencies(
        open_gateway=cache(
            lambda: open_gateway(
                settings,
                deadline,
                timer,
                _retries(settings, deadline, lambda: open_ledgers()[1], is_http),
            )
        ),
        open_ledger=lambda: open_ledgers()[0],
        deadline=deadline,
        schedule_follow_up=follow_ups_of(settings, deadline, timer),
        follow_up_key=function_ref.key if function_ref else "",
        settle_seconds=settings.settle_seconds,
        is_dry_run=settings.dry_run,
        stopped_groups=settings.stopped_groups,
        region_id=settings.region_id,
        stop_fault=stop_fault(settings.stopped_groups, policy),
    )
    return dependencies, timer


def follow_ups_of(
    settings: Settings, deadline: Deadline, timer: CallTimer
) -> ScheduleFollowUp | None:
    """What schedules the follow-ups of one invocation; None if there are none."""
    function_ref = settings.function_ref
    if function_ref is None:
        return None
    schedule_once = partial(
        schedule,
        open_scheduler=cache(lambda: open_scheduler(function_ref, settings.credentials)),
        key=function_ref.key,
        deadline=deadline,
        timer=timer,
    )
    return FollowUpAttempts(schedule_once, deadline).schedule


def open_scheduler(function_ref: FunctionRef, credentials: Credentials) -> FollowUpScheduler:
    """The adapter to the generation of Function Compute that has this function.

    It is imported here, when the first follow-up is scheduled: most messages need none.
    """
    if function_ref.service:
        from scalein.cloud.function_compute import ServiceFunctionScheduler

        return ServiceFunctionScheduler(function_ref, credentials)
    from scalein.cloud.native_function import NativeFunctionScheduler

    return NativeFunctionScheduler(function_ref, credentials)


def open_gateway(
    settings: Settings, deadline: Deadline, timer: CallTimer, retries: Retries | None = None
) -> Gateway:
    """The gateway to ESS. It sends nothing before its first call."""
    from scalein.cloud.ess import EssGateway

    return EssGateway(settings, deadline, timer, retries)


def _retries(
    settings: Settings, deadline: Deadline, open_pauses: Callable[[], Pauses], is_http: bool
) -> Retries:
    """How long to wait for ESS: briefly if the message comes again by itself, else till the end."""
    from scalein.cloud.breaker import Breaker
    from scalein.cloud.retries import Patience, Retries

    reserved_seconds = min(settings.read_timeout_seconds, settings.run_seconds / 4)
    is_redelivered = settings.raise_retry and not is_http
    if settings.function_ref is None and not is_redelivered:
        return Retries(deadline, reserved_seconds=reserved_seconds)
    patience = Patience(settings.max_wait_seconds, deadline.clock)
    return Retries(deadline, patience, Breaker(open_pauses, deadline.clock), reserved_seconds)


def _open_ledgers(
    settings: Settings, policy: Policy, deadline: Deadline, timer: CallTimer
) -> tuple[Ledger, Pauses]:
    """The ledger, and the pauses of ESS's actions that are shared through it."""
    options = LeaseOptions(
        owner=f"{settings.invocation_id}-{os.urandom(8).hex()}",
        lease_seconds=settings.run_seconds + settings.closing_seconds + LEASE_MARGIN_SECONDS,
        remember_seconds=max(MIN_RETENTION_SECONDS, 2 * policy.max_event_age_seconds),
        clock=deadline.clock,
    )
    from scalein.ledger.pauses import MemoryPauses

    memory = MemoryLedger(options, process_store())
    own_pauses = MemoryPauses(process_store(), deadline.clock)
    if not settings.ledger_url:
        return memory, own_pauses
    try:
        from scalein.ledger.redis import RedisLedger
        from scalein.ledger.redis_pauses import RedisPauses, SharedPauses
    except ModuleNotFoundError:
        raise ConfigurationError(
            "SCALEIN_LEDGER is set, and the package has no client of Redis. Make it again with "
            "scalein package --ledger redis."
        ) from None

    # After the deadline, results are still recorded, until the platform ends the invocation.
    ledger_deadline = deadline._replace(at=deadline.at + settings.closing_seconds)
    redis = RedisLedger(settings.ledger_url, options, timer, ledger_deadline)
    pauses = SharedPauses(RedisPauses(redis.run_aside, settings.region_id), own_pauses)
    return FallbackLedger(redis, memory, policy.fail_closed), pauses
