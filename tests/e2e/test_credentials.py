"""Credentials and region of the commands: found as other Alibaba Cloud tools find them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY
from tests.support.terminals import in_pipe, shell

PLAN = ("plan", "--group", "asg-1", "--count", "1")
VARIABLES = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "SCALEIN_REGION_ID")
SECRET = "not-the-secret-of-this-account"


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with cloud_of(group(*instances(3))) as cloud:
        yield cloud


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with two profiles, the current one of another account."""
    profiles = [
        {
            "name": name,
            "mode": "AK",
            "access_key_id": KEY.access_key_id,
            "access_key_secret": secret,
            "region_id": "cn-hangzhou",
        }
        for name, secret in (("other", SECRET), ("operator", KEY.access_key_secret))
    ]
    (tmp_path / ".aliyun").mkdir()
    document = {"current": "other", "profiles": profiles}
    (tmp_path / ".aliyun/config.json").write_text(json.dumps(document), encoding="utf-8")
    return tmp_path


def environment(cloud: Cloud, home: Path) -> dict[str, str]:
    """The environment of a shell without credentials."""
    variables = shell(cloud, HOME=str(home), ALIBABA_CLOUD_ECS_METADATA_DISABLED="true")
    return {name: value for name, value in variables.items() if name not in VARIABLES}


def test_a_profile_gives_credentials_and_region(cloud: Cloud, home: Path) -> None:
    done = in_pipe(*PLAN, "--profile", "operator", environment=environment(cloud, home))

    assert done.returncode == 0, done.stderr
    assert "Auto Scaling in cn-hangzhou" in done.stdout


def test_without_one_the_current_profile_is_used(cloud: Cloud, home: Path) -> None:
    done = in_pipe(*PLAN, environment=environment(cloud, home))

    assert done.returncode != 0
    assert "SignatureDoesNotMatch" in done.stdout + done.stderr  # of the other account
    assert SECRET not in done.stdout + done.stderr


def test_the_environment_comes_before_the_current_profile(cloud: Cloud, home: Path) -> None:
    done = in_pipe(*PLAN, environment=shell(cloud, HOME=str(home)))

    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_said_with_every_place_that_was_looked_at(
    cloud: Cloud, tmp_path: Path
) -> None:
    done = in_pipe(*PLAN, environment=environment(cloud, tmp_path))

    assert done.returncode == 1
    assert "There are no credentials in ALIBABA_CLOUD_ACCESS_KEY_ID" in done.stderr
    assert "~/.aliyun/config.json" in done.stderr
    wrong = in_pipe(*PLAN, "--profile", "unheard-of", environment=environment(cloud, tmp_path))
    assert "profile unheard-of of ~/.aliyun/config.json" in wrong.stderr
