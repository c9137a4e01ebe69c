"""Makes the RemoveInstances calls of one message, and records what is known of each: before, and after."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from scalein.clock import Deadline
from scalein.cloud.gateway import Removal
from scalein.decision.model import MAX_INSTANCES_PER_CALL, Snapshot
from scalein.decision.progress import Call, CallState, Progress, client_token
from scalein.errors import OutcomeUnknown, StaleSnapshot, TokenUsed
from scalein.ledger.protocol import OtherMessages
from scalein.processing.group_view import GroupView, fresh
from scalein.processing.journal import Journal, NoJournal


class Dependencies(NamedTuple):
    """What processing a message stands on."""

    group: GroupView
    deadline: Deadline
    journal: Journal = NoJournal()
    read_others: Callable[[], OtherMessages] = (
        OtherMessages  # what the ledger knows of other messages
    )
    settle_seconds: float = 180.0
    max_instances: int = (
        MAX_INSTANCES_PER_CALL  # of one message, in a group that runs one removal at a time
    )
    alone: bool = True  # no other invocation acts on this group at the same time


class MessageCalls:
    """The calls of one message in one invocation. `progress` holds what was done, whatever fails."""

    def __init__(self, progress: Progress, dependencies: Dependencies) -> None:
        self.progress = progress
        self.concurrent_removal = False
        self.handed_over = False  # an earlier run of this step scheduled the next follow-up: it goes on, not this one
        self._arrived = progress
        self._scheduled = False
        self._is_bound = bool(progress.selected)  # to its selection, by a recorded intent
        self._is_dry = False
        self._holds_lease = True
        self._group = dependencies.group
        self._deadline = dependencies.deadline
        self._journal = dependencies.journal
        self._dependencies = dependencies

    def _schedule(self) -> None:
        """Before the call, so that the message is not lost where this run is killed between the two."""
        if not self._journal.follows_up or self._scheduled:
            return
        is_new = self._journal.schedule_follow_up(self.progress)
        self._scheduled = True
        self.handed_over = not is_new and not self._journal.is_proof

    def _hand_over(self, calls: tuple[Call, ...]) -> None:
        """Another run of this step made its own selection, which its follow-up carries: this one's is void."""
        freed = tuple(id for call in calls for id in call.instance_ids)
        self.progress = self._arrived
        self._group.free(freed)
        self._journal.forget_intent(self.progress, freed)

    def _may_call(self, call: Call) -> bool:
        """Not once an earlier call is in doubt, nor beside a removal that this run did not know of."""
        is_first_open = self.progress.unconfirmed_calls[:1] == (call,)
        return is_first_open and self._holds_lease and not self.concurrent_removal

    def _make(self, call: Call, snapshot: Snapshot) -> None:
        """One RemoveInstances call, and what its answer proves."""
        if not fresh(snapshot, self._deadline.clock.now()):
            raise StaleSnapshot("DescribeScalingInstances", "Old", "what was read is old by now.")
        request = self.progress.request
        token = client_token(self.progress.key, call.token_number)
        try:
            activity_id = self._group.remove(
                Removal(request.scaling_group_id, call.instance_ids, token, request.options)
            )
        except OutcomeUnknown:
            self._know(
                call._replace(send_by=self._now(snapshot))
            )  # no attempt follows in this invocation
        except TokenUsed:
            self._know(call._replace(state=CallState.FOREIGN, send_by=self._now(snapshot)))
        else:
            if activity_id is None:
                self._is_dry = True
                self.progress = self.progress.without(call, token_is_free=True)
            else:
                self._know(call._replace(state=CallState.ACCEPTED, activity_id=activity_id))

    def _know(self, call: Call) -> None:
        """Records what is known of a call now."""
        self.progress = self.progress.updated(call)
        accepted = call if call.state is CallState.ACCEPTED else None
        self._holds_lease &= self._journal.record_result(self.progress, accepted=accepted)

    def _undo(
        self, calls: tuple[Call, ...], token_is_free: bool, gone: tuple[str, ...] = ()
    ) -> None:
        """These calls certainly did not happen: their instances are free again, but for those that are gone."""
        if not calls:
            return
        for call in reversed(calls):
            self.progress = self.progress.without(call, token_is_free)
        self.progress = self.progress.losing(gone)
        self._release_selection()
        freed = tuple(id for call in calls for id in call.instance_ids)
        self._group.free(freed)
        self._holds_lease &= self._journal.record_result(self.progress, freed)

    def _release_selection(self) -> None:
        """A later step selects anew where no attempt of a call can have been accepted."""
        is_void = not self._is_bound or self._journal.is_proof
        if is_void and not self.progress.calls and not self.progress.unaccounted:
            self.progress = self.progress._replace(selected=(), given_up=())

    def _now(self, snapshot: Snapshot) -> datetime:
        """By the later of the two clocks, ours and ESS's."""
        ahead = (snapshot.cloud_time or snapshot.taken_at) - snapshot.taken_at
        return self._deadline.clock.now() + max(timedelta(), ahead)

    def _send_by(self, snapshot: Snapshot) -> datetime:
        """The latest moment at which a call of this invocation may reach ESS."""
        return self._now(snapshot) + timedelta(seconds=self._deadline.remaining_seconds())
