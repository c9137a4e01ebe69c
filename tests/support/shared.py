"""What is expensive and read only: the first process of a run makes it, the others wait for it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.platforms import HANDLER

ROOT = HANDLER.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A path below the temporary folder of this run, which `make` has written."""
    own = factory.getbasetemp()
    folder = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    made, done = folder / name, folder / f"{name}.done"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            if made.is_dir():  # left by a process that failed
                shutil.rmtree(made)
            make(made)
            done.touch()
    return made


def package_of(factory: pytest.TempPathFactory, runtime: str) -> Path:
    """The zip file of `scalein package` for a runtime, without options."""

    def make(path: Path) -> None:
        command = [sys.executable, "-m", "scalein_cli", "package", "--runtime", runtime]
        run([*command, "--output", str(path)], PYTHONPATH=f"{HANDLER}:{ROOT}")

    return made_once(factory, f"package-{runtime}.zip", make)


def wheel_of(factory: pytest.TempPathFactory, name: str, source: Path) -> Path:
    """The wheel that pip builds of a folder."""

    def make(folder: Path) -> None:
        run([*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)])

    (wheel,) = made_once(factory, f"wheel-{name}", make).glob("*.whl")
    return wheel


def install(environment: Path, *requirements: str) -> Path:
    """Installs into an environment, which is made where it is missing; its Python.

    pip does so from outside: a pip of its own takes an environment five seconds to make.
    """
    python = environment / "bin/python"
    if not python.exists():
        venv.create(environment, with_pip=False)
    run([*PIP, "--python", str(python), "install", "--quiet", "--no-compile", *requirements])
    return python


def run(command: list[str], **variables: str) -> None:
    """Raises AssertionError, with what the command says, where it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
