"""Gather, decide, act, for one message; and how it ended. What was done so far is its progress.

A removal is planned once, and a call that was, or may have been, accepted binds it to its instances. They are removed
in calls of twenty at most, each with the next token of the message's sequence, each recorded before it is made. A call
whose answer was lost is unconfirmed: the ledger, the history or the same call again tell what became of it, or the
settle time.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta

from scalein.decision.capacity import LEAVING_STATES
from scalein.decision.evidence import (
    activity_of,
    is_api_removal,
    is_settled,
    since_sent,
    unowned_removals,
)
from scalein.decision.guardrails import GroupPolicy, read_scope
from scalein.decision.model import Activity, Plan, ReadScope, Snapshot
from scalein.decision.planner import plan_removal
from scalein.decision.progress import Call, CallState, Progress
from scalein.decision.reasons import Reason
from scalein.decision.result import ended, is_running
from scalein.errors import GatewayError, Refused, StaleSnapshot, TryLater
from scalein.processing.calls import Dependencies, MessageCalls
from scalein.report import wording as outcome
from scalein.report.outcome import Outcome

MAX_PER_MESSAGE = 1_000  # instances; as many as ESS takes in one activity
MAX_PLANS = 3  # the first, and two more where the group changed under it
LOOK_SECONDS = 2.0  # between two looks at an activity that is waited for
GONE = (Reason.NOT_A_MEMBER, Reason.REMOVING, Reason.STOPPED)  # by what is not known
PASSING = (
    Reason.ACTIVITY_IN_PROGRESS,
    Reason.BELOW_DESIRED,
)  # once something is in flight, these end by themselves


class RemovalRun(MessageCalls):
    """One message in one invocation. Its methods raise GatewayError; `progress` holds what was done even then."""

    def __init__(
        self, progress: Progress, group_policy: GroupPolicy, dependencies: Dependencies
    ) -> None:
        super().__init__(progress, dependencies)
        self.plan: Plan | None = None  # of the first step, which alone has one for the whole group
        self._group_policy = group_policy

    def advance(self) -> Outcome:
        """Advances the removal by one step: resolve a doubt, plan and call, or look at the activities."""
        try:
            return self._advance()
        except GatewayError:
            self._release_selection()
            raise

    def _advance(self) -> Outcome:
        strangers = self._resolve_all(self.progress.unconfirmed_calls)
        if strangers:
            return outcome.unconfirmed(self.progress, strangers)
        if self.progress.unconfirmed_calls:
            return outcome.unconfirmed_calls(self.progress)
        found = self._go_on() if self.progress.selected else self._begin()
        # Another delivery used a token: what it did may be seen already.
        strangers = self._resolve_all(
            c for c in self.progress.unconfirmed_calls if c.state is CallState.FOREIGN
        )
        return outcome.unconfirmed(self.progress, strangers) if strangers else found

    def _begin(self) -> Outcome:
        self._remove()
        return self._outcome_so_far()

    def _resolve_all(self, calls: Iterable[Call]) -> tuple[str, ...]:
        return next(filter(None, (self._resolve(call) for call in calls)), ())

    def wait(self) -> Outcome:
        """For the end, while there is time."""
        while True:
            activities = self._activities()
            if activities is not None:
                return self._ended(activities)
            if self._deadline.remaining_seconds() < 2 * LOOK_SECONDS:
                return self._removing()
            self._deadline.clock.sleep(LOOK_SECONDS)

    def _outcome_so_far(self) -> Outcome:
        if self.handed_over:
            return outcome.duplicate(
                self.progress.request, "a follow-up", self.progress.activity_ids
            )
        if self.progress.unconfirmed_calls:
            return outcome.unconfirmed_calls(self.progress)
        if self.progress.accepted:
            return self._removing()
        if self.plan is not None and (self._is_dry or not self.plan.selected):
            return outcome.planned(self.progress.request, self.plan)
        if self.progress.pending:
            raise TryLater(
                "RemoveInstances", "LeaseLost", "another invocation may process the message by now."
            )
        return outcome.not_removed(self.progress)

    def _go_on(self) -> Outcome:
        """With what is pending, once the calls before are over; not where one of them failed altogether."""
        activities = self._activities() if self.progress.accepted else ()
        if activities is None:
            return self._removing()
        wrong = next(
            (a.status.lower() for a in activities if a.status in ("Failed", "Rejected")), None
        )
        if wrong:
            self.progress = self.progress.giving_up(dict.fromkeys(self.progress.pending, wrong))
        before = len(self.progress.calls)
        if self.progress.pending:
            self._remove()
        if self.handed_over or self.progress.unconfirmed_calls or len(self.progress.calls) > before:
            return self._outcome_so_far()
        return self._ended(activities) if activities else self._outcome_so_far()

    def _activities(self) -> tuple[Activity, ...] | None:
        """Of all accepted calls; None while one runs or is not shown: what a reply lacks is not over."""
        ids = self.progress.activity_ids
        activities = self._group.activities(ids)
        if set(ids) - {activity.id for activity in activities} or is_running(activities):
            return None
        return activities

    # Decide and act

    def _remove(self) -> None:
        """Makes the calls that are due now. Raises TryLater where the group never stands still."""
        change: StaleSnapshot | None = None
        for _ in range(MAX_PLANS):
            snapshot = self._decide()
            if not self.progress.pending:
                return
            try:
                self._call_pending(snapshot)
            except StaleSnapshot as error:
                change = error
                self._group.forget()
                if self.plan is not None and not self.progress.calls:
                    # Selected in this run, refused, and nothing else done: the next selection has the same token, or
                    # one that no other run has, so that at most one of them is ever accepted.
                    self.progress = self.progress._replace(selected=(), given_up=())
            else:
                return
        raise TryLater(
            "RemoveInstances", "Unstable", f"the group keeps changing while it is read. {change}"
        )

    def _decide(self) -> Snapshot:
        """Selects, the first time; then checks anew which of the selected may be removed now."""
        request = self.progress.request
        snapshot = self._group.snapshot(
            request.scaling_group_id, read_scope(request, self._group_policy)
        )
        if not self.progress.selected:
            self.plan = self._group.decide(
                request, snapshot, self._group_policy, self._most(snapshot)
            )
            if self.plan.refusal is Reason.BELOW_DESIRED and self._group.in_flight:
                raise TryLater(
                    "DescribeScalingGroups",
                    "NotSettled",
                    "a removal is under way, and not shown yet.",
                )
            self.progress = self.progress._replace(selected=self.plan.selected)
            return snapshot
        again = self.progress.request_for_ids(self.progress.pending)
        plan = plan_removal(again, snapshot, self._group_policy, self._most(snapshot))
        if plan.refusal in PASSING:
            raise TryLater(
                "RemoveInstances", "ScalingActivityInProgress", "a scaling activity is in progress."
            )
        reason_by_id = {verdict.instance_id: verdict.reason for verdict in plan.retained}
        gone = tuple(id for id in self.progress.pending if reason_by_id.get(id) in GONE)
        self.progress = self.progress.losing(gone).giving_up(
            {id: reason.value for id, reason in reason_by_id.items()}
        )
        return snapshot

    def _call_pending(self, snapshot: Snapshot) -> None:
        """Intent, follow-up, call, result: in this order, so that whoever finds the rest knows of the call."""
        self._group.raise_if_busy()
        parallel = (
            snapshot.group.desired_capacity is not None
        )  # such a group runs removals beside each other
        before = self.progress
        self.progress = before.intending(
            None if parallel else 1, snapshot.now, self._send_by(snapshot)
        )
        calls = self.progress.calls[len(before.calls) :]
        if self._journal.follows_up and not self._scheduled:
            self.progress = self.progress.followed()
        try:
            self._journal.record_intent(self.progress, calls)
        except TryLater:
            self.progress = before  # nothing is called that is not recorded
            raise
        self._is_bound = True
        try:
            self._schedule()
        except TryLater:
            self.progress = self.progress._replace(follow_ups=before.follow_ups, idle=before.idle)
            self._undo(calls, token_is_free=True)
            raise
        if self.handed_over:
            self._hand_over(calls)
            return
        try:
            for number, call in enumerate(calls):
                if not self._may_call(call):
                    self._undo(calls[number:], token_is_free=True)
                    return
                self._make(call, snapshot)
                if parallel and not self._dependencies.alone:
                    self.concurrent_removal = self._is_concurrent(snapshot)
        except (Refused, StaleSnapshot, TryLater):
            unmade = tuple(call for call in calls if call in self.progress.unconfirmed_calls)
            self._undo(unmade, token_is_free=not self._journal.is_proof)
            raise

    # Doubt

    def _resolve(self, call: Call) -> tuple[str, ...]:
        """What became of a call whose answer was lost, as far as it can be learned now.

        Gives removals that may be an earlier delivery's: then a person must look, for nothing more can be learned.
        """
        others = self._dependencies.read_others()
        ids = frozenset(call.instance_ids)
        self._group.forget()
        needed = read_scope(self.progress.request, self._group_policy)
        # An own reservation ends, and then another message may have selected these instances.
        snapshot = self._group.snapshot(self._group_id, needed, own=ids - others.in_flight)
        known = others.activity_ids.union(self.progress.activity_ids)
        since = since_sent(self.progress.request, self.progress.first_claimed_at)
        history = self._group.history(
            self._group_id, since
        )  # begun after the snapshot: settled if that is
        strangers = unowned_removals(history, known, since)
        settled = is_settled(call, snapshot.now, self._dependencies.settle_seconds)
        if call.state is CallState.FOREIGN:
            if settled and not strangers:
                self._undo((call,), token_is_free=False)
            return strangers
        found = activity_of(call, history, known, self._dependencies.settle_seconds)
        if found is not None and self._journal.is_complete:
            self._know(call._replace(state=CallState.ACCEPTED, activity_id=found.id))
            return ()
        if not ids <= {instance.id for instance in snapshot.instances}:
            if self._ask_again(call, snapshot) or not settled:
                return ()
            return self._give_back(call, snapshot, strangers)
        if self._allows(call, snapshot):
            self._repeat(call, snapshot, settled)
            return ()
        return self._give_back(call, snapshot, strangers) if settled else ()

    def _allows(self, call: Call, snapshot: Snapshot) -> bool:
        """Whether all instances of the call are there and the guardrails allow exactly these, counted once."""
        request = self.progress.request_for_ids(call.instance_ids)
        request = request._replace(own_ids=request.own_ids - frozenset(call.instance_ids))
        plan = plan_removal(request, snapshot, self._group_policy, self._most(snapshot))
        return set(plan.selected) == set(call.instance_ids)

    def _give_back(
        self, call: Call, snapshot: Snapshot, strangers: tuple[str, ...]
    ) -> tuple[str, ...]:
        """After the settle time: the call was not accepted, or a removal that nobody owns may be it."""
        if strangers:
            return strangers  # no other token is used beside such a removal
        members = {i.id for i in snapshot.instances if i.lifecycle_state not in LEAVING_STATES}
        self._undo(
            (call,),
            token_is_free=False,
            gone=tuple(id for id in call.instance_ids if id not in members),
        )
        return ()

    def _ask_again(self, call: Call, snapshot: Snapshot) -> bool:
        """Makes the same call again where an instance of it is gone: ESS cannot carry it out now,
        so that it can only answer what it did the first time. Gives whether that is known now.
        """
        with suppress(Refused, StaleSnapshot, TryLater):
            self._make(call, snapshot)
        known = next(one for one in self.progress.calls if one.token_number == call.token_number)
        if known.state is CallState.UNCONFIRMED:
            self.progress = self.progress.updated(call)
        return known.state is not CallState.UNCONFIRMED

    def _repeat(self, call: Call, snapshot: Snapshot, settled: bool) -> None:
        """Makes the same call: same token, same instances. ESS answers with the first activity, or
        acts for the first time.
        """
        attempt = call._replace(send_by=max(call.send_by, self._send_by(snapshot)))
        self.progress = self.progress.updated(attempt)
        self._journal.record_intent(self.progress, (attempt,))
        try:
            self._make(attempt, snapshot)
        except (Refused, StaleSnapshot, TryLater):
            if settled:  # no earlier attempt was accepted, and neither was this one
                self._undo((attempt,), not self._journal.is_proof)
                raise
            self._know(call)  # this may be the echo of an earlier attempt: it proves nothing

    # Read

    def _is_concurrent(self, snapshot: Snapshot) -> bool:
        """Whether another removal began beside this one: where no lease keeps others out, only the history says."""
        history = self._group.history(self._group_id, snapshot.taken_at)
        known = {activity.id for activity in snapshot.activities or ()} | set(
            self.progress.activity_ids
        )
        return any(a.ended_at is None and a.id not in known and is_api_removal(a) for a in history)

    def _removing(self) -> Outcome:
        return outcome.removing(self.progress, self.plan)

    def _ended(self, activities: tuple[Activity, ...]) -> Outcome:
        """Against a new snapshot, with what happened since."""
        age = self._deadline.clock.now() - self.progress.first_claimed_at + timedelta(minutes=1)
        wanted = ReadScope(max(60, int(age.total_seconds())))
        snapshot = self._group.ess.snapshot(self._group_id, wanted)
        result = ended(self.progress, activities, snapshot, self._dependencies.settle_seconds)
        return outcome.ended(self.progress, result) if result else self._removing()

    @property
    def _group_id(self) -> str:
        return self.progress.request.scaling_group_id

    def _most(self, snapshot: Snapshot) -> int:
        parallel = snapshot.group.desired_capacity is not None
        return MAX_PER_MESSAGE if parallel else self._dependencies.max_instances
