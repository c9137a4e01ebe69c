"""Closed lists: statuses of an outcome, why a message is ignored, why an instance is retained.

report/texts.py has the words of each value for a person.
"""

from enum import Enum


class Status(str, Enum):
    """What became of a message."""

    REMOVING = "removing"  # ESS accepted; the scaling activity runs
    REMOVED = "removed"  # the activities ended; every selected instance is removed
    PARTLY_REMOVED = "partly-removed"  # the activities ended; some selected instances are not
    FAILED = "failed"  # the activities ended; none is removed
    UNCONFIRMED = "unconfirmed"  # the result of a call could not be learned: a person must look
    AT_TARGET = "at-target"  # the request asks for no removal: the capacity is as requested already
    BLOCKED = "blocked"  # a guardrail, MinSize or the group's state lets no instance go now
    DRY_RUN = "dry-run"  # what would be removed
    REJECTED = "rejected"  # the message is malformed or breaks its schema
    REFUSED = "refused"  # policy or ESS forbid it; the same message is refused again
    EXPIRED = "expired"  # read later than its notAfter, or older than the policy allows
    SUPERSEDED = "superseded"  # a newer alarm of the same rule and resource removed instances
    RETRY = "retry"  # may succeed if processed again
    IGNORED = "ignored"  # understood, and no reason to remove anything
    DUPLICATE = "duplicate"  # processed before; that outcome stands


class Ignored(str, Enum):
    """Why a message that was understood removes nothing."""

    RECOVERY = "recovery"  # the alarm is over
    NO_DATA = "no-data"  # the monitor has no data
    CONTRADICTION = "contradiction"  # one field says that the alarm fires, another that it is over
    STAGE = "stage"  # the event is over, will not happen, or its stage is not known
    NO_RULE = "no-rule"  # no alarm rule of the policy matches
    PER_INSTANCE = "per-instance"  # the alarm is of one instance, its rule of the whole group
    NO_SCALING_GROUP = "no-scaling-group"  # the alarm's instances are in no scaling group
    SELF_TRIGGERED = "self-triggered"  # ESS's own notice, or an event that a removal causes


class Reason(str, Enum):
    """Why an instance is selected or retained. A reason is given only if it alone suffices."""

    # Selected:
    NAMED = "named"  # the request names it
    NEXT_IN_ORDER = "next-in-order"  # it is next in the removal order
    # Retained, because of the request:
    NOT_NEEDED = "not-needed"  # instances before it in the removal order meet the request
    NOT_NAMED = "not-named"  # the request names other instances
    NOT_A_MEMBER = "not-a-member"  # the request names it, but it is not in this scaling group
    TOO_HEAVY = "too-heavy"  # its weight is more capacity than the request still asks for
    PARTIAL_DENIED = "partial-denied"  # not all can be removed, and the request denies a part
    REQUEST_LIMIT = "request-limit"  # one message removes no more, by ESS or by this function
    # Retained, because of its own state:
    PROTECTED = "protected"  # Protected
    STANDBY = "standby"  # Standby
    PENDING = "pending"  # Pending, Pending:Wait: not in service yet
    REMOVING = "removing"  # Removing, Removing:Wait: being removed already
    STOPPED = "stopped"  # Stopped: kept in economical mode
    NOT_IN_SERVICE = "not-in-service"  # a lifecycle state that this version does not know
    WEIGHT_UNKNOWN = "weight-unknown"  # a weighted group, and ESS does not report its weight
    WARMING_UP = "warming-up"  # ESS still waits for it to warm up
    TOO_YOUNG = "too-young"  # it joined later than minimumAgeSeconds ago
    NO_METRIC = "no-metric"  # no fresh value of the metric that the order uses; not zero
    # Retained, because of the scaling group:
    MIN_SIZE = "min-size"  # without it the group would fall below MinSize
    GROUP_NOT_ACTIVE = "group-not-active"  # the group is Inactive or Deleting
    SCALE_IN_SUSPENDED = "scale-in-suspended"  # the group's ScaleIn process is suspended
    UNKNOWN_REMOVAL_POLICY = "unknown-removal-policy"  # the group's removal policy is not known
    BELOW_DESIRED = "below-desired"  # less than the desired capacity: ESS would replace it
    ACTIVITY_IN_PROGRESS = "activity-in-progress"  # one beside which ESS takes no removal
    # Retained, because of the policy's guardrails:
    STOP_SWITCH = "stop-switch"  # the operator has stopped all removals, or those of the group
    PAUSED = "paused"  # the policy has paused the group
    WINDOW_CLOSED = "window-closed"  # the policy allows no removal at this time
    COOLDOWN = "cooldown"  # a removal runs, or ended a moment ago
    COOLDOWN_AFTER_SCALE_OUT = "cooldown-after-scale-out"  # instances were added a moment ago
    COOLDOWN_AFTER_FAILURE = "cooldown-after-failure"  # an activity failed a moment ago
    UNHEALTHY_GROUP = "unhealthy-group"  # too few are healthy: low load may be an outage
    FLOOR = "floor"  # without it the group would fall below the policy's floor
    MAX_PER_REQUEST = "max-per-request"  # maxRemovedPerEvent
    MAX_PERCENT_PER_REQUEST = "max-percent-per-request"  # maxRemovedPercentPerEvent
    BUDGET = "budget"  # the budget of this window of time is spent
    # Only of a shortfall:
    NO_CANDIDATES = "no-candidates"  # no further instance of the group is InService
