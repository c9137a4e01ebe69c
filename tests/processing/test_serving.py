"""Many messages in one event: each has its outcome, and no headroom is counted twice."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.clock import Deadline
from scalein.cloud.gateway import GROUP_ONLY, Gateway
from scalein.decision.model import ReadScope, Snapshot
from scalein.errors import ConfigurationError, GatewayError, OutcomeUnknown, Transient, TryLater
from scalein.intake.envelopes import parse_event
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.processing.dependencies import Dependencies
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import FakeEss, ScriptedGateway, dependencies_of
from tests.support.fleets import fleet
from tests.support.outcomes import checked

SPOT = {"eventName": "Instance:PreemptibleInstanceInterruption"}
POLICY = {
    "groups": {"asg-1": {}, "asg-2": {}, "asg-dry": {"dryRun": True}},
    "alarms": [
        {"when": SPOT, "scalingGroupId": "alarm", "remove": {"instanceIds": "alarm"}},
        {"when": {"alertName": "low*"}, "scalingGroupId": "asg-1", "remove": {"count": 1}},
        {
            "when": {"alertName": "idle"},
            "scalingGroupId": "asg-1",
            "remove": {"instanceIds": "alarm"},
        },
    ],
}


def request(id: str, count: int = 1, group: str = "asg-1", **fields: Any) -> dict[str, Any]:
    return {"scalingGroupId": group, "remove": {"count": count}, "requestId": id, **fields}


def callback(name: str, **fields: str) -> dict[str, str]:
    return {
        "alertName": name,
        "alertState": "ALERT",
        "timestamp": str(int(NOON.timestamp())),
        "dimensions": "{userId=1, scaling_group=asg-1}",
        **fields,
    }


def spot(instance_id: str, id: str = "spot-1", **fields: Any) -> dict[str, Any]:
    content = {"instanceId": instance_id}
    return {"product": "ECS", "name": SPOT["eventName"], "id": id, "content": content, **fields}


def sent(seconds_ago: float, document: dict[str, Any]) -> dict[str, Any]:
    time = (NOON - timedelta(seconds=seconds_ago)).isoformat()
    return {
        "specversion": "1.0",
        "type": "x",
        "id": f"{seconds_ago}",
        "time": time,
        "data": document,
    }


def served(
    gateway: Gateway, *messages: Any, dry_run: bool = False, policy: Any = None
) -> list[Outcome]:
    known_policy = read_policy(json.dumps(policy or POLICY))
    processor = BatchProcessor(known_policy, dependencies_of(gateway, is_dry_run=dry_run))
    return checked(processor.process(parse_event(json.dumps(list(messages)).encode())))


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def test_messages_for_one_group_are_decided_on_what_the_ones_before_left() -> None:
    ess = FakeEss(fleet())
    outcomes = served(ess, request("a", 3), request("b", 3), request("c"))

    assert [outcome.accepted for outcome in outcomes] == [("i-1", "i-2", "i-3"), ("i-4",), ()]
    assert statuses(outcomes) == ["removing", "removing", "blocked"]


def test_headroom_is_not_counted_twice_even_while_ess_shows_an_old_snapshot() -> None:
    ess = FakeEss(fleet(), lag=1)
    outcomes = served(ess, request("a", 3), request("b", 3), request("c", 3))

    assert [outcome.accepted for outcome in outcomes] == [("i-1", "i-2", "i-3"), ("i-4",), ()]


def test_a_dry_message_uses_no_headroom_of_the_next() -> None:
    ess = FakeEss(fleet())
    outcomes = served(ess, request("a", 4, dryRun=True), request("b", 4))

    assert statuses(outcomes) == ["dry-run", "removing"]
    assert outcomes[0].selected == outcomes[1].accepted


@pytest.mark.parametrize("group", ["asg-dry", "asg-1"])
def test_a_dry_group_or_deployment_says_what_a_whole_batch_would_do(group: str) -> None:
    ess = FakeEss(fleet(id=group))
    outcomes = served(
        ess, request("a", 3, group), request("b", 3, group), dry_run=group != "asg-dry"
    )

    assert [outcome.selected for outcome in outcomes] == [("i-1", "i-2", "i-3"), ("i-4",)]
    assert ess.removals == []


def test_a_message_that_comes_twice_in_a_batch_is_served_once() -> None:
    ess = FakeEss(fleet())
    outcomes = served(
        ess, request("a"), request("a"), request("a", 4), request("a", group="asg-2"), request("b")
    )

    assert statuses(outcomes) == ["removing", "duplicate", "duplicate", "refused", "removing"]
    assert outcomes[1].scaling_activity_ids == outcomes[0].scaling_activity_ids == ("asa-1",)
    assert (outcomes[1].accepted, len(ess.removals)) == ((), 2)


def test_one_bad_message_spoils_no_other() -> None:
    ess = FakeEss(fleet(), fleet(id="asg-2", prefix="j"))
    bad = [
        None,
        "{",
        {},
        request("x", -1),
        request("x", group="asg-9"),
        callback("other"),
        sent(901, request("y")),
    ]
    outcomes = served(ess, *bad, request("good"), request("too", group="asg-2"))

    expected = ["rejected"] * 4 + ["refused", "ignored", "expired", "removing", "removing"]
    assert statuses(outcomes) == expected


def test_a_group_that_cannot_be_read_spoils_no_other_and_is_read_once() -> None:
    ess = FakeEss(fleet(id="asg-2"))
    outcomes = served(ess, request("a"), request("b", group="asg-2"), request("c"))

    assert statuses(outcomes) == ["refused", "removing", "refused"]
    assert ess.reads == ["asg-1", "asg-2"]


def test_a_busy_group_is_called_once_and_not_again_in_the_batch() -> None:
    busy = TryLater(
        "RemoveInstances", "ScalingActivityInProgress", "a scaling activity is in progress."
    )
    gateway = ScriptedGateway(fleet(), answers=["asa-1", busy])
    outcomes = served(gateway, request("a"), request("b"), request("c"), request("d"))

    assert statuses(outcomes) == ["removing", "retry", "retry", "retry"]
    assert (len(gateway.removals), gateway.reads) == (2, 2)


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("RemoveInstances", "SDK.HttpError", "no answer."),
        Transient("RemoveInstances", "Throttling", "x.", may_have_happened=False),
    ],
)
def test_instances_of_a_removal_that_may_have_happened_count_as_removed(
    error: GatewayError,
) -> None:
    gateway = ScriptedGateway(fleet(), answers=[error, "asa-2"])
    first, second = served(gateway, request("a", 3), request("b", 3))

    assert first.status.value == "retry"
    assert second.accepted == (("i-4",) if isinstance(error, OutcomeUnknown) else ())


@pytest.mark.parametrize(("messages", "groups"), [(50, 1), (50, 2), (200, 2)])
def test_reads_grow_with_the_groups_and_not_with_the_messages(messages: int, groups: int) -> None:
    ess = FakeEss(*(fleet(id=f"asg-{n}", min_size=6) for n in range(1, groups + 1)))
    outcomes = served(
        ess, *(request(f"r-{n}", group=f"asg-{1 + n % groups}") for n in range(messages))
    )

    assert set(statuses(outcomes)) == {"blocked"}
    assert len(ess.reads) == groups


@pytest.mark.parametrize(
    ("seconds_ago", "status"),
    [(0, "removing"), (900, "removing"), (900.1, "expired"), (-300, "removing"), (-301, "refused")],
)
def test_a_message_is_served_while_it_is_young_and_not_before_it_was_sent(
    seconds_ago: float, status: str
) -> None:
    (outcome,) = served(FakeEss(fleet()), sent(seconds_ago, request("a")))

    assert outcome.status.value == status
    assert bool(outcome.rejection) is (status == "refused")


@pytest.mark.parametrize(("seconds", "status"), [(0, "removing"), (-1, "expired")])
def test_a_request_is_served_up_to_its_last_moment(seconds: int, status: str) -> None:
    ess = FakeEss(fleet())
    (outcome,) = served(ess, request("a", notAfter=(NOON + timedelta(seconds=seconds)).isoformat()))

    assert outcome.status.value == status
    assert bool(ess.reads) is (status == "removing")


def test_a_message_that_came_too_late_does_not_stand_in_the_way_of_itself_in_time() -> None:
    outcomes = served(
        FakeEss(fleet()), sent(1_000, request("a")), sent(1, request("a")), sent(2, request("a"))
    )

    assert statuses(outcomes) == ["expired", "removing", "duplicate"]


def test_a_dry_message_does_not_stand_in_the_way_of_the_real_one() -> None:
    outcomes = served(
        FakeEss(fleet()), request("a", dryRun=True), request("a"), request("a", dryRun=True)
    )

    assert statuses(outcomes) == ["dry-run", "removing", "duplicate"]


def test_messages_whose_turn_comes_after_the_deadline_are_tried_later() -> None:
    clock, ess = DrivenClock(), FakeEss(fleet())
    known_policy = read_policy(json.dumps(POLICY))
    processor = BatchProcessor(known_policy, dependencies_of(ess, clock))
    outcomes = []
    for outcome in processor.process(
        parse_event(json.dumps([request("a"), request("b"), {}]).encode())
    ):
        outcomes.append(outcome)
        clock.sleep(30)

    assert statuses(outcomes) == ["removing", "retry", "retry"]
    assert len(ess.removals) == 1


def test_an_old_alarm_expires_even_in_a_fresh_envelope() -> None:
    old = callback("low", timestamp=str(int(NOON.timestamp()) - 3_600))
    (outcome,) = served(FakeEss(fleet()), sent(1, old))

    assert outcome.status.value == "expired"


def test_a_recovery_is_ignored_whatever_the_rules_say() -> None:
    (outcome,) = served(FakeEss(fleet()), callback("low", alertState="OK"))

    assert (outcome.status.value, outcome.ignored and outcome.ignored.value) == (
        "ignored",
        "recovery",
    )


def test_an_alarm_that_no_rule_matches_is_ignored_and_says_so() -> None:
    (outcome,) = served(FakeEss(fleet()), callback("high"))

    assert (outcome.status.value, outcome.ignored and outcome.ignored.value) == (
        "ignored",
        "no-rule",
    )
    assert "No alarm rule of the policy matches" in outcome.message


def test_an_alarm_removes_what_its_rule_says_once() -> None:
    ess = FakeEss(fleet())
    outcomes = served(ess, callback("low-1"), callback("low-1"), callback("low-2"))

    assert statuses(outcomes) == ["removing", "duplicate", "removing"]
    assert [removal.instance_ids for removal in ess.removals] == [("i-1",), ("i-2",)]


def test_the_alarms_own_instance_is_removed_and_no_other() -> None:
    outcomes = served(FakeEss(fleet()), callback("idle", dimensions="{instanceId=i-4}"))

    assert outcomes[0].accepted == ("i-4",)


@pytest.mark.parametrize("dimensions", ["{userId=1}", "not a map", "{instanceId=}"])
def test_an_alarm_that_names_no_instance_removes_none_where_the_rule_takes_its_own(
    dimensions: str,
) -> None:
    ess = FakeEss(fleet())
    (outcome,) = served(ess, callback("idle", dimensions=dimensions))

    assert outcome.status.value == "refused"
    assert "the alarm names none that can be read" in outcome.message
    assert ess.removals == []


def test_a_spot_instance_is_removed_from_the_group_that_it_is_in() -> None:
    ess = FakeEss(fleet(), fleet(id="asg-2", prefix="j"))
    outcomes = served(
        ess, spot("j-2".replace("j", "i")), spot("i-9", "spot-2"), spot("x", "spot-3")
    )

    assert [outcome.scaling_group_id for outcome in outcomes] == ["asg-1", None, None]
    assert statuses(outcomes) == ["removing", "ignored", "refused"]


def test_a_group_that_was_read_already_is_not_looked_up_again() -> None:
    ess = FakeEss(fleet())
    served(
        ess,
        *(spot(f"i-{n}", f"spot-{n}", eventTime=str(int(NOON.timestamp()))) for n in range(1, 5)),
    )

    assert ess.reads.count("groups_of") == 1


def test_an_instance_in_a_group_that_the_policy_does_not_have_is_retained() -> None:
    ess = FakeEss(fleet(id="asg-other"))
    (outcome,) = served(ess, spot("i-1"))

    assert (outcome.status.value, outcome.scaling_group_id) == ("refused", "asg-other")
    assert ess.removals == []


def test_instances_of_several_groups_are_retained() -> None:
    ess = FakeEss(fleet(), fleet(id="asg-2"))
    (outcome,) = served(ess, spot("i-1"))

    assert outcome.status.value == "refused"
    assert ess.removals == []


def test_what_no_message_needs_is_not_opened() -> None:
    def never() -> Any:
        raise AssertionError

    known_policy = read_policy(json.dumps(POLICY))
    event = parse_event(
        json.dumps(
            [{}, callback("low", alertState="OK"), request("a", group="asg-9"), callback("x")]
        ).encode()
    )

    assert (
        len(
            list(
                BatchProcessor(
                    known_policy, Dependencies(never, never, Deadline.after(30, DrivenClock()))
                ).process(event)
            )
        )
        == 4
    )


def test_a_wrong_deployment_ends_the_batch() -> None:
    class Wrong(FakeEss):
        def snapshot(self, scaling_group_id: str, read_scope: ReadScope = GROUP_ONLY) -> Snapshot:
            raise ConfigurationError

    with pytest.raises(ConfigurationError):
        served(Wrong(), request("a"))


orders = st.tuples(
    st.sampled_from("abcdef"), st.integers(1, 4), st.sampled_from(["asg-1", "asg-2"]), st.booleans()
)


@given(st.lists(orders, min_size=1, max_size=12), st.integers(0, 6), st.integers(0, 2))
def test_no_batch_takes_a_group_below_min_size_or_serves_a_message_twice(
    drawn: list[tuple[str, int, str, bool]], min_size: int, lag: int
) -> None:
    ess = FakeEss(fleet(min_size=min_size), fleet(id="asg-2", min_size=min_size), lag=lag)
    outcomes = served(
        ess, *(request(id, count, group, dryRun=dry) for id, count, group, dry in drawn)
    )

    assert len(outcomes) == len(drawn)
    for group_id in ("asg-1", "asg-2"):
        removed = [
            id
            for removal in ess.removals
            if removal.scaling_group_id == group_id
            for id in removal.instance_ids
        ]
        assert len(set(removed)) == len(removed) <= 6 - min_size
    tokens = Counter(removal.client_token for removal in ess.removals)
    assert all(times == 1 for times in tokens.values())
