"""The programs in the local cloud's README run as they are written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from aliyunsdkcore.client import AcsClient
from aliyunsdkess.request.v20140828.DescribeScalingGroupsRequest import (
    DescribeScalingGroupsRequest,
)

from localcloud.authenticator import Authenticator
from localcloud.clock import DrivenClock
from localcloud.ess.model import Assumptions
from localcloud.fleet import add_keys, service_of
from tests.support.clock import NOON
from tests.support.clouds import cloud_of, group
from tests.support.deployment import KEY

LOCALCLOUD = (Path(__file__).parents[2] / "localcloud/README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("which", ["older", "newer"])
def test_the_sdks_reach_it_as_the_readme_says(
    which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(rf"```python {which}\n(.*?)```", LOCALCLOUD, re.DOTALL)
    with cloud_of(group()) as cloud:
        cloud.inside.authenticator = Authenticator("localcloud", "localcloud-secret")
        exec(code.replace("127.0.0.1:8080", cloud.endpoint), {})

    assert "asg-1" in capsys.readouterr().out


def test_the_sdk_of_mns_reaches_it_as_the_readme_says(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python mns\n(.*?)```", LOCALCLOUD, re.DOTALL)
    code = code.replace("localcloud-secret", KEY.access_key_secret)
    with cloud_of() as cloud:
        code = code.replace('"localcloud"', f'"{KEY.access_key_id}"')
        exec(code.replace("127.0.0.1:8080", cloud.endpoint), {})

    assert capsys.readouterr().out == "hello\n"


def test_the_query_over_log_rows_gives_what_the_readme_says() -> None:
    (code,) = re.findall(r"```python logs\n(.*?)```", LOCALCLOUD, re.DOTALL)

    exec(code, {})
    with pytest.raises(AssertionError):
        exec(code.replace('"n": 1', '"n": 2'), {})


def test_the_block_without_an_endpoint_does_what_the_readme_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (code,) = re.findall(r"```python mocked\n(.*?)```", LOCALCLOUD, re.DOTALL)
    names = {
        "AcsClient": AcsClient,
        "DescribeScalingGroupsRequest": DescribeScalingGroupsRequest,
    }
    exec(code, names)

    assert "asg-1" in capsys.readouterr().out


def test_the_fleet_files_in_the_readme_are_read() -> None:
    texts = re.findall(r"```json\n(.*?)```", LOCALCLOUD, re.DOTALL)
    for text in texts:
        document = json.loads(text)
        service_of(document, DrivenClock(NOON), Assumptions())
        add_keys(document, Authenticator("k", "s"))

    assert len(texts) >= 3
