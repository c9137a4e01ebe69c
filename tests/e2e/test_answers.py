"""`scalein status`, `history`, `explain` and `init`: what an operator asks, at the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.support.clouds import Cloud, cloud_of, group
from tests.support.terminals import in_pipe, on_terminal, real_members, shell

WEB, JOBS, COLD, OFF = (f"asg-bp1{name:0>17}" for name in ("web", "jobs", "cold", "off"))
POLICY = {
    "groups": {
        WEB: {
            "floor": 3,
            "maxRemovedPerEvent": 2,
            "budget": {"instances": 4, "windowSeconds": 3_600},
            "cooldownSeconds": 600,
        },
        JOBS: {},
        COLD: {},
        OFF: {"paused": True},
    }
}


def activity(group_id: str, removed: int, ended_seconds_ago: int = 120) -> dict[str, object]:
    return {
        "scalingGroupId": group_id,
        "seconds": 30,
        "endedSecondsAgo": ended_seconds_ago,
        "statusCode": "Successful",
        "destroyed": removed,
    }


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    members = real_members(18)
    groups = [
        group(*members[:6], scalingGroupId=WEB, minSize=2),
        group(*members[6:12], scalingGroupId=JOBS, minSize=1),
        group(*members[12:15], scalingGroupId=COLD, minSize=1, suspendedProcesses=["ScaleIn"]),
        group(*members[15:], scalingGroupId=OFF, minSize=1, lifecycleState="Inactive"),
    ]
    history = [activity(JOBS, 2, 7_200), activity(JOBS, 1, 60_000)]
    with cloud_of(*groups, activities=history, start=datetime.now(timezone.utc)) as cloud:
        yield cloud


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(POLICY), encoding="utf-8")
    return file


def test_status_says_for_each_group_what_may_be_removed_and_why(cloud: Cloud, policy: Path) -> None:
    done = in_pipe("status", "--policy", str(policy), "--json", environment=shell(cloud))
    document = json.loads(done.stdout)
    web, jobs, cold, off = document["groups"]

    assert (done.returncode, document["place"]) == (0, "Auto Scaling in cn-hangzhou")
    assert [one["allows"] for one in document["groups"]] == [2, 5, 0, 0]
    assert web["capacity"] == {"total": 6, "minSize": 2, "desired": None, "headroom": 4}
    assert {one["guardrail"]: one["allows"] for one in web["limits"]} == {
        "min-size": 4, "floor": 3, "max-per-request": 2, "budget": 4,
    }  # fmt: skip
    assert (jobs["lastRemoval"]["removed"], jobs["lastRemoval"]["status"]) == (2, "Successful")
    assert [one["reason"] for one in cold["blockedBy"]] == ["scale-in-suspended"]
    assert [one["reason"] for one in off["blockedBy"]] == ["group-not-active", "paused"]
    assert cloud.calls("RemoveInstances") == []


@pytest.mark.parametrize("columns", [80, 120])
def test_status_is_one_row_a_group_whose_reason_is_whole(
    columns: int, cloud: Cloud, policy: Path
) -> None:
    arguments = ("status", "--policy", str(policy))
    text = on_terminal(columns, *arguments, environment=shell(cloud))

    assert max(map(len, text.splitlines())) <= columns
    assert re.findall(r"^ *(asg-\w+) +(\d+)  ", text, re.MULTILINE) == [
        (WEB, "2"), (JOBS, "5"), (COLD, "0"), (OFF, "0"),
    ]  # fmt: skip
    words = {word.strip(".,:") for word in text.split()}
    assert {"ScaleIn", "suspended", "max-per-request", "floor", "budget", "pauses"} <= words
    assert "…" not in text


def test_status_knows_the_stop_switch(cloud: Cloud, policy: Path) -> None:
    environment = shell(cloud, SCALEIN_STOP=WEB)
    done = in_pipe("status", "--policy", str(policy), "--json", environment=environment)
    web, jobs, *_ = json.loads(done.stdout)["groups"]

    assert [one["reason"] for one in web["blockedBy"]] == ["stop-switch"]
    assert (web["allows"], jobs["allows"]) == (0, 5)


def test_status_shows_a_group_that_cannot_be_read_beside_the_others(
    cloud: Cloud, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"groups": {JOBS: {}, "asg-bp1unknown": {}}}), encoding="utf-8")
    done = in_pipe("status", "--policy", str(file), environment=shell(cloud))

    assert done.returncode == 1
    assert re.search(rf"{JOBS} +5 ", done.stdout)
    assert re.search(r"asg-bp1unknown +\? .*InvalidScalingGroupId", done.stdout), done.stdout


def test_status_without_a_policy_says_what_to_give(cloud: Cloud) -> None:
    done = in_pipe("status", environment=shell(cloud))

    assert (done.returncode, done.stdout) == (1, "")
    assert "Give --policy FILE. For a local cloud, give --local" in done.stderr
