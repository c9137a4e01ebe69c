"""`scalein plan`, `simulate`, `capture`, and the response to ESS's custom scale-in policy."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

import index
from scalein.errors import RejectedEvent
from tests.support.clock import DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.deployment import KEY, context

ROOT = Path(__file__).parents[2]
DAY = ROOT / "events/days/flapping.csv"


def scalein(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}",
        "PATH": os.environ["PATH"],
        **variables,
    }
    command = [sys.executable, "-m", "scalein_cli", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    members = [
        {**member, "metrics": {"CPUUtilization": n % 50}}
        for n, member in enumerate(instances(1_000))
    ]
    with cloud_of(group(*members, minSize=10), start=datetime.now(timezone.utc)) as cloud:
        yield cloud


def shell(cloud: Cloud) -> dict[str, str]:
    """The environment of an operator's shell, with the local cloud in place of the real one."""
    return {
        "SCALEIN_ESS_ENDPOINT": cloud.endpoint,
        "SCALEIN_CMS_ENDPOINT": cloud.endpoint,
        "SCALEIN_REGION_ID": "cn-hangzhou",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.access_key_secret,
    }


def test_a_plan_of_a_wide_group_folds_and_removes_nothing(cloud: Cloud) -> None:
    done = scalein("plan", "--group", "asg-1", "--count", "3", **shell(cloud))

    assert (done.returncode, done.stderr) == (0, "")
    assert "no policy: only MinSize limits the removal. Nothing is removed." in done.stdout
    assert len(done.stdout.splitlines()) < 40
    assert "997  not needed  i-0004, i-0005, ..." in done.stdout
    assert cloud.calls("RemoveInstances") == []
    every = scalein("plan", "--group", "asg-1", "--count", "3", "--all", **shell(cloud))
    assert len(every.stdout.splitlines()) > 1_000


def test_a_plan_as_json_is_the_outcome(cloud: Cloud) -> None:
    done = scalein(
        "plan",
        "--group",
        "asg-1",
        "--count",
        "2",
        "--order",
        "LowestMetric",
        "--json",
        **shell(cloud),
    )
    outcome = json.loads(done.stdout)

    assert (outcome["status"], outcome["selected"]) == ("dry-run", ["i-0001", "i-0051"])
    assert outcome["requested"] == {"value": 2, "unit": "instances"}
    assert outcome["rankedBy"][1] == {
        "id": "i-0051",
        "by": "joined",
        "value": "2026-05-01 00:51:00",
    }


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--local", "--group", "asg-web", "--count", "5"), 0, "Guardrail"),
        (
            ("--local", "--group", "asg-frozen", "--count", "1"),
            3,
            "ScaleIn process of the scaling group is suspended",
        ),
        (("--local", "--event", "events/remove-two.json"), 0, "2 instances would be removed"),
        (("--local", "--event", "events/not-json.json"), 3, "rejected"),
        (
            ("--local", "--group", "asg-elsewhere", "--count", "1"),
            3,
            "is not in the policy",
        ),
        (("--group", "asg-1", "--count", "1", "--region", "cn-hangzhou"), 1, "no credentials"),
        (("--group", "asg-1"), 2, "give --event FILE, or --group with one of"),
        (("--event", "README.md", "--count", "1"), 2, "give --event FILE, or --group with one of"),
        (
            ("--local", "--group", "asg-web", "--count", "1", "--policy", "README.md"),
            1,
            "rule json",
        ),
        (("--fleet", "README.md", "--group", "asg-web", "--count", "1"), 1, "did not start"),
    ],
)
def test_the_exit_status_says_whether_instances_would_be_removed(
    arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = scalein("plan", *arguments)

    assert done.returncode == code, done.stderr
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("chart", ["day.png", "day.svg"])
def test_a_day_is_simulated_and_drawn(chart: str, tmp_path: Path) -> None:
    file = tmp_path / chart
    done = scalein(
        "simulate",
        str(DAY),
        "--group",
        "asg-web",
        "--size",
        "60",
        "--min-size",
        "12",
        "--chart",
        str(file),
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"Instances removed +84\n", re.sub(" +\n", "\n", done.stdout))
    assert file.read_bytes()[:8] in (b"\x89PNG\r\n\x1a\n", b"<?xml ve")


def test_a_simulation_prints_its_figures_as_json_and_the_same_ones_each_time(
    tmp_path: Path,
) -> None:
    day = tmp_path / "day.jsonl"
    lines: list[dict[str, Any]] = [
        {
            "time": f"2026-11-20T{hour:02}:00:00Z",
            "alarm": "web-cpu-low",
            "namespace": "acs_ess_dashboard",
        }
        for hour in range(4)
    ]
    lines += [
        {"time": "2026-11-20T02:55:00Z", "add": 2},
        {"time": "2026-11-20T05:00:00Z", "alarm": "unheard-of"},
    ]
    day.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    arguments = (
        "simulate",
        str(day),
        "--group",
        "asg-web",
        "--size",
        "6",
        "--min-size",
        "4",
        "--json",
    )
    summary = json.loads(scalein(*arguments).stdout)

    assert summary == {
        "scalingGroupId": "asg-web",
        "alarms": 5,
        "removals": 2,
        "removed": 2,
        "blockedByReason": {"min-size": 1, "cooldown-after-scale-out": 1, "no-rule": 1},
        "capacity": {"before": 6, "lowest": 4, "after": 6},
        "notAdded": 0,
        "minSize": 4,
        "maxSize": None,
        "floor": 4,
    }
    assert json.loads(scalein(*arguments).stdout) == summary

    listed = json.loads(scalein(*arguments, "--alarms", "--max-size", "5").stdout)
    assert [(one["selected"], one["reason"], one["capacity"]) for one in listed["eachAlarm"]] == [
        (["i-00000"], None, 5),
        (["i-00001"], None, 4),
        ([], "min-size", 4),
        ([], "cooldown-after-scale-out", 5),
        ([], "no-rule", 5),
    ]
    assert (listed["notAdded"], listed["capacity"]["after"]) == (1, 5)


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("time,alarm\n", (), "has no events"),
        (
            "time,alarm\n2026-11-20T00:00:00Z,x\n",
            ("--group", "asg-9"),
            "The policy does not have scaling group asg-9",
        ),
        ("time,alarm\n2026-11-20T00:00:00Z,x\n", ("--chart", "x.gif"), "ends in .png or .svg"),
        ("time,alarm\n2026-11-20T00:00:00Z,x\n", ("--fleet", "README.md"), "README.md"),
    ],
)
def test_a_day_that_cannot_be_simulated_says_why(
    content: str, arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    day = tmp_path / "day.csv"
    day.write_text(content, encoding="utf-8")
    done = scalein("simulate", str(day), *arguments)

    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_captured_group_is_simulated_like_the_real_one(cloud: Cloud, tmp_path: Path) -> None:
    fleet, policy, day = tmp_path / "fleet.json", tmp_path / "policy.json", tmp_path / "day.csv"
    rule = {
        "when": {"alertName": "idle"},
        "scalingGroupId": "asg-1",
        "remove": {"count": 2},
        "order": ["LowestMetric"],
    }
    policy.write_text(json.dumps({"groups": {"asg-1": {}}, "alarms": [rule]}), encoding="utf-8")
    day.write_text("time,alarm\n2026-11-20T00:00:00Z,idle\n", encoding="utf-8")
    done = scalein("capture", str(fleet), "--group", "asg-1", "--metric", **shell(cloud))
    simulated = scalein(
        "simulate", str(day), "--policy", str(policy), "--fleet", str(fleet), "--json"
    )

    assert (done.returncode, done.stdout) == (0, f"asg-1: 1000 instances to {fleet}\n"), done.stderr
    assert json.loads(fleet.read_text())["groups"][0]["maxSize"] == 2_000
    assert simulated.returncode == 0, simulated.stderr
    capacity = json.loads(simulated.stdout)["capacity"]
    assert capacity == {"before": 1_000, "lowest": 998, "after": 998}
    assert cloud.calls("RemoveInstances") == []
    assert (
        "no such scaling group"
        in scalein("capture", str(fleet), "--group", "asg-9", **shell(cloud)).stderr
    )


QUESTION = {
    "ScalingGroupARN": "acs:ess:cn-hangzhou:0:scalinggroup/asg-1",
    "ScalingGroupId": "asg-1",
    "CapacityToRemove": [{"ZoneId": "h", "Capacity": 2}, {"ZoneId": "i", "Capacity": 1}],
    "Instances": [
        {
            "InstanceId": f"i-{n:04}",
            "ZoneId": "h",
            "InstanceType": "ecs.g7.large",
            "ChargeType": "PostPaid",
        }
        for n in range(2, 9)
    ],
}


def select(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, question: Any, policy: dict[str, Any]
) -> dict[str, Any]:
    for name, value in {**shell(cloud), "SCALEIN_POLICY": json.dumps({"groups": policy})}.items():
        monkeypatch.setenv(name, value)
    return index.select(
        json.dumps(question).encode(), context(timeout=30), DrivenClock(cloud.clock.now())
    )


@pytest.mark.parametrize(
    ("policy", "ids"),
    [
        (
            {"asg-2": {}},
            # The group is not in the policy: ESS's default, the oldest of each zone.
            ["i-0002", "i-0004", "i-0003"],
        ),
        ({"asg-1": {"order": ["NewestInstance"]}}, ["i-0008", "i-0006", "i-0007"]),
        (
            {"asg-1": {"order": ["LowestMetric"]}},
            ["i-0008", "i-0004", "i-0007"],  # i-0006 has no value
        ),
    ],
)
def test_a_custom_scale_in_policy_is_answered_in_the_policys_order(
    policy: dict[str, Any], ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    numbered = enumerate(instances(10), 1)
    members = [
        {**m, "zoneId": "hi"[n % 2], "metrics": {} if n == 6 else {"CPUUtilization": 90 - n}}
        for n, m in numbered
    ]
    with cloud_of(group(*members)) as cloud:
        assert select(cloud, monkeypatch, QUESTION, policy) == {"InstanceIds": ids}
        assert cloud.calls("RemoveInstances") == []


def test_a_malformed_question_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        cloud_of(group(*instances(3))) as cloud,
        pytest.raises(RejectedEvent, match="CapacityToRemove"),
    ):
        select(cloud, monkeypatch, {"ScalingGroupId": "asg-1"}, {"asg-1": {}})
