"""The operators' command line. `.venv/bin/scalein --help`."""

from pathlib import Path

__version__ = (Path(__file__).parents[1] / "VERSION").read_text(encoding="utf-8").strip()
