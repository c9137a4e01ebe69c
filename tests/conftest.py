"""Hypothesis profiles, and what holds for the tests of a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from scalein.cloud.ess import page_counts
from scalein.ledger.memory import process_store
from tests.support.sockets import no_sockets

WITHOUT_SOCKETS = ("unit", "processing")  # folders whose tests work with fakes only

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


@pytest.fixture(autouse=True)
def _nothing_remembered_of_other_tests() -> None:
    process_store.cache_clear()
    page_counts.cache_clear()


@pytest.fixture(autouse=True)
def _no_sockets_where_tests_work_with_fakes(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.path.relative_to(Path(__file__).parent).parts[0] not in WITHOUT_SOCKETS:
        yield
        return
    with no_sockets(request.node.nodeid) as guard:
        yield
    assert guard.attempts == []
