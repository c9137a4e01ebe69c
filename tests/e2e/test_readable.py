"""Every command that reads can be read: at 80 columns, in a pipe, of files with any line ends."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clouds import Cloud, cloud_of, group
from tests.support.terminals import in_pipe, interrupted, on_terminal, real_id, real_members, shell

ROOT = Path(__file__).parents[2]
POLICY = {"groups": {"asg-1": {"maxRemovedPerEvent": 2, "cooldownSeconds": 300}}}
CASES = """\
policy: policy.json
now: 2026-11-23T12:00:00Z
fleet:
  groups:
    - scalingGroupId: asg-1
      minSize: 1
      maxSize: 9
      instances: [{instanceId: i-bp1aaaaaaaaaaaaaaaaa, createdTime: 2026-11-17T08:00:00Z}]
cases:
  - name: The last instance of a group is retained, whatever is requested by whomever
    messages:
      - request: {scalingGroupId: asg-1, remove: {count: 1}}
        expect: {selected: 0, shortfall: min-size}
"""
COMMANDS = {
    "init": ("init", "--group", "asg-1", "--output", "first.json", "--force"),
    "plan": ("plan", "--group", "asg-1", "--count", "2", "--policy", "policy.json"),
    "plan of an event": ("plan", "--event", "event.json", "--policy", "policy.json"),
    "simulate": ("simulate", "day.csv", "--policy", "policy.json", "--alarms"),
    "test": ("test", "cases.yaml"),
    "check": ("check", "--policy", "policy.json", "--event", "event.json"),
    "status": ("status", "--policy", "policy.json"),
    "history": ("history", "--policy", "policy.json"),
    "capture": ("capture", "fleet.json", "--group", "asg-1"),
}


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with cloud_of(group(*real_members(5), minSize=2)) as cloud:
        yield cloud


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The files that the commands name."""
    request = {"scalingGroupId": "asg-1", "remove": {"instanceIds": [real_id(0), real_id(4)]}}
    texts = {
        "policy.json": json.dumps(POLICY, indent=2),
        "event.json": json.dumps(request, indent=2),
        "day.csv": "time,alarm\n2026-11-23T04:00:00Z,idle\n2026-11-23T05:00:00Z,idle\n",
        "cases.yaml": CASES,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def in_folder(arguments: tuple[str, ...], folder: Path) -> list[str]:
    """The arguments, with the paths of files instead of their names."""
    suffixes = {".json", ".csv", ".yaml"}
    return [str(folder / one) if Path(one).suffix in suffixes else one for one in arguments]


@pytest.mark.parametrize("command", COMMANDS)
def test_at_80_columns_nothing_is_cut_and_no_line_is_longer(
    command: str, cloud: Cloud, files: Path
) -> None:
    text = on_terminal(80, *in_folder(COMMANDS[command], files), environment=shell(cloud))

    assert text.strip()
    assert "…" not in text
    assert [line for line in text.splitlines() if len(line) > 80 and not may_be_long(line)] == []


def may_be_long(line: str) -> bool:
    """Whether it is a command to copy, which no line end may cut, or one word, such as a path."""
    return line.startswith("    scalein ") or len(line.split()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_lines_end_between_words(command: str, cloud: Cloud, files: Path) -> None:
    arguments = in_folder(COMMANDS[command], files)
    whole = in_pipe(*arguments, environment=shell(cloud)).stdout.split()
    text = on_terminal(80, *arguments, environment=shell(cloud)).split("No room for")[0]

    assert [word for word in text.split() if word.strip("─") and word not in whole] == []


def test_an_error_ends_its_lines_between_words_on_a_terminal_alone(cloud: Cloud) -> None:
    environment = shell(cloud, SCALEIN_ESS_ENDPOINT="http://127.0.0.1:1")
    arguments = ("history", "--group", "asg-1")
    text = on_terminal(80, *arguments, environment=environment, has_errors=True)
    error = text[text.index("Error: ") :]
    whole = in_pipe(*arguments, environment=environment).stderr

    assert error.split() == whole.split()
    assert max(map(len, error.splitlines())) <= 80
    assert len(whole.splitlines()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_pipe_gets_text_without_marks_of_a_terminal(
    command: str, cloud: Cloud, files: Path
) -> None:
    environment = {**shell(cloud), "NO_COLOR": ""}
    done = in_pipe(*in_folder(COMMANDS[command], files), environment=environment)

    assert done.returncode in (0, 3), done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "No room for" not in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_files_with_line_ends_of_windows_say_the_same(
    command: str, cloud: Cloud, files: Path
) -> None:
    arguments = in_folder(COMMANDS[command], files)
    before = in_pipe(*arguments, environment=shell(cloud))
    assert before.returncode in (0, 3), before.stderr
    for file in files.iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    after = in_pipe(*arguments, environment=shell(cloud))

    assert (after.returncode, without_digests(after.stdout)) == (
        before.returncode,
        without_digests(before.stdout),
    ), after.stderr


def without_digests(text: str) -> list[str]:
    """The lines, without the fingerprint that a policy's bytes have."""
    return [line for line in text.splitlines() if "policy" not in line]


READING = {
    **{name: COMMANDS[name] for name in ("init", "plan", "status", "history", "capture")},
    "check": ("check", "--policy", "policy.json", "--region", "cn-hangzhou"),
}


@pytest.mark.parametrize("command", READING)
def test_a_service_that_cannot_be_reached_is_told_with_its_setting(
    command: str, cloud: Cloud, files: Path
) -> None:
    environment = shell(cloud, SCALEIN_ESS_ENDPOINT="http://127.0.0.1:1")
    began = time.monotonic()
    done = in_pipe(*in_folder(READING[command], files), environment=environment)

    assert time.monotonic() - began < 10
    assert done.returncode == 1
    text = " ".join((done.stdout + done.stderr).split())
    assert "127.0.0.1" in text
    assert "SCALEIN_ESS_ENDPOINT" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("command", READING)
def test_ctrl_c_ends_every_command_that_waits_for_an_answer(
    command: str, cloud: Cloud, files: Path
) -> None:
    done = interrupted(*in_folder(READING[command], files), cloud=cloud)

    assert done.seconds < 2  # one second, and what a machine with other load takes
    assert done.returncode in (1, 130)
    assert b"Traceback" not in done.output + done.errors
