"""Fires events at functions: those of the library, as they are or as a person edits them."""

from __future__ import annotations

from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.cloud import LocalCloud
from localcloud.console.bodies import (
    NOT_ALLOWED,
    check_fields,
    error_response,
    has_secret_or_is_local,
    read_object,
)
from localcloud.console.event_library import event_library
from localcloud.console.event_times import current_event
from localcloud.console.function_rows import label_of
from localcloud.console.newest import text_of
from localcloud.functions.fleet_function import FleetFunction
from localcloud.functions.instances import Result
from localcloud.functions.model import FcError
from localcloud.functions.platform import Platform

NO_FUNCTION = (
    "No function to fire at: events can only be read. Name one in the fleet file, under "
    "function, or deploy one to this endpoint with an SDK of Function Compute; then reload."
)
NO_EVENT = "event is one of those that /localcloud/events lists"


def routes(cloud: LocalCloud, function: FleetFunction | None) -> list[Route]:
    """Returns the routes. `function`: that of the fleet file."""
    library = event_library(function.events_folder if function else None)

    async def events(_: Request) -> Response:
        functions = _functions(cloud.platform, function)
        return JSONResponse(
            {
                "events": library.names(),
                "groups": library.groups(),
                "functions": functions,
                "message": "" if functions else NO_FUNCTION,
            }
        )

    async def event(request: Request) -> Response:
        try:
            text = library.text(request.path_params["name"])
        except KeyError:
            return error_response(NO_EVENT, 404)
        return JSONResponse({"text": current_event(text, cloud.service.clock.now())})

    async def fire(request: Request) -> Response:
        """Sends {"event": a name} as if it were sent now, or {"text": ...}, to {"function"}.

        Also to one of its versions or aliases, {"qualifier"}.
        """
        if not has_secret_or_is_local(request, cloud.authenticator.access_key_secret):
            return error_response(NOT_ALLOWED, 403, "SecretNeeded")
        try:
            body = await read_object(request)
            check_fields(body, "event", "text", "function", "qualifier")
        except ValueError as error:
            return error_response(str(error))
        name, text = body.get("event"), body.get("text")
        target, qualifier = str(body.get("function") or ""), str(body.get("qualifier") or "")
        if text is None:
            try:
                text = current_event(library.text(str(name)), cloud.service.clock.now())
            except KeyError:
                return error_response(NO_EVENT)
        try:
            invoke = partial(_invoke, cloud, function, target, qualifier)
            result = await run_in_threadpool(invoke, str(text).encode())
        except FcError as error:
            return error_response(str(error))
        return JSONResponse(
            {
                "failed": result.error,
                "answer": result.body.decode("utf-8", "replace"),
                "log": text_of(result.output or result.log),
                "ms": round(result.seconds * 1_000, 1),
                "coldStart": result.is_cold_start,
                "requestId": result.request_id,
            }
        )

    return [
        Route("/localcloud/events", events),
        Route("/localcloud/events/{name}", event),
        Route("/localcloud/fire", fire, methods=["POST"]),
    ]


def _functions(platform: Platform | None, function: FleetFunction | None) -> list[str]:
    """Returns SERVICE/FUNCTION or FUNCTION of all functions, that of the fleet file first."""
    names = [function.name] if function else []
    if platform is None:
        return names
    registry = platform.registry
    services = [*registry.services.values(), *registry.natives.values()]
    deployed = [one for service in services for one in service.functions.values()]
    own = (function.service, function.name) if function else None
    others = [one for one in deployed if (one.service, one.name) != own]
    return names + [label_of(one.service, one.name) for one in others]


def _invoke(
    cloud: LocalCloud, function: FleetFunction | None, target: str, qualifier: str, event: bytes
) -> Result:
    """Invokes the function of that name; that of the fleet file by default. Raises FcError."""
    if function is not None:
        own = label_of(function.service, function.name)
        if target in ("", function.name, own):
            function.deploy()
            target = own
    if cloud.platform is None or not target:
        raise FcError(404, "FunctionNotFound", NO_FUNCTION)
    service, _, name = target.rpartition("/")
    found = cloud.platform.registry.function(service, name, qualifier)
    return cloud.platform.invoke(found, event)
