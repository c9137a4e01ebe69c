"""Entry points of Function Compute: event bytes and a context come in, an outcome goes out.

A malformed event returns an outcome: if it raised, the trigger would deliver the same bytes again
for hours. An event that may succeed later raises, so that the trigger delivers it again, unless
this function follows it up itself (docs/decisions/0002-return-or-raise.md).
"""

from __future__ import annotations

from scalein import packed
from scalein.cold_start import cheap_imports, defer_unused_by_library

with cheap_imports():
    packed.install()
    defer_unused_by_library()
    import json
    import logging
    import os
    from typing import Any

    from scalein import contract
    from scalein.clock import Clock, Deadline, SystemClock
    from scalein.decision.group_policy import NO_LIMITS
    from scalein.decision.guardrails import read_scope
    from scalein.decision.reasons import Status
    from scalein.intake.envelopes import parse_event
    from scalein.intake.removal_request import SCHEMA as REMOVAL_REQUEST
    from scalein.policy import stop_fault
    from scalein.policy_source import PolicyInUse, policy_in_use
    from scalein.processing.batch import BatchProcessor
    from scalein.report import audit, response
    from scalein.report.outcome import Outcome, policy_json
    from scalein.settings import Settings, read_settings
    from scalein.timing import CallTimer
    from scalein.wiring import open_gateway, wire

FAILURES = frozenset((Status.FAILED.value, Status.UNCONFIRMED.value))  # a person must check


class TryLaterError(Exception):
    """Fails the invocation, so that the trigger delivers the event again. Its text is the
    response as JSON.
    """


class RemovalFailedError(Exception):
    """Fails the invocation, so that a destination for failures gets it. Its text is the response
    as JSON.
    """


def initialize(context: Any) -> None:
    """Checks the deployment before the first event of an instance. Raises ConfigurationError.

    A wrong stop switch is only logged: it stops every group, and follow-ups must still report.
    """
    settings = read_settings(os.environ, context)
    fault = stop_fault(settings.stopped_groups, _policy_in_use(settings).policy)
    if fault:
        logging.getLogger("scalein.settings").error("%s.", fault)
    contract.validator(REMOVAL_REQUEST)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """Processes one event. Returns the outcome as a JSON object (schemas/outcome.schema.json).

    Raises ConfigurationError, TryLaterError, RemovalFailedError.
    """
    return serve(event, context, SystemClock())


def select_instances(event: bytes, context: Any) -> dict[str, Any]:
    """Answers a custom scale-in policy of ESS: which instances to remove, by the policy's order.

    Raises ConfigurationError, RejectedEvent, GatewayError: then ESS gets no answer. The form of
    the answer is unverified.
    """
    return select(event, context, SystemClock())


def serve(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """Processes one event as `handler` does, by the time of `clock`."""
    settings = read_settings(os.environ, context)
    policy, fingerprint, warning = _policy_in_use(settings)
    parsed = parse_event(event, settings.max_event_bytes)
    dependencies, timer = wire(settings, policy, clock, parsed.is_http)
    outcomes: list[Outcome] = []
    for processed in BatchProcessor(policy, dependencies).process(parsed):
        outcome = processed._replace(policy=fingerprint, policy_warning=warning)
        audit.record(outcome, _request_id(context), timer.take())
        is_detailed = len(outcomes) < response.MAX_DETAILED
        outcomes.append(outcome if is_detailed else response.without_detail(outcome))
    max_bytes = response.max_bytes_for(event, parsed.is_http)
    if parsed.is_batch or len(outcomes) > 1:
        document = response.for_batch(outcomes, max_bytes)
    else:
        document = response.for_one(outcomes[0], max_bytes)
    _raise_failures(settings, outcomes, document, parsed.is_http)
    if parsed.is_http:
        return response.for_http(document, outcomes)
    return document


def _raise_failures(
    settings: Settings, outcomes: list[Outcome], document: dict[str, Any], is_http: bool
) -> None:
    must_retry = any(o.status is Status.RETRY and o.follow_up is None for o in outcomes)
    if settings.raise_retry and must_retry and not is_http:  # its sender sees the status 503
        raise TryLaterError(json.dumps(document))
    statuses = {status for o in outcomes for status in (o.status.value, o.original_status)}
    if settings.raise_failed and not FAILURES.isdisjoint(statuses):
        raise RemovalFailedError(json.dumps(document))


def select(event: bytes, context: Any, clock: Clock) -> dict[str, Any]:
    """Answers as `select_instances` does, by the time of `clock`."""
    # Imported here, for ESS rarely asks, and other events should not pay for the import.
    from scalein.processing import custom_policy

    settings = read_settings(os.environ, context)
    question = custom_policy.parse_question(event)
    policy, fingerprint, warning = _policy_in_use(settings)
    group_policy = policy.groups.get(question.scaling_group_id, NO_LIMITS)
    timer = CallTimer(clock)
    gateway = open_gateway(settings, Deadline.after(settings.run_seconds, clock), timer)
    request = custom_policy.request_of(question, group_policy)
    scope = read_scope(request, group_policy)
    snapshot = gateway.snapshot(question.scaling_group_id, scope)
    ranked = custom_policy.selected(question, request, snapshot, group_policy)
    audit.record_choice(
        question.scaling_group_id,
        ranked,
        policy_json(fingerprint, warning),
        _request_id(context),
        timer.take(),
    )
    return custom_policy.answer([id for id, _ in ranked])


def _policy_in_use(settings: Settings) -> PolicyInUse:
    """The policy that decides. Logs an error if a newer document of it cannot be used."""
    in_use = policy_in_use(settings.policy_text, settings.policy_file)
    if in_use.warning:
        logging.getLogger("scalein.policy").error("%s", in_use.warning)
    return in_use


def _request_id(context: Any) -> str:
    return str(getattr(context, "request_id", ""))
