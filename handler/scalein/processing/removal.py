"""Gathers, decides and acts for one message, and judges how its removal ended.

A removal is planned once. A call that was, or may have been, accepted binds it to its instances.
They are removed in calls of twenty at most, each with the next token of the message's sequence,
each recorded before it is made.
"""

from __future__ import annotations

from datetime import timedelta

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.guardrails import read_scope
from scalein.decision.model import Activity, Plan, ReadScope, RemovalRequest, Snapshot
from scalein.decision.planner import plan_removal
from scalein.decision.progress import CallState, Progress
from scalein.decision.reasons import Reason
from scalein.decision.result import is_running, removal_result
from scalein.errors import GatewayError, Refused, StaleSnapshot, TryLater
from scalein.processing.calls import RemovalCalls
from scalein.processing.dependencies import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.journal import Journal
from scalein.processing.unconfirmed import CallResolver
from scalein.report import wording
from scalein.report.outcome import Outcome

MAX_PLANS = 3  # the first, and two more if the group changed meanwhile
POLL_SECONDS = 2.0  # between two reads of activities whose end is awaited
# Reasons that show that a selected instance left the group, by an unknown activity.
LOST = (Reason.NOT_A_MEMBER, Reason.REMOVING, Reason.STOPPED)
# Vetoes that an own call in flight may cause, and that end by themselves.
PASSING = (Reason.ACTIVITY_IN_PROGRESS, Reason.BELOW_DESIRED)


class RemovalRun:
    """The removal of one message in one invocation. `progress` holds what was done, even if a
    method raises GatewayError.
    """

    def __init__(
        self,
        progress: Progress,
        group: GroupView,
        group_policy: GroupPolicy,
        journal: Journal,
        dependencies: Dependencies,
    ) -> None:
        self.plan: Plan | None = None  # of the first step, which plans for the whole group
        self._group = group
        self._group_policy = group_policy
        self._journal = journal
        self._dependencies = dependencies
        self._calls = RemovalCalls(progress, group, journal, dependencies.deadline)
        self._resolver = CallResolver(self._calls, group, group_policy, journal, dependencies)

    @property
    def progress(self) -> Progress:
        return self._calls.progress

    @property
    def concurrent_removal(self) -> bool:
        return self._calls.concurrent_removal

    @property
    def is_handed_over(self) -> bool:
        """Whether another run of this step goes on with the message."""
        return self._calls.is_handed_over

    def advance(self) -> Outcome:
        """Advances the removal by one step: resolve what is unconfirmed, then remove what is due,
        or look how the activities ended. Raises GatewayError.
        """
        try:
            unowned_ids = self._resolve(only=None)
            if unowned_ids:
                return wording.unconfirmed(self.progress, unowned_ids)
            if self.progress.unconfirmed_calls:
                return wording.unconfirmed_calls(self.progress)
            activities = self._ended_activities()
            if activities is None:
                return wording.removing(self.progress, self.plan)
            calls_before = len(self.progress.calls)
            if self.progress.pending or not self.progress.selected:
                self.remove_instances()
            is_over = bool(activities) and len(self.progress.calls) == calls_before
            outcome = self._outcome(activities if is_over else ())
            # Another delivery used a token: what it did may be seen already.
            unowned_ids = self._resolve(only=CallState.FOREIGN)
        except GatewayError:
            self._calls.release_selection()
            raise
        return wording.unconfirmed(self.progress, unowned_ids) if unowned_ids else outcome

    def remove_instances(self) -> None:
        """Gathers, decides, acts. Raises TryLater if the group keeps changing."""
        change: StaleSnapshot | None = None
        for _ in range(MAX_PLANS):
            scope = read_scope(self.progress.request, self._group_policy)
            snapshot = self._group.snapshot(scope)  # gather
            self._decide(snapshot)  # decide
            if not self.progress.pending:
                return
            try:
                due = self._calls.record_intent(snapshot)  # act, once that is recorded
                self._calls.make(due, snapshot)
            except StaleSnapshot as error:
                change = error
                self._group.forget()
                self._discard_plan()
            else:
                return
        sentence = f"the group keeps changing while it is read. {change}"
        raise TryLater("RemoveInstances", "Unstable", sentence)

    def wait(self) -> Outcome:
        """Waits for the end of the activities, while time is left. Raises GatewayError."""
        deadline = self._dependencies.deadline
        while True:
            activities = self._ended_activities()
            if activities is not None:
                return self._end(activities)
            if deadline.remaining_seconds() < 2 * POLL_SECONDS:
                return wording.removing(self.progress, self.plan)
            deadline.clock.sleep(POLL_SECONDS)

    def interrupted(self, error: GatewayError) -> Outcome:
        """The outcome of a step that an error ended. Nothing that was accepted before is lost."""
        if self.progress.activity_ids and isinstance(error, Refused):
            self._drop_pending(error.code)
        return wording.interrupted(self.progress, self.plan, error)

    def _decide(self, snapshot: Snapshot) -> None:
        """Selects in the first step; later gives up selected ids that may not be removed now."""
        progress, max_instances = self.progress, self._dependencies.max_instances(snapshot)
        if not progress.selected:
            plan = self._group.plan(progress.request, snapshot, self._group_policy, max_instances)
            self.plan = plan
            veto = plan.blocked_by
            is_below_desired = veto is not None and veto.reason is Reason.BELOW_DESIRED
            if is_below_desired and self._group.in_flight_ids:
                sentence = "a removal is under way that the group does not show yet."
                raise TryLater("DescribeScalingGroups", "NotSettled", sentence)
            self._calls.progress = progress._replace(selected=plan.selected)
            return
        request = progress.request_for_ids(progress.pending)
        plan = plan_removal(request, snapshot, self._group_policy, max_instances)
        if plan.blocked_by and plan.blocked_by.reason in PASSING:
            sentence = "a scaling activity is in progress."
            raise TryLater("RemoveInstances", "ScalingActivityInProgress", sentence)
        reason_by_id = {verdict.instance_id: verdict.reason for verdict in plan.retained}
        lost = tuple(id for id in progress.pending if reason_by_id.get(id) in LOST)
        self._calls.progress = progress.with_unaccounted(lost).with_given_up(
            {id: reason.value for id, reason in reason_by_id.items()}
        )

    def _discard_plan(self) -> None:
        """Lets the next plan select again, if this run selected and nothing else was done.

        The next selection has the same token, or one that no other run has, so that at most one
        of them is ever accepted.
        """
        if self.plan is not None and not self.progress.calls:
            self._calls.progress = self.progress._replace(selected=(), given_up=())

    def _drop_pending(self, reason: str) -> None:
        progress = self.progress
        self._calls.progress = progress.with_given_up(dict.fromkeys(progress.pending, reason))

    def _resolve(self, only: CallState | None) -> tuple[str, ...]:
        calls = [call for call in self.progress.unconfirmed_calls if only in (None, call.state)]
        return self._resolver.resolve(calls)

    def _ended_activities(self) -> tuple[Activity, ...] | None:
        """The activities of all accepted calls; None while one runs or ESS does not show it yet.

        Gives up the pending ids if an activity failed: nothing more is sent then.
        """
        ids = self.progress.activity_ids
        if not ids:
            return ()
        activities = self._group.gateway.activities(ids)
        if set(ids) - {activity.id for activity in activities} or is_running(activities):
            return None
        failed = (a.status.lower() for a in activities if a.status in ("Failed", "Rejected"))
        status = next(failed, None)
        if status:
            self._drop_pending(status)
        return activities

    def _outcome(self, activities: tuple[Activity, ...]) -> Outcome:
        """The outcome of this step. `activities`: those of all calls if they ended the removal."""
        progress = self.progress
        if self.is_handed_over:
            return wording.handed_over(progress)
        if progress.unconfirmed_calls:
            return wording.unconfirmed_calls(progress)
        if activities:
            return self._end(activities)
        if progress.accepted_calls:
            return wording.removing(progress, self.plan)
        if self.plan is not None and not self.plan.selected:
            return wording.planned(progress.request, self.plan)
        if progress.pending:
            sentence = "the claim or the lease expired; another invocation may have it by now."
            raise TryLater("RemoveInstances", "LeaseLost", sentence)
        return wording.not_removed(progress)

    def _end(self, activities: tuple[Activity, ...]) -> Outcome:
        """The outcome at the end, by a new snapshot with the history since the first claim."""
        clock = self._dependencies.deadline.clock
        age = clock.now() - self.progress.first_claimed_at + timedelta(minutes=1)
        scope = ReadScope(history_seconds=max(60, int(age.total_seconds())), is_last=True)
        snapshot = self._group.gateway.snapshot(self._group.scaling_group_id, scope)
        settle_seconds = self._dependencies.settle_seconds
        result = removal_result(self.progress, activities, snapshot, settle_seconds)
        if result is None:
            return wording.removing(self.progress, self.plan)
        return wording.ended(self.progress, result)._replace(plan=self.plan)


def plan_only(
    request: RemovalRequest,
    group: GroupView,
    group_policy: GroupPolicy,
    dependencies: Dependencies,
) -> Outcome:
    """The outcome of a dry run: gathers and decides, and neither records nor calls.

    The next message of the batch is planned as if the selected instances were being removed.
    """
    try:
        snapshot = group.snapshot(read_scope(request, group_policy))
    except GatewayError as error:
        return wording.failed(request, error)
    max_instances = dependencies.max_instances(snapshot)
    plan = group.plan(request, snapshot, group_policy, max_instances)
    if plan.selected:
        group.record_call(plan.selected)
    return wording.planned(request, plan)
