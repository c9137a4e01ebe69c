"""The only module that knows the operator's policy document: which groups may be touched, and what alarms mean.

Its form is schemas/policy.schema.json, in prose docs/policy.md. A request may narrow what it says, never widen it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timezone, tzinfo
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from scalein.contract import check
from scalein.decision.group_policy import Budget, GroupPolicy, Pause
from scalein.decision.model import Alarm, Metric, Order, RemovalRequest
from scalein.decision.windows import Cron, Windows, parse_cron
from scalein.errors import ConfigurationError, ContractViolation, RejectedEvent
from scalein.intake.decoding import value_of
from scalein.intake.removal_request import request_of
from scalein.intake.times import moment
from scalein.settings import PolicySource

SCHEMA = "policy"
OF_THE_ALARM = "alarm"  # as instanceIds, as scalingGroupId
MAX_NAMES, MAX_NAME_CHARACTERS = 20, 64  # of attributes, in a message to a person


class Rule(NamedTuple):
    """What an alarm means. `asks` is a removal request but for what the alarm itself says."""

    when: Mapping[str, str]  # patterns by fact
    asks: Mapping[str, Any]

    @property
    def uses_alarm_group(self) -> bool:
        return bool(self.asks["scalingGroupId"] == OF_THE_ALARM)

    @property
    def uses_alarm_instances(self) -> bool:
        return bool(self.asks["remove"].get("instanceIds") == OF_THE_ALARM)


class Policy(NamedTuple):
    groups: Mapping[str, GroupPolicy]
    rules: tuple[Rule, ...]
    max_event_age_seconds: int
    fail_closed: bool = False


class PolicyViolation(NamedTuple):
    """What the policy does not allow."""

    path: str
    sentence: str


@lru_cache(maxsize=1)
def read_policy(source: PolicySource) -> Policy:
    """Checked, and kept for the next invocation. Raises ConfigurationError with path and rule."""
    try:
        body = source.text or Path(source.file).read_bytes()
        document = value_of(body)
        check(document, SCHEMA)
        policy = _policy(document)
    except OSError as error:
        raise ConfigurationError(
            f"the policy {source.file} cannot be read ({error.strerror}): put it there, name another with "
            "SCALEIN_POLICY_FILE, or give it inline with SCALEIN_POLICY; policy.example.json is one to begin with"
        ) from error
    except RejectedEvent as error:
        raise ConfigurationError(
            f"{source.name}: at {error.path}, rule {error.rule}: {error}"
        ) from error
    for fault in _faults(policy):
        raise ConfigurationError(f"{source.name}: {fault}")
    return policy


def rule_for(alarm: Alarm, policy: Policy) -> Rule | None:
    """The first rule whose `when` matches."""
    return next((rule for rule in policy.rules if not _differs_in(rule, alarm)), None)


def why_no_rule(alarm: Alarm, policy: Policy) -> str:
    """Names of attributes, never their values; a sender's labels can be many and long."""
    has = f"The alarm has {_few(list(alarm.attributes))}."
    if not policy.rules:
        return f"The policy has no alarm rules. {has}"
    differences = [_differs_in(rule, alarm) for rule in policy.rules]
    alike = [
        len(rule.when) - len(names) for rule, names in zip(policy.rules, differences, strict=True)
    ]
    near = alike.index(max(alike))
    return f"No alarm rule of the policy matches. {has} Nearest is alarms[{near}], but for {_few(differences[near])}."


def _few(names: Sequence[str]) -> str:
    shown = [
        f"{name[:MAX_NAME_CHARACTERS]}{'...' * (len(name) > MAX_NAME_CHARACTERS)}"
        for name in names[:MAX_NAMES]
    ]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def request_from_rule(rule: Rule, alarm: Alarm, scaling_group_id: str) -> RemovalRequest:
    """What the rule asks for. Whether the alarm names the instances that it takes is for the caller to see."""
    asks = {**rule.asks, "scalingGroupId": scaling_group_id}
    if rule.uses_alarm_instances:
        asks["remove"] = {"instanceIds": alarm.instance_ids}
    return request_of(asks, alarm.idempotency_key, alarm.sent_at)._replace(
        observation=_observation(rule, alarm)
    )


def _observation(rule: Rule, alarm: Alarm) -> str:
    """Only an alarm of the same rule of the policy supersedes another; and of the same instances, where it removes
    those.
    """
    if not alarm.observation:
        return ""
    instance_ids = sorted(alarm.instance_ids) if rule.uses_alarm_instances else []
    text = json.dumps(
        [alarm.observation, dict(rule.when), dict(rule.asks), instance_ids], sort_keys=True
    )
    return sha256(text.encode()).hexdigest()[:40]


def apply_policy(request: RemovalRequest, policy: Policy) -> RemovalRequest | PolicyViolation:
    """The request within what the policy allows in its group, or what it asks for beyond that."""
    group_policy = policy.groups.get(request.scaling_group_id)
    if group_policy is None:
        return PolicyViolation("$.scalingGroupId", "The policy does not have this scaling group.")
    order, options, wait = (
        group_policy.order,
        request.options,
        group_policy.stop_instance_timeout_seconds,
    )
    if order and request.order and request.order[: len(order)] != order:
        return PolicyViolation(
            "$.order", "The policy gives the group another order, which a request can only refine."
        )
    if group_policy.remove_policy == "recycle" and options.remove_policy == "release":
        return PolicyViolation(
            "$.removePolicy",
            "The policy recycles the group's instances; a request cannot release them.",
        )
    if wait is not None and (options.stop_instance_timeout_seconds or wait) < wait:
        return PolicyViolation(
            "$.stopInstanceTimeout", "The policy gives the group's instances more time to stop."
        )
    if options.decrease_desired_capacity is False and not group_policy.keep_desired_capacity:
        return PolicyViolation(
            "$.decreaseDesiredCapacity", "The policy does not let ESS replace what leaves."
        )
    return request._replace(
        order=request.order or order,
        options=options._replace(
            remove_policy=options.remove_policy or group_policy.remove_policy,
            stop_instance_timeout_seconds=options.stop_instance_timeout_seconds or wait,
        ),
    )


def _policy(document: dict[str, Any]) -> Policy:
    """Raises ContractViolation where the schema's words are not enough."""
    return Policy(
        groups={
            id: _group_policy(group, f"$.groups['{id}']")
            for id, group in document["groups"].items()
        },
        rules=tuple(_rule(rule) for rule in document.get("alarms", ())),
        max_event_age_seconds=int(document.get("maxEventAgeSeconds", 900)),
        fail_closed=document.get("ledgerUnavailable") == "failClosed",
    )


def _group_policy(group: dict[str, Any], path: str) -> GroupPolicy:
    budget, cooldown = group.get("budget"), _whole(group.get("cooldownSeconds"))
    return GroupPolicy(
        floor=int(group.get("floor", 0)),
        max_removed_per_event=_whole(group.get("maxRemovedPerEvent")),
        max_removed_percent_per_event=group.get("maxRemovedPercentPerEvent"),
        budget=budget
        and Budget(
            int(budget["windowSeconds"]), _whole(budget.get("instances")), budget.get("percent")
        ),
        cooldown_seconds=cooldown,
        cooldown_after_scale_out_seconds=_whole(
            group.get("cooldownAfterScaleOutSeconds", 600 if cooldown else None)
        ),
        cooldown_after_failure_seconds=_whole(
            group.get("cooldownAfterFailureSeconds", 180 if cooldown else None)
        ),
        order=tuple(Order(name) for name in group.get("order", ())),
        metric=_metric(group.get("metric", {})),
        minimum_age_seconds=int(group.get("minimumAgeSeconds", 0)),
        remove_protected=group.get("removeProtected", False),
        remove_standby=group.get("removeStandby", False),
        remove_policy=group.get("removePolicy"),
        stop_instance_timeout_seconds=_whole(group.get("stopInstanceTimeout")),
        keep_desired_capacity=group.get("keepDesiredCapacity", False),
        healthy_quorum_percent=group.get("healthyQuorumPercent"),
        pause=_pause(group.get("paused", False), f"{path}.paused"),
        windows=_windows(group["windows"], f"{path}.windows") if "windows" in group else None,
        dry_run=group.get("dryRun", False),
    )


def _metric(metric: dict[str, Any]) -> Metric:
    told = Metric()
    return Metric(
        namespace=metric.get("namespace", told.namespace),
        name=metric.get("name", told.name),
        statistic=metric.get("statistic", told.statistic),
        period_seconds=int(metric.get("periodSeconds", told.period_seconds)),
        stale_after_periods=int(metric.get("staleAfterPeriods", told.stale_after_periods)),
        instances_per_call=int(metric.get("instancesPerCall", told.instances_per_call)),
    )


def _pause(paused: bool | dict[str, str], path: str) -> Pause | None:
    if isinstance(paused, bool):
        return Pause() if paused else None
    until = moment(paused["until"], f"{path}.until") if "until" in paused else None
    return Pause(until, paused.get("reason", ""))


def _windows(windows: dict[str, Any], path: str) -> Windows:
    return Windows(
        zone=_zone(windows.get("timeZone", "UTC"), f"{path}.timeZone"),
        allow=tuple(
            _cron(text, f"{path}.allow[{n}]") for n, text in enumerate(windows.get("allow", ()))
        ),
        forbid=tuple(
            _cron(text, f"{path}.forbid[{n}]") for n, text in enumerate(windows.get("forbid", ()))
        ),
    )


def _cron(text: str, path: str) -> Cron:
    try:
        return parse_cron(text)
    except ValueError as error:
        raise ContractViolation(
            path, "cron", f"The window is no cron expression: {error}."
        ) from error


def _zone(name: str, path: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc
    from zoneinfo import ZoneInfo  # only where a policy names one: it costs a cold start

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ContractViolation(path, "timeZone", "There is no such time zone.") from error


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)  # JSON Schema holds 3.0 for an integer


def _rule(document: dict[str, Any]) -> Rule:
    when = {name: pattern for name, pattern in document["when"].items() if name != "labels"}
    when |= {
        f"labels.{name}": pattern for name, pattern in document["when"].get("labels", {}).items()
    }
    if "level" in when:
        when["level"] = when["level"].upper()
    asks = {name: value for name, value in document.items() if name not in ("when", "comment")}
    return Rule(when, asks)


def _faults(policy: Policy) -> list[str]:
    """Rules that could never do what they say."""
    faults = []
    for index, rule in enumerate(policy.rules):
        path = f"$.alarms[{index}]"
        if not rule.uses_alarm_group:
            denial = apply_policy(
                request_from_rule(rule, Alarm("", {}), rule.asks["scalingGroupId"]), policy
            )
            if isinstance(denial, PolicyViolation):
                faults.append(f"at {path}{denial.path[1:]}, rule policy: {denial.sentence}")
        elif not rule.uses_alarm_instances:
            faults.append(
                f"at {path}.scalingGroupId, rule policy: alarm goes only with instanceIds alarm."
            )
        covers = next(
            (n for n, earlier in enumerate(policy.rules[:index]) if _covers(earlier, rule)), None
        )
        if covers is not None:
            faults.append(
                f"at {path}.when, rule unreachable: whatever matches it has matched $.alarms[{covers}] before."
            )
    return faults


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether every alarm that matches the later rule matches the earlier one. A pattern reads another's * as text."""
    return all(
        name in later.when and _matches(pattern, later.when[name])
        for name, pattern in earlier.when.items()
    )


def _differs_in(rule: Rule, alarm: Alarm) -> list[str]:
    return [
        name
        for name, pattern in rule.when.items()
        if not any(_matches(pattern, text) for text in alarm.attributes.get(name, ()))
    ]


def _matches(pattern: str, text: str) -> bool:
    """* stands for any characters. In one pass over the text, so that no sender can make it slow."""
    first, *others = pattern.split("*")
    if not others:
        return pattern == text
    *middle, last = others
    if not (text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in middle:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True
