"""The words for a person of each reason, of each code of `notRemoved`, and of ignored messages.

Messages, the labels of the command line and the tables of docs/operations.md are made from them.
"""

from __future__ import annotations

from typing import NamedTuple

from scalein.decision.reasons import Ignored, Reason


class Text(NamedTuple):
    """`label` completes "It is ..." in a few words; `sentence` says what happened."""

    label: str
    sentence: str
    action: str = ""  # what to do


IGNORED = {
    Ignored.RECOVERY: Text("a recovery", "The alarm is over: no reason to remove instances."),
    Ignored.NO_DATA: Text(
        "without data",
        "The alarm has no data: what is not measured is no reason to remove instances.",
    ),
    Ignored.CONTRADICTION: Text(
        "contradictory",
        "The message contradicts itself: one of curLevel and eventName says that the alarm fires, "
        "the other that it is over.",
        "Use another way of this alarm rule, such as its callback.",
    ),
    Ignored.STAGE: Text(
        "in a stage that does not act",
        "The event is over, will not happen, or its stage is not known: no reason to remove "
        "instances.",
    ),
    Ignored.NO_DATA: Text(
        "without data",
        "The alarm says that its data is missing: no reason to remove instances.",
        "See why the monitor has no data.",
    ),
    Ignored.NO_RULE: Text(
        "without a rule",
        "No alarm rule of the policy matches.",
        "Add a rule to the [policy](policy.md), or stop sending the alarm here. `message` has the "
        "closest rule.",
    ),
    Ignored.PER_INSTANCE: Text(
        "of single instances",
        "The alarm is of single instances, or may be, and its rule removes an amount from the "
        "group: one idle instance does not mean that the group is idle.",
        "Alarm on a metric of the whole group (alarms.yml), or let the rule remove the alarm's own "
        'instances: `"remove": {"instanceIds": "alarm"}`.',
    ),
    Ignored.NO_SCALING_GROUP: Text(
        "of no scaling group",
        "The alarm's instances are in no scaling group of this region.",
    ),
    Ignored.SELF_TRIGGERED: Text(
        "self-triggered",
        "A notice of Auto Scaling itself, or a report of an instance's state, which each removal "
        "causes.",
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
        "Every remaining candidate weighs more than what is still to be removed.",
        "Request more.",
    ),
    Reason.PARTIAL_DENIED: Text(
        "retained, as the request denies a partial removal",
        "The request cannot be met in full, and denies a partial removal.",
        'To remove what is possible, send it without `"partial": "deny"`.',
    ),
    Reason.REQUEST_LIMIT: Text(
        "beyond the limit of one message",
        "One message removes at most 1,000 instances, or 20 in a group without desired capacity "
        "if follow-ups are off.",
        "Send a request with another `requestId` for the rest.",
    ),
    # Retained, because of the instance's state
    Reason.PROTECTED: Text(
        "Protected",
        "The instance is Protected.",
        "End its protection to remove it.",
    ),
    Reason.STANDBY: Text(
        "Standby",
        "The instance is Standby.",
        "End its standby to remove it.",
    ),
    Reason.PENDING: Text("not in service yet", "The instance is not in service yet."),
    Reason.REMOVING: Text("being removed already", "The instance is being removed already."),
    Reason.STOPPED: Text("Stopped", "The instance is Stopped, in economical mode."),
    Reason.NOT_IN_SERVICE: Text(
        "in an unknown lifecycle state",
        "The instance is in a lifecycle state that this version does not know.",
    ),
    Reason.WEIGHT_UNKNOWN: Text(
        "of unknown weight",
        "The group is weighted, and ESS does not report the instance's weight.",
        "Check the weights of the group's instance types.",
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
        "Lower MinSize to remove more.",
    ),
    Reason.GROUP_NOT_ACTIVE: Text(
        "in a group that is not Active",
        "The scaling group is Deleting, or Inactive: then enable it.",
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
        "Wait for its end.",
    ),
    # Retained, because of the policy's guardrails
    Reason.STOP_SWITCH: Text(
        "stopped by the stop switch",
        "The stop switch `SCALEIN_STOP` is on, for all groups or for this one. If it names a group "
        "that the policy lacks, it stops all, and `detail` names that group.",
        "To let it remove again, run `scalein start`, or for one group `scalein start --group ID`.",
    ),
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
        "Send a new request later.",
    ),
    Reason.COOLDOWN_AFTER_SCALE_OUT: Text(
        "in cooldown after a scale-out",
        "Instances were added less than `cooldownAfterScaleOutSeconds` ago.",
        "Send a new request later.",
    ),
    Reason.COOLDOWN_AFTER_FAILURE: Text(
        "in cooldown after a failure",
        "A scaling activity failed less than `cooldownAfterFailureSeconds` ago.",
        "Look at the failure.",
    ),
    Reason.UNHEALTHY_GROUP: Text(
        "in a group with too few healthy instances",
        "Fewer of the InService and Protected instances are healthy than `healthyQuorumPercent`. "
        "Low load during an outage is not idleness.",
        "Look at the health of the group's instances.",
    ),
    Reason.FLOOR: Text(
        "needed for the floor",
        "The policy's `floor` allows no more removals.",
        "Lower it to remove more.",
    ),
    Reason.MAX_PER_REQUEST: Text(
        "beyond maxRemovedPerEvent",
        "The policy allows no more removals by one message.",
        "Send another request, or raise `maxRemovedPerEvent`.",
    ),
    Reason.MAX_PERCENT_PER_REQUEST: Text(
        "beyond maxRemovedPercentPerEvent",
        "The policy allows no more removals by one message.",
        "Send another request, or raise `maxRemovedPercentPerEvent`.",
    ),
    Reason.BUDGET: Text(
        "beyond the budget",
        "The policy's `budget` allows no more removals in this window.",
        "Wait, or raise it.",
    ),
    # Only of a shortfall
    Reason.NO_CANDIDATES: Text(
        "not a candidate", "No further instance is InService.", "See `retained`."
    ),
}

CODES = {  # of `notRemoved`, besides ESS's codes and the reasons
    Reason.PAUSED.value: Text(
        "in a paused group, or under a dry run",
        "Also: the dry run was switched on after the removal had started.",
    ),
    "still-a-member": Text(
        "still in the group after its activity",
        "The scaling activity ended, and the instance is still in the group.",
    ),
    "failed": Text("in a failed activity", "The scaling activity failed, or ESS rejected it."),
    "rejected": Text("in a rejected activity", "The scaling activity failed, or ESS rejected it."),
    "waited-too-long": Text(
        "in a group that was busy too long", "The group was busy until the follow-ups ended."
    ),
}


def plain(text: Text) -> Text:
    """The same words without the marks that documents put around names."""
    return Text(*(part.replace("`", "") for part in text))
