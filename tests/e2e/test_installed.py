"""The distribution, installed from its wheel: its command works outside a checkout."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.shared import install, wheel_of

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command outside the checkout, with nothing of this environment."""
    folder = Path(command[0]).parent
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(tmp_path_factory, "scalein", ROOT)


def test_its_names_in_site_packages_are_its_own_and_it_has_what_its_command_needs(
    wheel: Path,
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    folders = {name.split("/")[0] for name in names}
    assert {f for f in folders if not f.endswith(".dist-info")} == {
        "scalein",
        "scalein_cli",
        "localcloud",
    }
    files = ("handler/index.py", "locks/python3.10.txt", "locks/python3.12.txt")
    assert {f"scalein_cli/files/{file}" for file in files} <= set(names)


def test_in_an_empty_environment_the_command_works_or_says_which_extra_it_lacks(
    wheel: Path, tmp_path: Path
) -> None:
    environment = tmp_path / "env"
    scalein = environment / "bin/scalein"

    install(environment, str(wheel))
    assert (ROOT / "VERSION").read_text().strip() in run(scalein, "--version").stdout
    lacking = run(scalein, "run")
    assert (lacking.returncode, lacking.stdout) == (1, "")
    assert "pip install 'scalein[local]'" in lacking.stderr

    install(environment, f"{wheel}[local]")
    complete = run(scalein, "run", "--json")
    assert complete.returncode == 0, complete.stderr
    assert json.loads(complete.stdout)["status"] == "removing"
