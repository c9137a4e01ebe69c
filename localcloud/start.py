"""What the command line starts from: the fleet file, or the state that was saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from localcloud.clock import AdvancingClock
from localcloud.ess.model import Assumptions
from localcloud.ess.service import Service
from localcloud.fleet import FleetError, read_document, service_of, services_elsewhere
from localcloud.regions import Place


@contextmanager
def fleet_errors() -> Iterator[None]:
    """Says what is wrong in the fleet file."""
    try:
        yield
    except FleetError as error:
        hint = "localcloud/fleet.schema.json has its form"
        raise click.ClickException(f"the fleet file is wrong: {error}; {hint}") from error


def start_services(
    fleet: Path, state: Path | None, activity_seconds: float | None, acts: bool
) -> tuple[dict[str, Any], Service, dict[Place, Service]]:
    """Returns the fleet file's document, and the services that it or the state describes."""
    with fleet_errors():
        document = read_document(fleet)
        start = read_document(state) if state and state.exists() else document
        service = service_of(start, AdvancingClock(), Assumptions(acts=acts))
        if activity_seconds is not None:
            assumptions = replace(service.assumptions, activity_seconds=activity_seconds)
            service.assumptions = assumptions
        return document, service, services_elsewhere(start, service)
