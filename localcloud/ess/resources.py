"""What a scaling group has besides instances, such as configurations, rules and hooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Configuration:
    """Instance configuration source. `attributes` are described as given, without effect."""

    scaling_configuration_id: str
    scaling_group_id: str
    created_at: datetime
    name: str = ""
    lifecycle_state: str = "Inactive"
    instance_types: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)  # by instance type
    spot_strategy: str = "NoSpot"
    attributes: dict[str, Any] = field(default_factory=dict)
    used: bool = False  # a group has made it its active one


@dataclass
class Rule:
    """Scaling rule."""

    scaling_rule_id: str
    scaling_group_id: str
    name: str
    rule_type: str = "SimpleScalingRule"
    adjustment_type: str = ""
    adjustment_value: int | None = None
    min_adjustment_magnitude: int = 0
    cooldown: int | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Hook:
    """Lifecycle hook."""

    lifecycle_hook_id: str
    scaling_group_id: str
    name: str
    transition: str  # SCALE_OUT, SCALE_IN
    heartbeat_timeout: int = 600
    default_result: str = "CONTINUE"
    status: str = "Active"
    notification_arn: str = ""
    notification_metadata: str = ""


@dataclass
class LifecycleAction:
    """One hook's hold on the instances of one activity."""

    lifecycle_action_token: str
    lifecycle_hook_id: str
    scaling_activity_id: str
    instance_ids: list[str]
    ends_at: datetime
    default_result: str
    result: str = ""
    status: str = "Pending"  # Timeout, Completed
    began_at: datetime | None = None
    heartbeats: int = 0  # how often it was prolonged


@dataclass
class Alarm:
    """Event-triggered task."""

    alarm_task_id: str
    scaling_group_id: str
    created_at: datetime
    name: str
    metric_name: str = ""
    metric_type: str = "system"
    period: int = 300
    statistics: str = "Average"
    comparison_operator: str = ">="
    threshold: float = 0.0
    evaluation_count: int = 3
    actions: list[str] = field(default_factory=list)  # ARIs of rules
    enabled: bool = True
    state: str = "INSUFFICIENT_DATA"
    breaches: int = 0  # in a row
    evaluated_at: datetime | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class ScheduledTask:
    """Scheduled task."""

    scheduled_task_id: str
    scaling_group_id: str  # of the rule, or of the capacity it sets
    launch_at: datetime
    name: str = ""
    scheduled_action: str = ""  # ARI of a rule
    min_value: int | None = None
    max_value: int | None = None
    desired_capacity: int | None = None
    recurrence_type: str = ""  # Daily, Weekly, Monthly, Cron
    recurrence_value: str = ""
    recurrence_ends_at: datetime | None = None
    launch_expiration_seconds: int = 600
    enabled: bool = True
    description: str = ""


@dataclass
class Receiver:
    """Notification configuration."""

    scaling_group_id: str
    notification_arn: str
    notification_types: list[str] = field(default_factory=list)
    time_zone: str = "UTC+8"
    message_encoding: str = "Base64"
