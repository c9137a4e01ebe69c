"""Takes events from a bus to the targets of its rules, and tries again what failed.

A queue or topic, or an asynchronous invocation, is tried at once; a synchronous invocation ends
later, and `settle_due` sees its end. Time passes in the calls.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from localcloud.buses.model import (
    DEFAULT,
    FUNCTION,
    QUEUE,
    Bus,
    Delivery,
    FunctionCall,
    Rule,
    Target,
)
from localcloud.buses.transform import values_of
from localcloud.ess.state import EssState
from localcloud.queues.service import retry_seconds
from localcloud.triggers.patterns import matches

NO_QUEUE = "QueueNotExist"


def publish(state: EssState, bus: Bus, event: Mapping[str, Any]) -> None:
    """Gives an event to the rules of a bus; one of the default bus to triggers, too."""
    if bus.name == DEFAULT:
        state.listen(event)
    now = state.clock.now()
    for rule in list(bus.rules.values()):
        if rule.enabled and matches(json.loads(rule.pattern), event):
            for target in rule.targets:
                _begin(state, rule, target, dict(event), now)


def due_times(state: EssState) -> list[datetime]:
    """Returns when each delivery is to be looked at; one whose attempt has ended, long ago."""
    past = state.started_at
    times = (past if one.error is not None else one.due_at for one in state.event_deliveries)
    return [time for time in times if time is not None]


def settle_due(state: EssState, now: datetime) -> None:
    """Ends the attempts that have ended, and makes those that are due."""
    for delivery in list(state.event_deliveries):
        if delivery.error is not None:
            _settle(state, delivery, delivery.error, now)
        elif delivery.due_at is not None and delivery.due_at <= now:
            _attempt(state, delivery, now)


def destination(state: EssState, target: Target, event: Mapping[str, Any]) -> str:
    """Returns the ARN of the queue, topic or function to which a target takes an event."""
    values = values_of(target, event)
    return (_function_arn if target.type == FUNCTION else _receiver)(state, target, values)


def resume(state: EssState) -> None:
    """Repeats what a function had when the state was saved: nothing else will end it."""
    for delivery in state.event_deliveries:
        delivery.due_at = delivery.due_at or state.clock.now()


def _begin(
    state: EssState, rule: Rule, target: Target, event: dict[str, Any], now: datetime
) -> None:
    delivery = Delivery(rule.name, target, event, now)
    state.event_deliveries.append(delivery)
    _attempt(state, delivery, now)


def _attempt(state: EssState, delivery: Delivery, now: datetime) -> None:
    target = delivery.target
    values = values_of(target, delivery.event)
    body = values.get("body") or json.dumps(delivery.event, ensure_ascii=False)
    if target.type != FUNCTION:
        if values.get("isbase64encode", "").lower() == "true":
            body = base64.b64encode(body.encode()).decode()
        is_written = state.write(_receiver(state, target, values), body)
        _settle(state, delivery, "" if is_written else NO_QUEUE, now)
        return
    is_asynchronous = values.get("invocationtype", "").lower() != "sync"
    arn, attempt = _function_arn(state, target, values), delivery.attempts + 1
    call = FunctionCall(delivery.rule, arn, body.encode(), attempt, is_asynchronous)
    delivery.due_at = None

    def end(error: str) -> None:  # of a synchronous one in another thread: `settle_due` looks
        delivery.error = error

    state.invoke(call, end)
    if is_asynchronous:
        _settle(state, delivery, delivery.error or "", now)


def _settle(state: EssState, delivery: Delivery, error: str, now: datetime) -> None:
    """Ends an attempt: the event has arrived, is tried again, or is given up."""
    delivery.error = None
    if error:
        delivery.attempts += 1
        chance = Random(delivery.attempts)  # noqa: S311 (the same waits again)
        seconds = retry_seconds(delivery.target.retry_strategy, delivery.attempts, chance)
        if seconds is not None:
            delivery.due_at = now + timedelta(seconds=seconds)
            return
        if delivery.target.dead_letters:
            text = json.dumps(delivery.event, ensure_ascii=False)
            state.write(delivery.target.dead_letters, text)
    state.event_deliveries.remove(delivery)


def _receiver(state: EssState, target: Target, values: Mapping[str, str]) -> str:
    """Returns the ARN of the queue or topic; a parameter names it, else the endpoint."""
    kind = "queue" if target.type == QUEUE else "topic"
    name = values.get(kind)
    place = f"{state.region_id}:{state.account_id}"
    return f"acs:mns:{place}:/{kind}s/{name}" if name else target.endpoint


def _function_arn(_: EssState, target: Target, values: Mapping[str, str]) -> str:
    """Returns the ARN of the function; parameters name it, else the endpoint."""
    service, function = values.get("servicename"), values.get("functionname")
    qualifier = values.get("qualifier", "")
    if not function:
        return target.endpoint
    if service:
        owner = f"services/{service}.{qualifier}" if qualifier else f"services/{service}"
        return f"acs:fc:::{owner}/functions/{function}"
    return f"acs:fc:::functions/{function}" + (f"/{qualifier}" if qualifier else "")
