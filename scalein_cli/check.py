"""`scalein check`: checks policy, events, template, credentials and rights of a deployment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from scalein.clock import Deadline, SystemClock
from scalein.cloud.gateway import Gateway, Removal
from scalein.decision.model import ReadScope, RemoveOptions, Snapshot
from scalein.errors import ConfigurationError, GatewayError
from scalein.intake.stages import is_name_of_state_report
from scalein.policy import Policy, read_policy
from scalein.policy_source import policy_in_use
from scalein.settings import read_settings
from scalein_cli.cloud_access import (
    find_credentials,
    profile_option,
    reading_gateway,
)
from scalein_cli.errors import CommandError, UnreachedError
from scalein_cli.event_story import stories_of
from scalein_cli.findings import Finding, Grade, finding_json, is_bad, merged, print_findings
from scalein_cli.options import console_for_output, existing_file, print_json
from scalein_cli.template_check import template_results

UNKNOWN_INSTANCE_ID = "i-scalein-check-unknown"  # no instance has this id
MIN_HISTORY_SECONDS = 60


@click.command("check")
@click.option("--policy", type=existing_file, help="Policy document.")
@click.option(
    "--event",
    "events",
    type=existing_file,
    multiple=True,
    help="File of an event; may be given several times.",
)
@click.option("--template", type=existing_file, help="Template of the deployment: template.yml.")
@click.option(
    "--region",
    default="",
    metavar="ID",
    help="With --policy: read the groups of the policy in this region.",
)
@profile_option
@click.option(
    "--try-remove",
    is_flag=True,
    help="With --region: try to remove an instance that does not exist.",
)
@click.option("--json", "as_json", is_flag=True, help="Print only the results, as JSON.")
def check_command(**options: Any) -> None:
    """Check that a deployment will work, before the first alarm.

    The policy: whether it is valid, and what it may leave open. Events: whether the function can
    read them, and as what. The template: whether its references, conditions and RAM policies are
    correct. With --region, credentials and rights: makes every read that the policy needs for each
    of its groups, with the credentials that `aliyun` uses, and names a missing RAM action.
    --try-remove asks ESS to remove an instance that does not exist: ESS checks the right to remove
    first, then refuses.

        scalein check --policy policy.json --template template.yml --region cn-hangzhou

    Each result is good, warning or bad, and the end says what to do. The exit status is 1 if one is
    bad, else 0.
    """
    if not (options["policy"] or options["events"] or options["template"]):
        raise click.UsageError("give --policy, --event or --template")
    findings: list[Finding] = []
    if options["policy"]:
        findings += check_policy(options["policy"], options["region"], options["try_remove"])
    policy = _policy_of(options["policy"])
    findings += [check_event(path, policy) for path in options["events"]]
    if options["template"]:
        findings += check_template(options["template"])
    findings = merged(findings)
    if options["as_json"]:
        print_json([finding_json(finding) for finding in findings])
    else:
        print_findings(findings, console_for_output())
    sys.exit(is_bad(findings))


def _policy_of(path: Path | None) -> Policy | None:
    """The policy of the file; None without one, or if it is wrong, which is another finding."""
    try:
        return read_policy("", str(path.resolve())) if path else None
    except ConfigurationError:
        return None


def check_policy(path: Path, region: str, try_remove: bool) -> Iterator[Finding]:
    """Whether the policy is valid; with a region, whether its groups can be read there."""
    check = f"policy {path.name}"
    try:
        policy, fingerprint, _ = policy_in_use("", str(path.resolve()))
    except ConfigurationError as error:
        yield Finding(check, Grade.BAD, str(error))
        return
    groups, rules = _count(len(policy.groups), "group"), _count(len(policy.rules), "alarm rule")
    detail = f"{groups}, {rules}; fingerprint {fingerprint}, as `policy` in an outcome"
    yield Finding(check, Grade.GOOD, detail)
    yield from _check_groups(policy)
    yield from _check_rules(policy)
    yield from _check_state_reports(policy)
    if region:
        yield from check_rights(region, policy, try_remove)


def _check_groups(policy: Policy) -> Iterator[Finding]:
    """What a group's policy leaves open or stops."""
    for id, group_policy in policy.groups.items():
        if not group_policy.cooldown_seconds:
            detail = "no cooldownSeconds: each alarm of a flapping rule removes instances"
            to_do = "set cooldownSeconds, 600 for example."
            yield Finding("policy of", Grade.WARNING, detail, to_do, (id,))
        if group_policy.dry_run:
            detail = "dryRun is set: nothing is removed"
            to_do = "take dryRun out of the policy when the outcomes are as you want them."
            yield Finding("policy of", Grade.WARNING, detail, to_do, (id,))
        if group_policy.pause and group_policy.pause.until is None:
            detail = "paused without an end: nothing is removed"
            to_do = "take paused out of the policy, or say until when."
            yield Finding("policy of", Grade.WARNING, detail, to_do, (id,))


def _check_rules(policy: Policy) -> Iterator[Finding]:
    """What is worth a look of a rule that is valid."""
    for index, rule in enumerate(policy.rules):
        namespace = rule.pattern_by_attribute.get("namespace", "")
        which = ""
        if {"eventName", "eventStatus"} & rule.pattern_by_attribute.keys():
            which = "events are of single instances: they"
        elif namespace.startswith("acs_ecs"):
            which = f"{namespace} has metrics of single instances: alarms without a group of them"
        if rule.removes_amount and which:
            detail = f"{which} are ignored (per-instance), as the rule removes an amount"
            to_do = (
                'alarm on a metric of the whole group, or let the rule remove {"instanceIds": '
                '"alarm"} (docs/policy.md).'
            )
            yield Finding("policy, rule", Grade.WARNING, detail, to_do, (f"alarms[{index}]",))


def _check_state_reports(policy: Policy) -> Iterator[Finding]:
    """Rules that remove instances for whatever state they report."""
    for index, rule in enumerate(policy.rules):
        patterns = rule.pattern_by_attribute
        name = patterns.get("eventName", "*")
        if "*" in name or not is_name_of_state_report(name) or "eventStatus" in patterns:
            continue
        detail = "reports of every state of an instance remove it, also that it starts"
        to_do = 'name the state in `when`, such as "eventStatus": "Stopped" (docs/policy.md).'
        yield Finding("policy, rule", Grade.WARNING, detail, to_do, (f"alarms[{index}]",))


def check_event(path: Path, policy: Policy | None) -> Finding:
    """Whether the function can read the event, as what, and which rule of the policy matches."""
    stories = stories_of(path.read_bytes(), policy)
    rejected = sum(number for story, number in stories.items() if story.is_rejected)
    detail = _count(sum(stories.values()), "message") + (f", {rejected} rejected" * bool(rejected))
    grade = Grade.BAD if rejected else Grade.GOOD
    return Finding(f"event {path.name}", grade, detail, stories=tuple(stories.items()))


def check_template(path: Path) -> Iterator[Finding]:
    """Whether the template's references, conditions and RAM policies are correct."""
    for passed, detail in template_results(path):
        yield Finding(f"template {path.name}", Grade.GOOD if passed else Grade.BAD, detail)


def check_rights(region: str, policy: Policy, try_remove: bool) -> Iterator[Finding]:
    """Whether the credentials may read what the policy needs of each group, and remove."""
    function = SimpleNamespace(timeout=60)
    context = SimpleNamespace(region=region, request_id="check", function=function)
    try:
        find_credentials()
        settings = read_settings({"SCALEIN_POLICY": "{}", **os.environ}, context)
    except (ConfigurationError, CommandError) as error:
        yield Finding("credentials", Grade.BAD, str(error))
        return
    for id, group_policy in policy.groups.items():
        gateway = reading_gateway(settings, Deadline.after(30, SystemClock()))
        read_scope = ReadScope(max(MIN_HISTORY_SECONDS, group_policy.history_seconds))
        try:
            snapshot = gateway.snapshot(id, read_scope)
        except UnreachedError as error:  # one cause, whatever the number of groups
            yield Finding(f"region {region}", Grade.BAD, error.message)
            return
        except (GatewayError, ConfigurationError) as error:
            yield Finding("group", Grade.BAD, *_cause(error), (id,))
            continue
        yield _check_state(snapshot, id)
        if try_remove:
            yield _check_removal(gateway, id)


def _check_state(snapshot: Snapshot, id: str) -> Finding:
    """Whether the group that was read takes removals."""
    group = snapshot.group
    detail = (
        f"{len(snapshot.instances)} instances, MinSize {group.min_size}, {group.lifecycle_state}"
    )
    if group.lifecycle_state != "Active":
        to_do = "enable the group, or take it out of the policy."
        return Finding("group", Grade.WARNING, f"{detail}: nothing is removed", to_do, (id,))
    return Finding("group", Grade.GOOD, detail, "", (id,))


def _check_removal(gateway: Gateway, group_id: str) -> Finding:
    """Tries to remove an instance that does not exist. ESS checks the right to do so first."""
    check, subjects = "removal from", (group_id,)
    try:
        gateway.remove(Removal(group_id, (UNKNOWN_INSTANCE_ID,), "", RemoveOptions()))
    except GatewayError as error:
        if _is_right_missing(error.code) and error.code != "Forbidden.Unauthorized":
            return Finding(check, Grade.BAD, f"missing: {error}", "", subjects)
        if error.code.startswith("InvalidInstanceId"):
            detail = "permitted: ESS refused only because the instance does not exist"
            return Finding(check, Grade.GOOD, detail, "", subjects)
        detail = f"unknown: ESS checked the state of the group first and returned {error.code}"
        to_do = "try again when the group takes removals."
        return Finding(check, Grade.WARNING, detail, to_do, subjects)
    detail = "unexpected: ESS accepted an instance that does not exist"
    return Finding(check, Grade.BAD, detail, "look at the group's scaling activities.", subjects)


def _cause(error: GatewayError | ConfigurationError) -> tuple[str, str]:
    """The RAM action that is missing, and what to do; or the text of the error."""
    if isinstance(error, GatewayError) and _is_right_missing(error.code):
        product = "cms" if error.action.startswith("DescribeMetric") else "ess"
        right = f"{product}:{error.action}"
        return f"missing: {right}", f"allow {right} in the RAM policy, as template.yml does."
    return str(error), ""


def _is_right_missing(code: str) -> bool:
    return code.startswith(("Forbidden", "NoPermission"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
