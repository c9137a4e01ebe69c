"""What only a local cloud has: an event of a cloud product, raised by hand."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.buses.events import cloud_event
from localcloud.cloud import LocalCloud
from localcloud.console.bodies import Body, error_response, guarded
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

    def raise_by_hand(body: Body) -> Response:
        try:
            service = service_of(cloud, {}, str(body.get("place") or ""))
            id = raise_event(service, dict(body))  # KeyError: the endpoint says what is missing
        except (TypeError, ValueError) as error:
            return error_response(f"an event has source and type: {error}")
        return JSONResponse({"id": id})

    endpoint = guarded(cloud.authenticator.access_key_secret, raise_by_hand)
    return [Route("/localcloud/bus", endpoint, methods=["POST"])]
