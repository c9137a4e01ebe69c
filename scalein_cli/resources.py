"""Files that commands need, installed or from a checkout: pins, the example policy, index.py."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def resource(name: str) -> Path:
    """The file or folder of this name, relative to the repository.

    A distribution has it in scalein_cli/files (pyproject.toml), a checkout where it is.
    """
    installed = HERE / "files" / name
    return installed if installed.exists() else HERE.parent / name
