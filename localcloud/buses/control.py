"""What only a local cloud has: an event of a cloud product, raised by hand."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.buses.events import cloud_event
from localcloud.cloud import LocalCloud
from localcloud.console.bodies import (
    NOT_ALLOWED,
    error_response,
    has_secret_or_is_local,
    read_object,
)
from localcloud.console.places import service_of
from localcloud.ess.service import Service
from localcloud.monitor.system_events import of_cloud_event


def raise_event(service: Service, given: dict[str, object]) -> str:
    """Puts an event on the default bus, and returns its id. One of ECS is a system event, too.

    `given`: source, type, and what else of CloudEvents. Raises KeyError.
    """
    event = cloud_event(given, service.place, str(given["source"]), service.clock.now())
    service.emit(event)
    system_event = of_cloud_event(service, event)
    if system_event is not None:
        service.report(system_event)
    return str(event["id"])


def routes(cloud: LocalCloud) -> list[Route]:
    """Returns the route, for this machine; from another one, the secret is needed.

    The event is raised at home, or in the {"place": ACCOUNT/REGION}.
    """
    secret = cloud.authenticator.access_key_secret

    async def raise_by_hand(request: Request) -> Response:
        if not has_secret_or_is_local(request, secret):
            return error_response(NOT_ALLOWED, 403, "SecretNeeded")
        try:
            given = await read_object(request)
            service = service_of(cloud, {}, str(given.get("place") or ""))
            id = raise_event(service, given)
        except (KeyError, TypeError, ValueError) as error:
            return error_response(f"an event has source and type: {error}")
        return JSONResponse({"id": id})

    return [Route("/localcloud/bus", raise_by_hand, methods=["POST"])]
