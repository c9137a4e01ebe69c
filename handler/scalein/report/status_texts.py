"""The words for a person of each status, and of each way in which an invocation fails.

The tables of docs/operations.md are made from them.
"""

from __future__ import annotations

from scalein.decision.reasons import Status
from scalein.report.texts import Text

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
        "Not known: a reply was lost, an activity may be an earlier delivery's, an unknown one "
        "removed instances, or ESS does not show its end.",
        "Check the group's activities, around `sentBy` if `unconfirmed` has calls. Nothing is "
        "retried; a new `requestId` starts a new request.",
    ),
    Status.AT_TARGET: Text(
        "at its target",
        "Nothing to do: the capacity is not above what was requested.",
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
        "The policy forbids the request (`rejection.rule`: `policy`), ESS refused it, its time is "
        "more than 5 minutes ahead (`time`), or the event is of another region (`region`).",
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
        "invocation fails (not with `SCALEIN_RETRY=return`), so that the trigger delivers the "
        "event again.",
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
        "See its status.",
    ),
}
