"""Runs policy tests: what the function decides, compared with what a case expects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from scalein.decision.model import Snapshot
from scalein.report.outcome import outcome_json
from scalein_cli.policy_test_file import Case, CaseMessage, Json
from scalein_cli.simulated_function import SimulatedFunction


class Difference(NamedTuple):
    """A field whose value is not the expected one."""

    field: str
    expected: object
    found: object


class Failure(NamedTuple):
    """A message whose outcome is not the expected one."""

    number: int  # of the message in its case, from 1
    at: datetime
    differences: tuple[Difference, ...]
    outcome: Json
    snapshot: Snapshot | None  # that it was decided by


class CaseResult(NamedTuple):
    """A case, and what failed of it."""

    case: Case
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        return not self.failures


def run_case(case: Case) -> CaseResult:
    """Runs the case, to its end also if a message fails. Raises ConfigurationError."""
    function = SimulatedFunction(case.policy, case.service, case.clock)
    failures = [
        failure
        for number, message in enumerate(case.messages, 1)
        for failure in _failures(function, number, message)
    ]
    return CaseResult(case, tuple(failures))


def _failures(function: SimulatedFunction, number: int, message: CaseMessage) -> Iterator[Failure]:
    function.run_until(message.at)
    outcomes = [outcome_json(outcome) for outcome in function.deliver(message.event)]
    expected = message.expected
    if expected is None:
        return
    if len(expected) != len(outcomes):
        difference = Difference("number of outcomes", len(expected), len(outcomes))
        yield Failure(number, message.at, (difference,), outcomes[0], None)
        return
    for wanted, outcome in zip(expected, outcomes, strict=True):
        found = tuple(differences(wanted, outcome))
        if found:
            snapshot = function.gateway.snapshots.get(str(outcome["scalingGroupId"]))
            yield Failure(number, message.at, found, outcome, snapshot)


def differences(expected: Mapping[str, Any], outcome: Mapping[str, Any]) -> Iterator[Difference]:
    """Yields each field in which the outcome is not as expected; fields not named may be any."""
    found = _found_fields(outcome)
    for field, value in expected.items():
        if field in ("retained", "limits"):
            for name, wanted in value.items():
                yield from _difference(f"{field}.{name}", wanted, _entry(field, name, found))
        else:
            yield from _difference(field, value, found[field])


def _found_fields(outcome: Mapping[str, Any]) -> Json:
    """The fields that a test may name, as the outcome has them."""
    capacity, ids_by_reason = outcome["capacity"], dict[str, list[str]]()
    for entry in outcome["retained"]:
        ids_by_reason.setdefault(entry["reason"], []).append(entry["id"])
    return {
        "status": outcome["status"],
        "selected": outcome["selected"],
        "retained": ids_by_reason,
        "blockedBy": outcome["blockedBy"] and outcome["blockedBy"]["reason"],
        "shortfall": outcome["shortfall"] and outcome["shortfall"]["reason"],
        "ignored": outcome["ignored"],
        "limits": {limit["guardrail"]: limit["allows"] for limit in outcome["limits"]},
        "capacityAfter": capacity and capacity["after"],
        "group": outcome["scalingGroupId"],
    }


def _entry(field: str, name: str, found: Mapping[str, Any]) -> object:
    """Ids that are retained for a reason, or what a guardrail allows; None: it set no limit."""
    return found[field].get(name, [] if field == "retained" else None)


def _difference(field: str, expected: object, found: object) -> Iterator[Difference]:
    if isinstance(found, list):
        found = len(found) if isinstance(expected, int) else sorted(found)
        expected = sorted(expected) if isinstance(expected, list) else expected
    if expected != found:
        yield Difference(field, expected, found)
