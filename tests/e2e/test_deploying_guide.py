"""docs/deploying.md: every command that does not need the cloud itself, as a person types it."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.functions.pythons import python_of
from tests.support.needs import skip_without
from tests.support.shared import made_once

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
CLOUD, OLDER = "# Needs Alibaba Cloud:", "# Function Compute 2.0:"
PORT = "8080"  # in the guide; here a free one
MAX_SECONDS = 60  # of any command but `scalein package`


def blocks() -> list[str]:
    """The blocks of commands, without the indent of a list."""
    return ["\n".join(map(str.strip, found[1].splitlines())) for found in BLOCK.finditer(GUIDE)]


def commands(generation: str) -> Iterator[str]:
    """Yields what a person types, in order; the name of an older function first."""
    chosen = [block for block in blocks() if not block.startswith(CLOUD)]
    older = [block for block in chosen if block.startswith(OLDER)]
    others = [block for block in chosen if not block.startswith(OLDER)]
    for block in [*(older if generation == "2.0" else ()), *others]:
        for command in re.sub(r"\\\n", " ", block).splitlines():
            if not command.startswith("#"):
                yield command


class Clone:
    """A clone, at a local cloud that has begun when the guide says so."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self.folder = folder = factory.mktemp("clone")
        self._factory = factory
        self.endpoint = ""
        self._exports: list[str] = []
        self._cloud: subprocess.Popen[str] | None = None
        for path in ROOT.iterdir():
            if not path.name.startswith("."):
                (folder / path.name).symlink_to(path)
        script = folder / ".venv/bin/scalein"
        script.parent.mkdir(parents=True)
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scalein_cli "$@"\n')
        script.chmod(0o755)

    def run(self, command: str) -> str:
        """The output of a command, which must succeed. It is agreed to whatever it asks."""
        if command.startswith("python -m localcloud"):
            return self._start_cloud(command)
        if command.startswith("scalein package"):
            return self._package(command)
        return self._run(command)

    def _package(self, command: str) -> str:
        """The same command makes the same bytes of the same policy: it is run once."""
        package = self.folder / "scalein.zip"
        typed = f"{command} {(self.folder / 'policy.json').read_text(encoding='utf-8')}"
        name = f"guide-{hashlib.sha256(typed.encode()).hexdigest()}.zip"
        made = made_once(
            self._factory, name, lambda path: (self._run(command), package.rename(path))
        )
        shutil.copyfile(made, package)
        return ""

    def _run(self, command: str) -> str:
        command = command.replace(f"127.0.0.1:{PORT}", self.endpoint)
        if command.startswith("export "):
            self._exports.append(command)
            return ""
        known = {name: value for name, value in os.environ.items() if "SCALEIN" not in name}
        seconds = 10 * MAX_SECONDS if "package" in command else MAX_SECONDS
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", "\n".join([*self._exports, command])],
            cwd=self.folder,
            env={**known, "PYTHONPATH": f"{ROOT}/handler:{ROOT}"},
            input="y\n",
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def close(self) -> None:
        if self._cloud:
            self._cloud.terminate()
            self._cloud.communicate(timeout=60)

    def _start_cloud(self, command: str) -> str:
        arguments = shlex.split(command.replace(f"--port {PORT}", "--port 0"))[1:]
        self._cloud = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._cloud.stdout
        ready = self._cloud.stdout.readline()
        self.endpoint = str(json.loads(ready)["endpoint"])
        return ready


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["3.0", "2.0"])
def test_every_command_does_what_the_guide_says(
    generation: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if python_of("python3.10") is None:
        skip_without("python3.10", "pyenv install 3.10")
    clone = Clone(tmp_path_factory)
    try:
        said = [(command, clone.run(command)) for command in commands(generation)]
    finally:
        clone.close()
    outputs = [output for command, output in said if "scalein invoke" in command]
    names = [re.findall(r"scalein (\w+)", command) for command, _ in said]

    assert [name for found in names for name in found if name not in ("package", "check", "plan")]
    for output, status in zip(outputs, ["dry-run", "removing", "blocked", "removing"], strict=True):
        assert status in output
    assert "stop switch" in outputs[2]
    assert "scalein start" in outputs[2]


def test_only_commands_of_the_cloud_are_left_out() -> None:
    left_out = [block for block in blocks() if block.startswith(CLOUD)]

    assert len(left_out) == 4
    for block in left_out:
        for command in re.sub(r"\\\n", " ", block).splitlines()[1:]:
            assert command.startswith(("aliyun ", "export ", "scalein deploy scalein.zip "))
    assert "aliyun" not in "".join(block for block in blocks() if block not in left_out)


def test_no_line_that_is_pasted_answers_the_question_of_the_line_before() -> None:
    asking = re.compile(r"scalein (deploy|promote|rollback|start)\b")
    for block in blocks():
        *before, _ = re.sub(r"\\\n", " ", block).splitlines()
        assert not any(asking.match(command) for command in before), block
