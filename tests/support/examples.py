"""How many examples the Hypothesis profile asks for: tests that draw their own use it too."""

from __future__ import annotations

from hypothesis import settings


def max_examples() -> int:
    """Returns the number of examples of the profile that tests/conftest.py loaded."""
    assert settings.default is not None
    return int(settings.default.max_examples)
