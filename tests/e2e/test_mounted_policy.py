"""A policy on a mount: read at each invocation, checked before it decides."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

import index
from scalein.errors import ConfigurationError
from tests.support import deployment
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY, POLICY

context = partial(deployment.context, timeout="3")  # seconds: nothing here takes longer


def one(request_id: str = "r-1") -> bytes:
    request = {"requestId": request_id, "scalingGroupId": "asg-1", "remove": {"count": 1}}
    return json.dumps(request).encode()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    with cloud_of(group(*instances(4), minSize=2), start=datetime.now(timezone.utc)) as cloud:
        monkeypatch.setenv("SCALEIN_ESS_ENDPOINT", cloud.endpoint)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", KEY.access_key_id)
        monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", KEY.access_key_secret)
        yield cloud


@pytest.fixture
def policy_path(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A policy on a mount, and the function that reads it there."""
    path = tmp_path / "mnt" / "policy.json"
    path.parent.mkdir()
    monkeypatch.setenv("SCALEIN_POLICY_FILE", str(path))
    return path


def test_a_mounted_policy_decides_as_soon_as_it_is_read_again(
    cloud: Cloud, policy_path: Path
) -> None:
    """Without a new package; the file has the same size and the same time as before."""
    for max_removed in (0, 1):
        document = {"groups": {"asg-1": {"floor": 4 - max_removed}}}
        policy_path.write_text(json.dumps(document), encoding="utf-8")
        os.utime(policy_path, (1_700_000_000, 1_700_000_000))
        outcome = index.handler(one(f"r-{max_removed}"), context())

        assert len(outcome["accepted"]) == max_removed
        assert outcome["policy"] == sha256(policy_path.read_bytes()).hexdigest()[:12]
        assert outcome["policyWarning"] is None


def test_a_wrong_mounted_policy_is_warned_of_each_time_and_the_last_good_one_decides(
    cloud: Cloud,
    policy_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy_path.write_text(POLICY, encoding="utf-8")
    index.initialize(context())
    fingerprint = sha256(policy_path.read_bytes()).hexdigest()[:12]
    for content in ('{"groups": {', '{"groups": {}, "allarms": []}'):
        policy_path.write_text(content, encoding="utf-8")
        caplog.clear()
        outcome = index.handler(one(), context())

        assert outcome["status"] in ("removing", "duplicate")
        assert outcome["policy"] == fingerprint
        assert f"({fingerprint}) still decides" in outcome["policyWarning"]
        [line] = map(json.loads, capsys.readouterr().out.splitlines())
        assert (line["policy"], line["policyWarning"]) == (fingerprint, outcome["policyWarning"])
        assert [r.levelname for r in caplog.records if r.name == "scalein.policy"] == ["ERROR"]
    policy_path.write_text(POLICY, encoding="utf-8")

    assert index.handler(one(), context())["policyWarning"] is None


def test_in_a_process_that_never_read_a_good_policy_nothing_acts(
    cloud: Cloud, policy_path: Path
) -> None:
    for content in ("", '{"groups": {"asg-1": {"flor": 1}}}', None):
        policy_path.unlink(missing_ok=True)
        if content is not None:
            policy_path.write_text(content, encoding="utf-8")
        for call in (index.initialize, partial(index.handler, one())):
            with pytest.raises(ConfigurationError, match=str(policy_path)):
                call(context())

    assert list(cloud.inside.calls) == []
