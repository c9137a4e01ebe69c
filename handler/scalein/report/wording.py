"""Makes the outcome of a message, with a sentence for a person: what happened, why, what to do.

Pure. `texts` and `explanations` are imported late: a rejected event never loads them.
"""

from __future__ import annotations

from datetime import timedelta

from scalein.decision.model import Plan, RemovalRequest, RemovalResult
from scalein.decision.progress import Progress, client_token
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.errors import GatewayError, Refused, RejectedEvent, service_of
from scalein.report.outcome import (
    AGAIN,
    Outcome,
    activities_run,
    activities_text,
    amount_text,
    seconds_text,
    shown_ids,
    uncapitalized,
)


def planned(request: RemovalRequest, plan: Plan) -> Outcome:
    """The outcome of a plan without a call: a dry run, or no instance is selected."""
    from scalein.report.explanations import why_none, would_remove

    if plan.selected:
        outcome = _of(request, Status.DRY_RUN, would_remove(request, plan))
        return outcome._replace(plan=plan, selected=plan.selected)
    if plan.blocked_by and plan.blocked_by.reason is Reason.ACTIVITY_IN_PROGRESS:
        status = Status.RETRY
    elif plan.requested.value == 0 and plan.blocked_by is None:
        status = Status.AT_TARGET
    else:
        status = Status.BLOCKED
    return _of(request, status, why_none(request, plan))._replace(plan=plan)


def removing(progress: Progress, plan: Plan | None) -> Outcome:
    """The outcome of accepted calls. `plan` is None after the first step of the message."""
    from scalein.report.explanations import capacity_text, replacement_text, shortfall_text

    request = progress.request
    capacity = f" ({capacity_text(plan)})" if plan else ""
    follow = f"{len(progress.pending)} more follow, in calls of at most 20."
    sentences = (
        f"{_count(len(progress.accepted_ids))} accepted for removal{capacity}.",
        activities_run(progress.activity_ids),
        follow if progress.pending else "",
        shortfall_text(request, plan) if plan else "",
        replacement_text(request),
    )
    message = " ".join(filter(None, sentences))
    return _of_progress(progress, Status.REMOVING, message)._replace(plan=plan)


def ended(progress: Progress, result: RemovalResult) -> Outcome:
    """The outcome of a removal whose scaling activities ended."""
    from scalein.report.explanations import not_removed_text

    status = _end_status(result)
    sentences = [f"{_count(len(result.removed))} removed."]
    if status is Status.UNCONFIRMED:
        sentences = ["No instances are known to be removed by this message."]
    elif not result.removed:
        sentences = ["No instances removed."]
    if result.not_removed:
        sentences.append(not_removed_text(result))
    if result.unaccounted:
        ids = shown_ids(result.unaccounted)
        sentences.append(f"No longer in the group, by an unknown scaling activity: {ids}.")
    if result.replacement_capacity:
        sentences.append(f"ESS creates replacements of capacity {result.replacement_capacity}.")
    if status is Status.UNCONFIRMED:
        sentences.append(_check_activities(progress))
    return _of_progress(progress, status, " ".join(sentences))._replace(result=result, pending=())


def not_removed(progress: Progress) -> Outcome:
    """The outcome of a removal without any accepted call."""
    from scalein.report.explanations import not_removed_text

    result = RemovalResult((), progress.given_up, 0, progress.unaccounted)
    if progress.unaccounted:
        return ended(progress, result)
    message = f"No instances removed. {not_removed_text(result)}"
    return _of_progress(progress, Status.BLOCKED, message)._replace(result=result)


def unconfirmed_calls(progress: Progress) -> Outcome:
    """The outcome while it is not known yet whether ESS accepted a call."""
    message = (
        f"It is not known yet whether ESS accepted a call for {_unconfirmed_count(progress)}. "
        f"{AGAIN}"
    )
    return _of_progress(progress, Status.RETRY, message)


def unconfirmed(
    progress: Progress, activity_ids: tuple[str, ...] = (), this_delivery: str = ""
) -> Outcome:
    """The outcome of a call whose result could not be learned in time: a person must check.
    `this_delivery`: a sentence that says why this one removes nothing, such as the stop switch.
    """
    if activity_ids:
        verb = "starts" if len(activity_ids) == 1 else "start"
        why = (
            f"{activities_text(activity_ids)} {verb} after this message was sent, and may be an "
            "earlier delivery's."
        )
    elif progress.unconfirmed_calls:
        why = f"No reply says whether ESS accepted a call for {_unconfirmed_count(progress)}."
    else:
        why = "ESS accepted the removal, but does not show how its scaling activity ended."
    also = f" This delivery: {uncapitalized(this_delivery)}" if this_delivery else ""
    message = f"{why} {_check_activities(progress)}{also}"
    known = dict.fromkeys((*progress.activity_ids, *activity_ids))
    return _of_progress(progress, Status.UNCONFIRMED, message)._replace(
        scaling_activity_ids=tuple(known)
    )


def interrupted(progress: Progress, plan: Plan | None, error: GatewayError) -> Outcome:
    """The outcome of a removal that an error stopped; what was accepted before stands."""
    if progress.unconfirmed_calls:
        outcome = unconfirmed_calls(progress)
        message = f"{outcome.message} {error}"
        return outcome._replace(message=message, retry_after_seconds=error.retry_after_seconds)
    if not progress.activity_ids:
        return failed(progress.request, error)
    outcome = removing(progress, plan)
    if isinstance(error, Refused):
        service = service_of(error.action)
        return outcome._replace(message=f"{outcome.message} {service} refused the others: {error}")
    if not progress.pending:
        return outcome
    message = f"{outcome.message} The others cannot be sent now. {error}"
    return outcome._replace(
        status=Status.RETRY, message=message, retry_after_seconds=error.retry_after_seconds
    )


def failed(request: RemovalRequest, error: GatewayError) -> Outcome:
    """The outcome of an ESS call that failed before anything was removed."""
    if isinstance(error, Refused):
        message = f"No instances removed: {service_of(error.action)} refused the request. {error}"
        return _of(request, Status.REFUSED, message)
    outcome = _of(request, Status.RETRY, f"No instances removed. {error} {AGAIN}")
    return outcome._replace(retry_after_seconds=error.retry_after_seconds)


def busy(request: RemovalRequest, why: str) -> Outcome:
    """The outcome of a message that cannot be processed now. `why`: a sentence."""
    return _of(request, Status.RETRY, f"No instances removed. {why} {AGAIN}")


def out_of_time(idempotency_key: str) -> Outcome:
    """The outcome of a message that the invocation had no time for."""
    message = "Not processed: the invocation's time was over. Retry the same event."
    return Outcome(Status.RETRY, idempotency_key, message)


def expired(request: RemovalRequest) -> Outcome:
    """The outcome of a message that is read after its `notAfter`."""
    until = f" ({request.not_after:%Y-%m-%d %H:%M:%S} UTC)" if request.not_after else ""
    message = f"No instances removed: the message was read after its notAfter{until}."
    return _of(request, Status.EXPIRED, message)


def too_old(request: RemovalRequest, age: timedelta, max_age: timedelta) -> Outcome:
    """The outcome of a message that is older than the policy's `maxEventAgeSeconds`."""
    message = (
        f"No instances removed: the message was read {seconds_text(age)} after it was sent; the "
        f"policy allows {seconds_text(max_age)} (maxEventAgeSeconds)."
    )
    return _of(request, Status.EXPIRED, message)


def waited_too_long(progress: Progress, seconds: float, max_seconds: float) -> Outcome:
    """The outcome of a message that may not wait longer for its group, or for a result."""
    if progress.calls:
        return unconfirmed(progress)
    if progress.unaccounted:
        return not_removed(
            progress.with_given_up(dict.fromkeys(progress.pending, "waited-too-long"))
        )
    message = (
        f"No instances removed: the message waited {seconds:.0f} s for its scaling group; "
        f"the limit is {max_seconds:.0f} s."
    )
    return _of(progress.request, Status.EXPIRED, message)


def superseded(request: RemovalRequest) -> Outcome:
    """The outcome of an alarm after a newer one that removed instances."""
    message = "No instances removed: a newer alarm of the same rule and resource removed some."
    return _of(request, Status.SUPERSEDED, message)


def from_the_future(request: RemovalRequest, ahead: timedelta) -> Outcome:
    """The outcome of a message whose time is ahead of this function's clock."""
    message = (
        f"No instances removed: the message says that it was sent {seconds_text(ahead)} from now. "
        "Check the sender's clock."
    )
    return _of(request, Status.REFUSED, message)._replace(rejection=("$", "time"))


def denied(request: RemovalRequest, path: str, sentence: str, rule: str = "policy") -> Outcome:
    """The outcome of a request that the policy, or another rule, forbids. `sentence`: why."""
    message = f"Refused: {uncapitalized(sentence)}"
    return _of(request, Status.REFUSED, message)._replace(rejection=(path, rule))


def duplicate(
    request: RemovalRequest, original_status: str, activity_ids: tuple[str, ...]
) -> Outcome:
    """The outcome of a message that was processed before, with this status."""
    message = f"The same message was processed before; its status is {original_status}."
    return _of(request, Status.DUPLICATE, message)._replace(
        original_status=original_status, scaling_activity_ids=activity_ids
    )


def handed_over(progress: Progress) -> Outcome:
    """The outcome of a delivery while a follow-up of another one processes the same message."""
    status = Status.REMOVING if progress.activity_ids else Status.RETRY
    return duplicate(progress.request, status.value, progress.activity_ids)._replace(
        message="A follow-up of an earlier delivery processes the same message."
    )


def ignored(idempotency_key: str, why: Ignored, detail: str = "") -> Outcome:
    """The outcome of a message that is no reason to remove anything."""
    from scalein.report.texts import IGNORED, plain

    text = plain(IGNORED[why])
    message = detail or f"{text.sentence} {text.action}".rstrip()
    return Outcome(Status.IGNORED, idempotency_key, message, ignored=why)


def in_no_group(request: RemovalRequest) -> Outcome:
    """The outcome of an alarm whose instances are in no scaling group."""
    outcome = ignored(request.request_id, Ignored.NO_SCALING_GROUP)
    return outcome._replace(request_reason=request.request_reason)


def rejected(idempotency_key: str, error: RejectedEvent) -> Outcome:
    """The outcome of a malformed message."""
    rejection = (error.path, error.rule)
    return Outcome(Status.REJECTED, idempotency_key, str(error), rejection=rejection)


def _of(request: RemovalRequest, status: Status, message: str) -> Outcome:
    return Outcome(
        status,
        request.request_id,
        message,
        request.scaling_group_id or None,
        request_reason=request.request_reason,
    )


def _of_progress(progress: Progress, status: Status, message: str) -> Outcome:
    """An outcome with the ids and calls of the message so far."""
    calls = tuple(
        (client_token(progress.key, call.token_number), call) for call in progress.unconfirmed_calls
    )
    return _of(progress.request, status, message)._replace(
        selected=progress.selected,
        accepted=progress.accepted_ids,
        pending=progress.pending,
        scaling_activity_ids=progress.activity_ids,
        unconfirmed=calls,
    )


def _end_status(result: RemovalResult) -> Status:
    if not result.not_removed and not result.unaccounted:
        return Status.REMOVED
    if result.removed:
        return Status.PARTLY_REMOVED
    return Status.UNCONFIRMED if result.unaccounted else Status.FAILED


def _check_activities(progress: Progress) -> str:
    group_id = progress.request.scaling_group_id
    return f"Check the scaling activities of {group_id}; nothing is retried."


def _unconfirmed_count(progress: Progress) -> str:
    return _count(sum(len(call.instance_ids) for call in progress.unconfirmed_calls))


def _count(instances: int) -> str:
    return amount_text(instances, "instances")
