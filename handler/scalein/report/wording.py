"""The only module that words what the caller is told. Pure."""

from __future__ import annotations

from datetime import timedelta

from scalein.decision.model import Plan, RemovalRequest, RemovalResult, Shortfall
from scalein.decision.progress import Progress, client_token
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.errors import GatewayError, Refused, RejectedEvent
from scalein.report.outcome import Outcome, Rejection, Unconfirmed

SENTENCES = {
    Reason.MIN_SIZE: "MinSize allows no more.",
    Reason.REQUEST_LIMIT: "One message removes no more here: send a request with another requestId for the rest.",
    Reason.TOO_HEAVY: "Every instance left weighs more than the request still asks for.",
    Reason.NO_CANDIDATES: "No further instance is InService.",
    Reason.GROUP_NOT_ACTIVE: "The scaling group is not Active: enable it, or do not ask.",
    Reason.SCALE_IN_SUSPENDED: "The ScaleIn process of the scaling group is suspended: resume it to remove instances.",
    Reason.UNKNOWN_REMOVAL_POLICY: "The group's removal policy is not known here: name an order, or instance ids.",
    Reason.PARTIAL_DENIED: "The request cannot be met in full and wants no part of it.",
    Reason.NOT_A_MEMBER: "Named instances are not in this scaling group.",
    Reason.PROTECTED: "Named instances are Protected.",
    Reason.STANDBY: "Named instances are Standby.",
    Reason.PENDING: "Named instances are not in service yet.",
    Reason.REMOVING: "Named instances are leaving already.",
    Reason.STOPPED: "Named instances are Stopped, in economical mode.",
    Reason.NOT_IN_SERVICE: "Named instances are in a lifecycle state that is not known here.",
    Reason.WEIGHT_UNKNOWN: "ESS does not say what the instances weigh.",
    Reason.WARMING_UP: "The others are still warming up.",
    Reason.TOO_YOUNG: "The others are younger than the policy's minimumAgeSeconds.",
    Reason.NO_METRIC: "The others have no fresh value of the metric that the order goes by: missing is not zero.",
    Reason.BELOW_DESIRED: "ESS would create anew what leaves.",
    Reason.ACTIVITY_IN_PROGRESS: "A scaling activity is in progress.",
    Reason.PAUSED: "The policy has paused this group.",
    Reason.WINDOW_CLOSED: "The policy allows no removal at this time.",
    Reason.COOLDOWN: "The group cools down after a removal.",
    Reason.COOLDOWN_AFTER_SCALE_OUT: "The group cools down after instances were added.",
    Reason.COOLDOWN_AFTER_FAILURE: "The group cools down after an activity failed.",
    Reason.UNHEALTHY_GROUP: "Too few are healthy: low load may be an outage.",
    Reason.FLOOR: "The policy's floor allows no more.",
    Reason.MAX_PER_REQUEST: "The policy lets one message remove no more.",
    Reason.MAX_PERCENT_PER_REQUEST: "The policy lets one message remove no larger share.",
    Reason.BUDGET: "The policy's budget for this time is spent.",
}
QUIET = (  # a guardrail that holds is no fault
    Reason.BELOW_DESIRED,
    Reason.PAUSED,
    Reason.WINDOW_CLOSED,
    Reason.COOLDOWN,
    Reason.COOLDOWN_AFTER_SCALE_OUT,
    Reason.COOLDOWN_AFTER_FAILURE,
)
REPLACED = " ESS will create as many anew: decreaseDesiredCapacity is false."
IGNORED = {
    Ignored.RECOVERY: "An alarm is over, or has no data: nothing leaves for that.",
    Ignored.SELF_TRIGGERED: "Auto Scaling's own notice, or what a removal itself brings about: never a reason for another.",
    Ignored.NO_RULE: "Nobody leaves.",
}


def planned(request: RemovalRequest, plan: Plan) -> Outcome:
    """Of a plan that is not carried out: nobody leaves, or this is a dry run."""
    if plan.selected:
        status = Status.DRY_RUN
    elif plan.blocked_by and plan.blocked_by.reason is Reason.ACTIVITY_IN_PROGRESS:
        status = Status.RETRY
    elif plan.blocked_by and plan.blocked_by.reason not in QUIET:
        status = Status.REFUSED
    else:
        status = Status.AT_TARGET_OR_BLOCKED
    replaced = plan.selected and request.options.decrease_desired_capacity is False
    return _of(request, status, _told(status, plan) + (REPLACED if replaced else ""))._replace(
        plan=plan
    )


def removing(progress: Progress, plan: Plan | None) -> Outcome:
    """ESS accepted. The plan is that of the first step, which alone has it."""
    request, told, rest = progress.request, progress.accepted_ids, len(progress.pending)
    activities = ", ".join(progress.activity_ids)
    message = f"{_number(len(told))} leaving"
    if plan is not None:
        message += (
            f" (capacity {plan.capacity_before} to {plan.capacity_after}, MinSize {plan.min_size})"
        )
    message += f". ESS accepted; scaling activity {activities} tells when it is done."
    if rest:
        message += f" {_number(rest)} more to follow, by twenty at most."
    if plan is not None and plan.shortfall:
        message += f" {_short(plan.shortfall)}"
    if request.options.decrease_desired_capacity is False:
        message += REPLACED
    found = _of(request, Status.REMOVING, message)
    return found._replace(
        plan=plan, accepted=told, pending=rest, scaling_activity_ids=progress.activity_ids
    )


def ended(progress: Progress, ending: RemovalResult) -> Outcome:
    """Of a removal whose activities are over."""
    gone, not_removed, lost = len(ending.removed), len(ending.not_removed), len(ending.unaccounted)
    if not not_removed and not lost:
        status, message = Status.REMOVED, f"{_number(gone)} removed."
    elif gone:
        status, message = Status.PARTLY_REMOVED, f"{_number(gone)} removed."
    elif lost:
        status, message = (
            Status.UNCONFIRMED,
            "No instances are known to be removed by this message.",
        )
    else:
        status, message = Status.FAILED, "No instances removed."
    if not_removed:
        message += f" {_number(not_removed)} not removed, see stayed."
    if lost:
        message += f" {_unaccounted(ending.unaccounted)}"
    if ending.replacement_capacity:
        message += f" ESS creates {ending.replacement_capacity} anew."
    found = _of(progress.request, status, message)
    return found._replace(
        result=ending, accepted=progress.accepted_ids, scaling_activity_ids=progress.activity_ids
    )


def not_removed(progress: Progress) -> Outcome:
    """Of a removal whose calls all did not happen."""
    ending = RemovalResult((), progress.given_up, 0, progress.unaccounted)
    if progress.unaccounted:
        return ended(progress, ending)
    reasons = ", ".join(dict.fromkeys(reason for _, reason in progress.given_up))
    message = (
        f"No instances removed. The selected instances may not be removed any more: {reasons}."
    )
    return _of(progress.request, Status.AT_TARGET_OR_BLOCKED, message)._replace(result=ending)


def unconfirmed_calls(progress: Progress) -> Outcome:
    """Of a removal with a call of which it is not known yet whether ESS accepted it."""
    message = (
        f"It is not known yet whether ESS accepted a call for {_number(len(_in_doubt(progress)))}. The same request "
        "sent again cannot remove twice."
    )
    return _doubt(progress, Status.RETRY, message)


def unconfirmed(progress: Progress, activity_ids: tuple[str, ...] = ()) -> Outcome:
    """Of a removal of which it could not be learned what became of it."""
    if activity_ids:
        why = (
            f"The scaling activity {', '.join(activity_ids[:5])} began after this message was sent, and may be that of "
            "an earlier delivery of it."
        )
    elif progress.unconfirmed_calls:
        why = (
            f"No answer tells whether ESS accepted a call for {_number(len(_in_doubt(progress)))}."
        )
    else:
        why = "ESS accepted, and does not show how the scaling activity ended."
    message = f"{why} Look at the scaling activities of {progress.request.scaling_group_id}."
    found = _doubt(progress, Status.UNCONFIRMED, message)
    return found._replace(
        scaling_activity_ids=tuple(dict.fromkeys((*progress.activity_ids, *activity_ids)))
    )


def _doubt(progress: Progress, status: Status, message: str) -> Outcome:
    doubts = tuple(
        Unconfirmed(client_token(progress.key, call.token_number), call.instance_ids, call.send_by)
        for call in progress.unconfirmed_calls
    )
    found = _of(progress.request, status, message)
    return found._replace(
        accepted=progress.accepted_ids,
        pending=len(progress.pending),
        scaling_activity_ids=progress.activity_ids,
        unconfirmed=doubts,
    )


def _in_doubt(progress: Progress) -> tuple[str, ...]:
    return tuple(id for call in progress.unconfirmed_calls for id in call.instance_ids)


def _unaccounted(ids: tuple[str, ...]) -> str:
    shown = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
    return f"No longer in the group, and it is not known by which scaling activity: {shown}."


def expired(request: RemovalRequest) -> Outcome:
    return _of(
        request,
        Status.EXPIRED,
        "Read later than its notAfter: nothing was looked at and nobody leaves.",
    )


def out_of_time(idempotency_key: str) -> Outcome:
    return Outcome(
        Status.RETRY,
        idempotency_key,
        "The invocation's time was up before it was this message's turn.",
    )


def too_old(request: RemovalRequest, age: timedelta, longest: timedelta) -> Outcome:
    told = f"Read {_seconds(age)} after it was sent, and the policy takes messages of {_seconds(longest)} at most."
    return _of(request, Status.EXPIRED, f"{told} Nobody leaves.")


def from_the_future(request: RemovalRequest, ahead: timedelta) -> Outcome:
    told = f"Sent {_seconds(ahead)} from now, by its own time: one of two clocks is wrong. Nobody leaves."
    return _of(request, Status.REFUSED, told)._replace(rejection=Rejection("$", "time"))


def denied(request: RemovalRequest, path: str, sentence: str) -> Outcome:
    """Of a request that goes beyond the policy."""
    return _of(request, Status.REFUSED, f"Nobody leaves. {sentence}")._replace(
        rejection=Rejection(path, "policy")
    )


def duplicate(request: RemovalRequest, first: str, activity_ids: tuple[str, ...]) -> Outcome:
    """`first`: what became of the message before."""
    told = f"The same message was served before, and its outcome ({first}) stands."
    return _of(request, Status.DUPLICATE, told)._replace(
        first=first, scaling_activity_ids=activity_ids
    )


def superseded(request: RemovalRequest) -> Outcome:
    message = (
        "No instances removed. A newer alarm of the same rule and resource removed some already."
    )
    return _of(request, Status.EXPIRED, message)


def waited_too_long(progress: Progress, seconds: float) -> Outcome:
    """Of a message that cannot wait any longer for its turn, or for what is in its way."""
    if progress.calls:
        return unconfirmed(progress)
    if progress.unaccounted:
        return not_removed(
            progress.with_given_up(dict.fromkeys(progress.pending, "waited-too-long"))
        )
    message = f"No instances removed. The message waited {seconds:.0f} s for its turn, which is longer than it may."
    return _of(progress.request, Status.EXPIRED, message)


def busy(request: RemovalRequest, why: str) -> Outcome:
    return _of(
        request,
        Status.RETRY,
        f"{why} No instances removed yet; the same request sent again may succeed.",
    )


def in_no_group(request: RemovalRequest) -> Outcome:
    told = "Nobody leaves. The alarm's instances are in no scaling group of this region."
    return _of(request, Status.AT_TARGET_OR_BLOCKED, told)


def ignored(idempotency_key: str, why: Ignored, detail: str = "") -> Outcome:
    told = " ".join(filter(None, (IGNORED[why], detail)))
    return Outcome(Status.IGNORED, idempotency_key, told, ignored=why)


def failed(request: RemovalRequest, error: GatewayError) -> Outcome:
    """Of an ESS call that did not do what it was asked."""
    if isinstance(error, Refused):
        return _of(request, Status.REFUSED, f"ESS refused, and would again: {error}")
    return _of(request, Status.RETRY, f"Nobody leaves now; send the same request again. {error}")


def interrupted(progress: Progress, plan: Plan | None, error: GatewayError) -> Outcome:
    """Of a removal that an error kept from going on; of what was accepted before, nothing is lost."""
    request = progress.request
    if progress.unconfirmed_calls:
        found = unconfirmed_calls(progress)
        return found._replace(message=f"{found.message} {error}")
    if not progress.activity_ids:
        return failed(request, error)
    found = removing(progress, plan)
    if isinstance(error, Refused):
        return found._replace(message=f"{found.message} ESS refused the rest: {error}")
    if not progress.pending:
        return found
    return found._replace(
        status=Status.RETRY, message=f"{found.message} The rest must wait. {error}"
    )


def rejected(idempotency_key: str, error: RejectedEvent) -> Outcome:
    return Outcome(
        Status.REJECTED, idempotency_key, str(error), rejection=Rejection(error.path, error.rule)
    )


def _of(request: RemovalRequest, status: Status, message: str) -> Outcome:
    return Outcome(
        status,
        request.request_id,
        message,
        request.scaling_group_id or None,
        reason=request.request_reason,
    )


def _told(status: Status, plan: Plan) -> str:
    short = f" {_short(plan.shortfall)}" if plan.shortfall else ""
    capacity = f"capacity {plan.capacity_before} to {plan.capacity_after}, MinSize {plan.min_size}"
    if status is Status.DRY_RUN:
        return f"Dry run: {_number(len(plan.selected))} would leave ({capacity}).{short}"
    if plan.blocked_by:
        denied = plan.blocked_by.reason is Reason.PARTIAL_DENIED
        return f"No instances removed. {plan.blocked_by.detail}{short if denied else ''}"
    return f"Nobody leaves.{short or ' The group already has what was asked for.'}"


def _short(short: Shortfall) -> str:
    unit = "instances" if short.unit == "instances" else "units of capacity"
    return f"Of {short.requested} {unit} asked for, {short.missing} stay. {SENTENCES[short.reason]}"


def _number(instances: int) -> str:
    return f"{instances} instance{'s' if instances != 1 else ''}"


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
