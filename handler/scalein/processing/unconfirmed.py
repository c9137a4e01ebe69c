"""Learns what became of a call whose answer was lost.

The ledger or the history shows it, or the same call made again. If none does until the settle time
has passed, the call was not accepted.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from scalein.decision.capacity import REMOVING_STATES
from scalein.decision.evidence import activity_of, is_settled, since_sent, unowned_removals
from scalein.decision.group_policy import GroupPolicy
from scalein.decision.guardrails import read_scope
from scalein.decision.model import Snapshot
from scalein.decision.planner import plan_removal
from scalein.decision.progress import Call, CallState
from scalein.errors import Refused, StaleSnapshot, TryLater
from scalein.processing.calls import RemovalCalls
from scalein.processing.dependencies import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.journal import Journal


class CallResolver:
    """Resolves the unconfirmed calls of one message. Raises GatewayError."""

    def __init__(
        self,
        calls: RemovalCalls,
        group: GroupView,
        group_policy: GroupPolicy,
        journal: Journal,
        dependencies: Dependencies,
    ) -> None:
        self._calls = calls
        self._group = group
        self._group_policy = group_policy
        self._journal = journal
        self._dependencies = dependencies

    def resolve(self, calls: Iterable[Call]) -> tuple[str, ...]:
        """Records what became of the calls, as far as it can be learned now.

        Returns activities that may be an earlier delivery's, if any: then a person must look, for
        nothing more can be learned.
        """
        for call in calls:
            unowned_ids = self._resolve_one(call)
            if unowned_ids:
                return unowned_ids
        return ()

    def _resolve_one(self, call: Call) -> tuple[str, ...]:
        progress = self._calls.progress
        others = self._journal.read_others()
        self._group.forget()
        # The record that they are in flight may have expired: then another message may have
        # selected these instances.
        own_ids = frozenset(call.instance_ids) - others.in_flight
        scope = read_scope(progress.request, self._group_policy)
        snapshot = self._group.snapshot(scope, own_ids)
        known_ids = others.activity_ids.union(progress.activity_ids)
        since = since_sent(progress.request, progress.first_claimed_at)
        # Read after the snapshot, so that it is settled if the snapshot is.
        history = self._group.history(since)
        unowned_ids = unowned_removals(history, known_ids, since)
        settled = is_settled(call, snapshot.now, self._dependencies.settle_seconds)
        if call.state is CallState.FOREIGN:
            if settled and not unowned_ids:
                self._calls.undo((call,), is_token_free=False)
            return unowned_ids
        activity = activity_of(call, history, known_ids, self._dependencies.settle_seconds)
        if activity is not None and self._journal.is_complete:
            accepted = call._replace(state=CallState.ACCEPTED, activity_id=activity.id)
            self._calls.record(accepted)
            return ()
        return self._call_again(call, snapshot, settled, unowned_ids)

    def _call_again(
        self,
        call: Call,
        snapshot: Snapshot,
        settled: bool,
        unowned_ids: tuple[str, ...],
    ) -> tuple[str, ...]:
        """Makes the call again, with its token and instances, if that cannot do harm.

        Returns activities that may be an earlier delivery's, as `resolve` does.
        """
        member_ids = {instance.id for instance in snapshot.instances}
        if not member_ids.issuperset(call.instance_ids):
            if self._learn_by_repetition(call, snapshot) or not settled:
                return ()
            return self._give_back(call, snapshot, unowned_ids)
        if self._is_allowed(call, snapshot):
            return self._repeat(call, snapshot, settled, unowned_ids)
        return self._give_back(call, snapshot, unowned_ids) if settled else ()

    def _is_allowed(self, call: Call, snapshot: Snapshot) -> bool:
        """Whether the guardrails allow exactly the instances of the call, counted once."""
        request = self._calls.progress.request_for_ids(call.instance_ids)
        request = request._replace(own_ids=request.own_ids - frozenset(call.instance_ids))
        max_instances = self._dependencies.max_instances(snapshot)
        plan = plan_removal(request, snapshot, self._group_policy, max_instances)
        return set(plan.selected) == set(call.instance_ids)

    def _give_back(
        self, call: Call, snapshot: Snapshot, unowned_ids: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Undoes a call after its settle time: it was not accepted.

        If an unowned removal may be its activity, returns that and undoes nothing.
        """
        if unowned_ids:
            return unowned_ids  # no other token is used beside such a removal
        remaining_ids = {
            instance.id
            for instance in snapshot.instances
            if instance.lifecycle_state not in REMOVING_STATES
        }
        lost = tuple(id for id in call.instance_ids if id not in remaining_ids)
        self._calls.undo((call,), is_token_free=False, lost=lost)
        return ()

    def _learn_by_repetition(self, call: Call, snapshot: Snapshot) -> bool:
        """Makes the call again though one of its instances is not a member any more.

        ESS cannot carry the call out now, so it can only answer what it did the first time.
        Returns whether that is known now.
        """
        with suppress(Refused, StaleSnapshot, TryLater):
            self._calls.make_one(call, snapshot)
        known = next(
            one for one in self._calls.progress.calls if one.token_number == call.token_number
        )
        if known.state is CallState.UNCONFIRMED:
            self._calls.progress = self._calls.progress.with_call(call)
        return known.state is not CallState.UNCONFIRMED

    def _repeat(
        self, call: Call, snapshot: Snapshot, settled: bool, unowned_ids: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Makes the call again. ESS answers with the first activity, or acts for the first time.

        Returns activities that may be this call's if ESS refuses it, as `resolve` does.
        """
        send_by = max(call.send_by, self._calls.latest_send_time(snapshot))
        attempt = call._replace(send_by=send_by)
        self._calls.progress = self._calls.progress.with_call(attempt)
        self._journal.record_intent(self._calls.progress, (attempt,))
        try:
            self._calls.make_one(attempt, snapshot)
        except (Refused, StaleSnapshot, TryLater) as error:
            if settled and not unowned_ids:  # neither an earlier attempt was accepted, nor this one
                self._calls.undo((attempt,), is_token_free=not self._journal.is_proof)
                raise
            # An earlier attempt that was accepted may be why ESS refuses: this proves nothing. An
            # activity that failed may list no instances, which are in service again.
            self._calls.record(call)
            if settled and isinstance(error, Refused):
                return unowned_ids
        return ()
