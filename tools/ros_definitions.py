"""Judges ROS templates by ROS's own definitions of resource types (Alibaba's packages ros-cdk-...).

    python -m tools.ros_definitions template.yml alarms.yml

The definitions are written in JavaScript, and each Python package carries them as an archive for
Node.js, which is all that is used of it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from scalein_cli.pinned import pip_command
from scalein_cli.ros_template import parameter_sets, resolve_template, template_faults

FOLDER = Path(__file__).parents[1] / "tests/validators/ros"
REQUIREMENTS = FOLDER / "requirements.txt"
INSTALLED = FOLDER / "node_modules" / "requirements.txt"  # what is unpacked beside it


def is_installed() -> bool:
    """Whether the definitions of requirements.txt are there."""
    return INSTALLED.is_file() and INSTALLED.read_bytes() == REQUIREMENTS.read_bytes()


def install() -> None:
    """Fetches the definitions, each by its hash, and unpacks them for Node.js."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["--quiet", "--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS)]
        subprocess.run([*pip_command(), "download", *options, "--dest", folder], check=True)
        for wheel in sorted(Path(folder).glob("*.whl")):
            _unpack(wheel)
    INSTALLED.write_bytes(REQUIREMENTS.read_bytes())


def faults_of(templates: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """The faults of each template: its references, then what the definitions refuse.

    Raises CalledProcessError if Node.js fails.
    """
    found, requests, numbers = [template_faults(template) for template in templates], [], []
    for number, template in enumerate(templates):
        for values in parameter_sets(template):
            resolved = resolve_template(template, values)
            attributes = sorted(resolved.attributes)
            requests.append({"resources": resolved.resources, "attributes": attributes})
            numbers.append(number)
    run = subprocess.run(
        ["node", str(FOLDER / "judge.cjs")],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=True,
    )
    for number, faults in zip(numbers, json.loads(run.stdout), strict=True):
        found[number] += [fault for fault in faults if fault not in found[number]]
    return found


def _unpack(wheel: Path) -> None:
    """Unpacks the Node.js package in a wheel under its own name."""
    with zipfile.ZipFile(wheel) as files:
        [archive] = [name for name in files.namelist() if name.endswith(".jsii.tgz")]
        with files.open(archive) as stream, tarfile.open(fileobj=stream, mode="r:gz") as package:
            members = {
                member.name.partition("/")[2]: member
                for member in package.getmembers()
                if member.isfile()
            }
            description = package.extractfile(members["package.json"])
            assert description
            target = FOLDER / "node_modules" / json.load(description)["name"]
            for name, member in members.items():
                content = package.extractfile(member)
                if content and ".." not in name:
                    (target / name).parent.mkdir(parents=True, exist_ok=True)
                    (target / name).write_bytes(content.read())


def main(names: Sequence[str]) -> int:
    """Prints the faults of the templates; 1 if there are any."""
    if not is_installed():
        install()
    templates = [yaml.safe_load(Path(name).read_text(encoding="utf-8")) for name in names]
    status = 0
    for name, faults in zip(names, faults_of(templates), strict=True):
        for fault in faults:
            print(f"{name}: {fault}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
