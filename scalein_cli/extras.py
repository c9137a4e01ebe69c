"""The extras of the distribution: what few commands need, and how to get it."""

from __future__ import annotations

from importlib.util import find_spec

from scalein_cli.errors import CommandError

MODULE_BY_EXTRA = {
    "local": "uvicorn",
    "queue": "pika",
    "pictures": "matplotlib",
    "logs": "alibabacloud_sls20201230",
}


def require(extra: str) -> None:
    """Raises CommandError with the command that installs the extra, if it is missing."""
    if find_spec(MODULE_BY_EXTRA[extra]) is None:
        raise CommandError(
            f"This needs the extra {extra!r}: pip install 'scalein[{extra}]' (pipx install "
            f"'scalein[{extra}]'; in a checkout, make setup)."
        )
