"""A notification of several alerts has an outcome for each rule that takes some of them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from scalein.decision.reasons import Ignored
from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import FakeEss, dependencies_of
from tests.support.fleets import fleet
from tests.support.outcomes import checked

RULES = [
    {"when": {"alertName": "tier-idle"}, "scalingGroupId": "asg-1", "remove": {"count": 1}},
    {
        "when": {"alertName": "idle"},
        "scalingGroupId": "asg-1",
        "remove": {"instanceIds": "alarm"},
    },
]
POLICY = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": RULES}))


def alert(name: str, minutes: int = 1, status: str = "firing", **labels: str) -> dict[str, Any]:
    since = (NOON - timedelta(minutes=minutes)).isoformat()
    return {"status": status, "labels": {"alertname": name, **labels}, "startsAt": since}


def outcomes_of(ess: FakeEss, *documents: Any) -> list[Outcome]:
    """The outcomes of one invocation for each document; they share a ledger."""
    dependencies = dependencies_of(ess, DrivenClock())
    outcomes = []
    for document in documents:
        event = parse_event(json.dumps(document).encode())
        outcomes += checked(BatchProcessor(POLICY, dependencies).process(event))
    return outcomes


def notification(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"status": "firing", "receiver": "fc", "groupKey": "g", "alerts": alerts, **fields}


def test_each_rule_takes_its_own_alerts_and_the_rest_is_counted() -> None:
    ess = FakeEss(fleet(8, 1))
    amount, named, rest = outcomes_of(
        ess,
        notification(
            alert("idle", instance="i-7"),
            alert("disk-full", instance="i-1"),
            alert("tier-idle", tier="web"),
            alert("disk-full", instance="i-2"),
            alert("idle", status="resolved", instance="i-3"),
        ),
    )

    assert len(amount.accepted) == 1
    assert named.accepted == ("i-7",)
    assert rest.ignored is Ignored.NO_RULE
    assert rest.message.startswith("Of 4 alerts that fire, 2 without a rule. No alarm rule")
    assert len(ess.removals) == 2


def test_an_alert_that_has_fired_for_long_does_not_make_a_fresh_one_expire() -> None:
    old, fresh = alert("idle", 600, instance="i-1"), alert("idle", 1, instance="i-2")

    assert [o.status.value for o in outcomes_of(FakeEss(fleet(8, 1)), notification(old))] == [
        "expired"
    ]
    (both,) = outcomes_of(FakeEss(fleet(8, 1)), notification(old, fresh))
    assert both.accepted == ("i-1", "i-2")


def test_alerts_that_come_again_beside_others_act_once() -> None:
    ess, one = FakeEss(fleet(8, 1)), alert("idle", instance="i-1")
    first, again, other = outcomes_of(
        ess, notification(one), notification(alert("tier-idle", tier="web"), one)
    )

    assert first.accepted == ("i-1",)
    assert len(again.accepted) == 1
    assert (other.status.value, len(ess.removals)) == ("duplicate", 2)


A, B, C = (alert("tier-idle", tier=tier) for tier in "abc")
OLDER_B = alert("tier-idle", 3, tier="b")


@pytest.mark.parametrize(
    "documents",
    [
        (notification(A, B), notification(A)),
        (notification(A, B), notification(A, {**B, "status": "resolved"})),
        (notification(A, B, C), notification(B, C), notification(B), notification(C)),
        (notification(A, OLDER_B), notification(OLDER_B)),
        (notification(A, OLDER_B), notification(A)),
        (notification(A), notification(A, B)),
        ([A, B], [A], [B]),
        ([A, OLDER_B], [OLDER_B], [A]),
        ({"alerts": [A, B]}, {"alerts": [B]}),
        (
            notification(A, B, groupKey="", groupLabels={"a": "b"}, externalURL="http://a/1"),
            notification(A, groupKey="", groupLabels={"a": "b"}, externalURL="http://a/2"),
        ),
        (
            notification(A, OLDER_B, groupKey="", groupLabels={"a": "b"}, externalURL="http://a/1"),
            notification(OLDER_B, groupKey="", groupLabels={"a": "b"}, externalURL="http://a/2"),
        ),
    ],
)
def test_a_recovery_of_one_alert_does_not_make_the_others_act_again(documents: Any) -> None:
    ess = FakeEss(fleet(8, 1))
    first, *others = outcomes_of(ess, *documents)

    assert first.status.value == "removing"
    assert {outcome.status.value for outcome in others} <= {"duplicate", "superseded"}
    assert len(ess.removals) == 1


def test_an_alert_that_begins_later_acts_of_its_own() -> None:
    ess = FakeEss(fleet(8, 1))
    outcomes = outcomes_of(ess, notification(OLDER_B), notification(OLDER_B, A))

    assert [outcome.status.value for outcome in outcomes] == ["removing", "removing"]
    assert len(ess.removals) == 2


def test_alerts_that_begin_together_act_by_each_of_their_rules() -> None:
    rule = {**RULES[0], "when": {"alertName": "other"}}
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": [*RULES, rule]}))
    ess, event = FakeEss(fleet(8, 1)), notification(A, alert("other", tier="a"))
    parsed = parse_event(json.dumps(event).encode())
    outcomes = checked(BatchProcessor(policy, dependencies_of(ess, DrivenClock())).process(parsed))

    assert len({outcome.request_id for outcome in outcomes}) == len(ess.removals) == 2


@pytest.mark.parametrize("minutes", [0, 3])
def test_an_alert_without_a_status_is_over_once_its_end_has_come(minutes: int) -> None:
    alerts = [
        {**alert("idle", instance=id), "endsAt": (NOON + timedelta(minutes=end)).isoformat()}
        for id, end in (("i-1", -minutes), ("i-2", 4))
    ]
    for one in alerts:
        del one["status"]
    ess = FakeEss(fleet(8, 1))

    assert outcomes_of(ess, alerts[:1])[0].ignored is Ignored.RECOVERY
    assert outcomes_of(ess, alerts)[0].accepted == ("i-2",)


def test_an_outcome_says_that_the_sender_left_alerts_out() -> None:
    cut = notification(alert("idle", instance="i-1"), truncatedAlerts=2)
    (outcome,) = outcomes_of(FakeEss(fleet(8, 1)), cut)

    assert outcome.accepted == ("i-1",)
    assert outcome.message.endswith(
        "Alerts that the sender left out: 2; nothing was done for them."
    )
