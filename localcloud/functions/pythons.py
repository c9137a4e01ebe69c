"""Finds the Python on this machine that runs a runtime of Function Compute."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path


@lru_cache
def python_of(runtime: str) -> str | None:
    """Returns the path of that Python version, on PATH or installed by pyenv; None without one.

    A name on PATH may be a shim, so that each candidate has to say its version.
    """
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [
        runtime,
        *map(str, sorted(versions.glob(f"{runtime.removeprefix('python')}.*/bin/python"))),
    ]
    for candidate in candidates:
        command = [
            candidate,
            "-c",
            "import sys; print('python%d.%d' % sys.version_info[:2], sys.executable)",
        ]
        try:
            output = subprocess.run(
                command, capture_output=True, text=True, timeout=10, check=True
            ).stdout.split(" ", 1)
        except (OSError, subprocess.SubprocessError):
            continue
        if output[0] == runtime:
            return output[1].strip()
    return None


def python_for(runtime: str) -> str:
    """Returns the interpreter of the runtime's Python version, else this one.

    Where this one has that version, it is taken, with its packages.
    """
    if runtime == f"python3.{sys.version_info.minor}":
        return sys.executable
    return python_of(runtime) or sys.executable
