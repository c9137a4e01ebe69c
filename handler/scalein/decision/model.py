"""The only module that defines the nouns: what ESS said, what was asked, what was decided, what the caller is told.

All are NamedTuples (docs/decisions/0003-named-tuples.md). Capacity: instances, or weights in a weighted group.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from scalein.decision.reasons import Ignored, Reason

MAX_INSTANCES_PER_CALL = 20  # InstanceId.1..20 of RemoveInstances


class Order(str, Enum):
    """Departure orders; the first three are ESS's removal policies, under its names."""

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
    id: str
    lifecycle_state: str
    zone_id: str = ""
    scaling_configuration: str = (
        ""  # configuration id, or launch template and version; empty: attached
    )
    joined_at: datetime | None = None  # when it joined the group
    weight: int | None = None  # WeightedCapacity; only of weighted groups
    healthy: bool = True  # HealthStatus
    warming_up: bool = False  # WarmupState WaitingForInstanceWarmup
    spot: bool = False  # SpotStrategy
    attached: bool = False  # CreationType other than AutoCreated


class ScalingGroup(NamedTuple):
    id: str
    lifecycle_state: str
    min_size: int
    total_capacity: int
    stable_capacity: int | None = (
        None  # InService, Protected and Standby as the group itself counts them, unweighted
    )
    weighted: bool = False
    removal_policies: tuple[str, ...] = ()
    multi_az_policy: str = "PRIORITY"
    suspended_processes: tuple[str, ...] = ()
    desired_capacity: int | None = None  # None: the group has none


class Activity(NamedTuple):
    """A scaling activity. ESS tells its times to the minute; `ended_at` is the last moment of that minute."""

    id: str
    status: str  # InProgress, Successful, Warning, Failed, Rejected
    started_at: datetime
    ended_at: datetime | None  # None: it runs
    added: int = 0  # instances
    removed: int = 0
    trigger: str = ""  # TriggerSourceType
    removed_ids: frozenset[str] = frozenset()  # as far as it lists them
    added_ids: frozenset[str] = frozenset()  # as far as it lists them
    failures: tuple[
        tuple[str, str], ...
    ] = ()  # instance id, and ESS's code for why it could not leave


class Metric(NamedTuple):
    """A CloudMonitor metric of instances, and how old its newest value may be."""

    namespace: str = "acs_ecs_dashboard"
    name: str = "CPUUtilization"
    statistic: str = "Average"
    period_seconds: int = 60
    stale_after_periods: int = 5
    instances_per_call: int = 100


class Sample(NamedTuple):
    value: float
    taken_at: datetime


class ReadScope(NamedTuple):
    """What has to be read besides the group and its instances."""

    history_seconds: int = 0  # the activities so far back
    metric: Metric | None = None


class Snapshot(NamedTuple):
    """What ESS said of one scaling group at one moment, and CloudMonitor of its instances."""

    group: ScalingGroup
    instances: tuple[Instance, ...]
    taken_at: datetime
    activities: tuple[Activity, ...] | None = None  # None: not read, for no guardrail needs them
    samples: Mapping[str, Sample] | None = (
        None  # by instance id; None: not read, for no order needs them
    )
    cloud_time: datetime | None = None  # by ESS's own clock, where its answers say; None: unknown

    @property
    def now(self) -> datetime:
        """What cooldowns, budgets and ages of instances go by: the earlier of two clocks, so that none ends early."""
        return self.taken_at if self.cloud_time is None else min(self.taken_at, self.cloud_time)


class Count(NamedTuple):
    instances: int


class Percent(NamedTuple):
    of_total_capacity: float


class ToCapacity(NamedTuple):
    capacity: int


class Named(NamedTuple):
    instance_ids: tuple[str, ...]
    by_plan: bool = False  # by an earlier step, and not by the sender


Target = Count | Percent | ToCapacity | Named


class RemoveOptions(NamedTuple):
    """What RemoveInstances takes besides ids. None: not sent, so ESS's own default holds."""

    remove_policy: str | None = None
    decrease_desired_capacity: bool | None = None
    stop_instance_timeout_seconds: int | None = None
    disable_lifecycle_hook: bool | None = None
    ignored_lifecycle_hook_ids: tuple[str, ...] = ()


class RemovalRequest(NamedTuple):
    """One message, checked. `request_id` is its identity: the same id never acts twice."""

    scaling_group_id: str
    request_id: str
    target: Target
    denies_partial: bool = False
    order: tuple[Order, ...] = ()  # empty: the group's own RemovalPolicies
    options: RemoveOptions = RemoveOptions()
    dry_run: bool = False
    not_after: datetime | None = None
    sent_at: datetime | None = None  # as far as the message or its envelopes tell
    reason: str = ""
    wait: bool = False  # for the activity's end, while the invocation has time
    own_ids: frozenset[str] = (
        frozenset()
    )  # its own activities, and whom they take: no cooldown after those
    derived_id: bool = (
        False  # request_id names the envelope or the alarm; it is not the sender's own requestId
    )
    observation: str = ""  # of an alarm: what it observes (rule and resource); a newer one supersedes it. "": a command


class Alarm(NamedTuple):
    """Something that a monitor noticed. What it means is for the policy to say."""

    idempotency_key: str
    attributes: Mapping[
        str, tuple[str, ...]
    ]  # by the names that a rule's `when` has; some things go by several names
    instance_ids: tuple[str, ...] = ()
    sent_at: datetime | None = None
    observation: str = (
        ""  # names what is observed, which later alarms observe again. "": a fact of its own
    )


class Notice(NamedTuple):
    """A message that is understood and asks for nothing."""

    idempotency_key: str
    why: Ignored


class RankedBy(NamedTuple):
    """What put an instance before the next."""

    by: str  # the order that differs
    value: str  # for this instance


class Verdict(NamedTuple):
    """What a plan says of one instance."""

    instance_id: str
    selected: bool
    reason: Reason
    ranked_by: RankedBy | None = None  # of one that leaves


class Amount(NamedTuple):
    """How much is asked, in `unit`: instances, or capacity where the request speaks of capacity."""

    value: int
    unit: str

    def cost(self, weight: int) -> int:
        return weight if self.unit == "capacity" else 1


class Shortfall(NamedTuple):
    """What was asked and is not removed, in `unit`: instances or capacity."""

    requested: int
    missing: int
    unit: str
    reason: Reason


class Limit(NamedTuple):
    """The most that may leave, for one reason, in `unit`: instances or capacity."""

    reason: Reason
    allows: int
    unit: str
    detail: str


class Plan(NamedTuple):
    """A decision not yet carried out: one verdict for each member and each named stranger."""

    verdicts: tuple[Verdict, ...]
    requested: Amount
    capacity_before: int
    min_size: int
    capacity_after: int
    limits: tuple[Limit, ...] = ()
    detail: str = ""  # of a refusal: what exactly stands in the way
    shortfall: Shortfall | None = None
    refusal: Reason | None = (
        None  # why nobody at all may leave, where that is not simply MinSize or want of candidates
    )

    @property
    def selected(self) -> tuple[str, ...]:
        return tuple(verdict.instance_id for verdict in self.verdicts if verdict.selected)

    @property
    def retained(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.selected)


class RemovalResult(NamedTuple):
    """What became of everybody who was chosen."""

    removed: tuple[str, ...]
    not_removed: tuple[tuple[str, str], ...]  # instance id, and why: ESS's code, or a reason
    replacement_capacity: int  # capacity that ESS creates anew, or has created
    unaccounted: tuple[str, ...] = ()  # no longer members, by which activity is not known
