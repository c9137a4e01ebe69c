"""The handler as Function Compute calls it: bytes and a context in, a JSON object or an exception out."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import index
from scalein.errors import ConfigurationError
from tests.clouds import KEY, Cloud, cloud_of, group, instances

ONE = json.dumps({"scalingGroupId": "asg-1", "remove": {"count": 1}}).encode()


def context(**fields: Any) -> SimpleNamespace:
    """Of python3.12, which brings no credentials."""
    function = SimpleNamespace(name="scalein", timeout="3")
    return SimpleNamespace(**{"request_id": "fc-1", "region": "cn-hangzhou", "function": function, **fields})


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with cloud_of(group(*instances(4), minSize=2)) as cloud:
        monkeypatch.setenv("SCALEIN_ESS_ENDPOINT", cloud.endpoint)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.access_key_id)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.access_key_secret)
        yield cloud


def test_one_event_in_and_the_right_instance_out(cloud: Cloud) -> None:
    outcome = index.handler(ONE, context())

    assert (outcome["status"], outcome["removed"]) == ("removing", ["i-0001"])
    assert outcome["scalingActivityIds"] == list(cloud.inside.service.activities)
    assert cloud.states()["i-0001"] == "Removing"
    assert json.loads(json.dumps(outcome)) == outcome


def test_a_context_with_credentials_works_without_any_in_the_environment(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")
    cloud.inside.gate.security_token = "sts-1"
    credentials = SimpleNamespace(access_key_id="test-key", access_key_secret="test-secret", security_token="sts-1")
    service = SimpleNamespace(name="s", log_project="p")

    assert index.handler(ONE, context(credentials=credentials, service=service))["status"] == "removing"


def test_credentials_are_read_afresh_on_every_invocation(cloud: Cloud) -> None:
    for token in ("sts-1", "sts-2"):
        cloud.inside.gate.security_token = token
        credentials = SimpleNamespace(access_key_id="test-key", access_key_secret="test-secret", security_token=token)
        dry = json.dumps({**json.loads(ONE), "dryRun": True}).encode()

        assert index.handler(dry, context(credentials=credentials))["status"] == "dry-run"


def test_initialize_finds_a_wrong_deployment_before_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID", raising=False)
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", raising=False)

    with pytest.raises(ConfigurationError):
        index.initialize(context())


def test_a_deployment_that_is_set_to_dry_run_never_removes(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEIN_DRY_RUN", "true")

    assert index.handler(ONE, context())["removed"] == ["i-0001"]
    assert cloud.calls("RemoveInstances") == []


def test_what_may_succeed_later_raises_so_that_the_trigger_sends_it_again(cloud: Cloud) -> None:
    cloud.inside.faults.add("throttled", "RemoveInstances", times=10_000)

    with pytest.raises(index.TryLaterError) as caught:
        index.handler(ONE, context())
    assert json.loads(str(caught.value))["status"] == "try-later"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None  # nothing of the SDK travels along


def test_a_deployment_may_have_it_returned_instead(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEIN_TRY_LATER", "return")
    index.handler(ONE, context())

    assert index.handler(ONE.replace(b"}}", b"}} "), context())["status"] == "try-later"  # an activity runs


def test_a_redelivered_event_removes_nothing_more(cloud: Cloud) -> None:
    index.handler(ONE, context())
    cloud.clock.advance(3_600)
    again = index.handler(ONE, context())

    assert again["status"] == "refused"
    assert "IdempotentParameterMismatch" in str(again["message"])
    assert len(cloud.inside.service.activities) == 1


def test_every_outcome_is_one_audit_line(cloud: Cloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="scalein.audit")
    outcome = index.handler(ONE, context())
    index.handler(b"nonsense", context())
    told, wrong = [json.loads(record.message) for record in caplog.records if record.name == "scalein.audit"]

    assert {key: told[key] for key in outcome} == outcome
    assert told["functionRequestId"] == "fc-1"
    assert wrong["status"] == "rejected"
    assert [record.levelname for record in caplog.records if record.name == "scalein.audit"] == ["INFO", "WARNING"]


def test_a_rejected_event_never_reaches_ess(cloud: Cloud) -> None:
    for event in (b"", b"{}", b"[" * (32 << 20), b"\xff", b'{"scalingGroupId": "asg-1", "remove": {"count": -1}}'):
        assert index.handler(event, context())["status"] == "rejected"
    assert not cloud.inside.calls


def test_a_wrong_secret_raises_without_what_the_server_said(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "wrong")

    with pytest.raises(ConfigurationError) as caught:
        index.handler(ONE, context())
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_in_give_a_json_outcome_out(cloud: Cloud, event: bytes) -> None:
    outcome = index.handler(event, context())

    assert outcome["status"] == "rejected"
    assert json.loads(json.dumps(outcome)) == outcome
