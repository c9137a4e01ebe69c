"""`scalein check`: whether a deployment will work: policy, events, template, credentials, rights."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import yaml
from rich import box
from rich.console import Console
from rich.table import Table

from scalein.clock import Deadline, SystemClock
from scalein.cloud.gateway import Removal
from scalein.decision.model import ReadScope, RemoveOptions
from scalein.errors import ConfigurationError, GatewayError, RejectedEvent
from scalein.intake import parse_event, parse_message
from scalein.policy import Policy, read_policy
from scalein.settings import read_settings

NOBODY = "i-scalein-check-nobody"  # no instance has such an id
STATEMENT = {"Effect", "Action", "Resource", "Condition"}
ACTION = re.compile(r"[a-z]+:[A-Za-z*]+")


class Found(NamedTuple):
    what: str
    good: bool
    told: str


def policy(path: Path) -> Iterator[Found]:
    try:
        held = read_policy(path.read_text(encoding="utf-8"))
    except ConfigurationError as error:
        yield Found(f"policy {path.name}", False, str(error))
        return
    yield Found(
        f"policy {path.name}", True, f"{len(held.groups)} groups, {len(held.rules)} alarm rules"
    )
    for id, group_policy in held.groups.items():
        if not group_policy.cooldown_seconds:
            yield Found(
                f"policy, group {id}",
                True,
                "no cooldownSeconds: a flapping alarm removes again and again",
            )


def event(path: Path) -> Found:
    """Whether the function could read it; what it would mean, a dry run tells."""
    try:
        messages = parse_event(path.read_bytes()).messages
        for message in messages:
            parse_message(message)
    except RejectedEvent as error:
        return Found(f"event {path.name}", False, str(error))
    return Found(f"event {path.name}", True, f"{len(messages)} messages")


def template(path: Path) -> Iterator[Found]:
    """The RAM policies in it, which Alibaba's own validator does not look at."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        yield Found(f"template {path.name}", False, f"not YAML: {str(error).splitlines()[0]}")
        return
    statements = list(_statements(document))
    for where, statement in statements:
        wrong = wrong_in(statement)
        if wrong:
            yield Found(f"template {path.name}", False, f"{where}: {wrong}")
    yield Found(
        f"template {path.name}", True, f"{len(statements)} statements of RAM policies looked at"
    )


def wrong_in(statement: Any) -> str:
    """What is wrong with one statement of a RAM policy; empty: nothing."""
    if not isinstance(statement, dict) or not statement.keys() <= STATEMENT | {"Principal"}:
        return f"a statement has {', '.join(sorted(STATEMENT))}, and no other keys"
    if statement.get("Effect") not in ("Allow", "Deny"):
        return "Effect is Allow or Deny"
    actions = statement.get("Action")
    actions = actions if isinstance(actions, list) else [actions]
    if not all(isinstance(action, str) and ACTION.fullmatch(action) for action in actions):
        return "Action is product:Name, or a list of such"
    if "Principal" not in statement and not statement.get("Resource"):
        return "Resource is missing"
    return ""


def rights(region: str, held: Policy, try_remove: bool) -> Iterator[Found]:
    """By asking: every read that the policy needs, of each group; and RemoveInstances of nobody, where asked for."""
    from scalein.cloud.ess import EssGateway

    try:
        context = SimpleNamespace(
            region=region, request_id="check", function=SimpleNamespace(timeout=60)
        )
        settings = read_settings({"SCALEIN_POLICY": "{}", **os.environ}, context)
    except ConfigurationError as error:
        yield Found("credentials", False, str(error))
        return
    for id, group_policy in held.groups.items():
        gateway = EssGateway(settings, Deadline.after(30, SystemClock()))
        try:
            snapshot = gateway.snapshot(id, ReadScope(max(60, group_policy.history_seconds)))
        except (GatewayError, ConfigurationError) as error:
            yield Found(f"group {id}", False, _why(error))
            continue
        told = f"{len(snapshot.instances)} instances, MinSize {snapshot.group.min_size}"
        yield Found(f"group {id}", True, f"{told}, {snapshot.group.lifecycle_state}")
        if try_remove:
            yield _removal(gateway, id)


def _removal(gateway: Any, id: str) -> Found:
    """ESS refuses it for an instance that is nobody, if it gets as far as that."""
    try:
        gateway.remove(Removal(id, (NOBODY,), "", RemoveOptions()))
    except GatewayError as error:
        if (
            error.code.startswith(("Forbidden", "NoPermission"))
            and error.code != "Forbidden.Unauthorized"
        ):
            return Found(
                f"group {id}, removal",
                False,
                "missing: ess:RemoveInstances and ess:DetachInstances",
            )
        if error.code.startswith("InvalidInstanceId"):
            return Found(
                f"group {id}, removal",
                True,
                "permitted (asked for an instance that is nobody, and refused)",
            )
        return Found(
            f"group {id}, removal", True, f"not told: {error.code}; the group's state comes first"
        )
    return Found(f"group {id}, removal", False, "an instance that is nobody was accepted")


def _why(error: GatewayError | ConfigurationError) -> str:
    code = getattr(error, "code", "")
    if code.startswith(("Forbidden", "NoPermission")):
        action = getattr(error, "action", "")
        product = "cms" if action.startswith("DescribeMetric") else "ess"
        return f"missing: {product}:{action}"
    return str(error)


def _statements(document: Any, where: str = "$") -> Iterator[tuple[str, Any]]:
    if isinstance(document, dict):
        for name, inner in document.items():
            if name == "Statement" and isinstance(inner, list):
                yield from (
                    (f"{where}.Statement[{n}]", statement) for n, statement in enumerate(inner)
                )
            else:
                yield from _statements(inner, f"{where}.{name}")
    elif isinstance(document, list):
        for number, inner in enumerate(document):
            yield from _statements(inner, f"{where}[{number}]")


def show(found: list[Found], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("", "What", "Found"):
        table.add_column(heading, overflow="fold")
    for one in found:
        table.add_row("[green]good[/]" if one.good else "[bold red]wrong[/]", one.what, one.told)
    console.print(table)


def as_json(found: list[Found]) -> str:
    return json.dumps([one._asdict() for one in found])
