"""The handler as Function Compute calls it: bytes and a context in, JSON or an exception out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import index
from localcloud.ess.model import Assumptions
from localcloud.fleet import service_of
from scalein.errors import ConfigurationError
from scalein.ledger.memory import process_store
from tests.support import deployment
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY, POLICY

ONE = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}}).encode()
context = partial(deployment.context, timeout="3")  # seconds: nothing here takes longer


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with cloud_of(group(*instances(4), minSize=2), start=datetime.now(timezone.utc)) as cloud:
        monkeypatch.setenv("SCALEIN_ESS_ENDPOINT", cloud.endpoint)
        monkeypatch.setenv("SCALEIN_POLICY", POLICY)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.access_key_id)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.access_key_secret)
        yield cloud


def test_one_event_in_and_the_right_instance_out(cloud: Cloud) -> None:
    outcome = index.handler(ONE, context())

    assert (outcome["status"], outcome["accepted"]) == ("removing", ["i-0001"])
    assert outcome["scalingActivityIds"] == list(cloud.inside.service.activities)
    assert cloud.states()["i-0001"] == "Removing"
    assert json.loads(json.dumps(outcome)) == outcome


def test_a_context_with_credentials_works_without_any_in_the_environment(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
    cloud.inside.authenticator.security_token = "sts-1"
    credentials = SimpleNamespace(
        access_key_id="test-key", access_key_secret="test-secret", security_token="sts-1"
    )
    service = SimpleNamespace(name="s", log_project="p")

    assert (
        index.handler(ONE, context(credentials=credentials, service=service))["status"]
        == "removing"
    )


def test_credentials_are_read_afresh_on_every_invocation(cloud: Cloud) -> None:
    for token in ("sts-1", "sts-2"):
        cloud.inside.authenticator.security_token = token
        credentials = SimpleNamespace(
            access_key_id="test-key", access_key_secret="test-secret", security_token=token
        )
        dry = json.dumps({**json.loads(ONE), "dryRun": True}).encode()

        assert index.handler(dry, context(credentials=credentials))["status"] == "dry-run"


def test_initialize_finds_a_wrong_deployment_before_the_first_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", raising=False)

    with pytest.raises(ConfigurationError):
        index.initialize(context())


def test_a_deployment_that_is_set_to_dry_run_never_removes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEIN_DRY_RUN", "true")

    assert index.handler(ONE, context())["selected"] == ["i-0001"]
    assert cloud.calls("RemoveInstances") == []


def test_what_may_succeed_later_raises_so_that_the_trigger_sends_it_again(cloud: Cloud) -> None:
    cloud.inside.faults.add("throttled", "RemoveInstances", times=10_000)

    with pytest.raises(index.TryLaterError) as caught:
        index.handler(ONE, context())
    assert json.loads(str(caught.value))["status"] == "retry"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # nothing of the SDK travels along


def test_a_deployment_may_have_it_returned_instead(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCALEIN_RETRY", "return")
    index.handler(ONE, context())

    assert (
        index.handler(ONE.replace(b"}}", b"}} "), context())["status"] == "retry"
    )  # an activity runs


def test_a_redelivered_event_removes_nothing_more(cloud: Cloud) -> None:
    first = index.handler(ONE, context())
    cloud.clock.advance(3_600)
    again = index.handler(ONE, context())
    process_store.cache_clear()
    elsewhere = index.handler(ONE, context())  # an instance of the function that has not seen it

    assert (again["status"], elsewhere["status"]) == (
        "duplicate",
        "unconfirmed",
    )  # ESS does not say whose activity it is
    assert (
        again["scalingActivityIds"]
        == elsewhere["scalingActivityIds"]
        == first["scalingActivityIds"]
    )
    assert len(cloud.calls("RemoveInstances")) == 2
    assert len(cloud.inside.service.activities) == 1


def test_every_outcome_is_one_audit_line(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = index.handler(ONE, context())
    index.handler(b"nonsense", context())
    audit_line, wrong = map(json.loads, capsys.readouterr().out.splitlines())

    assert {key: audit_line[key] for key in outcome} == outcome
    assert audit_line["functionRequestId"] == "fc-1"
    assert wrong["status"] == "rejected"
    assert (audit_line["level"], wrong["level"]) == ("INFO", "WARNING")


def test_the_audit_line_counts_every_call_that_reached_ess(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    index.handler(b"[" + ONE + b", 5]", context())
    audit_line, wrong = map(json.loads, capsys.readouterr().out.splitlines())

    made = Counter(call.action for call in cloud.inside.calls)
    durations = audit_line["durations"]
    assert {name: calls["count"] for name, calls in durations["calls"].items()} == made
    assert made["RemoveInstances"] == 1
    assert 0 < durations["waitingMilliseconds"] <= durations["totalMilliseconds"]
    assert wrong["durations"]["calls"] == {}


def test_a_rejected_event_never_reaches_ess(cloud: Cloud) -> None:
    for event in (
        b"",
        b"{}",
        b"[" * (33 << 20),
        b"\xff",
        b'{"scalingGroupId": "asg-1", "remove": {"count": -1}}',
    ):
        assert index.handler(event, context())["status"] == "rejected"
    assert not cloud.inside.calls


def test_a_wrong_secret_raises_without_what_the_server_said(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")

    with pytest.raises(ConfigurationError) as caught:
        index.handler(ONE, context())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_in_give_a_json_outcome_out(cloud: Cloud, event: bytes) -> None:
    outcome = index.handler(event, context())

    assert {one["status"] for one in outcome.get("outcomes", [outcome])} <= {"rejected"}
    assert json.loads(json.dumps(outcome)) == outcome


@pytest.mark.parametrize(
    ("request_fields", "status"),
    [
        ({"scalingGroupId": "asg-9"}, "refused"),
        ({"remove": {"instanceIds": ["i-of-another-group"]}}, "blocked"),
        ({"remove": {"toCapacity": 4}}, "at-target"),
        ({"remove": {"toCapacity": 1_000_000}}, "at-target"),
        ({"remove": {"count": 3}, "partial": "deny"}, "blocked"),
        ({"remove": {"count": -1}}, "rejected"),
        ({"remove": {"count": 10**4_000}}, "rejected"),
        ({"remove": {"count": float("nan")}}, "rejected"),
        ({"remove": {"instanceIds": ["i-0001", "i-0001"]}}, "rejected"),
        ({"unknown": 1}, "rejected"),
        ({"notAfter": "2020-01-01T00:00:00Z"}, "expired"),
    ],
)
def test_an_event_that_asks_for_what_cannot_be_removes_nothing(
    cloud: Cloud, request_fields: dict[str, Any], status: str
) -> None:
    outcome = index.handler(json.dumps({**json.loads(ONE), **request_fields}).encode(), context())

    assert (outcome["status"], outcome["accepted"]) == (status, [])
    assert cloud.calls("RemoveInstances") == []


def test_a_group_without_headroom_keeps_everybody(cloud: Cloud) -> None:
    cloud.group.min_size = 4
    outcome = index.handler(ONE, context())

    assert outcome["status"] == "blocked"
    assert outcome["shortfall"] == {
        "requested": 1,
        "missing": 1,
        "unit": "instances",
        "reason": "min-size",
    }
    assert cloud.calls("RemoveInstances") == []


removals = st.one_of(
    st.fixed_dictionaries({"count": st.integers(-1, 30)}),
    st.fixed_dictionaries({"percent": st.floats(0, 110)}),
    st.fixed_dictionaries({"toCapacity": st.integers(-1, 12)}),
    st.fixed_dictionaries(
        {"instanceIds": st.lists(st.sampled_from(["i-0001", "i-0005", "p-0001", "x"]), max_size=4)}
    ),
)
events = st.fixed_dictionaries(
    {
        "scalingGroupId": st.just("asg-1"),
        "remove": removals,
        "requestId": st.text("abc", min_size=1, max_size=3),
    },
    optional={
        "partial": st.sampled_from(["allow", "deny"]),
        "order": st.lists(
            st.sampled_from(["OldestInstance", "NewestInstance", "Random"]), max_size=2
        ),
        "dryRun": st.booleans(),
        "decreaseDesiredCapacity": st.booleans(),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.lists(st.tuples(events, st.sampled_from([0, 30, 60])), min_size=1, max_size=8))
def test_no_sequence_of_events_takes_a_group_below_min_size(
    cloud: Cloud, sequence: list[tuple[dict[str, Any], int]]
) -> None:
    """By the local cloud's record: activities overlap, ids and messages repeat, none acts twice."""
    fresh = group(
        *instances(10),
        *instances(2, "p", lifecycleState="Protected"),
        minSize=4,
        desiredCapacity=12,
    )
    cloud.inside.service = service_of({"groups": [fresh]}, cloud.clock, Assumptions())
    cloud.inside.calls.clear()
    process_store.cache_clear()
    for event, seconds in sequence:
        try:
            outcome = index.handler(json.dumps(event).encode(), context())
        except index.TryLaterError as error:
            outcome = json.loads(str(error))
        assert json.loads(json.dumps(outcome)) == outcome
        cloud.clock.advance(seconds)
        stable = sum(
            state in ("InService", "Protected", "Standby") for state in cloud.states().values()
        )
        assert stable >= 4
        assert {"p-0001", "p-0002"} <= set(cloud.states())

    accepted = {
        (call.params["ClientToken"])
        for call in cloud.inside.calls
        if call.action == "RemoveInstances"
    }
    assert len(cloud.inside.service.activities) <= len(accepted)
