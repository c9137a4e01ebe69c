"""The commands on a terminal and in a pipe: what a person sees, and how a command ends."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scalein_cli.__main__ import SECTIONS, main
from tests.support.clouds import Cloud, cloud_of, group
from tests.support.terminals import in_pipe, interrupted, on_terminal, real_id, real_members, shell

ROOT = Path(__file__).parents[2]
REAL_ID = re.compile(r"i-bp1[0-9a-z]{17}")


@pytest.fixture(scope="module")
def wide() -> Iterator[Cloud]:
    """A group of 1,000 instances with ids as ESS has them."""
    members = real_members(1_000)
    with cloud_of(group(*members, minSize=10)) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def small() -> Iterator[Cloud]:
    members = real_members(5)
    with cloud_of(group(*members, minSize=2)) as cloud:
        yield cloud


FOLLOW_UPS = {  # without them, one message removes 20 instances at most
    "SCALEIN_FOLLOW_UP_KEY": "k" * 32,
    "SCALEIN_FC_ENDPOINT": "1234567890.cn-hangzhou.fc.aliyuncs.com",
    "SCALEIN_FC_FUNCTION": "scalein",
}
PLAN = ("plan", "--group", "asg-1", "--count")


@pytest.mark.parametrize("columns", [80, 120])
def test_ids_verdicts_and_reasons_are_whole_at_any_width(columns: int, small: Cloud) -> None:
    text = on_terminal(columns, *PLAN, "2", environment=shell(small))

    rows = [line.split() for line in text.splitlines() if REAL_ID.match(line.strip())]
    assert [row[1] for row in rows] == ["selected"] * 2 + ["retained"] * 3
    assert [" ".join(row[2:4]) for row in rows[2:]] == ["not needed"] * 3
    tables = [line for line in text.splitlines() if "  " in line.strip()]
    assert max(map(len, tables)) <= columns
    assert "…" not in text


def test_a_pipe_gets_every_column_and_no_broken_line(small: Cloud) -> None:
    done = in_pipe(*PLAN, "2", environment=shell(small))

    (heading,) = (line for line in done.stdout.splitlines() if line.strip().startswith("Instance"))
    assert heading.split() == [
        "Instance", "Verdict", "Why", "Zone", "State", "Joined", "Configuration",
    ]  # fmt: skip
    assert "No room" not in done.stdout
    assert "\x1b" not in done.stdout


def test_many_removals_are_summed_by_zone_and_configuration(wide: Cloud) -> None:
    environment = shell(wide, **FOLLOW_UPS)
    text = on_terminal(80, *PLAN, "300", environment=environment)

    assert len(text.splitlines()) < 40
    sums = re.findall(r"^ *(\d+)  cn-hangzhou-\w", text, re.MULTILINE)
    assert sum(map(int, sums)) == 300
    assert "--all prints a row for each instance" in text
    every = in_pipe(*PLAN, "300", "--all", environment=environment)
    assert len(REAL_ID.findall(every.stdout)) == 1_000


@pytest.mark.parametrize("more", [(), ("--all",)])
def test_json_is_json_and_nothing_else(more: tuple[str, ...], small: Cloud) -> None:
    done = in_pipe(*PLAN, "2", "--json", *more, environment=shell(small))

    assert json.loads(done.stdout)["selected"] == [real_id(0), real_id(1)]
    assert on_terminal(80, *PLAN, "2", "--json", environment=shell(small)) == done.stdout


def test_a_pipe_that_is_closed_early_is_no_error(wide: Cloud) -> None:
    command = [sys.executable, "-m", "scalein_cli", *PLAN, "300", "--all"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=shell(wide),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server


def address_of(server: socket.socket) -> str:
    return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("is_listening", [True, False])
def test_an_endpoint_that_does_not_answer_is_told_within_ten_seconds(
    is_listening: bool, silent: socket.socket, small: Cloud
) -> None:
    place = address_of(silent) if is_listening else "127.0.0.1:1"
    environment = shell(small, SCALEIN_ESS_ENDPOINT=f"http://{place}")
    began = time.monotonic()
    done = in_pipe(*PLAN, "2", environment=environment)

    assert time.monotonic() - began < 10
    assert (done.returncode, done.stdout) == (1, "")
    assert place in done.stderr
    assert "SCALEIN_ESS_ENDPOINT" in done.stderr


def test_ctrl_c_ends_a_command_that_waits_for_an_answer(small: Cloud) -> None:
    done = interrupted(*PLAN, "2", cloud=small)

    assert done.seconds < 2  # one second, and what a machine with other load takes
    assert done.returncode in (1, 130)
    assert b"Aborted!" in done.errors


COMMANDS = [command for section in SECTIONS.values() for command in section]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_is_listed_whole_and_has_an_example(command: click.Command) -> None:
    summary = command.get_short_help_str(200)
    context = click.Context(command, info_name=f"scalein {command.name}", terminal_width=80)
    text = command.get_help(context)

    assert summary in CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert not re.match(r"\w+[^s]s\b", summary)  # imperative: Show, not Shows
    assert f"    scalein {command.name}" in text
    assert max(map(len, text.splitlines())) <= 80
