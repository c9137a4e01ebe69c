"""What a sender writes decides its own message alone: names, order, text that is no Unicode."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.model import RemovalRequest, Target
from scalein.decision.progress import Progress
from scalein.intake.envelopes import parse_event
from scalein.ledger.memory import MemoryStore
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.processing.progress_record import PURPOSE, sign_follow_up
from scalein.report import audit
from scalein.report import response as answer
from scalein.report.outcome import Outcome
from tests.support.clock import NOON, DrivenClock
from tests.support.fakes import NO_CALL_TIMES, FakeEss, dependencies_of, memory_ledger
from tests.support.fleets import fleet
from tests.support.outcomes import checked
from tests.unit.test_envelopes import damaged, twisted

KEY = "k" * 32
POLICY = {
    "groups": {"asg-1": {}},
    "alarms": [
        {
            "when": {"alertName": "idle"},
            "scalingGroupId": "asg-1",
            "remove": {"instanceIds": "alarm"},
        },
        {"when": {"alertName": "*"}, "scalingGroupId": "asg-1", "remove": {"count": 1}},
        {
            "when": {"eventName": "*"},
            "scalingGroupId": "asg-1",
            "remove": {"instanceIds": "alarm"},
        },
    ],
}


def serve(ess: FakeEss, *events: Any) -> list[Outcome]:
    """Each event is an invocation of its own; all have one memory."""
    clock, store, outcomes = DrivenClock(), MemoryStore(), list[Outcome]()
    policy = read_policy(json.dumps(POLICY))
    for number, event in enumerate(events):
        ledger = memory_ledger(clock, f"fc-{number}", store)
        dependencies = dependencies_of(ess, clock, ledger, follow_up_key=KEY)
        parsed = parse_event(json.dumps(event).encode())
        outcomes += checked(BatchProcessor(policy, dependencies).process(parsed))
    return outcomes


def statuses(outcomes: list[Outcome]) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def seconds_from_now(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat()


def request(**fields: Any) -> dict[str, Any]:
    return {"scalingGroupId": "asg-1", "remove": {"count": 1}, **fields}


def queued(id: str, document: Any, sent: float = -60) -> dict[str, Any]:
    """A queue message that was sent so many seconds from now."""
    data = {"messageId": id, "messageBody": json.dumps(document)}
    return event(id, data, sent, "mns:Queue:SendMessage")


def event(
    id: str, data: Any, sent: float = -60, kind: str = "x", source: str = "bus"
) -> dict[str, Any]:
    time = seconds_from_now(sent)
    return {
        "specversion": "1.0",
        "id": id,
        "source": source,
        "type": kind,
        "time": time,
        "data": data,
    }


def alarm(sent: float, name: str = "cpu-low", **fields: Any) -> dict[str, Any]:
    when = int((NOON + timedelta(seconds=sent)).timestamp())
    dimensions = "{userId=1, scaling_group=asg-1}"
    return {
        "alertName": name,
        "alertState": "ALERT",
        "dimensions": dimensions,
        "timestamp": when,
        **fields,
    }


@given(st.permutations([-300, -200, -100]))
def test_commands_all_act_in_whatever_order_they_come(order: list[int]) -> None:
    ess = FakeEss(fleet(8, 1))
    outcomes = serve(ess, *(queued(f"m{sent}", request(), sent) for sent in order))

    assert statuses(outcomes) == ["removing"] * 3


@given(st.permutations([-300, -200, -100]))
def test_an_alarm_acts_unless_a_newer_one_of_its_rule_and_resource_removed_something(
    order: list[int],
) -> None:
    outcomes = serve(FakeEss(fleet(8, 1)), *(alarm(sent) for sent in order))
    newest_before = [max([-999, *order[:at]]) for at in range(3)]

    assert statuses(outcomes) == [
        "removing" if sent > newest else "superseded"
        for sent, newest in zip(order, newest_before, strict=True)
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"dimensions": "{userId=1, scaling_group=asg-2}"},
        {"ruleId": "another"},
        {"name": "memory-low"},
    ],
)
def test_an_older_alarm_of_another_rule_or_resource_acts(other: dict[str, Any]) -> None:
    assert statuses(serve(FakeEss(fleet(8, 1)), alarm(-100), alarm(-200, **other))) == [
        "removing",
        "removing",
    ]


def test_an_older_alarm_of_other_instances_acts_where_the_rule_removes_the_alarms_own() -> None:
    def idle(sent: float, *instances: str) -> dict[str, Any]:
        alerts = [
            {"status": "firing", "labels": {"instance_id": id}, "startsAt": seconds_from_now(sent)}
            for id in instances
        ]
        notification = {"status": "firing", "receiver": "r", "groupKey": "g", "alerts": alerts}
        return event(f"n{sent}", {**notification, "commonLabels": {"alertname": "idle"}}, sent)

    outcomes = serve(FakeEss(fleet(8, 1)), idle(-100, "i-1"), idle(-200, "i-2"), idle(-250, "i-1"))

    assert statuses(outcomes) == ["removing", "removing", "superseded"]


def test_what_happened_once_is_never_superseded() -> None:
    def spot(id: str, sent: float) -> dict[str, Any]:
        content = {"instanceId": f"i-{id}"}
        document = {
            "product": "ECS",
            "name": "Instance:Spot",
            "id": id,
            "content": content,
            "ruleName": "r",
        }
        return {**document, "eventTime": int((NOON + timedelta(seconds=sent)).timestamp())}

    assert statuses(serve(FakeEss(fleet(8, 1)), spot("2", -100), spot("1", -200))) == [
        "removing",
        "removing",
    ]


@pytest.mark.parametrize(
    "future",
    [
        alarm(290, alertState="OK"),
        alarm(290, name="without a rule", alertState="INSUFFICIENT_DATA"),
        queued("f", request(remove={"toCapacity": 100}), 290),
        queued("f", request(dryRun=True), 290),
        queued("f", request(), 301),
        alarm(301),
        alarm(290, name="idle", dimensions="null"),
    ],
)
def test_a_message_from_the_future_that_removes_nothing_silences_nothing(
    future: dict[str, Any],
) -> None:
    outcomes = serve(FakeEss(fleet(8, 1)), future, alarm(-100), queued("m", request(), -200))

    assert statuses(outcomes)[1:] == ["removing", "removing"]
    assert outcomes[0].status.value != "removing"


def test_an_alarm_from_the_future_counts_as_of_now() -> None:
    assert statuses(serve(FakeEss(fleet(8, 1)), alarm(290), alarm(0), alarm(-1))) == [
        "removing",
        "removing",
        "superseded",
    ]


TICK = {
    "triggerName": "nightly",
    "triggerTime": seconds_from_now(-60),
    "payload": json.dumps(request()),
}
GENUINE = {
    "a timer": TICK,
    "a queue message": queued("Q1", request()),
    "an event": event("E1", request()),
    "a topic message": {"TopicName": "t", "MessageId": "M1", "Message": json.dumps(request())},
    "an alarm": alarm(-60),
    "a request without a name": request(requestReason="x"),
}


@pytest.mark.parametrize("name", sorted(GENUINE))
def test_no_request_id_takes_the_place_of_a_message_without_one(name: str) -> None:
    genuine = GENUINE[name]
    (idempotency_key,) = (outcome.request_id for outcome in serve(FakeEss(fleet(8, 1)), genuine))
    claims = [
        request(requestId=claim)
        for claim in (idempotency_key, idempotency_key.split("-", 1)[-1], f"{idempotency_key}#1")
    ]
    outcomes = serve(FakeEss(fleet(8, 1)), *claims, genuine, genuine)

    assert statuses(outcomes)[-2:] == ["removing", "duplicate"]


@pytest.mark.parametrize("name", sorted(GENUINE))
@pytest.mark.parametrize("way", ["queue", "event"])
def test_no_forged_envelope_takes_the_place_of_a_message_that_comes_another_way(
    name: str, way: str
) -> None:
    genuine = GENUINE[name]
    forged = queued("Q9", genuine) if way == "queue" else event("E9", genuine)
    outcomes = serve(FakeEss(fleet(8, 1)), forged, genuine)

    assert statuses(outcomes) == ["removing", "removing"]


def test_events_with_one_id_and_two_sources_both_act() -> None:
    events = [event("1", request(), source=source) for source in ("acs.ecs", "my.app", "acs.ecs")]

    assert statuses(serve(FakeEss(fleet(8, 1)), *events)) == ["removing", "removing", "duplicate"]


def signed(text: str) -> dict[str, str]:
    """As a follow-up of this function."""
    return {
        "followUp": text,
        "signature": hmac.new(KEY.encode(), PURPOSE + text.encode(), "sha256").hexdigest(),
    }


follow_up = json.loads(
    sign_follow_up(Progress(RemovalRequest("asg-1", "r", Target(instances=1)), NOON), KEY)
)
POISON = {
    "a text": {"followUp": "\ud800", "signature": "0" * 64},
    "a signature": {"followUp": follow_up["followUp"], "signature": "\ud800" * 64},
    "another signature": {"followUp": follow_up["followUp"], "signature": "0" * 64},
    "an empty text": {"followUp": "", "signature": "0" * 64},
    "another version": signed(json.dumps({"version": 1})),
    "a request id": request(requestId="\ud800"),
    "a group": request(scalingGroupId="\ud800"),
    "a reason": request(requestReason="\ud800"),
    "an instance": request(remove={"instanceIds": ["\ud800"]}),
    "an id": event("\ud800", request()),
    "a source": event("1", request(), source="\ud800"),
    "an alarm's name": alarm(-60, name="\ud800"),
    "a dimension": alarm(-60, dimensions="{instanceId=\ud800}"),
    "a field": {**request(), "\ud800": 1},
}


@pytest.mark.parametrize("name", sorted(POISON))
def test_poison_is_rejected_alone_and_its_batch_goes_on(name: str) -> None:
    outcomes = serve(
        FakeEss(fleet(8, 1)), [request(requestId="a"), POISON[name], request(requestId="b")]
    )

    assert statuses(outcomes) == ["removing", "rejected", "removing"]
    document = answer.for_batch(outcomes)
    assert json.loads(json.dumps(document, ensure_ascii=False).encode()) == document
    for outcome in outcomes:
        for line in audit.lines(outcome, "fc-1", NO_CALL_TIMES):
            assert json.dumps(json.loads(line), ensure_ascii=False).encode()


def test_an_alarm_that_names_more_instances_than_may_be_removed_is_refused_before_any_read() -> (
    None
):
    ess = FakeEss(fleet(8, 1))
    alerts = [
        {"status": "firing", "labels": {"instance": f"i-{n}"}, "startsAt": "1"}
        for n in range(1_001)
    ]
    common = {"alertname": "idle"}
    (outcome,) = serve(
        ess, {"status": "firing", "receiver": "r", "alerts": alerts, "commonLabels": common}
    )

    assert outcome.status.value == "refused"
    assert "1001 instances" in outcome.message
    assert ess.reads == []


@given(st.binary(max_size=200) | damaged() | twisted(), st.booleans())
def test_any_bytes_end_in_outcomes_that_can_be_written(event: bytes, is_batch: bool) -> None:
    body = b"[" + event + b"," + json.dumps(request()).encode() + b"]" if is_batch else event
    policy = read_policy(json.dumps(POLICY))
    dependencies = dependencies_of(FakeEss(fleet(8, 1)), follow_up_key=KEY)
    parsed = parse_event(body)
    outcomes = checked(BatchProcessor(policy, dependencies).process(parsed))
    document = answer.for_batch(outcomes) if parsed.is_batch else answer.for_one(outcomes[0])

    assert json.dumps(document, ensure_ascii=False).encode()
    assert len(json.dumps(json.dumps(document))) <= 64 << 10
    for outcome in outcomes:
        assert outcome.request_id.isascii()
        assert 0 < len(outcome.request_id) <= 128
        for line in audit.lines(outcome, "fc-1", NO_CALL_TIMES):
            assert len(line) <= 16_384
            assert json.dumps(json.loads(line), ensure_ascii=False).encode()
