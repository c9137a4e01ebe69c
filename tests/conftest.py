"""Hypothesis profiles, the marker `fast`, folders without sockets, and a list of skipped tests."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from scalein.cloud.ess import page_counts
from scalein.ledger.memory import process_store
from tests.support.outcomes import audit_lines_checked
from tests.support.sockets import no_sockets

TESTS = Path(__file__).parent
FAST_FOLDERS = {"unit", "processing", "house"}
WITHOUT_SOCKETS = {"unit", "processing"}  # their tests work with fakes only

for profile, examples in (("quick", 15), ("dev", 50), ("ci", 200), ("long", 2_000)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
# A mutant's failing example must not be what kills the next mutant.
settings.register_profile("mutants", settings.get_profile("dev"), max_examples=25, database=None)
for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):  # all servers here are on this machine
    os.environ.pop(name, None)
    os.environ.pop(name.lower(), None)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
)


@pytest.hookimpl(tryfirst=True)  # before pytest selects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of the fast folders `fast`, but for those marked `slow`."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0]
        if folder in FAST_FOLDERS and item.get_closest_marker("slow") is None:
            item.add_marker("fast")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints how many tests were skipped for each reason; a reason names the command to run."""
    count_by_reason = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    if count_by_reason:
        terminalreporter.section("skipped tests")
    for reason, count in sorted(count_by_reason.items()):
        terminalreporter.line(f"{count} skipped: {reason}")


@pytest.fixture(autouse=True)
def _nothing_remembered_of_other_tests() -> None:
    process_store.cache_clear()
    page_counts.cache_clear()


@pytest.fixture(autouse=True)
def _no_sockets_where_tests_work_with_fakes(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.path.relative_to(TESTS).parts[0] not in WITHOUT_SOCKETS:
        yield
        return
    with no_sockets(request.node.nodeid) as guard:
        yield
    assert guard.attempts == []


@pytest.hookimpl(wrapper=True, trylast=True)  # within pytest's own capture
def pytest_runtest_call() -> Generator[None, object, object]:
    """Checks every audit line that a test writes to standard output."""
    with audit_lines_checked(sys.stdout):
        return (yield)
