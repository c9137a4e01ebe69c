"""Hypothesis profiles: few examples while developing, many in the long run."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from scalein.cloud.ess import page_counts
from scalein.ledger.memory import process_store
from tests.support.outcomes import audit_lines_checked

for profile, examples in (("quick", 15), ("dev", 50), ("ci", 200), ("long", 2_000)):
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
# A mutant's failing example must not be what kills the next mutant.
settings.register_profile("mutants", settings.get_profile("dev"), max_examples=25, database=None)
for name in (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
):  # every server of these tests is on this machine
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
def _every_audit_line_is_checked() -> Iterator[None]:
    with audit_lines_checked():
        yield
