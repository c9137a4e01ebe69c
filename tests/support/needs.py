"""Skips a test where this machine lacks something, with the command that brings it."""

from __future__ import annotations

from typing import NoReturn

import pytest


def skip_without(need: str, command: str) -> NoReturn:
    """Skips the running test. `make test` prints both at its end, grouped."""
    pytest.skip(f"{need} is missing: {command}")
