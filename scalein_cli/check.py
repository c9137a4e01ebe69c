"""`scalein check`: checks policy, events, template, credentials and rights of a deployment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.text import Text

from scalein.clock import Deadline, SystemClock
from scalein.cloud.gateway import Gateway, Removal
from scalein.decision.model import ReadScope, RemoveOptions
from scalein.errors import ConfigurationError, GatewayError, RejectedEvent
from scalein.intake.dialects import parse_message
from scalein.intake.envelopes import parse_event
from scalein.policy import Policy
from scalein.policy_source import policy_in_use
from scalein.settings import read_settings
from scalein_cli.cloud_access import (
    check_reached,
    find_credentials,
    profile_option,
    reading_gateway,
)
from scalein_cli.errors import CommandError
from scalein_cli.options import console_for_output, existing_file, print_json
from scalein_cli.tables import Column, print_table
from scalein_cli.template_check import template_results

UNKNOWN_INSTANCE_ID = "i-scalein-check-unknown"  # no instance has this id
MIN_HISTORY_SECONDS = 60


class CheckResult(NamedTuple):
    """What one check found."""

    check: str
    passed: bool
    detail: str


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

    The policy: whether it is valid. Events: whether the function can read them. The template:
    whether its references, conditions and RAM policies are correct. With --region,
    credentials and rights: makes every read that the policy needs for each of its groups, with
    the credentials of the environment, and names a missing RAM action. --try-remove asks ESS to
    remove an instance that does not exist: ESS checks the right to remove first, then refuses.

        scalein check --policy policy.json --template template.yml --region cn-hangzhou

    The exit status is 0 if all checks pass, 1 if one fails.
    """
    if not (options["policy"] or options["events"] or options["template"]):
        raise click.UsageError("give --policy, --event or --template")
    results: list[CheckResult] = []
    if options["policy"]:
        results += check_policy(options["policy"], options["region"], options["try_remove"])
    results += [check_event(path) for path in options["events"]]
    if options["template"]:
        results += check_template(options["template"])
    if options["as_json"]:
        print_json([result._asdict() for result in results])
    else:
        _print_results(results, console_for_output())
    sys.exit(not all(result.passed for result in results))


def check_policy(path: Path, region: str, try_remove: bool) -> Iterator[CheckResult]:
    """Whether the policy is valid; with a region, whether its groups can be read there."""
    check = f"policy {path.name}"
    try:
        policy, fingerprint, _ = policy_in_use("", str(path.resolve()))
    except ConfigurationError as error:
        yield CheckResult(check, False, str(error))
        return
    detail = (
        f"{len(policy.groups)} groups, {len(policy.rules)} alarm rules; fingerprint {fingerprint},"
        " as `policy` in an outcome"
    )
    yield CheckResult(check, True, detail)
    for id, group_policy in policy.groups.items():
        if not group_policy.cooldown_seconds:
            yield CheckResult(
                f"policy, group {id}",
                True,
                "cooldownSeconds is not set, so each alarm of a flapping rule removes instances",
            )
    yield from _check_rules(policy)
    if region:
        yield from check_rights(region, policy, try_remove)


def _check_rules(policy: Policy) -> Iterator[CheckResult]:
    """What is worth a look of a rule that is valid."""
    for index, rule in enumerate(policy.rules):
        namespace = rule.pattern_by_attribute.get("namespace", "")
        which = ""
        if "eventName" in rule.pattern_by_attribute:
            which = "events are of single instances: they"
        elif namespace.startswith("acs_ecs"):
            which = f"{namespace} has metrics of single instances: alarms without a group of them"
        if rule.removes_amount and which:
            detail = f"{which} are ignored (per-instance), as the rule removes an amount"
            yield CheckResult(f"policy, alarms[{index}]", True, detail)


def check_event(path: Path) -> CheckResult:
    """Whether the function can read the event. `scalein plan` shows what it decides."""
    check = f"event {path.name}"
    try:
        messages = parse_event(path.read_bytes()).messages
        for message in messages:
            parse_message(message)
    except RejectedEvent as error:
        return CheckResult(check, False, str(error))
    return CheckResult(check, True, f"{len(messages)} messages")


def check_template(path: Path) -> Iterator[CheckResult]:
    """Whether the template's references, conditions and RAM policies are correct."""
    for passed, detail in template_results(path):
        yield CheckResult(f"template {path.name}", passed, detail)


def check_rights(region: str, policy: Policy, try_remove: bool) -> Iterator[CheckResult]:
    """Whether the credentials may read what the policy needs of each group, and remove."""
    function = SimpleNamespace(timeout=60)
    context = SimpleNamespace(region=region, request_id="check", function=function)
    try:
        find_credentials()
        settings = read_settings({"SCALEIN_POLICY": "{}", **os.environ}, context)
    except (ConfigurationError, CommandError) as error:
        yield CheckResult("credentials", False, str(error))
        return
    for id, group_policy in policy.groups.items():
        gateway = reading_gateway(settings, Deadline.after(30, SystemClock()))
        read_scope = ReadScope(max(MIN_HISTORY_SECONDS, group_policy.history_seconds))
        try:
            snapshot = gateway.snapshot(id, read_scope)
        except (GatewayError, ConfigurationError) as error:
            if isinstance(error, GatewayError):
                check_reached(error, settings)
            yield CheckResult(f"group {id}", False, _cause(error))
            continue
        group = snapshot.group
        detail = f"{len(snapshot.instances)} instances, MinSize {group.min_size}"
        yield CheckResult(f"group {id}", True, f"{detail}, {group.lifecycle_state}")
        if try_remove:
            yield _check_removal(gateway, id)


def _check_removal(gateway: Gateway, group_id: str) -> CheckResult:
    """Tries to remove an instance that does not exist. ESS checks the right to do so first."""
    check = f"group {group_id}, removal"
    try:
        gateway.remove(Removal(group_id, (UNKNOWN_INSTANCE_ID,), "", RemoveOptions()))
    except GatewayError as error:
        if _is_right_missing(error.code) and error.code != "Forbidden.Unauthorized":
            return CheckResult(check, False, f"missing: {error}")
        if error.code.startswith("InvalidInstanceId"):
            detail = "permitted: ESS refused only because the instance does not exist"
            return CheckResult(check, True, detail)
        detail = f"unknown: ESS checked the state of the group first and returned {error.code}"
        return CheckResult(check, True, detail)
    return CheckResult(check, False, "unexpected: ESS accepted an instance that does not exist")


def _cause(error: GatewayError | ConfigurationError) -> str:
    """The RAM action that is missing, or the text of the error."""
    if isinstance(error, GatewayError) and _is_right_missing(error.code):
        product = "cms" if error.action.startswith("DescribeMetric") else "ess"
        return f"missing: {product}:{error.action}"
    return str(error)


def _is_right_missing(code: str) -> bool:
    return code.startswith(("Forbidden", "NoPermission"))


def _print_results(results: list[CheckResult], console: Console) -> None:
    marks = {True: Text("passed", "green"), False: Text("failed", "bold red")}
    columns = (Column("Result"), Column("Check"), Column("Detail", folds=True))
    rows = [(marks[result.passed], result.check, result.detail) for result in results]
    print_table(console, columns, rows)
