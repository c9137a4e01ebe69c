"""The commands as a person types them, each in its own process."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.support.terminals import on_terminal

ROOT = Path(__file__).parents[2]
PYTHONPATH = f"{ROOT / 'handler'}:{ROOT}"


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    environment = {"PYTHONPATH": PYTHONPATH, "PATH": "/usr/bin:/bin", **variables}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def start_local_cloud(*options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    command = [sys.executable, "-m", "localcloud", "--port", "0", *options]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    return process, json.loads(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_the_local_cloud_prints_when_and_where_it_is_ready_and_stops_cleanly(
    host: str, number: signal.Signals
) -> None:
    process, ready = start_local_cloud("--fleet", "localcloud/fleets/small.json", "--host", host)
    process.send_signal(number)
    out, err = process.communicate(timeout=10)

    assert set(ready) == {"endpoint", "accessKeyId", "accessKeySecret", "regionId"}
    assert ready["endpoint"].startswith("127.0.0.1:")
    assert (process.returncode, out) == (0, "")
    assert err == f"Console: http://{ready['endpoint']}/console\n"


def test_the_local_cloud_stops_cleanly_while_a_client_stays_connected() -> None:
    process, ready = start_local_cloud()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"http://{ready['endpoint']}/")
    caught.value.close()
    process.terminate()
    process.communicate(timeout=10)

    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--fleet", "nowhere.json"), "nowhere.json: No such file"),
        (("--fleet", "README.md"), "not JSON"),
        (("--fleet", "events/remove-two.json"), "the fleet file is wrong"),
        (("--fault", "earthquake"), "unknown fault"),
        (("--fault", "throttled:RemoveInstance"), "did you mean RemoveInstances?"),
        (("--rate-limit", "RemoveInstance:5"), "did you mean RemoveInstances?"),
        (("--fault", "throttled:RemoveInstances:often"), "TIMES and SECONDS must be numbers"),
        (("--port", "70000"), "70000"),
    ],
)
def test_the_local_cloud_says_what_is_wrong_without_a_traceback(
    options: tuple[str, ...], message: str
) -> None:
    done = run("localcloud", *options)

    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_shows_each_instance_with_its_reason_and_the_group_before_and_after() -> None:
    done = run("scalein_cli", "run", "events/remove-two.json")

    assert done.returncode == 0, done.stderr
    for words in (
        "i-web-01",
        "selected",
        "retained",
        "retained  Protected           cn-hangzhou-h",
        "removing",
        "before",
        "after",
        "asa-",
        "Successful",
    ):
        assert words in done.stdout
    assert "\x1b" not in done.stdout  # plain text if piped


def test_a_run_uses_no_proxy_for_a_server_on_this_machine() -> None:
    done = run("scalein_cli", "run", "events/remove-two.json", HTTP_PROXY="http://127.0.0.1:9")

    assert done.returncode == 0, done.stderr
    assert "Successful" in done.stdout


def test_a_run_can_print_the_outcome_alone() -> None:
    assert (
        json.loads(run("scalein_cli", "run", "events/dry-run.json", "--json").stdout)["status"]
        == "dry-run"
    )


def test_a_run_shows_the_audit_line_on_request() -> None:
    assert (
        '"audit": "scalein/3"' in run("scalein_cli", "run", "events/expired.json", "--audit").stdout
    )


@pytest.mark.parametrize("event", [b"", b"[" * 100_000, b"\xff\xfe", b'{"scalingGroupId": {}}'])
def test_a_run_of_any_file_gives_an_outcome(event: bytes, tmp_path: Path) -> None:
    (tmp_path / "any event.json").write_bytes(event)
    done = run("scalein_cli", "run", str(tmp_path / "any event.json"))

    assert done.returncode == 0, done.stderr
    assert "rejected" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("scalein_cli", "--help"), ("scalein_cli", "run", "--help"), ("localcloud", "--help")],
)
def test_help_says_how_to_use_a_command(arguments: tuple[str, ...]) -> None:
    assert "Usage:" in run(*arguments).stdout


def test_the_shell_completes_commands_and_options() -> None:
    variables = {
        "_SCALEIN_COMPLETE": "bash_complete",
        "COMP_WORDS": "scalein pl",
        "COMP_CWORD": "1",
    }

    assert run("scalein_cli", **variables).stdout == "plain,plan\n"
    assert "complete" in run("scalein_cli", _SCALEIN_COMPLETE="bash_source").stdout


def test_the_readme_shows_what_make_run_prints() -> None:
    """The decision and its sentence, line by line as they are printed."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.split("```\n")[1].split("```")[0]
    variables = {"PYTHONPATH": PYTHONPATH, "PATH": "/usr/bin:/bin", "NO_COLOR": "1"}
    output = on_terminal(80, "run", "events/remove-two.json", environment=variables)
    printed = iter(line.strip() for line in steady(output).splitlines())

    assert all(line.strip() in printed for line in steady(shown).splitlines())
    assert len(shown.splitlines()) > 10
    assert (ROOT / "events/remove-two.json").read_text(encoding="utf-8") in readme


def steady(text: str) -> str:
    """The text without what differs in each run: port, activity id, blanks at the end of lines."""
    lines = (
        re.sub(r"127\.0\.0\.1:\d+|asa-\w+", "...", line).rstrip()
        for line in text.strip().splitlines()
    )
    return "\n".join(lines)


def test_the_command_says_its_version() -> None:
    version = (ROOT / "VERSION").read_text(encoding="utf-8").strip()

    assert run("scalein_cli", "--version").stdout == f"scalein, version {version}\n"
