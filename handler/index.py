"""The only module that knows Function Compute's calling convention: event bytes and context in, return or raise.

A wrong event returns an outcome, for raising would have the trigger deliver the same bytes again for hours. What may
succeed later raises, for only then does the trigger deliver it again (docs/decisions/0002-return-or-raise.md).
"""

from __future__ import annotations

import json
import os
from typing import Any

from scalein import audit, contract
from scalein.clock import Deadline, SystemClock
from scalein.errors import ConfigurationError, GatewayError, RejectedEvent
from scalein.intake import REMOVAL_REQUEST, opened, read_request
from scalein.model import Outcome, RemovalRequest, Status
from scalein.outcome import failed, rejected
from scalein.scale_in import DryRun, Gateway, scale_in
from scalein.settings import Settings, read_settings


class TryLaterError(Exception):
    """Fails the invocation, so that the trigger delivers the message again. The text is the outcome, as JSON."""


def initialize(context: Any) -> None:
    """Once per instance, before the first event: a wrong deployment shows here. Raises ConfigurationError."""
    read_settings(os.environ, context)
    contract.validator(REMOVAL_REQUEST)


def handler(event: bytes, context: Any) -> dict[str, object]:
    """Serves one event; the outcome as a JSON object (docs/operations.md). Raises ConfigurationError, TryLaterError."""
    clock = SystemClock()
    settings = read_settings(os.environ, context)
    deadline = Deadline.after(settings.run_seconds, clock)
    outcome = _served(event, settings, deadline)
    audit.record(outcome, str(getattr(context, "request_id", "")))
    if outcome.status is Status.TRY_LATER and settings.raise_try_later:
        raise TryLaterError(json.dumps(outcome.as_json()))
    return outcome.as_json()


def _served(event: bytes, settings: Settings, deadline: Deadline) -> Outcome:
    message = opened(event)
    try:
        request = read_request(message)
    except RejectedEvent as error:
        return rejected(message.identity, error)
    try:
        return scale_in(request, _gateway(request, settings, deadline), deadline.clock)
    except GatewayError as error:
        return failed(request, error)
    except ConfigurationError as error:
        raise error from None  # the SDK's own error behind it may quote a string to sign


def _gateway(request: RemovalRequest, settings: Settings, deadline: Deadline) -> Gateway:
    # Imported here: an event that is rejected never pays for the SDK (docs/decisions/0004-cold-start.md).
    from scalein.ess import EssGateway

    gateway = EssGateway(settings, deadline)
    return DryRun(gateway) if request.dry_run or settings.dry_run else gateway
