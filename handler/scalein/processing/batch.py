"""Processes the messages of one event, one after the other.

An error of one message does not stop the others, and messages for one group never count the same
headroom twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from scalein.cloud.gateway import DryRun
from scalein.decision.alarm import Alarm
from scalein.decision.evidence import CLOCK_SKEW
from scalein.decision.group_policy import Pause
from scalein.decision.model import RemovalRequest
from scalein.decision.progress import Progress
from scalein.decision.reasons import Ignored, Status
from scalein.errors import GatewayError, RejectedEvent
from scalein.intake.alert_list import AlertList, firing_at
from scalein.intake.dialects import SignedFollowUp, parse_message
from scalein.intake.envelopes import Message, ParsedEvent
from scalein.policy import Policy, PolicyViolation, apply_policy
from scalein.policy_rules import Match, matches_of
from scalein.processing.again import come_again, wait_until_due
from scalein.processing.alarm_requests import request_of_match
from scalein.processing.dependencies import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.once import MessageProcessor
from scalein.processing.progress_record import verify_follow_up
from scalein.processing.removal import plan_only
from scalein.report import wording
from scalein.report.outcome import Outcome, shown_ids

SCHEDULING_SECONDS = 0.1  # for each message that is left when the time is used up
# A removal; and its outcome if it must not begin any more, which one that has begun ignores.
Work = tuple[Progress, Outcome | None]


class BatchProcessor:
    """Processes all messages of one event in one invocation."""

    def __init__(self, policy: Policy, dependencies: Dependencies) -> None:
        self._policy = policy
        self._dependencies = dependencies
        self._clock = dependencies.deadline.clock
        self._views: dict[str, GroupView] = {}

    def process(self, event: ParsedEvent) -> Iterator[Outcome]:
        """Yields the outcomes of the messages, in order. Raises ConfigurationError.

        A message has one, but alerts of one notification have one for each rule that they match.
        """
        deadline = self._dependencies.deadline
        seconds_each = SCHEDULING_SECONDS if self._dependencies.schedule_follow_up else 0.0
        max_reserved_seconds = deadline.remaining_seconds() / 2
        is_late = False  # from now on, only follow-ups are scheduled
        for number, message in enumerate(event.messages, 1):
            # For the messages after this one, if there is no time to process them.
            reserved_seconds = (len(event.messages) - number) * seconds_each
            remaining_seconds = deadline.remaining_seconds()
            is_late = is_late or remaining_seconds <= min(reserved_seconds, max_reserved_seconds)
            if remaining_seconds <= 0:
                yield wording.out_of_time(message.idempotency_key)
                continue
            works, note = self._works_of(message)
            for work in works:
                is_late = is_late or deadline.remaining_seconds() <= 0
                outcome = self._outcome_of(work, is_late)
                yield outcome._replace(message=f"{outcome.message} {note}") if note else outcome

    def _outcome_of(self, work: Work | Outcome, is_late: bool) -> Outcome:
        if isinstance(work, Outcome):
            return work
        if is_late and work[1] is None:  # an expired one would come again without its age
            sentence = "The event's earlier messages used up the invocation's time."
            return self._come_again(wording.busy(work[0].request, sentence), work[0])
        return self._process(*work)

    def _process(self, progress: Progress, expiry: Outcome | None) -> Outcome:
        """The outcome of one removal, or of its plan alone if it is a dry run."""
        early = wait_until_due(progress, self._dependencies)
        if early is not None:
            return early
        outcome = self._process_now(progress, expiry)
        # Dry runs have no ledger. Where there is one, the message has its follow-up already.
        is_dry_retry = outcome.status is Status.RETRY and not outcome.ledger
        return self._come_again(outcome, progress) if is_dry_retry else outcome

    def _come_again(self, outcome: Outcome, progress: Progress) -> Outcome:
        max_wait_seconds = self._policy.max_event_age_seconds
        return come_again(outcome, progress, self._dependencies, max_wait_seconds)

    def _process_now(self, progress: Progress, expiry: Outcome | None) -> Outcome:
        request, dependencies = progress.request, self._dependencies
        stopped_by = dependencies.stop_of(request.scaling_group_id)
        group_policy = self._policy.groups[request.scaling_group_id]
        group_policy = group_policy._replace(stopped_by=stopped_by)
        view = self._view(request.scaling_group_id)
        is_group_dry = self._is_dry_run(request.scaling_group_id)
        if is_group_dry and not progress.calls:
            return expiry or plan_only(request, view, group_policy, dependencies)
        if is_group_dry:
            # The dry run was switched on after this removal began: no further call is made,
            # and the outcome of the earlier calls is still reported.
            group_policy = group_policy._replace(pause=Pause(reason="the dry run is on"))
        max_wait_seconds = self._policy.max_event_age_seconds
        processor = MessageProcessor(view, group_policy, dependencies, max_wait_seconds)
        if not request.dry_run:
            return processor.process(progress, expiry)
        # A view of its own: the messages after it are planned as if this one had not come.
        view = GroupView(request.scaling_group_id, view.gateway, self._clock)
        return (
            processor.find_duplicate(progress)
            or expiry
            or plan_only(request, view, group_policy, dependencies)
        )

    def _works_of(self, message: Message) -> tuple[Iterable[Work | Outcome], str]:
        """The removals that a message requests, or its outcome if nothing is to be done for it;
        and a sentence that all its outcomes get, or "".
        """
        try:
            parsed = parse_message(message)
            if isinstance(parsed, SignedFollowUp):
                progress = verify_follow_up(parsed, self._dependencies.follow_up_key)
                return [self._follow_up(progress)], ""
        except RejectedEvent as error:
            return [wording.rejected(message.idempotency_key, error)], ""
        if isinstance(parsed, RemovalRequest):
            return [self._admit(Progress(parsed, self._clock.now()))], ""
        if isinstance(parsed, Alarm):
            parsed = AlertList((parsed,))
        alarms = [] if isinstance(parsed, Ignored) else firing_at(self._clock.now(), parsed.alarms)
        if isinstance(parsed, Ignored) or not alarms:
            why = parsed if isinstance(parsed, Ignored) else Ignored.RECOVERY
            return [wording.ignored(message.idempotency_key, why)], ""
        matches = matches_of(alarms, self._policy.rules)
        # One after the other, so that each is gathered after the one before has acted.
        return (self._work_of_match(match, len(alarms)) for match in matches), parsed.note

    def _work_of_match(self, match: Match, alarms: int) -> Work | Outcome:
        """The removal that the policy's first matching rule requests for its alarms."""
        alarm, region_id = match.alarm, self._dependencies.region_id
        request = request_of_match(match, self._policy, region_id, alarms)
        if isinstance(request, Outcome):
            return request
        progress = Progress(request, self._clock.now())
        if request.scaling_group_id:
            return self._admit(progress)
        return self._with_group(progress._replace(group_of=alarm.instance_ids))

    def _with_group(self, progress: Progress) -> Work | Outcome:
        """The removal in the scaling group of the alarm's instances.

        The outcome if they are not in exactly one group, or the group cannot be read.
        """
        request, instance_ids = progress.request, progress.group_of
        group_ids = {id for id, view in self._views.items() if view.has_members(instance_ids)}
        if not group_ids:
            try:
                group_ids = self._dependencies.open_gateway().groups_of(instance_ids)
            except GatewayError as error:
                outcome = wording.failed(request, error)
                is_open = outcome.status is Status.RETRY
                return self._come_again(outcome, progress) if is_open else outcome
        if not group_ids:
            return wording.in_no_group(request)
        if len(group_ids) > 1:
            ids = shown_ids(sorted(group_ids))
            sentence = f"The alarm's instances are in several scaling groups: {ids}."
            return wording.denied(request, "$", sentence)
        request = request._replace(scaling_group_id=group_ids.pop())
        return self._admit(Progress(request, progress.first_claimed_at))

    def _admit(self, progress: Progress) -> Work | Outcome:
        """The removal within the policy, with its expiry; its outcome if the policy forbids it.

        Its age is that of the first delivery.
        """
        request = apply_policy(progress.request, self._policy)
        if isinstance(request, PolicyViolation):
            return wording.denied(progress.request, request.path, request.sentence)
        now, sent_at = progress.first_claimed_at, request.sent_at
        if sent_at is None:
            return Progress(request, now), self._expiry(request)
        if sent_at - now > CLOCK_SKEW:
            return wording.from_the_future(request, sent_at - now)
        age, max_age = now - sent_at, timedelta(seconds=self._policy.max_event_age_seconds)
        expiry = self._expiry(request)
        if expiry is None and age > max_age:
            expiry = wording.too_old(request, age, max_age)
        # A time that is ahead of this machine's clock counts as now.
        return Progress(request._replace(sent_at=min(sent_at, now)), now), expiry

    def _follow_up(self, progress: Progress) -> Work | Outcome:
        """The removal that a follow-up continues; its outcome if the policy now lacks its group."""
        request = progress.request
        if progress.group_of:
            return wait_until_due(progress, self._dependencies) or self._with_group(progress)
        if request.scaling_group_id in self._policy.groups:
            return progress, self._expiry(request)
        if progress.calls:
            return wording.unconfirmed(progress)
        sentence = f"Scaling group {request.scaling_group_id} is not in the policy any more."
        return wording.denied(request, "$.scalingGroupId", sentence)

    def _expiry(self, request: RemovalRequest) -> Outcome | None:
        is_late = request.not_after is not None and self._clock.now() > request.not_after
        return wording.expired(request) if is_late else None

    def _view(self, scaling_group_id: str) -> GroupView:
        if scaling_group_id not in self._views:
            gateway = self._dependencies.open_gateway()
            if self._is_dry_run(scaling_group_id):
                gateway = DryRun(gateway)
            elif self._dependencies.stop_of(scaling_group_id):
                gateway = DryRun(gateway, "Stopped", "the stop switch is on, so no call is made.")
            self._views[scaling_group_id] = GroupView(scaling_group_id, gateway, self._clock)
        return self._views[scaling_group_id]

    def _is_dry_run(self, scaling_group_id: str) -> bool:
        return self._dependencies.is_dry_run or self._policy.groups[scaling_group_id].dry_run
