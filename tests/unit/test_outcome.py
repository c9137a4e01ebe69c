"""What the caller is told: always the same keys, always a sentence."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from scalein.decision.model import (
    Amount,
    Count,
    Named,
    Plan,
    RemovalRequest,
    RemoveOptions,
    Snapshot,
    Verdict,
)
from scalein.decision.planner import plan_removal
from scalein.decision.progress import Call, CallState, Progress
from scalein.decision.reasons import Reason, Status
from scalein.errors import GatewayError, OutcomeUnknown, Refused, RejectedEvent, Transient, TryLater
from scalein.report import audit
from scalein.report import wording as outcome
from scalein.report.outcome import Outcome
from scalein.report.response import as_json
from scalein.report.wording import SENTENCES, failed, planned, rejected
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES
from tests.support.fleets import group_of, member, request_for, requests, snapshots

KEYS = {
    "status",
    "scalingGroupId",
    "requestId",
    "removed",
    "retained",
    "retainedByReason",
    "retainedOmitted",
    "scalingActivityIds",
    "capacity",
    "shortfall",
    "requested",
    "limits",
    "rankedBy",
    "stopped",
    "rejection",
    "ignored",
    "message",
    "pending",
    "notRemoved",
    "unaccounted",
    "unconfirmed",
    "replacementCapacity",
    "concurrentRemoval",
    "followUp",
    "ledger",
    "first",
    "listsOmitted",
    "omitted",
}
ASK = request_for(Count(2), request_reason="quiet night")


def removing(request: RemovalRequest, plan: Plan) -> Outcome:
    call = Call(0, plan.selected, NOON, NOON, CallState.ACCEPTED, "asa-1")
    return outcome.removing(Progress(request, NOON, plan.selected, (call,)), plan)


@given(requests(), snapshots())
def test_every_plan_can_be_told(request: RemovalRequest, snapshot: Snapshot) -> None:
    plan = plan_removal(request, snapshot)
    told = as_json(removing(request, plan) if plan.selected else planned(request, plan))

    assert set(told) == KEYS
    assert json.loads(json.dumps(told)) == told
    assert len(told["removed"]) + len(told["retained"]) == len(plan.verdicts)
    assert told["message"]


def test_an_accepted_removal_is_removing_and_not_yet_done() -> None:
    plan = plan_removal(ASK, group_of(member("i-a", 1), member("i-b", 2), min_size=1))

    assert as_json(removing(ASK, plan)) == {
        "status": "removing",
        "scalingGroupId": "asg-1",
        "requestId": "request-1",
        "removed": ["i-a"],
        "retained": [{"id": "i-b", "reason": "min-size"}],
        "retainedByReason": {"min-size": 1},
        "retainedOmitted": False,
        "pending": 0,
        "notRemoved": [],
        "unaccounted": [],
        "unconfirmed": [],
        "replacementCapacity": None,
        "concurrentRemoval": False,
        "scalingActivityIds": ["asa-1"],
        "followUp": None,
        "first": None,
        "listsOmitted": False,
        "omitted": {},
        "ledger": None,
        "capacity": {"before": 2, "minSize": 1, "after": 1},
        "requested": {"value": 2, "unit": "instances"},
        "rankedBy": [{"id": "i-a", "by": "OldestInstance", "value": "2026-05-01 00:00:00"}],
        "stopped": None,
        "shortfall": {"requested": 2, "missing": 1, "unit": "instances", "reason": "min-size"},
        "limits": [
            {
                "guardrail": "min-size",
                "allows": 1,
                "unit": "capacity",
                "detail": "MinSize is 1; TotalCapacity is 2.",
            }
        ],
        "rejection": None,
        "ignored": None,
        "message": "1 instance leaving (capacity 2 to 1, MinSize 1). ESS accepted; scaling activity asa-1 tells when "
        "it is done. Of 2 instances asked for, 1 stay. MinSize allows no more.",
    }


def test_whoever_wants_the_leavers_replaced_is_told_that_they_will_be() -> None:
    request = request_for(Count(1), options=RemoveOptions(decrease_desired_capacity=False))
    plan = plan_removal(request, group_of(member("i-a"), desired_capacity=1))
    usual = request._replace(options=RemoveOptions(decrease_desired_capacity=True))

    assert "ESS will create as many anew" in removing(request, plan).message
    assert "anew" not in removing(usual, plan).message


@pytest.mark.parametrize(
    ("snapshot", "status"),
    [
        (group_of(member("i-a"), min_size=1), Status.AT_TARGET_OR_BLOCKED),
        (group_of(), Status.AT_TARGET_OR_BLOCKED),
        (group_of(member("i-a"), member("i-b")), Status.DRY_RUN),
        (group_of(member("i-a"), lifecycle_state="Inactive"), Status.REFUSED),
        (group_of(lifecycle_state="Inactive"), Status.REFUSED),
        (group_of(member("i-a"), suspended_processes=("ScaleIn",)), Status.REFUSED),
    ],
)
def test_a_plan_without_an_activity_is_told_as_what_it_is(
    snapshot: Snapshot, status: Status
) -> None:
    assert planned(ASK, plan_removal(ASK, snapshot)).status is status


def test_all_or_nothing_that_came_to_nothing_is_refused() -> None:
    request = ASK._replace(denies_partial=True)

    assert planned(request, plan_removal(request, group_of(member("i-a")))).status is Status.REFUSED


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Refused("RemoveInstances", "Forbidden.RAM", "not permitted."), Status.REFUSED),
        (TryLater("RemoveInstances", "ScalingActivityInProgress", "busy."), Status.RETRY),
        (
            Transient("RemoveInstances", "Throttling", "x.", may_have_happened=False),
            Status.RETRY,
        ),
        (OutcomeUnknown("RemoveInstances", "SDK.HttpError", "no answer."), Status.RETRY),
    ],
)
def test_a_failed_call_names_action_and_code(error: GatewayError, status: Status) -> None:
    outcome = failed(ASK, error)

    assert outcome.status is status
    assert f"RemoveInstances: {error.code}" in outcome.message


def test_a_rejection_says_where_and_by_which_rule() -> None:
    told = as_json(
        rejected("event-1", RejectedEvent("$.remove.count", "minimum", "It must be at least 1."))
    )

    assert told["rejection"] == {"path": "$.remove.count", "rule": "minimum"}
    assert told["message"] == "It must be at least 1."


def test_every_reason_that_can_leave_a_request_short_has_a_sentence() -> None:
    leaving_or_met = {Reason.NAMED, Reason.NEXT_IN_ORDER, Reason.NOT_NEEDED, Reason.NOT_NAMED}

    assert set(SENTENCES) == set(Reason) - leaving_or_met


def test_the_audit_line_is_the_outcome_with_who_and_why() -> None:
    outcome = removing(ASK, plan_removal(ASK, group_of(member("i-a"), member("i-b"))))
    entry = json.loads(audit.line(outcome, "fc-1", NO_CALL_TIMES))

    assert {key: entry[key] for key in KEYS} == as_json(outcome)
    assert (entry["audit"], entry["functionRequestId"], entry["reason"]) == (
        "scalein/1",
        "fc-1",
        "quiet night",
    )


def test_the_audit_line_is_one_line_that_the_platform_does_not_cut() -> None:
    verdicts = tuple(
        Verdict(f"i-bp1{number:017}", selected=False, reason=Reason.MIN_SIZE)
        for number in range(2_000)
    )
    outcome = Outcome(
        Status.AT_TARGET_OR_BLOCKED,
        "r\n1",
        "message\n",
        plan=Plan(verdicts, Amount(1, "instances"), 2_000, 2_000, 2_000),
    )
    text = audit.line(outcome, "fc-1", NO_CALL_TIMES)

    assert len(text) < 32_000
    assert "\n" not in text
    assert json.loads(text)["retainedOmitted"] is True
    assert json.loads(text)["retainedByReason"] == {"min-size": 2_000}


def test_named_instances_that_stay_say_why() -> None:
    request = request_for(Named(("i-a",)))
    outcome = planned(
        request, plan_removal(request, group_of(member("i-a", lifecycle_state="Protected")))
    )

    assert "Named instances are Protected." in outcome.message
