"""The operator's policy: from which scaling groups instances may be removed, within which limits,
and what alarms mean.

The form of its document is schemas/policy.schema.json; docs/policy.md explains it. A request may
narrow what the policy allows, never widen it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timezone, tzinfo
from itertools import islice
from typing import Any, NamedTuple

from scalein.contract import check, did_you_mean
from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.group_policy import ALL_GROUPS, Budget, GroupPolicy, Pause
from scalein.decision.model import Metric, Order, RemovalRequest
from scalein.decision.windows import Cron, Windows, parse_cron
from scalein.errors import ConfigurationError, RejectedEvent
from scalein.intake.decoding import value_of
from scalein.intake.times import time_of
from scalein.policy_rules import Rule, covering_rule, request_from_rule, rule_of

SCHEMA = "policy"
DEFAULT_MAX_EVENT_AGE_SECONDS = 900
DEFAULT_COOLDOWN_AFTER_SCALE_OUT_SECONDS = 600  # if the policy sets a cooldown
DEFAULT_COOLDOWN_AFTER_FAILURE_SECONDS = 180  # if the policy sets a cooldown
MAX_DOCUMENT_BYTES = 1_048_576
MAX_ID_CHARACTERS = 128  # of a scaling group id, in a message to a person
MAX_COMPARED_GROUPS = 100  # a comparison takes 4 microseconds, for each message of a batch


class Policy(NamedTuple):
    """A checked policy document."""

    groups: Mapping[str, GroupPolicy]
    rules: tuple[Rule, ...]
    max_event_age_seconds: int
    fail_closed: bool = False


class PolicyViolation(NamedTuple):
    """Why the policy forbids a request: the request's field, and a sentence."""

    path: str
    sentence: str


def read_policy(text: str, file: str = "") -> Policy:
    """Returns the policy of a text; if that is empty, of a file.

    Raises ConfigurationError, with path and rule.
    """
    if text:
        return parse_policy(text, "SCALEIN_POLICY")
    return parse_policy(content_of(file), f"policy {file}")


def content_of(file: str) -> bytes:
    """Returns the bytes of a policy file. Raises ConfigurationError."""
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 (a third of the time of Path)
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"The policy {file} cannot be read ({error.strerror}). Create the file, name another"
            " one with SCALEIN_POLICY_FILE, or set SCALEIN_POLICY to the policy itself;"
            " policy.example.json is an example."
        ) from error
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ConfigurationError(
            f"policy {file}: it has more than {MAX_DOCUMENT_BYTES} bytes. Make it shorter."
        )
    return content


def parse_policy(document: str | bytes, name: str) -> Policy:
    """Returns the policy of a document. Raises ConfigurationError, with its name, path and rule."""
    if not document.strip():
        raise ConfigurationError(f"{name}: it is empty; policy.example.json is an example.")
    try:
        value = value_of(document, name="")
        check(value, SCHEMA, names_unknown_fields=True)
        policy = _policy(value)
    except RejectedEvent as error:
        raise ConfigurationError(f"{name}: at {error.path}, rule {error.rule}: {error}") from error
    for fault in _rule_faults(policy):
        raise ConfigurationError(f"{name}: {fault}")
    return policy


def stop_fault(stopped_groups: tuple[str, ...], policy: Policy) -> str:
    """Which group of the stop switch is not in the policy, as a clause; empty if there is none.

    What was to be stopped is not known then, so everything is.
    """
    for id in stopped_groups:
        if id != ALL_GROUPS and id not in policy.groups:
            if not id:
                return "SCALEIN_STOP is set and names no group, so it stops all groups"
            suggestion = did_you_mean(id, islice(policy.groups, MAX_COMPARED_GROUPS)).strip()
            return (
                f"SCALEIN_STOP names {_printable(id)}, which is not in the policy"
                f"{f' ({suggestion})' if suggestion else ''}, so it stops all groups"
            )
    return ""


def apply_policy(request: RemovalRequest, policy: Policy) -> RemovalRequest | PolicyViolation:
    """Returns the request with the defaults of its group's policy, or why the policy forbids it."""
    group_policy = policy.groups.get(request.scaling_group_id)
    if group_policy is None:
        return PolicyViolation("$.scalingGroupId", _unknown_group(request.scaling_group_id, policy))
    violation = _violation(request, group_policy)
    if violation is not None:
        return violation
    options, stop_timeout = request.options, group_policy.stop_instance_timeout_seconds
    return request._replace(
        order=request.order or group_policy.order,
        options=options._replace(
            remove_policy=options.remove_policy or group_policy.remove_policy,
            stop_instance_timeout_seconds=options.stop_instance_timeout_seconds or stop_timeout,
        ),
    )


def _unknown_group(scaling_group_id: str, policy: Policy) -> str:
    suggestion = did_you_mean(scaling_group_id, islice(policy.groups, MAX_COMPARED_GROUPS))
    return (
        f"Scaling group {_printable(scaling_group_id)} is not in the policy.{suggestion}"
        " Add the group to the policy, or correct the request."
    )


def _printable(scaling_group_id: str) -> str:
    """The id as a message has it: cut, and without control characters."""
    printable = "".join(c if c.isprintable() else "?" for c in scaling_group_id)
    return printable[:MAX_ID_CHARACTERS]


def _violation(request: RemovalRequest, group_policy: GroupPolicy) -> PolicyViolation | None:
    order, options = group_policy.order, request.options
    if order and request.order and request.order[: len(order)] != order:
        names = ", ".join(name.value for name in order)
        return PolicyViolation(
            "$.order",
            f"The policy's removal order for this group is {names}. A request may only add further"
            " orders after it.",
        )
    if group_policy.remove_policy == "recycle" and options.remove_policy == "release":
        return PolicyViolation(
            "$.removePolicy",
            "The policy's removePolicy for this group is recycle. A request may not say release.",
        )
    stop_timeout = group_policy.stop_instance_timeout_seconds
    if stop_timeout and (options.stop_instance_timeout_seconds or stop_timeout) < stop_timeout:
        return PolicyViolation(
            "$.stopInstanceTimeout",
            f"The policy gives this group's instances {stop_timeout} s to stop. A request may not"
            " say less.",
        )
    if options.decrease_desired_capacity is False and not group_policy.keep_desired_capacity:
        return PolicyViolation(
            "$.decreaseDesiredCapacity",
            "decreaseDesiredCapacity false makes ESS replace the removed instances. The policy does"
            " not allow it for this group: it would need keepDesiredCapacity true.",
        )
    return None


def _policy(document: dict[str, Any]) -> Policy:
    """The policy of a document. Raises RejectedEvent for what the schema cannot check."""
    max_age = document.get("maxEventAgeSeconds", DEFAULT_MAX_EVENT_AGE_SECONDS)
    return Policy(
        groups={
            id: _group_policy(group, f"$.groups['{id}']")
            for id, group in document["groups"].items()
        },
        rules=tuple(rule_of(rule) for rule in document.get("alarms", ())),
        max_event_age_seconds=int(max_age),
        fail_closed=document.get("ledgerUnavailable") == "failClosed",
    )


def _group_policy(group: dict[str, Any], path: str) -> GroupPolicy:
    cooldown = _whole(group.get("cooldownSeconds"))
    after_scale_out = DEFAULT_COOLDOWN_AFTER_SCALE_OUT_SECONDS if cooldown else None
    after_failure = DEFAULT_COOLDOWN_AFTER_FAILURE_SECONDS if cooldown else None
    return GroupPolicy(
        floor=int(group.get("floor", 0)),
        max_removed_per_event=_whole(group.get("maxRemovedPerEvent")),
        max_removed_percent_per_event=group.get("maxRemovedPercentPerEvent"),
        budget=_budget(group["budget"]) if "budget" in group else None,
        cooldown_seconds=cooldown,
        cooldown_after_scale_out_seconds=_whole(
            group.get("cooldownAfterScaleOutSeconds", after_scale_out)
        ),
        cooldown_after_failure_seconds=_whole(
            group.get("cooldownAfterFailureSeconds", after_failure)
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


def _budget(budget: dict[str, Any]) -> Budget:
    window_seconds = int(budget["windowSeconds"])
    return Budget(window_seconds, _whole(budget.get("instances")), budget.get("percent"))


def _metric(metric: dict[str, Any]) -> Metric:
    default = Metric()
    return Metric(
        namespace=metric.get("namespace", default.namespace),
        name=metric.get("name", default.name),
        statistic=metric.get("statistic", default.statistic),
        period_seconds=int(metric.get("periodSeconds", default.period_seconds)),
        stale_after_periods=int(metric.get("staleAfterPeriods", default.stale_after_periods)),
        instances_per_call=int(metric.get("instancesPerCall", default.instances_per_call)),
    )


def _pause(paused: bool | dict[str, str], path: str) -> Pause | None:
    if isinstance(paused, bool):
        return Pause() if paused else None
    until = time_of(paused["until"], f"{path}.until") if "until" in paused else None
    return Pause(until, paused.get("reason", ""))


def _windows(windows: dict[str, Any], path: str) -> Windows:
    return Windows(
        zone=_time_zone(windows.get("timeZone", "UTC"), f"{path}.timeZone"),
        allow=_crons(windows.get("allow", ()), f"{path}.allow"),
        forbid=_crons(windows.get("forbid", ()), f"{path}.forbid"),
    )


def _crons(texts: list[str], path: str) -> tuple[Cron, ...]:
    return tuple(_cron(text, f"{path}[{index}]") for index, text in enumerate(texts))


def _cron(text: str, path: str) -> Cron:
    try:
        return parse_cron(text)
    except ValueError as error:
        raise RejectedEvent(
            path, "cron", f"The window is not a cron expression: {error}."
        ) from error


def _time_zone(name: str, path: str) -> tzinfo:
    if name == "UTC":
        return timezone.utc
    from zoneinfo import ZoneInfo, available_timezones  # costs a cold start

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        suggestion = did_you_mean(name, sorted(available_timezones()))
        raise RejectedEvent(path, "timeZone", f"Unknown time zone {name}.{suggestion}") from error


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)  # JSON Schema takes 3.0 for an integer


def _rule_faults(policy: Policy) -> Iterator[str]:
    """Sentences about alarm rules that could never do what they say: where, why, what to do."""
    for index, rule in enumerate(policy.rules):
        path = f"$.alarms[{index}]"
        if rule.uses_alarm_group and not rule.uses_alarm_instances:
            yield (
                f'at {path}.scalingGroupId, rule policy: scalingGroupId "alarm" is allowed only'
                ' together with instanceIds "alarm".'
            )
        elif not rule.uses_alarm_group:
            request = request_from_rule(
                rule, Alarm("", {}, Subject(Scope.UNKNOWN)), rule.request["scalingGroupId"]
            )
            violation = apply_policy(request, policy)
            if isinstance(violation, PolicyViolation):
                yield f"at {path}{violation.path[1:]}, rule policy: {violation.sentence}"
        earlier = covering_rule(policy.rules, index)
        if earlier is not None:
            yield (
                f"at {path}.when, rule unreachable: the earlier rule $.alarms[{earlier}] matches"
                " every alarm that this rule matches. Change their order, or remove one."
            )
