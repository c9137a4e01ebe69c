"""The only module that knows Function Compute's calling convention: event bytes and context in, return or raise.

A wrong event returns an outcome, for raising would have the trigger deliver the same bytes again for hours. What may
succeed later raises, for only then does the trigger deliver it again (docs/decisions/0002-return-or-raise.md).
"""

from __future__ import annotations

import json
import os
from typing import Any

from scalein import answer, audit, contract, custom_policy
from scalein.clock import Clock, Deadline, SystemClock
from scalein.guardrails import NONE, needs
from scalein.intake import opened
from scalein.model import Outcome, Status
from scalein.policy import read_policy
from scalein.request import SCHEMA as REMOVAL_REQUEST
from scalein.scale_in import Gateway
from scalein.serving import Invocation
from scalein.settings import Settings, read_settings


class TryLaterError(Exception):
    """Fails the invocation, so that the trigger delivers the event again. The text is the answer, as JSON."""


def initialize(context: Any) -> None:
    """Once per instance, before the first event: a wrong deployment shows here. Raises ConfigurationError."""
    read_policy(read_settings(os.environ, context).policy)
    contract.validator(REMOVAL_REQUEST)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Serves one event; the outcome as a JSON object (docs/operations.md). Raises ConfigurationError, TryLaterError."""
    return serve(event, context, SystemClock())


def choose(event: bytes, context: Any) -> dict[str, Any]:
    """Answers a custom scale-in policy of ESS: who leaves, by the policy's order. The answer's form is unverified.

    Raises ConfigurationError, RejectedEvent, GatewayError: then ESS gets no answer.
    """
    return chosen(event, context, SystemClock())


def chosen(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """As choose, by any clock."""
    settings = read_settings(os.environ, context)
    question = custom_policy.question_of(event)
    guardrails = read_policy(settings.policy).groups.get(question.scaling_group_id, NONE)
    gateway = _gateway(settings, Deadline.after(settings.run_seconds, clock))
    request = custom_policy.request_of(question, guardrails)
    snapshot = gateway.snapshot(question.scaling_group_id, needs(request, guardrails))
    choices = custom_policy.chosen(question, request, snapshot, guardrails)
    audit.record_choice(question.scaling_group_id, choices, str(getattr(context, "request_id", "")))
    return custom_policy.answer([id for id, _ in choices])


def serve(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """The handler, by any clock."""
    settings = read_settings(os.environ, context)
    deadline = Deadline.after(settings.run_seconds, clock)
    mail, policy = opened(event), read_policy(settings.policy)
    invocation = Invocation(policy, lambda: _gateway(settings, deadline), deadline, settings.dry_run)
    outcomes: list[Outcome] = []
    for outcome in invocation.serve(mail):
        audit.record(outcome, str(getattr(context, "request_id", "")))
        outcomes.append(outcome)
    told = answer.of_batch(outcomes) if mail.batch else answer.of_one(outcomes[0])
    if settings.raise_try_later and any(outcome.status is Status.TRY_LATER for outcome in outcomes):
        raise TryLaterError(json.dumps(told))
    return answer.http(told, outcomes[0].status is Status.REJECTED) if mail.http else told


def _gateway(settings: Settings, deadline: Deadline) -> Gateway:
    # Imported here: an event that is rejected never pays for the SDK (docs/decisions/0004-cold-start.md).
    from scalein.ess import EssGateway

    return EssGateway(settings, deadline)
