"""Processes one message at most once: claim, group lease, removal, saved outcome, follow-up.

Three nets keep a message from acting twice: its age (serving), its tokens (removal), and the ledger. Each holds alone.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import NamedTuple

from scalein.clock import Deadline
from scalein.cloud.gateway import DryRun
from scalein.decision.evidence import since_sent, unexplained_removals, unowned_removals
from scalein.decision.guardrails import GroupPolicy
from scalein.decision.model import MAX_INSTANCES_PER_CALL
from scalein.decision.progress import Progress, furthest
from scalein.decision.reasons import Status
from scalein.errors import (
    GatewayError,
    LedgerUnavailable,
    MalformedEvent,
    Refused,
    StateRefused,
    TryLater,
)
from scalein.ledger.protocol import Claim, Completion, GroupLease, Ledger, MessageRef
from scalein.processing.calls import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.journal import MAX_FOLLOW_UP_SECONDS, FollowUps, LedgerJournal
from scalein.processing.progress_record import progress_of
from scalein.processing.removal import MAX_PER_MESSAGE, RemovalRun
from scalein.report import wording as outcome
from scalein.report.outcome import Outcome

OPEN = (Status.RETRY, Status.REMOVING)  # there is more to come
INACTION = (
    Status.AT_TARGET_OR_BLOCKED,
    Status.REFUSED,
    Status.EXPIRED,
)  # says that this message removed nothing
ACTED = (Status.REMOVING, Status.REMOVED, Status.PARTLY_REMOVED)


class Bounds(NamedTuple):
    """What the settings and the policy say of processing."""

    settle_seconds: float = 180.0
    max_wait_seconds: float = (
        900.0  # that a message which did nothing yet waits for its turn; the policy's age limit
    )


class MessageProcessor:
    """Of one message, in one invocation. `follow_ups` is None where nothing can be followed up."""

    def __init__(
        self,
        group: GroupView,
        group_policy: GroupPolicy,
        deadline: Deadline,
        ledger: Ledger,
        follow_ups: FollowUps | None,
        bounds: Bounds,
    ) -> None:
        self._group = group
        self._group_policy = group_policy
        self._deadline = deadline
        self._ledger = ledger
        self._follow_ups = follow_ups
        self._bounds = bounds

    def process(self, progress: Progress, expiry: Outcome | None = None) -> Outcome:
        """The outcome. `untimely`: of a message that is too old to begin with."""
        message = _ref(progress)
        journal = self._journal(message, is_first=False)
        try:
            claim = self._ledger.claim_message(message)
            known = _recorded(claim)
            journal = self._journal(message, is_first=claim.first or known is not None)
            found = self._claimed(progress, expiry, claim, known, journal)
        except LedgerUnavailable as error:
            found = self._held(
                progress, journal, f"The policy stops where the ledger is gone, and {error}"
            )
        return found._replace(ledger=self._ledger.name, follow_up=journal.scheduled)

    def _journal(self, message: MessageRef, is_first: bool) -> LedgerJournal:
        return LedgerJournal(
            self._ledger,
            message,
            self._group,
            self._follow_ups,
            self._deadline,
            self._bounds.settle_seconds,
            is_first,
        )

    def _claimed(
        self,
        arrived: Progress,
        expiry: Outcome | None,
        claim: Claim,
        known: Progress | None,
        journal: LedgerJournal,
    ) -> Outcome:
        request, message = arrived.request, _ref(arrived)
        if claim.outcome is not None:
            saved = json.loads(claim.outcome)
            return outcome.duplicate(request, saved["status"], tuple(saved["scalingActivityIds"]))
        if arrived.ended:
            self._ledger.close(message, Completion())
            return outcome.duplicate(request, arrived.ended, arrived.activity_ids)
        if not claim.granted:
            return self._held(arrived, journal, "Another invocation processes this very message.")
        if request.dry_run:
            self._ledger.close(message, Completion())
            dry = Dependencies(
                GroupView(DryRun(self._group.ess), self._deadline.clock), self._deadline
            )
            return dry_run(
                arrived,
                self._group_policy,
                dry._replace(max_instances=max_instances(self._follow_ups)),
            )
        progress = furthest(arrived, known, self._ledger.complete)
        if arrived.follow_ups < progress.follow_ups:
            self._ledger.close(message, Completion())
            return self._handed_over(progress, journal)
        entry = self._ledger.acquire_lease(request.scaling_group_id, request.observation)
        if entry is None:
            self._ledger.close(message, Completion())
            return self._held(
                progress, journal, "Another message of this scaling group is being processed."
            )
        closing = Completion()
        try:
            found = self._entered(progress, expiry, entry, journal)
            if found is not expiry:  # the same message may still come in time
                closing = self._closing(found, progress, journal)
        finally:
            self._ledger.close(message, closing)
        return found

    def _handed_over(self, progress: Progress, journal: LedgerJournal) -> Outcome:
        """A later follow-up goes on with the message; it is scheduled again in case that never happened."""
        status = Status.REMOVING.value if progress.activity_ids else "a follow-up"
        found = outcome.duplicate(progress.request, status, progress.activity_ids)
        try:
            journal.schedule_follow_up(progress)
        except TryLater as error:
            return outcome.busy(
                progress.request, f"{found.message} That follow-up cannot be scheduled: {error}"
            )
        journal.scheduled = None
        return found

    def _held(self, progress: Progress, journal: LedgerJournal, why: str) -> Outcome:
        """Message or group are another invocation's now: the message comes again, by itself or by its trigger."""
        waited = (self._deadline.clock.now() - progress.first_claimed_at).total_seconds()
        if waited > MAX_FOLLOW_UP_SECONDS:
            return outcome.waited_too_long(progress, waited)
        found = outcome.busy(progress.request, why)
        if self._follow_ups is not None:
            try:
                journal.schedule_turn(progress)
            except TryLater as error:
                return found._replace(message=f"{found.message} It is not followed up: {error}")
        return found

    def _entered(
        self, progress: Progress, expiry: Outcome | None, entry: GroupLease, journal: LedgerJournal
    ) -> Outcome:
        self._group.enter(entry.in_flight, entry.version)
        found = self._not_begun(progress, expiry, entry)
        run = RemovalRun(progress, self._group_policy, self._dependencies(progress, journal))
        if found is None:
            found = self._run(run, journal)._replace(concurrent_removal=run.concurrent_removal)
        found = self._believed(found, run, entry, journal)
        found = self._told_once(found, run, journal)
        if progress.request.wait and found.status is Status.REMOVING and not found.pending:
            found = self._waited(run, found)
        return self._followed(run, found, journal)

    def _not_begun(
        self, progress: Progress, expiry: Outcome | None, entry: GroupLease
    ) -> Outcome | None:
        """Why a message that did nothing yet is not begun any more. Age is judged when it is first claimed."""
        if progress.calls:
            return None
        request, waited = progress.request, self._deadline.clock.now() - progress.first_claimed_at
        if expiry is not None and not progress.unaccounted:
            return expiry
        if waited > timedelta(seconds=self._bounds.max_wait_seconds):
            return outcome.waited_too_long(progress, waited.total_seconds())
        if progress.unaccounted:
            return None
        is_older = request.sent_at and entry.newest and request.sent_at < entry.newest
        return (
            outcome.superseded(request)
            if request.observation and is_older and not progress.selected
            else None
        )

    def _dependencies(self, progress: Progress, journal: LedgerJournal) -> Dependencies:
        return Dependencies(
            self._group,
            self._deadline,
            journal,
            lambda: self._ledger.read_others(_ref(progress)),
            self._bounds.settle_seconds,
            max_instances(self._follow_ups),
            alone=self._ledger.shared,
        )

    def _run(self, run: RemovalRun, journal: LedgerJournal) -> Outcome:
        try:
            return run.advance()
        except GatewayError as error:
            if isinstance(error, StateRefused) and self._is_doubtful(run, journal):
                why = "an earlier delivery of the message may have been accepted, which is not known yet."
                return outcome.busy(
                    run.progress.request, f"{error} This refusal proves nothing: {why}"
                )
            if run.progress.activity_ids and isinstance(error, Refused):
                pending = dict.fromkeys(run.progress.pending, error.code)
                run.progress = run.progress.giving_up(pending)
            return outcome.interrupted(run.progress, run.plan, error)

    def _is_doubtful(self, run: RemovalRun, journal: LedgerJournal) -> bool:
        """Whether another delivery may have made a call that nothing shows yet."""
        age = (self._deadline.clock.now() - run.progress.first_claimed_at).total_seconds()
        is_unknown = not journal.is_proof and not run.progress.calls
        return is_unknown and age < self._bounds.settle_seconds

    def _believed(
        self, found: Outcome, run: RemovalRun, entry: GroupLease, journal: LedgerJournal
    ) -> Outcome:
        """That a message removed nothing is only said where no earlier delivery of it may have removed something."""
        if found.status not in INACTION or journal.is_proof or run.progress.calls:
            return found
        request, first_claimed_at = run.progress.request, run.progress.first_claimed_at
        since = since_sent(
            request, first_claimed_at, timedelta(seconds=self._bounds.max_wait_seconds)
        )
        try:
            history = self._group.history(request.scaling_group_id, since)
            strangers = unowned_removals(
                history, self._ledger.read_others(_ref(run.progress)).activity_ids, since
            )
            if strangers:
                return outcome.unconfirmed(run.progress, strangers)
            if found.plan is not None:
                snapshot = self._group.snapshot(request.scaling_group_id)
                if unexplained_removals(snapshot, entry.in_flight | self._group.in_flight, history):
                    return outcome.busy(
                        request, "Instances are being removed, and no activity shows why yet."
                    )
        except Refused:
            return found  # the group is not there, or must not be read: then nothing was removed either
        except GatewayError as error:
            return outcome.failed(request, error)
        return found

    def _told_once(self, found: Outcome, run: RemovalRun, journal: LedgerJournal) -> Outcome:
        """Without a shared ledger, that this message removed nothing, or that instances are gone by
        no call of it, is only said where no other run of this step went on: that one has scheduled
        the next follow-up, so this run claims its place.
        """
        has_lost = found.result is not None and bool(found.result.unaccounted)
        is_inaction = (
            found.status in INACTION and found.plan is not None and not self._ledger.shared
        )
        if not (has_lost or is_inaction) or journal.is_proof or self._follow_ups is None:
            return found
        try:
            is_new = journal.schedule_follow_up(
                run.progress.followed()._replace(ended=found.status.value)
            )
        except TryLater as error:
            return outcome.busy(run.progress.request, f"Its end is not known for certain: {error}")
        if is_new:
            journal.scheduled = None
            return found
        return outcome.duplicate(run.progress.request, "a follow-up", run.progress.activity_ids)

    def _waited(self, run: RemovalRun, found: Outcome) -> Outcome:
        try:
            return run.wait()
        except GatewayError as error:
            return found._replace(message=f"{found.message} Waiting for its end: {error}")

    def _followed(self, run: RemovalRun, found: Outcome, journal: LedgerJournal) -> Outcome:
        """Where there is more to come and this function can be called again for it, it is."""
        if run.handed_over:
            journal.scheduled = None  # by another run of this step
            return found
        if found.status not in OPEN or journal.scheduled is not None:
            return found
        age = (self._deadline.clock.now() - run.progress.first_claimed_at).total_seconds()
        if age > MAX_FOLLOW_UP_SECONDS:
            return outcome.waited_too_long(run.progress, age)
        if self._follow_ups is None:
            return found
        try:
            journal.schedule_follow_up(run.progress.followed())
        except TryLater as error:
            # Not an end: this invocation fails, so that what called it does so again.
            message = f"{found.message} It is not followed up: {error}"
            return found._replace(status=Status.RETRY, message=message)
        return found

    def _closing(self, found: Outcome, progress: Progress, journal: LedgerJournal) -> Completion:
        """An outcome is saved once there is no more to come; an observation, once it removed something."""
        is_open = found.status is Status.RETRY or (
            found.status in OPEN and journal.scheduled is not None
        )
        saved = None if is_open or found.status is Status.DUPLICATE else _saved(found)
        observation = progress.request.observation if found.status in ACTED else ""
        return Completion(saved, observation, progress.request.sent_at)


def dry_run(progress: Progress, group_policy: GroupPolicy, dependencies: Dependencies) -> Outcome:
    """What would be removed: neither claimed nor recorded."""
    try:
        return RemovalRun(progress, group_policy, dependencies).advance()
    except GatewayError as error:
        return outcome.failed(progress.request, error)


def max_instances(follow_ups: FollowUps | None) -> int:
    """Instances of one message, in a group that runs one removal at a time."""
    return MAX_PER_MESSAGE if follow_ups else MAX_INSTANCES_PER_CALL


def _ref(progress: Progress) -> MessageRef:
    return MessageRef(progress.request.scaling_group_id, progress.key)


def _recorded(claim: Claim) -> Progress | None:
    """How far an earlier invocation came; None where another version of this function wrote it."""
    try:
        return progress_of(claim.progress) if claim.progress else None
    except MalformedEvent:
        return None


def _saved(found: Outcome) -> str:
    """What a duplicate is answered."""
    return json.dumps(
        {"status": found.status.value, "scalingActivityIds": found.scaling_activity_ids}
    )
