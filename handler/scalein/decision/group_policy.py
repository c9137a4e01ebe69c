"""What the operator's policy allows in one scaling group."""

from datetime import datetime
from typing import NamedTuple

from scalein.decision.model import Metric, Order
from scalein.decision.windows import Windows

ALL_GROUPS = "all"  # of the stop switch


class Pause(NamedTuple):
    """No instances are removed until this moment."""

    until: datetime | None = None  # None: until the policy is changed
    reason: str = ""


class Budget(NamedTuple):
    """The most that may be removed in any window of time: `instances`, or else `percent`."""

    window_seconds: int
    instances: int | None = None
    percent: float | None = None  # of the instances that the group had when the window began


class GroupPolicy(NamedTuple):
    """What the policy allows in one scaling group. None, 0 and empty: no limit."""

    floor: int = 0
    max_removed_per_event: int | None = None
    max_removed_percent_per_event: float | None = None
    budget: Budget | None = None
    cooldown_seconds: int | None = None
    cooldown_after_scale_out_seconds: int | None = None
    cooldown_after_failure_seconds: int | None = None
    order: tuple[Order, ...] = ()
    metric: Metric = Metric()
    minimum_age_seconds: int = 0
    remove_protected: bool = False
    remove_standby: bool = False
    remove_policy: str | None = None
    stop_instance_timeout_seconds: int | None = None
    keep_desired_capacity: bool = False
    healthy_quorum_percent: float | None = None
    pause: Pause | None = None
    windows: Windows | None = None
    dry_run: bool = False
    stopped_by: str = ""  # the stop switch, as a clause; no removal begins or goes on

    @property
    def history_seconds(self) -> int:
        """How far back the group's activities must be known; 0: not at all."""
        spans = [
            self.cooldown_seconds,
            self.cooldown_after_scale_out_seconds,
            self.cooldown_after_failure_seconds,
        ]
        return max(filter(None, [self.budget and self.budget.window_seconds, *spans]), default=0)


NO_LIMITS = GroupPolicy()
