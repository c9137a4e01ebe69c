"""A short run of the chaos test; `make chaos` is the long one."""

from __future__ import annotations

import pytest

from tests.chaos import chaos


@pytest.mark.slow
def test_nothing_is_violated_in_chaos() -> None:
    report = chaos(number=150, seed=7, rate=0.1)

    assert report.violations == []
    assert report.removals > 20, report.text()
    assert sum(report.faults.values()) > 20, report.text()
    assert report.kills > 0, report.text()
