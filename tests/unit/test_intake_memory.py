"""Any event takes a bounded part of the function's memory and time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.nasty_events import NASTY, Cost

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
MAX_MIB = 128  # above the idle process
MAX_SECONDS = 10.0  # a tenth of that on an idle machine


def cost(name: str, size: int) -> Cost:
    """In a process of its own."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.nasty_events", name, str(size)],
        env={"PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return Cost(*json.loads(run.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("size", [32 * MIB, 4 * MIB])
@pytest.mark.parametrize("name", sorted(NASTY))
def test_no_event_costs_more_memory_than_the_function_has(name: str, size: int) -> None:
    found = cost(name, size)

    assert found.found
    assert found.mib < MAX_MIB, found
    assert found.seconds < MAX_SECONDS, found
