"""The only module that defines the nouns: what ESS said, what was asked, what was decided, what the caller is told.

Everything here is immutable and prints as what it is. The classes are NamedTuples because creating one at import
costs a sixth of a frozen dataclass (docs/decisions/0003-named-tuples.md). Capacity is in ESS's units: instances, or
the sum of weights in a weighted group.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

MAX_INSTANCES_PER_CALL = 20  # InstanceId.1..20 of RemoveInstances


class Order(str, Enum):
    """Departure orders, under the names ESS gives its removal policies."""

    OLDEST_INSTANCE = "OldestInstance"
    NEWEST_INSTANCE = "NewestInstance"
    OLDEST_SCALING_CONFIGURATION = "OldestScalingConfiguration"


class Reason(str, Enum):
    """Why an instance leaves or stays. A reason is only given where it alone suffices."""

    # It leaves:
    NAMED = "named"  # the request names it
    NEXT_IN_ORDER = "next-in-order"  # it comes first in the departure order
    # It stays, because of the request:
    NOT_NEEDED = "not-needed"  # the request is met by instances that leave before it
    NOT_NAMED = "not-named"  # the request names others
    NOT_A_MEMBER = "not-a-member"  # the request names it, but it is not in this scaling group
    TOO_HEAVY = "too-heavy"  # its weight is more capacity than the request still asks for
    ALL_OR_NOTHING = "all-or-nothing"  # the request cannot be met in full and wants no part of it
    CALL_LIMIT = "call-limit"  # chosen, but one RemoveInstances call takes 20 ids at most
    # It stays, because of its own state:
    PROTECTED = "protected"  # Protected
    STANDBY = "standby"  # Standby
    PENDING = "pending"  # Pending, Pending:Wait: not in service yet
    REMOVING = "removing"  # Removing, Removing:Wait: already on its way out
    STOPPED = "stopped"  # Stopped: kept in economical mode
    NOT_IN_SERVICE = "not-in-service"  # a lifecycle state this version does not know
    WEIGHT_UNKNOWN = "weight-unknown"  # a weighted group, and ESS did not say what this instance weighs
    WARMING_UP = "warming-up"  # it joined, and ESS still waits for it to warm up
    TOO_YOUNG = "too-young"  # it joined later than minimumAgeSeconds ago
    # It stays, because of the scaling group:
    MIN_SIZE = "min-size"  # without it the group would fall below MinSize
    GROUP_NOT_ACTIVE = "group-not-active"  # the group is Inactive or Deleting
    SCALE_IN_SUSPENDED = "scale-in-suspended"  # the ScaleIn process of the group is suspended
    UNKNOWN_REMOVAL_POLICY = "unknown-removal-policy"  # the group chooses by a policy that is not known here
    BELOW_DESIRED = "below-desired"  # the group has less than its desired capacity: ESS would create what leaves
    ACTIVITY_IN_PROGRESS = "activity-in-progress"  # one runs beside which ESS takes no removal
    # It stays, because of the operator's guardrails:
    PAUSED = "paused"  # the policy has paused the group
    WINDOW_CLOSED = "window-closed"  # the policy allows no removal at this time of day
    COOLDOWN = "cooldown"  # a removal runs, or ended a moment ago
    COOLDOWN_AFTER_SCALE_OUT = "cooldown-after-scale-out"  # instances were added a moment ago
    COOLDOWN_AFTER_FAILURE = "cooldown-after-failure"  # an activity failed a moment ago
    UNHEALTHY_GROUP = "unhealthy-group"  # too few are healthy: low load may be an outage
    FLOOR = "floor"  # without it the group would fall below the policy's floor
    EVENT_MAXIMUM = "event-maximum"  # one message removes no more
    BUDGET = "budget"  # the budget of this window of time is spent
    # Only of a shortfall:
    NO_CANDIDATES = "no-candidates"  # no further instance of the group is InService


class Status(str, Enum):
    """What became of the message."""

    REMOVING = "removing"  # ESS accepted the removal; the scaling activity tells how it ends
    NOTHING_TO_REMOVE = "nothing-to-remove"  # healthy, and nobody may or need leave
    DRY_RUN = "dry-run"  # what would leave
    REJECTED = "rejected"  # the event is wrong; the same bytes fail again
    REFUSED = "refused"  # the group's state, the request's own terms, or ESS forbid it
    EXPIRED = "expired"  # read later than its notAfter, or older than the policy allows
    TRY_LATER = "try-later"  # may succeed if sent again
    IGNORED = "ignored"  # understood, and no reason to remove anything
    DUPLICATE = "duplicate"  # the same message was served before; that outcome stands


class Ignored(str, Enum):
    """Why a message that was understood removes nothing."""

    RECOVERY = "recovery"  # the alarm is over, or has no data
    NO_RULE = "no-rule"  # no alarm rule of the policy matches
    OWN_ECHO = "own-echo"  # Auto Scaling's own notice, or what a removal itself brings about


class Instance(NamedTuple):
    id: str
    lifecycle_state: str
    zone_id: str = ""
    scaling_configuration: str = ""  # configuration id, or launch template and version; empty: attached
    joined_at: datetime | None = None  # when it joined the group
    weight: int | None = None  # WeightedCapacity; only of weighted groups
    healthy: bool = True  # HealthStatus
    warming_up: bool = False  # WarmupState WaitingForInstanceWarmup


class ScalingGroup(NamedTuple):
    id: str
    lifecycle_state: str
    min_size: int
    total_capacity: int
    stable_capacity: int | None = None  # InService, Protected and Standby as the group itself counts them, unweighted
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


class Snapshot(NamedTuple):
    """What ESS said of one scaling group at one moment."""

    group: ScalingGroup
    instances: tuple[Instance, ...]
    taken_at: datetime
    activities: tuple[Activity, ...] | None = None  # None: not read, for no guardrail needs them


class Count(NamedTuple):
    instances: int


class Percent(NamedTuple):
    of_total_capacity: float


class ToCapacity(NamedTuple):
    capacity: int


class Named(NamedTuple):
    instance_ids: tuple[str, ...]


Ask = Count | Percent | ToCapacity | Named


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
    ask: Ask
    all_or_nothing: bool = False
    order: tuple[Order, ...] = ()  # empty: the group's own RemovalPolicies
    options: RemoveOptions = RemoveOptions()
    dry_run: bool = False
    not_after: datetime | None = None
    sent_at: datetime | None = None  # as far as the message or its envelopes tell
    reason: str = ""


class Alarm(NamedTuple):
    """Something that a monitor noticed. What it means is for the policy to say."""

    identity: str
    facts: Mapping[str, tuple[str, ...]]  # by the names that a rule's `when` has; some things go by several names
    instance_ids: tuple[str, ...] = ()
    sent_at: datetime | None = None


class Notice(NamedTuple):
    """A message that is understood and asks for nothing."""

    identity: str
    why: Ignored


class Verdict(NamedTuple):
    """What a plan says of one instance."""

    instance_id: str
    leaves: bool
    reason: Reason


class Shortfall(NamedTuple):
    """What was asked and is not removed, in `unit`: instances or capacity."""

    asked: int
    missing: int
    unit: str
    reason: Reason


class Limit(NamedTuple):
    """The most that may leave, for one reason, in `unit`: instances or capacity."""

    reason: Reason
    allows: int
    unit: str
    because: str

    def as_json(self) -> dict[str, object]:
        return {"reason": self.reason.value, "allows": self.allows, "unit": self.unit, "because": self.because}


class Plan(NamedTuple):
    """A decision not yet carried out: one verdict for each member and each named stranger."""

    verdicts: tuple[Verdict, ...]
    capacity_before: int
    min_size: int
    capacity_after: int
    limits: tuple[Limit, ...] = ()
    because: str = ""  # of a refusal: what exactly stands in the way
    shortfall: Shortfall | None = None
    refusal: Reason | None = None  # why nobody at all may leave, where that is not simply MinSize or want of candidates

    @property
    def leaving(self) -> tuple[str, ...]:
        return tuple(verdict.instance_id for verdict in self.verdicts if verdict.leaves)

    @property
    def kept(self) -> tuple[Verdict, ...]:
        return tuple(verdict for verdict in self.verdicts if not verdict.leaves)


class Rejection(NamedTuple):
    """Where a message is wrong: JSON path, and the rule it breaks (`policy`: not the operator's will)."""

    path: str
    rule: str


class Outcome(NamedTuple):
    """What the caller is told. `plan` is absent where nothing was decided, `rejection` where nothing was wrong."""

    status: Status
    request_id: str
    message: str
    scaling_group_id: str | None = None
    plan: Plan | None = None
    scaling_activity_ids: tuple[str, ...] = ()
    rejection: Rejection | None = None
    ignored: Ignored | None = None
    reason: str = ""  # the request's own, for the audit line

    @property
    def removed(self) -> tuple[str, ...]:
        """Ids that ESS was told to remove; of a dry run, those that it would be told."""
        return self.plan.leaving if self.plan and self.status in (Status.REMOVING, Status.DRY_RUN) else ()

    def as_json(self, with_kept: bool = True) -> dict[str, Any]:
        """JSON object of docs/operations.md; every key is always there. The list of a large group can be left out."""
        plan, short = self.plan, self.plan.shortfall if self.plan else None
        return {
            "status": self.status.value,
            "scalingGroupId": self.scaling_group_id,
            "requestId": self.request_id,
            "removed": list(self.removed),
            "kept": [{"id": v.instance_id, "reason": v.reason.value} for v in plan.kept] if plan and with_kept else [],
            "keptByReason": dict(Counter(v.reason.value for v in plan.kept)) if plan else {},
            "keptOmitted": bool(plan and plan.kept and not with_kept),
            "scalingActivityIds": list(self.scaling_activity_ids),
            "capacity": plan
            and {"before": plan.capacity_before, "minSize": plan.min_size, "after": plan.capacity_after},
            "shortfall": short
            and {"asked": short.asked, "missing": short.missing, "unit": short.unit, "reason": short.reason.value},
            "limits": [limit.as_json() for limit in plan.limits] if plan else [],
            "rejection": self.rejection and {"path": self.rejection.path, "rule": self.rejection.rule},
            "ignored": self.ignored and self.ignored.value,
            "message": self.message,
        }
