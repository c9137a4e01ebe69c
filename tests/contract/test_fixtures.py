"""The fixtures that another project's tests get, run by a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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


def output_of(tmp_path: Path, tests: str, conftest: str = CONFTEST) -> str:
    """What a pytest of these tests prints."""
    for name, text in (
        ("pytest.ini", "[pytest]\n"),
        ("conftest.py", conftest),
        ("fleet.json", FLEET),
        ("test_it.py", tests),
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
    return done.stdout


def test_the_session_s_cloud_is_one_and_a_test_s_cloud_is_its_own(tmp_path: Path) -> None:
    assert "4 passed" in (output := output_of(tmp_path, TESTS)), output


MARKED = """
import pytest

@pytest.mark.localcloud({})
def test_a_mark_with_arguments(localcloud):
    pass
"""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("activty_seconds=5", "no argument 'activty_seconds'; its arguments: fleet, activity_sec"),
        ("fleets={}", "no argument 'fleets'; its arguments: fleet, "),
        ("{'groups': []}", "takes names: localcloud(fleet=...)"),
        ("fleet='nowhere.json'", "No such file or directory"),
        ("fleet={'gruops': []}", "'gruops' was unexpected"),
    ],
)
def test_a_misspelt_argument_of_the_mark_is_named_with_the_known_ones(
    tmp_path: Path, arguments: str, sentence: str
) -> None:
    output = output_of(tmp_path, MARKED.format(arguments))

    assert sentence in output, output
    assert "Traceback" not in output
    assert "handle.py" not in output


def test_a_misspelt_option_of_the_session_is_named_too(tmp_path: Path) -> None:
    conftest = CONFTEST.replace("activity_seconds", "activity_second")
    output = output_of(tmp_path, TESTS, conftest)

    assert "no argument 'activity_second'; its arguments: fleet, " in output, output
