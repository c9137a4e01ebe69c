"""The local cloud as others use it: from a wheel, by the action of a workflow, by the examples."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.authenticator import Authenticator
from tests.support.clouds import cloud_of, group
from tests.support.languages import GO, JAVA_NEWER, command_of
from tests.support.needs import skip_without
from tests.support.sdks import NODE

ROOT = Path(__file__).parents[2]
LOCALCLOUD = ROOT / "localcloud"
EXAMPLES = LOCALCLOUD / "examples"
ACTION: dict[str, Any] = yaml.safe_load((LOCALCLOUD / "action.yml").read_text(encoding="utf-8"))
INSTALL, START = ACTION["runs"]["steps"]
LANGUAGE_BY_EXAMPLE = {"describe.go": GO, "Describe.java": JAVA_NEWER}
SHIM = """#!/bin/sh
echo $$ >"$RUNNER_TEMP/pid"
exec "{python}" -m localcloud "$@"
"""


@pytest.mark.slow
def test_the_wheel_is_typed_complete_and_knows_its_version(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    made, installed = tmp_path / "made", tmp_path / "installed"
    build = [*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(made), str(LOCALCLOUD)]
    subprocess.run(build, check=True, capture_output=True)
    [wheel] = made.glob("alibaba_localcloud-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = next(name for name in names if name.endswith("METADATA"))
        assert "Classifier: Typing :: Typed" in archive.read(metadata).decode()
    modules = {str(path.relative_to(ROOT)) for path in LOCALCLOUD.rglob("*.py")}
    modules -= {name for name in modules if name.startswith("localcloud/examples/")}
    data = {"py.typed", "fleet.schema.json", "fleets/small.json", "console/page/page.html"}
    data |= {"events/remove-two.json", "events/README.md"}
    assert modules | {f"localcloud/{name}" for name in data} <= names
    assert not [name for name in names if "examples" in name or "Containerfile" in name]

    install = [*pip, "install", "--quiet", "--no-deps", "--target", str(installed), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    command = [sys.executable, "-m", "localcloud", "--version"]
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    done = subprocess.run(
        command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == (ROOT / "VERSION").read_text(encoding="utf-8").strip()


def start_step(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Runs the action's second step as a runner does; the first one's result is this checkout."""
    command = folder / "localcloud/bin/alibaba-localcloud"
    command.parent.mkdir(parents=True)
    command.write_text(SHIM.format(python=sys.executable))
    command.chmod(0o755)
    given = {name: spec.get("default", "") for name, spec in ACTION["inputs"].items()} | inputs
    variables = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: given[match[1]], text)
        for name, text in START["env"].items()
    }
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(folder),
        "GITHUB_OUTPUT": str(folder / "output"),
        **variables,
    }
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", START["run"]]
    return subprocess.run(
        script, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_action_starts_a_cloud_and_says_where_it_is(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet.json"
    fleet.write_text(json.dumps({"regionId": "cn-beijing", "groups": [group()]}))
    done = start_step(tmp_path, fleet=str(fleet), port="0", options="--activity-seconds 1")
    try:
        lines = (tmp_path / "output").read_text().splitlines()
        outputs = dict(line.split("=", 1) for line in lines)
        with urllib.request.urlopen(f"http://{outputs['endpoint']}/localcloud/state") as answer:
            state = json.load(answer)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)

    assert outputs.keys() == ACTION["outputs"].keys()
    assert f"::add-mask::{outputs['access-key-secret']}" in done.stdout
    assert outputs["region-id"] == "cn-beijing"
    assert (state["activitySeconds"], list(state["saved"]["groups"])) == (1, ["asg-1"])


def test_the_action_fails_with_the_cloud_s_words_where_it_cannot_start(tmp_path: Path) -> None:
    done = start_step(tmp_path, fleet="missing.json", port="0")

    assert done.returncode == 1
    assert "the fleet file is wrong: missing.json" in done.stderr


def test_the_action_s_outputs_are_those_of_its_step() -> None:
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.{START['id']}.outputs.{name} }}}}"
    assert INSTALL["env"] == {"FOLDER": "${{ github.action_path }}"}


@pytest.mark.parametrize("name", ["describe.py", "describe.cjs", "describe.go", "Describe.java"])
def test_an_example_prints_the_groups(name: str, tmp_path: Path) -> None:
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    file = tmp_path / name
    environment = dict(os.environ)
    command = [sys.executable, str(file)]
    if name.endswith(".cjs"):
        if not (NODE / "node_modules/@alicloud/pop-core").is_dir():
            skip_without("the SDK of Node.js", "make node-modules")
        command, environment["NODE_PATH"] = ["node", str(file)], str(NODE / "node_modules")
    elif name in LANGUAGE_BY_EXAMPLE:
        command = command_of(LANGUAGE_BY_EXAMPLE[name], file)
    with cloud_of(group()) as cloud:
        cloud.inside.authenticator = Authenticator("localcloud", "localcloud-secret")
        file.write_text(text.replace("127.0.0.1:8080", cloud.endpoint), encoding="utf-8")
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert "asg-1" in done.stdout, done.stderr


def test_the_container_file_starts_what_is_installed() -> None:
    text = (LOCALCLOUD / "Containerfile").read_text(encoding="utf-8")
    [entry] = re.findall(r"^ENTRYPOINT (\[.*\])$", text, re.MULTILINE)
    command, *options = json.loads(entry)
    known = subprocess.run(
        [sys.executable, "-m", "localcloud", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    copied = re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE)

    assert f'{command} = "localcloud.__main__:main"' in (LOCALCLOUD / "pyproject.toml").read_text()
    assert all(option in known for option in options if option.startswith("--"))
    assert all((ROOT / name).exists() for line in copied for name in line.split())
