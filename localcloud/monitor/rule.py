"""Rules of CloudMonitor: on a metric, with what state it is in, and on system events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# From the most severe on, with the number that an alert's `escalation` has.
LEVELS = {"CRITICAL": 2, "WARN": 3, "INFO": 4}
OK, NO_DATA = "OK", "INSUFFICIENT_DATA"


@dataclass
class Escalation:
    """The condition of one level."""

    statistics: str  # Average, Minimum, Maximum
    comparison_operator: str
    threshold: float
    times: int = 3  # consecutive periods


@dataclass
class Target:
    """Where alerts of some levels go besides people: a queue or topic of MNS."""

    id: str
    arn: str
    levels: list[str] = field(default_factory=lambda: list(LEVELS))


@dataclass
class ResourceState:
    """What a rule knows of one resource."""

    level: str = OK  # CRITICAL, WARN, INFO; OK; INSUFFICIENT_DATA
    breaches: dict[str, int] = field(default_factory=dict)  # in a row, by level
    value: float | None = None  # the last one
    since: datetime | None = None  # when the level began
    alerted_at: datetime | None = None


@dataclass
class MetricRule:
    """An alert rule."""

    rule_id: str
    rule_name: str
    namespace: str
    metric_name: str
    created_at: datetime
    resources: list[dict[str, str]] = field(default_factory=list)
    period: int = 60
    silence_time: int = 86_400
    escalations: dict[str, Escalation] = field(default_factory=dict)  # by level
    targets: list[Target] = field(default_factory=list)
    enabled: bool = True
    no_data_policy: str = "KEEP_LAST_STATE"
    evaluated_at: datetime | None = None
    states: dict[str, ResourceState] = field(default_factory=dict)  # by resource, as JSON
    attributes: dict[str, Any] = field(default_factory=dict)  # described as given

    @property
    def alert_state(self) -> str:
        """OK, ALARM or INSUFFICIENT_DATA, as DescribeMetricRuleList has it."""
        levels = {state.level for state in self.states.values()}
        if levels & LEVELS.keys():
            return "ALARM"
        return OK if OK in levels else NO_DATA


@dataclass
class EventRule:
    """A rule on system events."""

    rule_name: str
    pattern: dict[str, Any]  # Product, and lists: NameList, LevelList, EventTypeList, StatusList
    description: str = ""
    event_type: str = "SYSTEM"
    group_id: str = ""
    enabled: bool = True
    queues: dict[str, dict[str, str]] = field(default_factory=dict)  # MnsParameters by id
    functions: dict[str, dict[str, str]] = field(default_factory=dict)  # FcParameters by id
