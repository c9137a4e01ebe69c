"""Installs the packages that a runtime's lock pins, with pip."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

from scalein_cli.errors import CommandError
from scalein_cli.resources import resource

PLATFORMS = (
    "manylinux_2_28_x86_64",
    "manylinux_2_17_x86_64",
    "manylinux2014_x86_64",
)  # Debian 10 and later


def pip_command() -> list[str]:
    """pip of this environment, or what stands for it there. Raises CommandError."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    script = Path(sys.prefix) / "bin" / "pip"  # of tools/make_venv.sh
    if script.is_file():
        return [str(script)]
    raise CommandError(f"pip is missing. Install it: {sys.executable} -m ensurepip")


def install_pinned(runtime: str, folder: Path) -> None:
    """Installs the pinned packages for the runtime, by hash. Raises CommandError."""
    pip = [*pip_command(), "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    target = ["--target", str(folder), "--no-deps", "--no-compile", "--require-hashes"]
    runtime_options = ["--implementation", "cp", "--python-version", runtime.removeprefix("python")]
    for platform in PLATFORMS:
        runtime_options += ["--platform", platform]
    done = subprocess.run(
        [*pip, *target, *runtime_options, "-r", str(resource(f"locks/{runtime}.txt"))],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        cause = errors[0] if errors else done.stderr[-300:]
        raise CommandError(
            f"pip did not install the packages that locks/{runtime}.txt pins: {cause} "
            "Check that pip reaches its package index."
        )
