"""Any event takes a bounded part of the function's memory and time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.nasty_events import NASTY, Cost

ROOT = Path(__file__).parents[2]
MIB = 1 << 20
MAX_MIB = 128  # above the idle process
MAX_SECONDS = 10.0  # of a processor, which other processes do not lengthen; a tenth of that in fact


class Reader:
    """A process that reads events, each in a child of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.nasty_events"],
            env={"PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def cost(self, name: str, size: int) -> Cost:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{json.dumps([name, size])}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer.strip(), "the child failed: it says why on standard error"
        return Cost(*json.loads(answer))

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    made = Reader()
    yield made
    made.close()


@pytest.mark.slow
@pytest.mark.parametrize("size", [32 * MIB, 4 * MIB])
@pytest.mark.parametrize("name", sorted(NASTY))
def test_no_event_costs_more_memory_than_the_function_has(
    name: str, size: int, reader: Reader
) -> None:
    found = reader.cost(name, size)

    assert found.found
    assert found.mib < MAX_MIB, found
    assert found.seconds < MAX_SECONDS, found
