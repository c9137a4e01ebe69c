"""Event buses, their rules, and the deliveries that are on their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

DEFAULT = "default"  # the bus of the cloud's own events; it always exists
BACKOFF, DECAY = "BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY"
FUNCTION, QUEUE, TOPIC = "acs.fc.function", "acs.mns.queue", "acs.mns.topic"


@dataclass
class Param:
    """One parameter of a target, and how its value is made of an event."""

    resource_key: str
    form: str = "ORIGINAL"  # ORIGINAL, CONSTANT, JSONPATH, TEMPLATE
    value: Any = None
    template: Any = None


@dataclass
class Target:
    """Where a rule takes events."""

    id: str
    type: str
    endpoint: str  # ARN
    params: list[Param] = field(default_factory=list)
    retry_strategy: str = BACKOFF
    dead_letters: str = ""  # ARN; empty: what fails is dropped
    errors_tolerance: str = "ALL"  # described as given


@dataclass
class Rule:
    """A rule: the events of its bus that fit its pattern go to its targets."""

    name: str
    bus: str
    pattern: str  # JSON
    created_at: datetime
    description: str = ""
    enabled: bool = True
    targets: list[Target] = field(default_factory=list)


@dataclass
class Bus:
    """An event bus."""

    name: str
    created_at: datetime
    description: str = ""
    rules: dict[str, Rule] = field(default_factory=dict)


@dataclass
class Delivery:
    """One event on its way to one target, until it arrives or is given up."""

    rule: str
    target: Target
    event: dict[str, Any]
    due_at: datetime | None  # None: a function has it, and has not answered yet
    attempts: int = 0  # that failed
    error: str | None = None  # of an attempt that has ended; empty: it succeeded


class FunctionCall(NamedTuple):
    """An invocation that a rule wants, of EventBridge or of CloudMonitor."""

    rule: str
    arn: str
    event: bytes
    attempt: int = 1
    is_asynchronous: bool = True
