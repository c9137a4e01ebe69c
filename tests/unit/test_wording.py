"""An outcome always has the same fields, and a message for a person."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import (
    Amount,
    Plan,
    RemovalRequest,
    RemovalResult,
    RemoveOptions,
    Snapshot,
    Target,
    Verdict,
)
from scalein.decision.planner import plan_removal
from scalein.decision.progress import Call, CallState, Progress
from scalein.decision.reasons import Ignored, Reason, Status
from scalein.errors import (
    GatewayError,
    OutcomeUnknown,
    Refused,
    RejectedEvent,
    Transient,
    TryLater,
)
from scalein.report import audit, wording
from scalein.report.outcome import Outcome, outcome_json
from scalein.report.status_texts import FAILURES, STATUSES
from scalein.report.texts import CODES, IGNORED, REASONS
from scalein.report.wording import failed, planned, rejected
from tests.support.clock import NOON
from tests.support.fakes import NO_CALL_TIMES
from tests.support.fleets import group_of, member, request_for, requests, snapshots
from tests.support.outcomes import FIELDS, SCHEMA, checked, joined

KEYS = set(FIELDS)
ASK = request_for(Target(instances=2), request_reason="quiet night")


def removing(request: RemovalRequest, plan: Plan) -> Outcome:
    call = Call(0, plan.selected, NOON, NOON, CallState.ACCEPTED, "asa-1")
    return wording.removing(Progress(request, NOON, plan.selected, (call,)), plan)


@given(requests(), snapshots())
def test_every_plan_has_an_outcome_with_all_fields(
    request: RemovalRequest, snapshot: Snapshot
) -> None:
    plan = plan_removal(request, snapshot)
    (outcome,) = checked([removing(request, plan) if plan.selected else planned(request, plan)])
    fields = outcome_json(outcome)

    assert set(fields) == KEYS
    assert json.loads(json.dumps(fields)) == fields
    assert len(fields["selected"]) + len(fields["retained"]) == len(plan.verdicts)
    assert fields["message"]


def test_an_accepted_removal_is_removing_and_not_yet_done() -> None:
    plan = plan_removal(ASK, group_of(member("i-a", 1), member("i-b", 2), min_size=1))

    assert outcome_json(removing(ASK, plan)) == {
        "version": 1,
        "status": "removing",
        "scalingGroupId": "asg-1",
        "requestId": "request-1",
        "message": "1 instance accepted for removal (capacity 2 to 1, MinSize 1). Scaling activity "
        "asa-1 runs. 1 of 2 requested instances not removed. MinSize allows no more removals. "
        "MinSize is 1; TotalCapacity is 2. Lower MinSize to remove more.",
        "requestReason": "quiet night",
        "requested": {"value": 2, "unit": "instances"},
        "selected": ["i-a"],
        "accepted": ["i-a"],
        "removed": [],
        "notRemoved": [],
        "unaccounted": [],
        "pending": [],
        "retained": [{"id": "i-b", "reason": "min-size"}],
        "retainedByReason": {"min-size": 1},
        "rankedBy": [{"id": "i-a", "by": "OldestInstance", "value": "2026-05-01 00:00:00"}],
        "limits": [
            {
                "guardrail": "min-size",
                "allows": 1,
                "unit": "capacity",
                "detail": "MinSize is 1; TotalCapacity is 2.",
            }
        ],
        "blockedBy": None,
        "shortfall": {"requested": 2, "missing": 1, "unit": "instances", "reason": "min-size"},
        "capacity": {"before": 2, "after": 1, "minSize": 1},
        "scalingActivityIds": ["asa-1"],
        "unconfirmed": [],
        "replacementCapacity": None,
        "concurrentRemoval": False,
        "rejection": None,
        "ignored": None,
        "originalStatus": None,
        "followUp": None,
        "retryAfterSeconds": None,
        "ledger": None,
        "policy": None,
        "policyWarning": None,
        "omitted": {},
    }


def test_a_capacity_says_what_of_it_is_being_removed_already() -> None:
    """TotalCapacity counts those instances until they are gone."""
    states = ["InService"] * 4 + ["Removing", "Removing:Wait"]
    members = [member(f"i-{n}", lifecycle_state=state) for n, state in enumerate(states)]
    snapshot = group_of(*members, min_size=1)
    text = removing(ASK, plan_removal(ASK, snapshot)).message

    assert "(capacity 6 to 4, MinSize 1; 2 other instances are being removed already)" in text


def test_a_request_that_keeps_the_desired_capacity_says_that_ess_creates_replacements() -> None:
    request = request_for(
        Target(instances=1), options=RemoveOptions(decrease_desired_capacity=False)
    )
    plan = plan_removal(request, group_of(member("i-a"), desired_capacity=1))
    usual = request._replace(options=RemoveOptions(decrease_desired_capacity=True))

    assert "ESS creates replacements" in removing(request, plan).message
    assert "replacements" not in removing(usual, plan).message


@pytest.mark.parametrize(
    ("snapshot", "status"),
    [
        (group_of(member("i-a"), min_size=1), Status.BLOCKED),
        (group_of(), Status.BLOCKED),
        (group_of(member("i-a"), member("i-b")), Status.DRY_RUN),
        (group_of(member("i-a"), lifecycle_state="Inactive"), Status.BLOCKED),
        (group_of(lifecycle_state="Inactive"), Status.BLOCKED),
        (group_of(member("i-a"), suspended_processes=("ScaleIn",)), Status.BLOCKED),
    ],
)
def test_a_plan_without_an_activity_has_the_status_that_it_is(
    snapshot: Snapshot, status: Status
) -> None:
    assert planned(ASK, plan_removal(ASK, snapshot)).status is status


def test_a_request_that_denies_a_part_is_blocked_where_not_all_can_be_removed() -> None:
    request = ASK._replace(denies_partial=True)

    assert planned(request, plan_removal(request, group_of(member("i-a")))).status is Status.BLOCKED


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
    fields = outcome_json(
        rejected("event-1", RejectedEvent("$.remove.count", "minimum", "It must be at least 1."))
    )

    assert fields["rejection"] == {"path": "$.remove.count", "rule": "minimum"}
    assert fields["message"] == "It must be at least 1."


def test_every_status_reason_and_way_to_be_ignored_has_words() -> None:
    assert (set(STATUSES), set(REASONS), set(IGNORED)) == (set(Status), set(Reason), set(Ignored))
    for text in (
        *STATUSES.values(),
        *REASONS.values(),
        *IGNORED.values(),
        *CODES.values(),
        *FAILURES.values(),
    ):
        assert text.label
        assert text.sentence.endswith(".")
        assert text.action.endswith(".") or not text.action


def test_the_audit_line_is_the_outcome_with_who_and_why() -> None:
    outcome = removing(ASK, plan_removal(ASK, group_of(member("i-a"), member("i-b"))))
    (line,) = audit.lines(outcome, "fc-1", NO_CALL_TIMES)
    entry = json.loads(line)

    assert {key: entry[key] for key in KEYS} == outcome_json(outcome)
    assert (entry["audit"], entry["functionRequestId"], entry["requestReason"]) == (
        "scalein/3",
        "fc-1",
        "quiet night",
    )


def test_two_thousand_retained_instances_follow_in_lines_that_nothing_cuts() -> None:
    verdicts = tuple(
        Verdict(f"i-bp1{number:017}", selected=False, reason=Reason.MIN_SIZE)
        for number in range(2_000)
    )
    outcome = Outcome(
        Status.BLOCKED,
        "r\n1",
        "message\n",
        plan=Plan(verdicts, Amount(1, "instances"), 2_000, 2_000, 2_000),
    )
    first, *others = audit.lines(outcome, "fc-1", NO_CALL_TIMES)

    assert len(others) == 9  # of 110 KB
    assert max(map(len, (first, *others))) <= 16_000
    assert "\n" not in "".join((first, *others))
    assert json.loads(first)["omitted"] == {"retained": 2_000}
    assert json.loads(first)["counts"]["retained"] == 2_000
    assert json.loads(json.loads(first)["asText"]["retainedByReason"]) == {"min-size": 2_000}
    assert joined((first, *others))["retained"] == outcome_json(outcome)["retained"]


def test_the_schema_lists_every_status_reason_and_way_to_be_ignored() -> None:
    named = SCHEMA["$defs"]

    assert named["status"]["enum"] == [status.value for status in Status]
    assert named["reason"]["enum"] == [reason.value for reason in Reason]
    assert FIELDS["ignored"]["enum"] == [*(why.value for why in Ignored), None]
    assert named["fields"]["required"] == list(FIELDS)


def message_of(request: RemovalRequest, snapshot: Snapshot) -> str:
    return planned(request, plan_removal(request, snapshot)).message


def test_a_named_instance_that_is_retained_is_named_with_the_reason() -> None:
    group = group_of(member("i-a", lifecycle_state="Protected"))

    assert "i-a is Protected." in message_of(request_for(Target(instance_ids=("i-a",))), group)
    assert message_of(request_for(Target(instance_ids=("i-nobody", "i-a"))), group) == (
        "None of 2 requested instances removed. i-a is Protected. End its protection "
        "to remove it. i-nobody is not a member of asg-1. Check the instance id and the scaling "
        "group id."
    )


def test_several_instances_of_one_reason_share_a_sentence() -> None:
    ids = tuple(f"i-{n}" for n in range(7))

    assert message_of(request_for(Target(instance_ids=ids)), group_of()) == (
        "None of 7 requested instances removed. "
        "i-0, i-1, i-2, i-3, i-4 and 2 more are not members of asg-1. "
        "Check the instance id and the scaling group id."
    )


def test_a_message_says_what_to_do_about_the_groups_state() -> None:
    assert message_of(ASK, group_of(member("i-a"), suspended_processes=("ScaleIn",))).endswith(
        "suspended. Resume the ScaleIn process."
    )


def test_nothing_to_do_is_no_blocked_request() -> None:
    request = request_for(Target(to_capacity=1))
    outcome = planned(request, plan_removal(request, group_of(member("i-a"))))

    assert outcome.status is Status.AT_TARGET
    assert outcome.message == ("No instances removed: the capacity is 1, not above the target 1.")


def test_a_capacity_that_is_reached_is_named_without_what_is_being_removed() -> None:
    group = group_of(
        *(member(f"i-{n}", lifecycle_state="Removing" if n > 4 else "InService") for n in range(7))
    )

    assert message_of(request_for(Target(to_capacity=6)), group) == (
        "No instances removed: the capacity without Removing and Stopped instances is 5, "
        "not above the target 6."
    )


def test_each_reason_for_few_candidates_is_counted() -> None:
    group = group_of(
        member("i-young", joined_at=NOON),
        member("i-protected", lifecycle_state="Protected"),
        member("i-standby", lifecycle_state="Standby"),
    )
    group = group._replace(taken_at=NOON)
    plan = plan_removal(ASK, group, GroupPolicy(minimum_age_seconds=3_600))

    assert planned(ASK, plan).message == (
        "None of 2 requested instances removed. No further instance is a candidate: "
        "1 is Protected, 1 is Standby, 1 is younger than minimumAgeSeconds (3600 s)."
    )


def test_a_deleting_group_is_not_to_be_enabled() -> None:
    deleting = message_of(ASK, group_of(member("i-a"), lifecycle_state="Deleting"))

    assert deleting == "No instances removed: the scaling group is Deleting, not Active."
    assert message_of(ASK, group_of(member("i-a"), lifecycle_state="Inactive")).endswith(
        "Enable it."
    )


def test_one_requested_instance_is_spoken_of_in_the_singular() -> None:
    request = request_for(Target(instances=1))

    assert message_of(request, group_of(member("i-a"), min_size=1)).startswith(
        "The requested instance is not removed. MinSize"
    )


def test_an_instance_of_unknown_weight_is_named() -> None:
    group = group_of(member("i-heavy", weight=None), weighted=True)

    assert "the weight of i-heavy." in message_of(request_for(Target(instances=1)), group)


def test_the_ids_of_an_end_are_removed_only_where_an_activity_confirms_them() -> None:
    call = Call(0, ("i-a", "i-b"), NOON, NOON, CallState.ACCEPTED, "asa-1")
    progress = Progress(ASK, NOON, ("i-a", "i-b"), (call,))
    running = outcome_json(wording.removing(progress, None))
    result = RemovalResult(("i-a",), (("i-b", "IncorrectInstanceStatus"),), 0)
    ended = outcome_json(wording.ended(progress, result))

    assert (running["accepted"], running["removed"]) == (["i-a", "i-b"], [])
    assert (ended["accepted"], ended["removed"]) == (["i-a", "i-b"], ["i-a"])
    assert ended["notRemoved"] == [{"id": "i-b", "code": "IncorrectInstanceStatus"}]
    assert ended["message"] == "1 instance removed. Not removed: i-b (IncorrectInstanceStatus)."


def test_a_dry_run_has_selected_instances_and_no_accepted_or_removed_ones() -> None:
    fields = outcome_json(planned(ASK, plan_removal(ASK, group_of(member("i-a"), member("i-b")))))

    assert fields["status"] == "dry-run"
    assert (fields["selected"], fields["accepted"], fields["removed"]) == (["i-a", "i-b"], [], [])


def test_a_refusal_names_the_service_that_refuses() -> None:
    error = Refused("DescribeMetricLast", "Forbidden.RAM", "not permitted.")

    assert "CloudMonitor refused the request." in failed(ASK, error).message


def test_instances_that_an_unknown_activity_removed_are_to_be_looked_for() -> None:
    call = Call(0, ("i-a",), NOON, NOON, CallState.ACCEPTED, "asa-1")
    outcome = wording.ended(
        Progress(ASK, NOON, ("i-a",), (call,)), RemovalResult((), (), 0, ("i-a",))
    )

    assert outcome.status is Status.UNCONFIRMED
    assert outcome.message.endswith("Check the scaling activities of asg-1; nothing is retried.")


def test_a_code_of_this_function_has_words_in_a_message() -> None:
    call = Call(0, ("i-a",), NOON, NOON, CallState.ACCEPTED, "asa-1")
    result = RemovalResult((), (("i-a", "still-a-member"),), 0)

    assert wording.ended(Progress(ASK, NOON, ("i-a",), (call,)), result).message == (
        "No instances removed. Not removed: i-a (still in the group after its activity)."
    )


def test_a_message_that_waited_too_long_says_how_long_it_may_wait() -> None:
    outcome = wording.waited_too_long(Progress(ASK, NOON, (), ()), 90_000, 86_400)

    assert "waited 90000 s for its scaling group; the limit is 86400 s." in outcome.message
