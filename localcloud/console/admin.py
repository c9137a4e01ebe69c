"""Routes that no real cloud has: the console at /console, its controls at /localcloud/..."""

from __future__ import annotations

from starlette.routing import Route

from localcloud.cloud import LocalCloud
from localcloud.console import controls, events, operations, pages, queue_routes
from localcloud.console.history import ConsoleHistory
from localcloud.functions.fleet_function import FleetFunction


def routes(
    cloud: LocalCloud, history: ConsoleHistory, function: FleetFunction | None
) -> list[Route]:
    """Returns all routes. `function`: what events are fired at, unless a page names another."""
    return [
        *pages.routes(history),
        *controls.routes(cloud),
        *controls.run_routes(cloud, history),
        *operations.routes(cloud, history),
        *events.routes(cloud, function),
        *queue_routes.routes(cloud),
    ]
