"""Makes the RemoveInstances calls of one message, and records what is known of each."""

from __future__ import annotations

from datetime import datetime, timedelta

from scalein.clock import Deadline
from scalein.cloud.gateway import Removal
from scalein.decision.evidence import is_api_removal
from scalein.decision.model import Snapshot
from scalein.decision.progress import Call, CallState, Progress, client_token
from scalein.errors import (
    GatewayError,
    OutcomeUnknown,
    Refused,
    StaleSnapshot,
    TokenUsed,
    TryLater,
)
from scalein.processing.group_view import GroupView
from scalein.processing.journal import Journal


class RemovalCalls:
    """The calls of one message in one invocation. `progress` has what was done, whatever fails."""

    def __init__(
        self, progress: Progress, group: GroupView, journal: Journal, deadline: Deadline
    ) -> None:
        self.progress = progress
        self.concurrent_removal = False
        # Another run of this step scheduled the next follow-up, which goes on instead of this run.
        self.is_handed_over = False
        self._initial_progress = progress
        self._is_scheduled = False
        self._is_bound = bool(progress.selected)  # to its selection, by a recorded intent
        self._holds_lease = True
        self._group = group
        self._journal = journal
        self._deadline = deadline

    def record_intent(self, snapshot: Snapshot) -> tuple[Call, ...]:
        """Records the calls that are due and schedules the follow-up, before any call is made.

        None are due if another run of this step goes on. Raises TryLater.
        """
        self._group.raise_if_busy()
        self._group.gateway.check_removal()
        before = self.progress
        max_calls = None if _is_parallel(snapshot) else 1
        send_by = self.latest_send_time(snapshot)
        self.progress = before.with_intents(max_calls, snapshot.now, send_by)
        calls = self.progress.calls[len(before.calls) :]
        if self._journal.has_follow_ups and not self._is_scheduled:
            self.progress = self.progress.with_next_follow_up()
        try:
            self._journal.record_intent(self.progress, calls)
        except TryLater:
            self.progress = before  # nothing is called that is not recorded
            raise
        self._is_bound = True
        try:
            self._schedule_follow_up()
        except TryLater:
            self.progress = self.progress._replace(follow_ups=before.follow_ups, idle=before.idle)
            self.undo(calls, is_token_free=True)
            raise
        if not self.is_handed_over:
            return calls
        # The follow-up of the other run has the selection of that run, so this one is dropped.
        self.progress = self._initial_progress
        freed = _ids_in(calls)
        self._group.free(freed)
        self._journal.record_result(self.progress, freed=freed)
        return ()

    def make(self, calls: tuple[Call, ...], snapshot: Snapshot) -> None:
        """Makes these calls in order, and undoes the rest once one is in doubt.

        Raises GatewayError.
        """
        try:
            for number, call in enumerate(calls):
                if not self._may_make(call):
                    self.undo(calls[number:], is_token_free=True)
                    return
                self.make_one(call, snapshot)
                if _is_parallel(snapshot) and not self._journal.is_shared:
                    self.concurrent_removal = self._has_concurrent_removal(snapshot)
        except (Refused, StaleSnapshot, TryLater):
            not_made = tuple(call for call in calls if call in self.progress.unconfirmed_calls)
            self.undo(not_made, is_token_free=not self._journal.is_proof)
            raise

    def make_one(self, call: Call, snapshot: Snapshot) -> None:
        """Makes a call, and records what its answer proves.

        Raises Refused, StaleSnapshot, TryLater. After any other error the call is unconfirmed.
        """
        if not self._group.is_fresh(snapshot):
            raise StaleSnapshot("DescribeScalingInstances", "Old", "the snapshot is too old.")
        request = self.progress.request
        token = client_token(self.progress.key, call.token_number)
        removal = Removal(request.scaling_group_id, call.instance_ids, token, request.options)
        try:
            activity_id = self._group.gateway.remove(removal)
        except GatewayError as error:
            self._group.record_call(call.instance_ids, error)
            if not isinstance(error, OutcomeUnknown | TokenUsed):
                raise
            state = CallState.FOREIGN if isinstance(error, TokenUsed) else call.state
            # No further attempt follows in this invocation.
            self.record(call._replace(state=state, send_by=self._now(snapshot)))
        else:
            self._group.record_call(call.instance_ids)
            self.record(call._replace(state=CallState.ACCEPTED, activity_id=activity_id))

    def record(self, call: Call) -> None:
        """Records what is known of a call now."""
        self.progress = self.progress.with_call(call)
        self._holds_lease &= self._journal.record_result(self.progress, call)

    def undo(
        self, calls: tuple[Call, ...], is_token_free: bool, lost: tuple[str, ...] = ()
    ) -> None:
        """Undoes calls that certainly did not happen: their instances are in no call again.

        `is_token_free`: no attempt was sent with their tokens. `lost`: those of the instances that
        have left the group.
        """
        if not calls:
            return
        for call in reversed(calls):
            self.progress = self.progress.without_call(call, is_token_free)
        self.progress = self.progress.with_unaccounted(lost)
        self.release_selection()
        freed = _ids_in(calls)
        self._group.free(freed)
        self._holds_lease &= self._journal.record_result(self.progress, freed=freed)

    def release_selection(self) -> None:
        """Lets a later step select again, if no attempt of a call can have been accepted."""
        is_void = not self._is_bound or self._journal.is_proof
        if is_void and not self.progress.calls and not self.progress.unaccounted:
            self.progress = self.progress._replace(selected=(), given_up=())

    def latest_send_time(self, snapshot: Snapshot) -> datetime:
        """The latest moment at which this invocation may send a call."""
        remaining = timedelta(seconds=self._deadline.remaining_seconds())
        return self._now(snapshot) + remaining

    def _schedule_follow_up(self) -> None:
        """Schedules the follow-up, once. It comes before the calls, in case this run is killed."""
        if not self._journal.has_follow_ups or self._is_scheduled:
            return
        is_new = self._journal.schedule_follow_up(self.progress)
        self._is_scheduled = True
        self.is_handed_over = not is_new and not self._journal.is_proof

    def _may_make(self, call: Call) -> bool:
        """Whether no earlier call is in doubt, the lease is held, and no other removal runs."""
        is_first_unconfirmed = self.progress.unconfirmed_calls[:1] == (call,)
        return is_first_unconfirmed and self._holds_lease and not self.concurrent_removal

    def _has_concurrent_removal(self, snapshot: Snapshot) -> bool:
        """Whether the history shows another removal that began beside this one, without a lease."""
        known_ids = {activity.id for activity in snapshot.activities or ()}
        known_ids |= set(self.progress.activity_ids)
        return any(
            activity.ended_at is None and activity.id not in known_ids and is_api_removal(activity)
            for activity in self._group.history(snapshot.taken_at)
        )

    def _now(self, snapshot: Snapshot) -> datetime:
        """The time by the later of two clocks: this machine's and ESS's."""
        ahead = (snapshot.cloud_time or snapshot.taken_at) - snapshot.taken_at
        return self._deadline.clock.now() + max(timedelta(), ahead)


def _ids_in(calls: tuple[Call, ...]) -> tuple[str, ...]:
    return tuple(id for call in calls for id in call.instance_ids)


def _is_parallel(snapshot: Snapshot) -> bool:
    """A group with a desired capacity runs removals beside each other (ESS guide)."""
    return snapshot.group.desired_capacity is not None
