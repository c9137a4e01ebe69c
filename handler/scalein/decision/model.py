"""The values that decisions are made of: what ESS shows, what is requested, what is decided.

All are NamedTuples (docs/decisions/0003-named-tuples.md). Capacity is counted in instances, or in
weights in a weighted group.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from scalein.decision.reasons import Reason

MAX_INSTANCES_PER_CALL = 20  # InstanceId.1..20 of RemoveInstances


class Order(str, Enum):
    """Orders of removal. The first three are ESS's removal policies, under its names."""

    OLDEST_INSTANCE = "OldestInstance"
    NEWEST_INSTANCE = "NewestInstance"
    OLDEST_SCALING_CONFIGURATION = "OldestScalingConfiguration"
    UNHEALTHY = "Unhealthy"
    SPOT = "Spot"
    PAY_AS_YOU_GO = "PayAsYouGo"
    FULLEST_ZONE = "FullestZone"
    LOWEST_METRIC = "LowestMetric"
    HIGHEST_METRIC = "HighestMetric"
    ATTACHED_LAST = "AttachedLast"


class Instance(NamedTuple):
    """A member of a scaling group, as DescribeScalingInstances lists it."""

    id: str
    lifecycle_state: str
    zone_id: str = ""
    # The configuration's id, or launch template and version; empty for attached instances.
    scaling_configuration: str = ""
    joined_at: datetime | None = None  # when it joined the group
    weight: int | None = None  # WeightedCapacity; only in weighted groups
    healthy: bool = True  # HealthStatus
    warming_up: bool = False  # WarmupState WaitingForInstanceWarmup
    spot: bool = False  # SpotStrategy
    attached: bool = False  # CreationType other than AutoCreated


class ScalingGroup(NamedTuple):
    """A scaling group, as DescribeScalingGroups shows it."""

    id: str
    lifecycle_state: str
    min_size: int
    total_capacity: int
    # InService, Protected and Standby instances by the group's own counters, unweighted.
    stable_capacity: int | None = None
    weighted: bool = False
    removal_policies: tuple[str, ...] = ()
    multi_az_policy: str = "PRIORITY"
    suspended_processes: tuple[str, ...] = ()
    desired_capacity: int | None = None  # None: the group has none
    max_size: int | None = None  # no decision uses it


class Activity(NamedTuple):
    """A scaling activity. ESS gives times in minutes; `ended_at` is the last moment of its own."""

    id: str
    status: str  # InProgress, Successful, Warning, Failed, Rejected
    started_at: datetime
    ended_at: datetime | None  # None while it is in progress
    added: int = 0  # instances
    removed: int = 0  # instances
    trigger: str = ""  # TriggerSourceType
    removed_ids: frozenset[str] = frozenset()  # as far as it lists them
    added_ids: frozenset[str] = frozenset()  # as far as it lists them
    failures: tuple[tuple[str, str], ...] = ()  # instance id, and ESS's code for the failure


class Metric(NamedTuple):
    """A CloudMonitor metric of instances, and how many periods old its newest value may be."""

    namespace: str = "acs_ecs_dashboard"
    name: str = "CPUUtilization"
    statistic: str = "Average"
    period_seconds: int = 60
    stale_after_periods: int = 5
    instances_per_call: int = 100


class Sample(NamedTuple):
    """The newest value of a metric for one instance."""

    value: float
    taken_at: datetime


class ReadScope(NamedTuple):
    """What a decision needs besides the group and its instances."""

    history_seconds: int = 0  # how far back the activities are read; 0: not at all
    metric: Metric | None = None
    is_last: bool = False  # no call follows, so that the read may take all the time that is left


class Snapshot(NamedTuple):
    """One read of a scaling group: the group and its instances, activities and metric values."""

    group: ScalingGroup
    instances: tuple[Instance, ...]
    taken_at: datetime
    activities: tuple[Activity, ...] | None = None  # None: not read, as no guardrail needs them
    # By instance id. None: not read, as the order does not need them.
    samples: Mapping[str, Sample] | None = None
    cloud_time: datetime | None = None  # by ESS's clock, where its answers show it

    @property
    def now(self) -> datetime:
        """The earlier of this machine's clock and ESS's.

        Cooldowns, budgets and ages of instances go by it, so that a wrong clock ends none early.
        """
        return self.taken_at if self.cloud_time is None else min(self.taken_at, self.cloud_time)

    @property
    def latest_now(self) -> datetime:
        """The later of this machine's clock and ESS's: by it, no stale value passes for fresh."""
        return self.taken_at if self.cloud_time is None else max(self.taken_at, self.cloud_time)


class Target(NamedTuple):
    """What to remove. Exactly one of the first four is set."""

    instances: int | None = None  # so many instances
    percent: float | None = None  # so many percent of TotalCapacity
    to_capacity: int | None = None  # instances until so much capacity is in the group
    instance_ids: tuple[str, ...] | None = None  # these instances
    by_plan: bool = False  # an earlier step of this message selected the ids, not the sender

    @property
    def is_named(self) -> bool:
        """Whether it names its instances."""
        return self.instance_ids is not None


class RemoveOptions(NamedTuple):
    """Parameters of RemoveInstances besides the ids. None: not sent, so ESS's default holds."""

    remove_policy: str | None = None
    decrease_desired_capacity: bool | None = None
    stop_instance_timeout_seconds: int | None = None
    disable_lifecycle_hook: bool | None = None
    ignored_lifecycle_hook_ids: tuple[str, ...] = ()


class RemovalRequest(NamedTuple):
    """A checked request to remove instances. The same `request_id` never acts twice."""

    scaling_group_id: str
    request_id: str
    target: Target
    denies_partial: bool = False  # remove all that is requested, or nothing
    order: tuple[Order, ...] = ()  # empty: the group's own RemovalPolicies
    options: RemoveOptions = RemoveOptions()
    dry_run: bool = False
    not_after: datetime | None = None
    sent_at: datetime | None = None  # where the message or its envelopes say so
    request_reason: str = ""  # the sender's free text
    wait: bool = False  # for the activity's end, while the invocation has time
    # The request's own activities and their instances: no cooldown applies after those.
    own_ids: frozenset[str] = frozenset()
    derived_id: bool = False  # request_id is of the envelope or the alarm, not the sender's own
    observation: str = ""  # rule and resource of an alarm: a newer one supersedes it; empty: none


class RankedBy(NamedTuple):
    """What put an instance before the next candidate."""

    by: str  # the order that differs
    value: str  # of this instance


class Verdict(NamedTuple):
    """The result of a plan for one instance."""

    instance_id: str
    selected: bool
    reason: Reason
    ranked_by: RankedBy | None = None  # only of a selected instance


class Amount(NamedTuple):
    """How much is requested, in `unit`: instances or capacity."""

    value: int
    unit: str

    def cost(self, weight: int) -> int:
        """How much of the amount an instance of this weight meets."""
        return weight if self.unit == "capacity" else 1


class Shortfall(NamedTuple):
    """How much of the request is not selected, in `unit`: instances or capacity."""

    requested: int
    missing: int
    unit: str
    reason: Reason


class Limit(NamedTuple):
    """How much one guardrail allows to be removed, in `unit`: instances or capacity."""

    guardrail: Reason
    allows: int
    unit: str
    detail: str  # a sentence, with the values


class Veto(NamedTuple):
    """Why no instance at all may be removed now."""

    reason: Reason
    detail: str  # a sentence, with the values


class Plan(NamedTuple):
    """A decision, not yet carried out: one verdict for each member and each named id."""

    verdicts: tuple[Verdict, ...]
    requested: Amount
    capacity_before: int
    min_size: int
    capacity_after: int
    limits: tuple[Limit, ...] = ()
    shortfall: Shortfall | None = None
    blocked_by: Veto | None = None
    # What a requested capacity is compared with: without Removing and Stopped instances.
    counted_capacity: int = 0
    values: tuple[tuple[Reason, str], ...] = ()  # the policy's, by the reason that they decide

    @property
    def selected(self) -> tuple[str, ...]:
        """Ids of the instances to remove, in the order of removal."""
        return tuple(verdict.instance_id for verdict in self.verdicts if verdict.selected)

    @property
    def retained(self) -> tuple[Verdict, ...]:
        """Verdicts on the instances that are not to be removed."""
        return tuple(verdict for verdict in self.verdicts if not verdict.selected)


class RemovalResult(NamedTuple):
    """The end of a removal: what became of each selected instance."""

    removed: tuple[str, ...]
    not_removed: tuple[tuple[str, str], ...]  # instance id, and ESS's code or a reason
    replacement_capacity: int  # capacity that ESS creates again, or has created
    unaccounted: tuple[str, ...] = ()  # no longer members; which activity removed them is unknown
