"""Pytest fixtures for other projects: `localcloud`, an Auto Scaling that one test drives.

    def test_mine(localcloud):
        client = AcsClient(
            localcloud.access_key_id, localcloud.access_key_secret, localcloud.region_id
        )
        request.set_endpoint(localcloud.endpoint)
        localcloud.advance(60)

`@pytest.mark.localcloud(fleet={...} or "fleet.json", activity_seconds=60, ...)` says what it starts
from; all but the fleet are fields of localcloud.ess.model.Assumptions.

`localcloud_session` is one for the whole session, for what is slow to set up; `reset()` takes it
back to its start. It starts from what the fixture `localcloud_options` returns, which a conftest.py
may override: the same names as the marker's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from localcloud.authenticator import Authenticator
from localcloud.fleet import FleetError
from localcloud.handle import Handle, in_thread

__all__ = ["Handle", "localcloud", "localcloud_options", "localcloud_session"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "localcloud(fleet, **assumptions): what the fixture localcloud starts from"
    )


@pytest.fixture
def localcloud(request: pytest.FixtureRequest) -> Iterator[Handle]:
    """Yields an Auto Scaling of this test's own."""
    marker = request.node.get_closest_marker("localcloud")
    if marker and marker.args:
        pytest.fail("the mark localcloud takes names: localcloud(fleet=...)", pytrace=False)
    yield from _handles(marker.kwargs if marker else {}, request.path.parent)


@pytest.fixture(scope="session")
def localcloud_options() -> dict[str, Any]:
    """Returns what `localcloud_session` starts from; override it to change that."""
    return {}


@pytest.fixture(scope="session")
def localcloud_session(
    localcloud_options: dict[str, Any], pytestconfig: pytest.Config
) -> Iterator[Handle]:
    """Yields an Auto Scaling of the whole session; `reset()` takes it back to its start."""
    yield from _handles(localcloud_options, pytestconfig.rootpath)


def _handles(options: dict[str, Any], folder: Path) -> Iterator[Handle]:
    """Yields one handle. `folder`: to which the fleet file's path is relative."""
    assumptions = dict(options)
    fleet = assumptions.pop("fleet", {"groups": []})
    if isinstance(fleet, str | Path):
        fleet = folder / fleet
    with ExitStack() as stack:
        key = Authenticator("localcloud", token_hex(16))
        try:
            handle = stack.enter_context(in_thread(fleet, key, assumptions))
        except (FleetError, OSError, TypeError) as error:
            pytest.fail(str(error), pytrace=False)
        yield handle
