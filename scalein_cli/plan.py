"""`scalein plan`: the function's own decision on a real or a local group, without removing anything."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from scalein.clock import Deadline, SystemClock
from scalein.cloud.gateway import GROUP_ONLY, DryRun, Gateway
from scalein.decision.model import ReadScope, Snapshot
from scalein.errors import ConfigurationError
from scalein.intake import parse_event
from scalein.ledger.protocol import Ledger
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.processing.dependencies import Dependencies
from scalein.processing.follow_ups import FunctionCompute
from scalein.report import response as answer
from scalein.report.outcome import Outcome
from scalein.settings import Settings, read_settings
from scalein_cli import show
from scalein_cli.local import LocalCloudError, clock_for, context, environment, local_cloud
from scalein_cli.run import RunError

SECONDS = 60


class ScaleInQuestion(NamedTuple):
    """What to plan: an event's bytes, and where. `fleet` is None for the real cloud."""

    event: bytes
    fleet: Path | None
    policy: Path | None
    region_id: str = ""
    scaling_group_id: str = (
        ""  # of a request given as options: planned without guardrails where there is no policy
    )
    by_todays_clock: bool = False


class Form(NamedTuple):
    as_json: bool
    every_instance: bool


class Watching(DryRun):
    """A dry run that keeps what it read, to show it."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.seen: dict[str, Snapshot] = {}

    def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
        self.seen[scaling_group_id] = super().snapshot(scaling_group_id, read_scope)
        return self.seen[scaling_group_id]


def request_event(scaling_group_id: str, remove: Mapping[str, Any], order: Sequence[str]) -> bytes:
    """A removal request as a sender would write it."""
    request = {"scalingGroupId": scaling_group_id, "remove": dict(remove)}
    return json.dumps(request | ({"order": list(order)} if order else {})).encode()


def plan(question: ScaleInQuestion, console: Console, form: Form) -> bool:
    """Shows the plan; whether anybody would leave. Raises RunError."""
    try:
        with ExitStack() as stack:
            variables, here = dict(os.environ), context({"regionId": question.region_id}, SECONDS)
            if question.fleet is not None:
                ready = stack.enter_context(local_cloud(question.fleet))
                variables |= environment(ready)
                variables["SCALEIN_POLICY_FILE"] = ""
                here = context(ready, SECONDS)
            settings = read_settings(variables | _policy(question, variables), here)
            return _planned(question, settings, console, form)
    except LocalCloudError as error:
        raise RunError(f"the local cloud did not start. {error}") from error
    except ConfigurationError as error:
        hint = "" if question.fleet else "; a local group: --local, or --fleet FILE"
        raise RunError(f"{error}{hint}") from None


def _policy(question: ScaleInQuestion, variables: Mapping[str, str]) -> dict[str, str]:
    if question.policy is not None:
        return {"SCALEIN_POLICY": "", "SCALEIN_POLICY_FILE": str(question.policy.resolve())}
    if (
        question.scaling_group_id
        and not variables.get("SCALEIN_POLICY")
        and not variables.get("SCALEIN_POLICY_FILE")
    ):
        return {"SCALEIN_POLICY": _unguarded(question)}
    return {}


def _planned(question: ScaleInQuestion, settings: Settings, console: Console, form: Form) -> bool:
    from scalein.cloud.ess import EssGateway

    clock = SystemClock() if question.by_todays_clock else clock_for(question.event)
    deadline = Deadline.after(settings.run_seconds, clock)
    gateway = Watching(EssGateway(settings, deadline))
    mail = parse_event(question.event)
    follow_ups = settings.function_ref and FunctionCompute(
        settings.function_ref, settings.credentials, deadline
    )
    dependencies = Dependencies(lambda: gateway, _no_ledger, deadline, follow_ups, is_dry_run=True)
    with console.status("Reading the scaling group ..."):
        policy = read_policy(settings.policy_text, settings.policy_file)
        processor = BatchProcessor(policy, dependencies)
        outcomes = list(processor.process(mail))
    if form.as_json:
        console.print_json(
            json.dumps(answer.of_batch(outcomes) if mail.is_batch else answer.as_json(outcomes[0]))
        )
    else:
        _show(question, settings, outcomes, gateway.seen, console, form)
    return any(outcome.removed for outcome in outcomes)


def _show(
    question: ScaleInQuestion,
    settings: Settings,
    outcomes: Sequence[Outcome],
    seen: Mapping[str, Snapshot],
    console: Console,
    form: Form,
) -> None:
    where = (
        f"fleet {show.path(question.fleet)}"
        if question.fleet
        else f"Auto Scaling in {settings.region_id}"
    )
    console.print(
        f"Plan on {where}, {_guarded(question, settings)}. Nothing is removed.",
        highlight=False,
        soft_wrap=True,
    )
    for outcome in outcomes:
        told = answer.as_json(outcome)
        show.one(
            told, seen.get(str(outcome.scaling_group_id)), console, fold=not form.every_instance
        )


def _guarded(question: ScaleInQuestion, settings: Settings) -> str:
    if not settings.policy_text:
        return f"policy {show.path(Path(settings.policy_file))}"
    unguarded = settings.policy_text == _unguarded(question)
    return "no policy, so that only MinSize holds" if unguarded else "SCALEIN_POLICY"


def _unguarded(question: ScaleInQuestion) -> str:
    return json.dumps({"groups": {question.scaling_group_id: {}}})


def _no_ledger() -> Ledger:
    raise AssertionError  # a dry run needs none
