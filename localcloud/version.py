"""The version of this local cloud."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

FILE = Path(__file__).parents[1] / "VERSION"  # of a checkout
DISTRIBUTIONS = ("alibaba-localcloud", "scalein")  # either has this package


def current_version() -> str:
    """Returns the version: of the checkout, or of the distribution that is installed."""
    if FILE.is_file():
        return FILE.read_text(encoding="utf-8").strip()
    for name in DISTRIBUTIONS:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
