"""Processes one message at most once: claim, group lease, removal, saved outcome, follow-up.

Its age, its tokens and the ledger each keep a message from acting twice.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import timedelta

from scalein.decision.evidence import since_sent, unexplained_removals, unowned_removals
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.progress import Progress, furthest
from scalein.decision.reasons import Status
from scalein.errors import GatewayError, LedgerUnavailable, Refused, RejectedEvent, TryLater
from scalein.ledger.protocol import Claim, GroupLease, MessageRef
from scalein.processing.dependencies import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.journal import MAX_FOLLOW_UP_SECONDS, Journal
from scalein.processing.progress_record import parse_progress
from scalein.processing.removal import RemovalRun
from scalein.report import wording
from scalein.report.outcome import Outcome

OPEN = (Status.RETRY, Status.REMOVING)  # there is more to come
# These say that this message removed nothing.
INACTION = (Status.AT_TARGET, Status.BLOCKED, Status.REFUSED, Status.EXPIRED, Status.SUPERSEDED)
ACTED = (Status.REMOVING, Status.REMOVED, Status.PARTLY_REMOVED)


class MessageProcessor:
    """Processes one message of one scaling group in one invocation."""

    def __init__(
        self,
        group: GroupView,
        group_policy: GroupPolicy,
        dependencies: Dependencies,
        max_wait_seconds: float,
    ) -> None:
        """`max_wait_seconds`: how long a message that did nothing yet may wait for its turn."""
        self._group = group
        self._group_policy = group_policy
        self._dependencies = dependencies
        self._max_wait_seconds = max_wait_seconds
        self._ledger = dependencies.open_ledger()
        self._clock = dependencies.deadline.clock

    def process(self, arrived: Progress, expiry: Outcome | None = None) -> Outcome:
        """The outcome. `expiry`: the outcome if the removal has not begun; else it goes on."""
        message = _message_ref(arrived)
        journal = Journal(message, self._group, self._dependencies, is_first=False)
        try:
            claim = self._ledger.claim_message(message)
            recorded = _recorded_progress(claim)
            is_first = claim.first or recorded is not None
            max_age_seconds = self._max_wait_seconds
            journal = Journal(message, self._group, self._dependencies, is_first, max_age_seconds)
            progress = furthest(arrived, recorded, self._ledger.is_complete)
            outcome = self._outcome_before_lease(arrived, progress, claim, journal)
            if outcome is None:
                outcome = self._process_with_lease(progress, expiry, journal)
        except LedgerUnavailable as error:
            sentence = f"The policy stops messages without the ledger (failClosed), and {error}"
            outcome = self._held(arrived, journal, sentence)
        return outcome._replace(ledger=self._ledger.name, follow_up=journal.scheduled)

    def find_duplicate(self, progress: Progress) -> Outcome | None:
        """The outcome of a dry run if the same message was processed before, else None."""
        with suppress(LedgerUnavailable):
            message = _message_ref(progress)
            claim = self._ledger.claim_message(message)
            Journal(message, self._group, self._dependencies, is_first=False).release()
            if claim.outcome is not None:
                outcome = _duplicate(progress, claim.outcome)
                return outcome._replace(ledger=self._ledger.name)
        return None

    def _outcome_before_lease(
        self, arrived: Progress, progress: Progress, claim: Claim, journal: Journal
    ) -> Outcome | None:
        """The outcome if this invocation must not go on with the message, else None."""
        if claim.outcome is not None:
            return _duplicate(arrived, claim.outcome)
        if arrived.ended:
            journal.release()
            return wording.duplicate(arrived.request, arrived.ended, arrived.activity_ids)
        if not claim.granted:
            sentence = "Another invocation processes this very message."
            return self._held(arrived, journal, sentence)
        if arrived.follow_ups < progress.follow_ups:
            journal.release()
            return self._outdated_step(progress, journal)
        return None

    def _process_with_lease(
        self, progress: Progress, expiry: Outcome | None, journal: Journal
    ) -> Outcome:
        request = progress.request
        lease = self._ledger.acquire_lease(request.scaling_group_id, request.observation)
        if lease is None:
            journal.release()
            sentence = "Another message of this scaling group is being processed."
            return self._held(progress, journal, sentence)
        is_ended = False
        try:
            self._group.update(lease.in_flight, lease.version)
            run = RemovalRun(progress, self._group, self._group_policy, journal, self._dependencies)
            outcome = self._outcome_before_start(progress, expiry, lease)
            if outcome is None:
                try:
                    outcome = run.advance()
                except GatewayError as error:
                    outcome = self._interrupted(run, journal, error)
                outcome = outcome._replace(concurrent_removal=run.concurrent_removal)
            outcome = self._conclude(outcome, run, lease, journal)
            if outcome is not expiry:  # the same message may still come in time
                is_ended = True
                self._save(outcome, progress, journal)
        finally:
            if not is_ended:
                journal.release()
        return outcome

    def _outcome_before_start(
        self, progress: Progress, expiry: Outcome | None, lease: GroupLease
    ) -> Outcome | None:
        """The outcome if a removal without a call must not begin, else None.

        The age of a message counts from its first claim.
        """
        if progress.calls:
            return None
        request, waited = progress.request, progress.age_seconds(self._clock.now())
        if expiry is not None and not progress.unaccounted:
            return expiry
        if waited > self._max_wait_seconds:
            return wording.waited_too_long(progress, waited, self._max_wait_seconds)
        if progress.unaccounted or progress.selected or not request.observation:
            return None
        is_older = request.sent_at and lease.newest and request.sent_at < lease.newest
        return wording.superseded(request) if is_older else None

    def _interrupted(self, run: RemovalRun, journal: Journal, error: GatewayError) -> Outcome:
        age = run.progress.age_seconds(self._clock.now())
        may_have_acted = not journal.is_proof and not run.progress.calls
        is_settled = age >= self._dependencies.settle_seconds
        is_by_state = isinstance(error, Refused) and error.is_by_state
        if is_by_state and may_have_acted and not is_settled:
            sentence = (
                f"{error} The refusal proves nothing: ESS may have accepted a call of an earlier "
                "delivery of the message, which is not known yet."
            )
            return wording.busy(run.progress.request, sentence)
        return run.interrupted(error)

    def _conclude(
        self, outcome: Outcome, run: RemovalRun, lease: GroupLease, journal: Journal
    ) -> Outcome:
        """The outcome, as far as it is known for certain; with a follow-up if more is to come."""
        outcome = self._checked_inaction(outcome, run, lease, journal)
        outcome = self._claimed_end(outcome, run, journal)
        is_sent = outcome.status is Status.REMOVING and not outcome.pending
        if run.progress.request.wait and is_sent:
            try:
                outcome = run.wait()
            except GatewayError as error:
                message = f"{outcome.message} Waiting for its end: {error}"
                outcome = outcome._replace(message=message)
        return self._with_follow_up(outcome, run, journal)

    def _checked_inaction(
        self, outcome: Outcome, run: RemovalRun, lease: GroupLease, journal: Journal
    ) -> Outcome:
        """The outcome; another if it says "nothing removed" and an earlier delivery may have."""
        if outcome.status not in INACTION or journal.is_proof or run.progress.calls:
            return outcome
        request, claimed_at = run.progress.request, run.progress.first_claimed_at
        since = since_sent(request, claimed_at, timedelta(seconds=self._max_wait_seconds))
        try:
            history = self._group.history(since)
            unowned_ids = unowned_removals(history, journal.read_others().activity_ids, since)
            if unowned_ids:
                return wording.unconfirmed(run.progress, unowned_ids, outcome.message)
            if outcome.plan is not None:
                in_flight_ids = lease.in_flight | self._group.in_flight_ids
                if unexplained_removals(self._group.snapshot(), in_flight_ids, history):
                    sentence = "Instances are being removed, and no activity shows why yet."
                    return wording.busy(request, sentence)
        except Refused:
            return outcome  # the group does not exist, or may not be read: nothing was removed
        except GatewayError as error:
            return wording.failed(request, error)
        return outcome

    def _claimed_end(self, outcome: Outcome, run: RemovalRun, journal: Journal) -> Outcome:
        """The outcome, if no other run of this step went on with the message.

        An outcome says that this message removed nothing, or that instances left the group by no
        known call, only if this run can take the task id of the next follow-up: a run that went on
        has scheduled that follow-up.
        """
        has_unaccounted = outcome.result is not None and bool(outcome.result.unaccounted)
        is_planned = outcome.status in INACTION and outcome.plan is not None
        is_claim_needed = has_unaccounted or (is_planned and not journal.is_shared)
        if not is_claim_needed or journal.is_proof or not journal.has_follow_ups:
            return outcome
        request = run.progress.request
        try:
            end = run.progress.with_next_follow_up()._replace(ended=outcome.status.value)
            is_new = journal.schedule_follow_up(end)
        except TryLater as error:
            return wording.busy(request, f"Its end is not known for certain: {error}")
        if not is_new:
            return wording.handed_over(run.progress)
        journal.scheduled = None
        return outcome

    def _with_follow_up(self, outcome: Outcome, run: RemovalRun, journal: Journal) -> Outcome:
        """Schedules the follow-up, if there is more to come and none is scheduled."""
        if run.is_handed_over:
            journal.scheduled = None  # by another run of this step
            return outcome
        if outcome.status not in OPEN or journal.scheduled is not None:
            return outcome
        age = run.progress.age_seconds(self._clock.now())
        if age > MAX_FOLLOW_UP_SECONDS:
            return wording.waited_too_long(run.progress, age, MAX_FOLLOW_UP_SECONDS)
        if not journal.has_follow_ups:
            return outcome
        try:
            progress = run.progress.with_next_follow_up()
            journal.schedule_follow_up(progress, outcome.retry_after_seconds)
        except TryLater as error:
            # Not an end: this invocation fails, so that its trigger delivers the message again.
            message = f"{outcome.message} It is not followed up: {error}"
            return outcome._replace(status=Status.RETRY, message=message)
        return outcome

    def _outdated_step(self, progress: Progress, journal: Journal) -> Outcome:
        """The outcome if a later follow-up goes on. Schedules that one, in case it was not yet."""
        outcome = wording.handed_over(progress)
        try:
            journal.schedule_follow_up(progress)
        except TryLater as error:
            sentence = f"{outcome.message} That follow-up cannot be scheduled: {error}"
            return wording.busy(progress.request, sentence)
        journal.scheduled = None
        return outcome

    def _held(self, progress: Progress, journal: Journal, sentence: str) -> Outcome:
        """The outcome if another invocation holds message or group: the same step comes again."""
        waited = progress.age_seconds(self._clock.now())
        if waited > MAX_FOLLOW_UP_SECONDS:
            return wording.waited_too_long(progress, waited, MAX_FOLLOW_UP_SECONDS)
        outcome = wording.busy(progress.request, sentence)
        if journal.has_follow_ups:
            try:
                journal.schedule_same_step(progress)
            except TryLater as error:
                message = f"{outcome.message} It is not followed up: {error}"
                return outcome._replace(message=message)
        return outcome

    def _save(self, outcome: Outcome, progress: Progress, journal: Journal) -> None:
        """Saves the outcome if it is the last, and the observation if instances are removed."""
        is_followed_up = outcome.status in OPEN and journal.scheduled is not None
        is_open = outcome.status is Status.RETRY or is_followed_up
        observation = progress.request.observation if outcome.status in ACTED else ""
        if is_open or outcome.status is Status.DUPLICATE:
            journal.release(observation, progress.request.sent_at)
        else:
            journal.save_outcome(_saved_text(outcome), observation, progress.request.sent_at)


def _message_ref(progress: Progress) -> MessageRef:
    return MessageRef(progress.request.scaling_group_id, progress.key)


def _recorded_progress(claim: Claim) -> Progress | None:
    """How far an earlier invocation came; None if another version of this function wrote it."""
    try:
        return parse_progress(claim.progress) if claim.progress else None
    except RejectedEvent:
        return None


def _duplicate(progress: Progress, saved_text: str) -> Outcome:
    saved = json.loads(saved_text)
    activity_ids = tuple(saved["scalingActivityIds"])
    return wording.duplicate(progress.request, saved["status"], activity_ids)


def _saved_text(outcome: Outcome) -> str:
    """What the ledger saves of an outcome, for duplicates of the message."""
    activity_ids = outcome.scaling_activity_ids
    return json.dumps({"status": outcome.status.value, "scalingActivityIds": activity_ids})
