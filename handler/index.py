"""The only module that knows Function Compute's calling convention: event bytes and context in, return or raise.

A wrong event returns an outcome, for raising would have the trigger deliver the same bytes again for hours. What may
succeed later raises, for only then does the trigger deliver it again (docs/decisions/0002-return-or-raise.md).
"""

from __future__ import annotations

import json
import os
from typing import Any

from scalein.cold_start import cheap_imports

with cheap_imports():
    from scalein import contract
    from scalein.clock import Clock, Deadline, SystemClock
    from scalein.cloud.gateway import Gateway
    from scalein.decision.guardrails import NONE, read_scope
    from scalein.decision.reasons import Status
    from scalein.intake import parse_event
    from scalein.intake.removal_request import SCHEMA as REMOVAL_REQUEST
    from scalein.ledger.fallback import FallbackLedger
    from scalein.ledger.memory import MemoryLedger, process_store
    from scalein.ledger.protocol import LeaseOptions, Ledger
    from scalein.policy import Policy, read_policy
    from scalein.processing.batch import BatchProcessor, Tools
    from scalein.processing.follow_ups import FunctionCompute
    from scalein.report import audit
    from scalein.report import response as answer
    from scalein.report.outcome import Outcome
    from scalein.settings import Settings, read_settings
    from scalein.timing import CallTimer

FAILURES = frozenset((Status.FAILED.value, Status.UNCONFIRMED.value))  # a person should see these
LEASE_MARGIN_SECONDS = 5.0  # beyond its timeout no invocation lives: the platform ends it


class TryLaterError(Exception):
    """Fails the invocation, so that the trigger delivers the event again. The text is the answer, as JSON."""


class RemovalFailedError(Exception):
    """Fails the invocation, so that a destination for failures sees it. The text is the answer, as JSON."""


def initialize(context: Any) -> None:
    """Once per instance, before the first event: a wrong deployment shows here. Raises ConfigurationError."""
    read_policy(read_settings(os.environ, context).policy)
    contract.validator(REMOVAL_REQUEST)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Serves one event; the outcome as a JSON object (docs/operations.md). Raises ConfigurationError, TryLaterError."""
    return serve(event, context, SystemClock())


def select_instances(event: bytes, context: Any) -> dict[str, Any]:
    """Answers a custom scale-in policy of ESS: who leaves, by the policy's order. The answer's form is unverified.

    Raises ConfigurationError, RejectedEvent, GatewayError: then ESS gets no answer.
    """
    return select(event, context, SystemClock())


def select(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """As choose, by any clock."""
    from scalein.processing import (
        custom_policy,
    )  # ESS asks seldom, and waits: no other event pays for it

    settings = read_settings(os.environ, context)
    question = custom_policy.parse_question(event)
    group_policy = read_policy(settings.policy).groups.get(question.scaling_group_id, NONE)
    tally = CallTimer(clock)
    gateway = _gateway(settings, Deadline.after(settings.run_seconds, clock), tally)
    request = custom_policy.request_of(question, group_policy)
    snapshot = gateway.snapshot(question.scaling_group_id, read_scope(request, group_policy))
    choices = custom_policy.selected(question, request, snapshot, group_policy)
    audit.record_choice(question.scaling_group_id, choices, _request_id(context), tally.take())
    return custom_policy.answer([id for id, _ in choices])


def serve(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """The handler, by any clock."""
    settings = read_settings(os.environ, context)
    deadline, tally = Deadline.after(settings.run_seconds, clock), CallTimer(clock)
    mail, policy = parse_event(event, settings.max_event_bytes), read_policy(settings.policy)
    invocation = BatchProcessor(
        policy, _tools(settings, policy, deadline, tally), deadline, settings.dry_run
    )
    outcomes: list[Outcome] = []
    for outcome in invocation.serve(mail):
        audit.record(outcome, _request_id(context), tally.take())
        outcomes.append(outcome if len(outcomes) < answer.MAX_DETAILED else answer.brief(outcome))
    room = answer.room(event, mail.http)
    told = answer.of_batch(outcomes, room) if mail.batch else answer.of_one(outcomes[0], room)
    if settings.raise_retry and any(_to_be_sent_again(outcome) for outcome in outcomes):
        raise TryLaterError(json.dumps(told))
    if settings.raise_failed and any(
        not FAILURES.isdisjoint((outcome.status.value, outcome.first)) for outcome in outcomes
    ):
        raise RemovalFailedError(json.dumps(told))
    return answer.http(told, outcomes[0].status is Status.REJECTED) if mail.http else told


def _request_id(context: Any) -> str:
    return str(getattr(context, "request_id", ""))


def _to_be_sent_again(outcome: Outcome) -> bool:
    """By its sender: not where this function sees to it itself."""
    return outcome.status is Status.RETRY and outcome.follow_up is None


def _tools(settings: Settings, policy: Policy, deadline: Deadline, tally: CallTimer) -> Tools:
    return Tools(
        open_gateway=lambda: _gateway(settings, deadline, tally),
        open_ledger=lambda: _ledger(settings, policy, deadline, tally),
        follow_ups=settings.function_ref
        and FunctionCompute(settings.function_ref, settings.credentials, deadline, tally),
        key=settings.function_ref.key if settings.function_ref else "",
        settle_seconds=settings.settle_seconds,
    )


def _ledger(settings: Settings, policy: Policy, deadline: Deadline, tally: CallTimer) -> Ledger:
    terms = LeaseOptions(
        owner=f"{settings.invocation_id}-{os.urandom(8).hex()}",
        lease_seconds=settings.run_seconds + settings.closing_seconds + LEASE_MARGIN_SECONDS,
        remember_seconds=max(86_400, 2 * policy.max_event_age_seconds),
        clock=deadline.clock,
    )
    memory = MemoryLedger(terms, process_store())
    if not settings.ledger.url:
        return memory
    from scalein.ledger.redis import RedisLedger  # redis costs 150 ms

    redis = RedisLedger(settings.ledger.url, terms, tally, _closing_time(settings, deadline))
    return FallbackLedger(redis, memory, policy.fail_closed)


def _closing_time(settings: Settings, deadline: Deadline) -> Deadline:
    """After the deadline, what is done is still written down; not until the platform ends the invocation."""
    return deadline._replace(at=deadline.at + settings.closing_seconds)


def _gateway(settings: Settings, deadline: Deadline, tally: CallTimer) -> Gateway:
    # Imported here: an event that is rejected never pays for the SDK (docs/decisions/0004-cold-start.md).
    from scalein.cloud.ess import EssGateway

    return EssGateway(settings, deadline, tally)
