"""What the policy requests for an alarm: a removal request, or the outcome if it is nothing."""

from __future__ import annotations

from scalein.decision.alarm import Alarm
from scalein.decision.model import RemovalRequest
from scalein.decision.reasons import Ignored
from scalein.policy import Policy
from scalein.policy_rules import (
    Match,
    may_apply,
    request_from_rule,
    rule_for,
    why_another_region,
    why_exact,
    why_no_rule,
    why_not_of_group,
)
from scalein.processing.dependencies import MAX_PER_MESSAGE
from scalein.report import wording
from scalein.report.outcome import Outcome


def request_of_alarm(alarm: Alarm, policy: Policy, region_id: str = "") -> RemovalRequest | Outcome:
    """What the policy's first matching rule requests for the alarm; the outcome if it is nothing.

    The request names no scaling group if that is the one of the alarm's instances. `region_id`:
    where the scaling groups are; "": not known.
    """
    return request_of_match(Match(rule_for(alarm, policy.rules), alarm), policy, region_id)


def request_of_match(
    match: Match, policy: Policy, region_id: str = "", alarms: int = 1
) -> RemovalRequest | Outcome:
    """What the rule requests for its alarms, of so many in all; the outcome if it is nothing."""
    rule, alarm, _ = match
    if rule is None:
        return _without_rule(match, policy, alarms)
    if not may_apply(rule, alarm):
        outcome = wording.ignored(alarm.idempotency_key, Ignored.PER_INSTANCE)
        return outcome._replace(message=f"{outcome.message} {why_not_of_group(alarm)}")
    group_id = "" if rule.uses_alarm_group else rule.request["scalingGroupId"]
    request = request_from_rule(rule, alarm, group_id)
    elsewhere = why_another_region(alarm, region_id)
    if elsewhere:
        return wording.denied(request, "$", elsewhere, "region")
    violation = _violation_of_named(request, alarm)
    return wording.denied(request, "$", violation) if violation else request


def _without_rule(match: Match, policy: Policy, alarms: int) -> Outcome:
    """The outcome of alarms that no rule matches. It names the closest rule."""
    alarm, detail = match.alarm, why_no_rule(match.alarm, policy.rules)
    if alarms > 1:
        detail = f"Of {alarms} alerts that fire, {match.alarms} without a rule. {detail}"
    if not alarm.exact_names:
        return wording.ignored(alarm.idempotency_key, Ignored.NO_RULE, detail)
    is_report = "eventName" in alarm.exact_names
    why = Ignored.SELF_TRIGGERED if is_report else Ignored.STAGE
    outcome = wording.ignored(alarm.idempotency_key, why)
    return outcome._replace(message=f"{outcome.message} {why_exact(alarm)} {detail}")


def _violation_of_named(request: RemovalRequest, alarm: Alarm) -> str:
    """Why the instances that the alarm names cannot be removed; empty if they can."""
    if not request.target.is_named:
        return ""
    named, conflict = len(alarm.instance_ids), " and ".join(alarm.subject.conflicting_fields)
    if conflict and not request.target.instance_ids:
        return f"The alarm's fields {conflict} name different instances, so which one is not known."
    if not request.target.instance_ids:
        return "The rule takes the alarm's instances, and the alarm names none that can be read."
    if named > MAX_PER_MESSAGE:
        return f"The alarm names {named} instances; a message removes {MAX_PER_MESSAGE} at most."
    return ""
