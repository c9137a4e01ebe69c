"""What several commands share."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

SMALL_FLEET = Path(__file__).parent.parent / "localcloud" / "fleets" / "small.json"


def console_of() -> Console:
    """As wide as the terminal; plain and 110 wide where it is piped."""
    return Console(width=None if Console().is_terminal else 110)
