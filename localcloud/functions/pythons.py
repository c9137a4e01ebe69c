"""Which Python runs a runtime of Function Compute on this machine."""

from __future__ import annotations

import os
import subprocess
from functools import lru_cache
from pathlib import Path


@lru_cache
def python_of(runtime: str) -> str | None:
    """That very version, on PATH or kept by pyenv, if it is here. A name on PATH may be a shim: each is asked."""
    kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [runtime, *map(str, sorted(kept.glob(f"{runtime.removeprefix('python')}.*/bin/python")))]
    for candidate in candidates:
        asked = [candidate, "-c", "import sys; print('python%d.%d' % sys.version_info[:2], sys.executable)"]
        try:
            told = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.split(" ", 1)
        except (OSError, subprocess.SubprocessError):
            continue
        if told[0] == runtime:
            return told[1].strip()
    return None
