"""The fixtures that another project's tests get, run by a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFTEST = """
import pytest
pytest_plugins = "localcloud.pytest_plugin"
@pytest.fixture(scope="session")
def localcloud_options():
    return {"fleet": "fleet.json", "activity_seconds": 30}
"""
FLEET = """
{"groups": [{"scalingGroupId": "asg-1", "minSize": 0, "maxSize": 9, "instances":
 [{"instanceId": "i-1", "createdTime": "2026-05-01T00:00:00Z"}]}]}
"""
TESTS = """
import pytest
seen = []

@pytest.mark.parametrize("number", [1, 2])
def test_one_cloud_for_all(localcloud_session, number):
    seen.append(localcloud_session.endpoint)
    assert localcloud_session.service.assumptions.activity_seconds == 30
    assert len(set(seen)) == 1
    assert list(localcloud_session.service.groups["asg-1"].instances) == ["i-1"] * (number == 1)
    localcloud_session.service.groups["asg-1"].instances.clear()

def test_a_reset_leads_back(localcloud_session):
    service = localcloud_session.service
    localcloud_session.faults.add("throttled")
    localcloud_session.reset()
    assert list(localcloud_session.service.groups["asg-1"].instances) == ["i-1"]
    assert localcloud_session.service is service
    assert localcloud_session.faults.pending == []
    localcloud_session.advance(60)

@pytest.mark.localcloud(fleet="fleet.json")
def test_one_of_its_own(localcloud, localcloud_session):
    assert localcloud.endpoint != localcloud_session.endpoint
    assert list(localcloud.service.groups["asg-1"].instances) == ["i-1"]
"""


def test_the_session_s_cloud_is_one_and_a_test_s_cloud_is_its_own(tmp_path: Path) -> None:
    for name, text in (
        ("pytest.ini", "[pytest]\n"),
        ("conftest.py", CONFTEST),
        ("fleet.json", FLEET),
        ("test_it.py", TESTS),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "--rootdir", str(tmp_path)],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout
