"""The words for a person of each status, reason and failure.

Messages, the labels of the command line and the tables of docs/operations.md are made from them.
"""

from __future__ import annotations

from typing import NamedTuple

from scalein.decision.reasons import Ignored, Reason, Status


class Text(NamedTuple):
    """`label` completes "It is ..." in a few words; `sentence` says what happened."""

    label: str
    sentence: str
    action: str = ""  # what to do


STATUSES = {
    Status.REMOVING: Text(
        "being removed",
        "ESS accepted the removal of `accepted`; the scaling activities run. `pending` follow.",
        "Nothing with `followUp`: a later outcome has the result. Without: check the activities.",
    ),
    Status.REMOVED: Text(
        "removed",
        "The activities ended. All selected instances are removed.",
        "Nothing. With `replacementCapacity` above 0: check the desired capacity.",
    ),
    Status.PARTLY_REMOVED: Text(
        "partly removed",
        "The activities ended. Some selected instances are `notRemoved` or `unaccounted`.",
        "Read the codes in `notRemoved`. They are not retried.",
    ),
    Status.FAILED: Text(
        "failed",
        "The activities ended. No instance is removed.",
        "Read the codes in `notRemoved`. Nothing is retried.",
    ),
    Status.UNCONFIRMED: Text(
        "unconfirmed",
        "The result of a call is not known: its reply was lost, or the history has a removal that "
        "may be an earlier delivery's.",
        "Check the group's scaling activities around `sentBy` in `unconfirmed`. Nothing is "
        "retried; a new `requestId` starts a new request.",
    ),
    Status.AT_TARGET: Text(
        "at its target",
        "Nothing to do: the capacity is already what was requested.",
        "Nothing.",
    ),
    Status.BLOCKED: Text(
        "blocked",
        "A guardrail, MinSize or the group's state allows no removal now. Nothing is retried.",
        "Read `blockedBy`, then `shortfall` and `limits`.",
    ),
    Status.DRY_RUN: Text(
        "a dry run",
        "`selected` would be removed. No call was made.",
        "To act, drop `dryRun` or `SCALEIN_DRY_RUN`.",
    ),
    Status.REJECTED: Text(
        "rejected",
        "Unknown message type or schema violation; see `rejection`.",
        "Fix the sender. The same bytes are rejected again.",
    ),
    Status.REFUSED: Text(
        "refused",
        "The policy forbids the request (`rejection.rule`: `policy`), ESS refused it, or its time "
        "is more than 5 minutes ahead (`time`).",
        "Read `message`. The same message is refused again.",
    ),
    Status.EXPIRED: Text(
        "expired",
        "The message is past its `notAfter`, older than `maxEventAgeSeconds`, or waited longer for "
        "its group.",
        "Look for the delay: a backlog, retries, a wrong clock.",
    ),
    Status.SUPERSEDED: Text(
        "superseded",
        "A newer alarm of the same rule and resource removed instances already.",
        "Nothing.",
    ),
    Status.RETRY: Text(
        "to be retried",
        "May succeed if processed again. With `followUp`, this function does so. Without, the "
        "invocation fails, so that the trigger delivers the whole event again.",
        "If it persists, read `message`. The same request never removes twice.",
    ),
    Status.IGNORED: Text(
        "ignored",
        "No reason to remove anything; see `ignored`.",
        "Nothing.",
    ),
    Status.DUPLICATE: Text(
        "a duplicate",
        "The same message was processed before; see `originalStatus`.",
        "Nothing.",
    ),
}

IGNORED = {
    Ignored.RECOVERY: Text(
        "a recovery", "The alarm is over, or has no data: no reason to remove instances."
    ),
    Ignored.NO_RULE: Text(
        "without a rule",
        "No alarm rule of the policy matches.",
        "Add a rule to the [policy](policy.md), or stop sending the alarm here. `message` has the "
        "closest rule.",
    ),
    Ignored.NO_SCALING_GROUP: Text(
        "of no scaling group",
        "The alarm's instances are in no scaling group of this region.",
    ),
    Ignored.SELF_TRIGGERED: Text(
        "self-triggered",
        "A notice of Auto Scaling itself, or an event that a removal causes.",
        "Do not send such events to this function.",
    ),
}

REASONS = {
    # Selected
    Reason.NAMED: Text("named in the request", "The request names the instance."),
    Reason.NEXT_IN_ORDER: Text(
        "next in the removal order", "The instance is next in the removal order."
    ),
    # Retained, because of the request
    Reason.NOT_NEEDED: Text(
        "not needed", "Instances before it in the removal order meet the request."
    ),
    Reason.NOT_NAMED: Text("not named in the request", "The request names other instances."),
    Reason.NOT_A_MEMBER: Text(
        "not a member of the scaling group",
        "The request names the instance, which is not a member of the scaling group.",
        "Check the instance id and the scaling group id.",
    ),
    Reason.TOO_HEAVY: Text(
        "heavier than what is requested",
        "Every remaining instance weighs more than the request still asks for.",
    ),
    Reason.PARTIAL_DENIED: Text(
        "retained, as the request denies a partial removal",
        "The request cannot be met in full, and denies a partial removal.",
        'To remove what is possible, send it without `"partial": "deny"`.',
    ),
    Reason.REQUEST_LIMIT: Text(
        "beyond the limit of one message",
        "One message removes no more: 1,000 instances, or 20 in a group without desired capacity "
        "if follow-ups are off.",
        "Send a request with another `requestId` for the rest.",
    ),
    # Retained, because of the instance's state
    Reason.PROTECTED: Text("Protected", "The instance is Protected."),
    Reason.STANDBY: Text("Standby", "The instance is Standby."),
    Reason.PENDING: Text("not in service yet", "The instance is not in service yet."),
    Reason.REMOVING: Text("being removed already", "The instance is being removed already."),
    Reason.STOPPED: Text("Stopped", "The instance is Stopped, in economical mode."),
    Reason.NOT_IN_SERVICE: Text(
        "in an unknown lifecycle state",
        "The instance is in a lifecycle state that this version does not know.",
    ),
    Reason.WEIGHT_UNKNOWN: Text(
        "of unknown weight",
        "The group is weighted, and ESS does not report what the instance weighs.",
    ),
    Reason.WARMING_UP: Text("still warming up", "ESS still waits for the instance to warm up."),
    Reason.TOO_YOUNG: Text(
        "younger than minimumAgeSeconds",
        "The instance joined later than the policy's `minimumAgeSeconds` ago, or at an unknown "
        "time.",
    ),
    Reason.NO_METRIC: Text(
        "without a fresh metric value",
        "CloudMonitor has no fresh value of the metric that the order uses. Missing is not zero.",
        "Check that the instance's agent runs.",
    ),
    # Retained, because of the scaling group
    Reason.MIN_SIZE: Text(
        "needed for MinSize",
        "MinSize allows no more removals.",
    ),
    Reason.GROUP_NOT_ACTIVE: Text(
        "in a group that is not Active",
        "The scaling group is Inactive or Deleting.",
        "Enable the scaling group.",
    ),
    Reason.SCALE_IN_SUSPENDED: Text(
        "in a group whose ScaleIn is suspended",
        "The ScaleIn process of the scaling group is suspended.",
        "Resume the ScaleIn process.",
    ),
    Reason.UNKNOWN_REMOVAL_POLICY: Text(
        "in a group of unknown removal policy",
        "The scaling group selects by a removal policy that this version does not know, such as "
        "CustomPolicy.",
        "Give an `order`, or instance ids.",
    ),
    Reason.BELOW_DESIRED: Text(
        "in a group below its desired capacity",
        "The group has less than its desired capacity: ESS would replace removed instances.",
        "Wait, or lower the desired capacity.",
    ),
    Reason.ACTIVITY_IN_PROGRESS: Text(
        "in a group with a scaling activity in progress",
        "A scaling activity runs beside which ESS takes no removal.",
    ),
    # Retained, because of the policy's guardrails
    Reason.PAUSED: Text(
        "in a group that is paused",
        "The group is paused by the policy.",
        "To resume, remove `paused` from the policy.",
    ),
    Reason.WINDOW_CLOSED: Text(
        "outside the allowed window",
        "The policy allows no removals at this time.",
        "Wait for the next window of the policy's `windows`.",
    ),
    Reason.COOLDOWN: Text(
        "in a group in cooldown",
        "A removal runs, or ended less than `cooldownSeconds` ago.",
    ),
    Reason.COOLDOWN_AFTER_SCALE_OUT: Text(
        "in cooldown after a scale-out",
        "Instances were added less than `cooldownAfterScaleOutSeconds` ago.",
    ),
    Reason.COOLDOWN_AFTER_FAILURE: Text(
        "in cooldown after a failure",
        "A scaling activity failed less than `cooldownAfterFailureSeconds` ago.",
    ),
    Reason.UNHEALTHY_GROUP: Text(
        "in a group with too few healthy instances",
        "Fewer of the InService and Protected instances are healthy than `healthyQuorumPercent`. "
        "Low load during an outage is not idleness.",
        "Look at the health of the group's instances.",
    ),
    Reason.FLOOR: Text("needed for the floor", "The policy's `floor` allows no more removals."),
    Reason.MAX_PER_REQUEST: Text(
        "beyond maxRemovedPerEvent",
        "The policy's `maxRemovedPerEvent` allows one message no more removals.",
    ),
    Reason.MAX_PERCENT_PER_REQUEST: Text(
        "beyond maxRemovedPercentPerEvent",
        "The policy's `maxRemovedPercentPerEvent` allows one message no more removals.",
    ),
    Reason.BUDGET: Text(
        "beyond the budget", "The policy's `budget` is spent. Removals by other callers count too."
    ),
    # Only of a shortfall
    Reason.NO_CANDIDATES: Text("not a candidate", "No further instance is InService."),
}

FAILURES = {  # how an invocation fails
    "ConfigurationError": Text(
        "wrongly deployed",
        "The deployment is wrong. The text has the variable, the credential, or the policy's path "
        "and rule.",
        "Fix the deployment. No event can succeed before.",
    ),
    "TryLaterError": Text(
        "to be retried",
        "An outcome is `retry` without `followUp`. The text is the response.",
        "The trigger delivers the event again.",
    ),
    "RemovalFailedError": Text(
        "failed",
        "`SCALEIN_FAILED` is `raise`, and an outcome is `failed`, `unconfirmed` or a duplicate of "
        "one. The text is the response.",
    ),
}


def plain(text: Text) -> Text:
    """The same words without the marks that documents put around names."""
    return Text(*(part.replace("`", "") for part in text))
