"""Serves the messages of one event, one after the other: the only module that knows that there can be many.

No message spoils another; no message acts twice; messages for one group never count the same headroom twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import NamedTuple

from scalein.clock import Deadline
from scalein.cloud.gateway import DryRun, Gateway, Stopped
from scalein.decision.evidence import CLOCK_SKEW
from scalein.decision.guardrails import Pause
from scalein.decision.model import Alarm, Named, Notice, RemovalRequest
from scalein.decision.progress import Progress
from scalein.decision.reasons import Ignored
from scalein.errors import GatewayError, RejectedEvent
from scalein.intake import MalformedMessage, Message, ParsedEvent, read
from scalein.intake.dialects import SignedFollowUp
from scalein.ledger.protocol import Ledger
from scalein.policy import (
    Policy,
    PolicyViolation,
    apply_policy,
    request_from_rule,
    rule_for,
    why_no_rule,
)
from scalein.processing.calls import Dependencies
from scalein.processing.group_view import GroupView
from scalein.processing.journal import FollowUps
from scalein.processing.once import Bounds, MessageProcessor, dry_run, max_instances
from scalein.processing.progress_record import verify_follow_up
from scalein.processing.removal import MAX_PER_MESSAGE
from scalein.report import wording as outcome
from scalein.report.outcome import Outcome


class Tools(NamedTuple):
    """What an invocation works with."""

    open_gateway: Callable[[], Gateway]  # the first message that needs ESS pays for its SDK
    open_ledger: Callable[[], Ledger]
    follow_ups: FollowUps | None = None
    key: str = ""  # that signs them
    settle_seconds: float = 180.0


class BatchProcessor:
    """What one invocation knows: the policy, what was read of ESS, and what was served."""

    def __init__(self, policy: Policy, tools: Tools, deadline: Deadline, dry_run: bool) -> None:
        self._policy = policy
        self._tools = tools
        self._deadline = deadline
        self._dry_run = dry_run
        self._gateway: Gateway | None = None
        self._ledger: Ledger | None = None
        self._groups: dict[str, GroupView] = {}

    def serve(self, mail: ParsedEvent) -> Iterator[Outcome]:
        """One outcome for each message, in order. Raises ConfigurationError."""
        for message in mail.messages:
            if self._deadline.remaining_seconds() > 0:
                yield self._outcome(message)
            else:
                yield outcome.out_of_time(message.idempotency_key)

    def _outcome(self, message: Message | MalformedMessage) -> Outcome:
        if isinstance(message, MalformedMessage):
            return outcome.rejected(message.idempotency_key, message.error)
        try:
            parsed = read(message)
            if isinstance(parsed, SignedFollowUp):
                return self._followed_up(verify_follow_up(parsed, self._tools.key))
        except RejectedEvent as error:
            return outcome.rejected(message.idempotency_key, error)
        if isinstance(parsed, Notice):
            return outcome.ignored(parsed.idempotency_key, parsed.why)
        if isinstance(parsed, Alarm):
            return self._alarm(parsed)
        return self._request(parsed)

    def _alarm(self, alarm: Alarm) -> Outcome:
        rule = rule_for(alarm, self._policy)
        if rule is None:
            return outcome.ignored(
                alarm.idempotency_key, Ignored.NO_RULE, why_no_rule(alarm, self._policy)
            )
        request = request_from_rule(
            rule, alarm, "" if rule.uses_alarm_group else rule.asks["scalingGroupId"]
        )
        if isinstance(request.target, Named) and not request.target.instance_ids:
            return outcome.denied(
                request,
                "$",
                "The rule takes the alarm's instances; it names none that can be read.",
            )
        if len(alarm.instance_ids) > MAX_PER_MESSAGE and isinstance(request.target, Named):
            most = f"The alarm names {len(alarm.instance_ids)} instances; a message removes {MAX_PER_MESSAGE} at most."
            return outcome.denied(request, "$", most)
        if rule.uses_alarm_group:
            return self._located(request, alarm.instance_ids)
        return self._request(request)

    def _located(self, request: RemovalRequest, instance_ids: tuple[str, ...]) -> Outcome:
        """Served in the scaling group that the instances are in."""
        groups = {id for id, group in self._groups.items() if group.has(instance_ids)}
        if not groups:
            try:
                groups = self._ess().groups_of(instance_ids)
            except GatewayError as error:
                return outcome.failed(request, error)
        if not groups:
            return outcome.in_no_group(request)
        if len(groups) > 1:
            return outcome.denied(
                request, "$", "The alarm's instances are in several scaling groups."
            )
        return self._request(request._replace(scaling_group_id=groups.pop()))

    def _request(self, asked: RemovalRequest) -> Outcome:
        request = apply_policy(asked, self._policy)
        if isinstance(request, PolicyViolation):
            return outcome.denied(asked, request.path, request.sentence)
        now = self._deadline.clock.now()
        if request.sent_at is not None and request.sent_at - now > CLOCK_SKEW:
            return outcome.from_the_future(request, request.sent_at - now)
        expiry = self._untimely(request)
        # A sender's time is never believed beyond our own clock.
        request = request._replace(sent_at=request.sent_at and min(request.sent_at, now))
        return self._served(Progress(request, now), expiry)

    def _followed_up(self, progress: Progress) -> Outcome:
        """What this function left to itself. The policy may have changed in the meantime."""
        request = progress.request
        if request.scaling_group_id not in self._policy.groups:
            if progress.calls:
                return outcome.unconfirmed(progress)
            return outcome.denied(
                request, "$.scalingGroupId", "The policy does not have this scaling group any more."
            )
        return self._served(progress, self._expired(request))

    def _expired(self, request: RemovalRequest) -> Outcome | None:
        late = request.not_after is not None and self._deadline.clock.now() > request.not_after
        return outcome.expired(request) if late else None

    def _untimely(self, request: RemovalRequest) -> Outcome | None:
        """Why a message must not begin to act; where it has begun already, it goes on all the same."""
        if request.sent_at is None:
            return self._expired(request)
        age = self._deadline.clock.now() - request.sent_at
        longest = timedelta(seconds=self._policy.max_event_age_seconds)
        return self._expired(request) or (
            outcome.too_old(request, age, longest) if age > longest else None
        )

    def _served(self, progress: Progress, expiry: Outcome | None = None) -> Outcome:
        request, tools = progress.request, self._tools
        group_policy = self._policy.groups[request.scaling_group_id]
        group = self._group(request.scaling_group_id)
        if self._dry(request.scaling_group_id) and progress.calls:
            # The dry run was switched on since: nothing more is called, and the end of what was called is said.
            group, group_policy = (
                GroupView(Stopped(self._ess()), self._deadline.clock),
                group_policy._replace(pause=Pause()),
            )
        elif self._dry(request.scaling_group_id):
            dependencies = Dependencies(
                group, self._deadline, max_instances=max_instances(tools.follow_ups)
            )
            return expiry or dry_run(progress, group_policy, dependencies)
        if self._ledger is None:
            self._ledger = tools.open_ledger()
        bounds = Bounds(tools.settle_seconds, self._policy.max_event_age_seconds)
        processor = MessageProcessor(
            group, group_policy, self._deadline, self._ledger, tools.follow_ups, bounds
        )
        return processor.process(progress, expiry)

    def _group(self, scaling_group_id: str) -> GroupView:
        if scaling_group_id not in self._groups:
            gateway = DryRun(self._ess()) if self._dry(scaling_group_id) else self._ess()
            self._groups[scaling_group_id] = GroupView(gateway, self._deadline.clock)
        return self._groups[scaling_group_id]

    def _dry(self, scaling_group_id: str) -> bool:
        return self._dry_run or self._policy.groups[scaling_group_id].dry_run

    def _ess(self) -> Gateway:
        if self._gateway is None:
            self._gateway = self._tools.open_gateway()
        return self._gateway
