"""`scalein run-alarm`: the whole path of an alarm, as a person sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.support.terminals import on_terminal

ROOT = Path(__file__).parents[2]
MODULES = f"{ROOT / 'handler'}:{ROOT}"
STEPS = (
    *("metric", "alarm", "queue", "trigger", "function", "ESS", "follow-up"),
    *("destination", "outcome"),
)


def test_each_step_from_the_metric_to_the_outcome_is_shown_within_a_minute() -> None:
    begun_at = time.monotonic()
    environment = {**os.environ, "NO_COLOR": "1", "PYTHONPATH": MODULES}
    text = on_terminal(80, "run-alarm", environment=environment)
    lines = text.splitlines()
    steps = [found[1] for line in lines if (found := re.match(r"\d\d:\d\d:\d\d +(\S+)", line))]

    assert list(dict.fromkeys(steps)) == list(STEPS)
    assert "CloudMonitor's rule web-cpu-low alerts: WARN" in text
    assert "removed: 1 instance removed." in text
    (activity,) = set(re.findall("asa-bp1[0-9a-f]{17}", text))
    assert f"RemoveInstances i-web-01: {activity}" in text
    before, after = (line.split() for line in lines if line.lstrip().startswith("asg-web "))
    assert (before[1:3], after[1:3]) == (["before", "8"], ["after", "7"])
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert time.monotonic() - begun_at < 60


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": MODULES, "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-m", "scalein_cli", "run-alarm", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_a_policy_that_ignores_the_alarm_is_seen_as_such(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"groups": {"asg-web": {}}}))
    done = run("--policy", str(policy))

    assert re.search(r"function +ignored", done.stdout)
    assert "ESS" not in done.stdout
    assert done.returncode == 1
    assert "no outcome" in done.stderr.lower()
    assert "Traceback" not in done.stderr


def test_a_fleet_without_an_alarm_is_refused() -> None:
    done = run("--fleet", "localcloud/fleets/small.json")

    assert done.returncode == 1
    assert "metricRules" in done.stderr
