"""The local cloud as a package, alone in an environment: its command and its pytest fixture."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.shared import install, made_once

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow
FILES = ("localcloud", "events", "VERSION", "LICENSE")
OTHER_TEST = """
import urllib.error, urllib.request
import pytest

FLEET = {"groups": [{"scalingGroupId": "asg-1", "minSize": 2, "maxSize": 5, "instances": []}]}


@pytest.mark.localcloud(fleet=FLEET, activity_seconds=30)
def test_a_group_fills_itself(localcloud):
    localcloud.advance(0)
    localcloud.advance(30)
    states = [i.lifecycle_state for i in localcloud.service.groups["asg-1"].instances.values()]
    assert states == ["InService"] * 2


def test_an_invalid_call_gets_an_error(localcloud):
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"http://{localcloud.endpoint}/")
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the package, made of tracked files only, and pytest."""

    def make(folder: Path) -> None:
        source = folder / "src"
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *FILES]
        done = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)
        for name in filter(None, done.stdout.split("\0")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
        install(folder, str(source / "localcloud"), "pytest")

    return made_once(tmp_path_factory, "localcloud-installed", make) / "bin/python"


def test_its_command_serves_the_api_and_the_console(python: Path, tmp_path: Path) -> None:
    command = [str(python.parent / "alibaba-localcloud"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            with urllib.request.urlopen(f"http://{ready['endpoint']}/console") as page:
                assert b"Local Auto Scaling" in page.read()
            with urllib.request.urlopen(f"http://{ready['endpoint']}/localcloud/events") as events:
                listed = json.load(events)
            assert "remove-two" in listed["events"]
            assert all(event["story"] for sender in listed["groups"] for event in sender["events"])
            assert listed["functions"] == []  # the function is not part of the package
            assert "deploy one" in listed["message"]
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_another_projects_tests_have_its_fixture(python: Path, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(OTHER_TEST)
    command = [
        str(python),
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "-W",
        "error",
        "--strict-markers",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert sys.executable != str(python)
