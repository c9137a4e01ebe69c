"""The only module that defines why an instance leaves or stays: the closed list of reasons."""

from enum import Enum


class Status(str, Enum):
    """What became of the message."""

    REMOVING = "removing"  # ESS accepted the removal; the scaling activity tells how it ends
    REMOVED = "removed"  # the activity ended, and everybody chosen is gone
    PARTLY_REMOVED = "partly-removed"  # ... and some of them stay
    FAILED = "failed"  # ... and nobody is gone
    UNCONFIRMED = "unconfirmed"  # what became of a call could not be learned: a person must look
    AT_TARGET_OR_BLOCKED = "nothing-to-remove"  # healthy, and nobody may or need leave
    DRY_RUN = "dry-run"  # what would leave
    REJECTED = "rejected"  # the event is wrong; the same bytes fail again
    REFUSED = "refused"  # the group's state, the request's own terms, or ESS forbid it
    EXPIRED = "expired"  # read later than its notAfter, or older than the policy allows
    RETRY = "retry"  # may succeed if sent again
    IGNORED = "ignored"  # understood, and no reason to remove anything
    DUPLICATE = "duplicate"  # the same message was served before; that outcome stands


class Ignored(str, Enum):
    """Why a message that was understood removes nothing."""

    RECOVERY = "recovery"  # the alarm is over, or has no data
    NO_RULE = "no-rule"  # no alarm rule of the policy matches
    SELF_TRIGGERED = (
        "self-triggered"  # Auto Scaling's own notice, or what a removal itself brings about
    )


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
    PARTIAL_DENIED = "partial-denied"  # the request cannot be met in full and wants no part of it
    REQUEST_LIMIT = "request-limit"  # chosen, but one RemoveInstances call takes 20 ids at most
    # It stays, because of its own state:
    PROTECTED = "protected"  # Protected
    STANDBY = "standby"  # Standby
    PENDING = "pending"  # Pending, Pending:Wait: not in service yet
    REMOVING = "removing"  # Removing, Removing:Wait: already on its way out
    STOPPED = "stopped"  # Stopped: kept in economical mode
    NOT_IN_SERVICE = "not-in-service"  # a lifecycle state this version does not know
    WEIGHT_UNKNOWN = (
        "weight-unknown"  # a weighted group, and ESS did not say what this instance weighs
    )
    WARMING_UP = "warming-up"  # it joined, and ESS still waits for it to warm up
    TOO_YOUNG = "too-young"  # it joined later than minimumAgeSeconds ago
    NO_METRIC = "no-metric"  # the order goes by a metric of which it has no fresh value: missing is not zero
    # It stays, because of the scaling group:
    MIN_SIZE = "min-size"  # without it the group would fall below MinSize
    GROUP_NOT_ACTIVE = "group-not-active"  # the group is Inactive or Deleting
    SCALE_IN_SUSPENDED = "scale-in-suspended"  # the ScaleIn process of the group is suspended
    UNKNOWN_REMOVAL_POLICY = (
        "unknown-removal-policy"  # the group chooses by a policy that is not known here
    )
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
    MAX_PER_REQUEST = "max-per-request"  # maxRemovedPerEvent
    MAX_PERCENT_PER_REQUEST = "max-percent-per-request"  # maxRemovedPercentPerEvent
    BUDGET = "budget"  # the budget of this window of time is spent
    # Only of a shortfall:
    NO_CANDIDATES = "no-candidates"  # no further instance of the group is InService
