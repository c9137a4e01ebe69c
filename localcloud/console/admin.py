"""Routes that no real cloud has: the console at /console, its controls at /localcloud/..."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localcloud.cloud import LocalCloud
from localcloud.console.event_times import current_event
from localcloud.console.history import ConsoleHistory
from localcloud.functions.fleet_function import FleetFunction
from localcloud.functions.model import FcError
from localcloud.persistence import whole_document
from localcloud.version import current_version

FOLDER = Path(__file__).parent
LOOK_SECONDS = 0.25
MAX_ADVANCE_SECONDS = 366 * 86_400
FILES = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
)


def routes(
    cloud: LocalCloud, history: ConsoleHistory, function: FleetFunction | None
) -> list[Route]:
    """Returns all routes. `function`: what events are fired at."""
    return [
        *_page_routes(history),
        *_control_routes(cloud),
        *_run_routes(cloud, history),
        *_event_routes(cloud, function),
    ]


def _page_routes(history: ConsoleHistory) -> list[Route]:
    async def page(request: Request) -> Response:
        name = request.path_params.get("file", "page.html")
        if name not in FILES:
            return Response(status_code=404)
        headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
        return FileResponse(FOLDER / name, media_type=FILES[name], headers=headers)

    async def stream(request: Request) -> Response:
        async def changes() -> AsyncIterator[str]:
            last_sent = ""
            while not await request.is_disconnected():
                history.record_capacity()
                text = json.dumps(history.overview())
                without_time = text.partition('"groups"')[2]
                if without_time != last_sent:
                    yield f"event: overview\ndata: {text}\n\n"
                    last_sent = without_time
                await asyncio.sleep(LOOK_SECONDS)

        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(changes(), media_type="text/event-stream", headers=headers)

    async def overview(_: Request) -> Response:
        history.record_capacity()
        return JSONResponse(history.overview())

    return [
        Route("/console", page),
        Route("/console/{file}", page),
        Route("/localcloud/stream", stream),
        Route("/localcloud/overview", overview),
    ]


def _control_routes(cloud: LocalCloud) -> list[Route]:
    async def clock(request: Request) -> Response:
        """Puts the clock forward: {"advance": seconds}."""
        advance = getattr(cloud.service.clock, "advance", None)
        seconds = (await _read_object(request)).get("advance")
        is_number = isinstance(seconds, (int, float))
        if not is_number or not 0 <= float(seconds or 0) <= MAX_ADVANCE_SECONDS:
            return _error("advance is a number of seconds, from 0 to a year")
        if advance is None:
            return _error("the real clock cannot be put forward")
        advance(seconds)
        return JSONResponse({"now": cloud.advance().isoformat()})

    async def faults(request: Request) -> Response:
        """Adds faults or a lag (see `_set_faults`) and lists them; DELETE ends all of them."""
        try:
            if request.method == "POST":
                _set_faults(cloud, await _read_object(request))
        except (KeyError, TypeError, ValueError) as error:
            return _error(str(error))
        if request.method == "DELETE":
            cloud.faults.clear()
            cloud.rate_limits.clear()
            cloud.lag.lists = cloud.lag.history = 0.0
        return JSONResponse(_faults_view(cloud))

    async def state(_: Request) -> Response:
        cloud.advance()
        document = whole_document(cloud, {})
        headers = {"Content-Disposition": 'attachment; filename="fleet.json"'}
        return JSONResponse(document, headers=headers)

    async def messages(_: Request) -> Response:
        cloud.advance()
        messages = [message for service in cloud.services() for message in service.sent_messages]
        return JSONResponse({"messages": messages})

    return [
        Route("/localcloud/clock", clock, methods=["POST"]),
        Route("/localcloud/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/localcloud/state", state),
        Route("/localcloud/messages", messages),
    ]


def _run_routes(cloud: LocalCloud, history: ConsoleHistory) -> list[Route]:
    async def health(_: Request) -> Response:
        """Answers as soon as calls are answered: for who waits until this cloud is up."""
        now = cloud.service.clock.now().isoformat()
        return JSONResponse({"status": "ok", "version": current_version(), "now": now})

    async def reset(_: Request) -> Response:
        """Goes back to the fleet file: groups, faults and all; keys and the clock remain."""
        if cloud.reset is None:
            return _error("this cloud did not start from a fleet file")
        cloud.reset()
        history.clear()
        return JSONResponse({"now": cloud.service.clock.now().isoformat()})

    return [
        Route("/localcloud/health", health),
        Route("/localcloud/reset", reset, methods=["POST"]),
    ]


def _faults_view(cloud: LocalCloud) -> dict[str, Any]:
    faults, lag = cloud.faults, cloud.lag
    return {
        "pending": [vars(fault) for fault in faults.pending if fault.times > 0],
        "rate": faults.rate,
        "kinds": list(faults.kinds),
        "lag": {"lists": lag.lists, "history": lag.history, "varies": lag.varies},
        "rateLimits": cloud.rate_limits.max_by_action,
        "happened": dict(faults.occurrences),
    }


def _set_faults(cloud: LocalCloud, body: Mapping[str, Any]) -> None:
    """Adds one fault, {"kind", "action", "times", "seconds"}; sets a share of all calls,
    {"rate", "kinds", "seed", "action", "seconds"}; or sets {"lag": {...}} or {"rateLimits": {...}}.

    Raises KeyError, TypeError, ValueError.
    """
    action = str(body.get("action", "*"))
    if "lag" in body:
        _set_lag(cloud, dict(body["lag"]))
    elif "rateLimits" in body:
        for name, calls in dict(body["rateLimits"]).items():
            cloud.rate_limits.set(str(name), float(calls))
    elif "rate" in body:
        seed, seconds = int(body.get("seed", 0)), float(body.get("seconds", 0.3))
        cloud.faults.set_random(float(body["rate"]), list(body["kinds"]), seed, action, seconds)
    elif body:
        times, seconds = int(body.get("times", 1)), float(body.get("seconds", 0))
        cloud.faults.add(str(body["kind"]), action, times, seconds)


def _set_lag(cloud: LocalCloud, body: Mapping[str, Any]) -> None:
    """Sets how late reads are: {"lists", "history", "varies", "seconds": for how long}."""
    seconds, lag = body.get("seconds"), cloud.lag
    lag.lists, lag.history = float(body.get("lists", 0)), float(body.get("history", 0))
    lag.varies = bool(body.get("varies", False))
    lag.until = None
    if seconds is not None:
        lag.until = cloud.service.clock.now() + timedelta(seconds=float(seconds))


def _event_routes(cloud: LocalCloud, function: FleetFunction | None) -> list[Route]:
    async def events(_: Request) -> Response:
        if function is None:
            message = "The fleet file names no function, or its folder does not exist."
            return JSONResponse({"events": [], "message": message})
        return JSONResponse({"events": function.event_names(), "message": ""})

    async def fire(request: Request) -> Response:
        """Sends {"event": one of the names} to the function, as if it were sent now."""
        name = (await _read_object(request)).get("event")
        if function is None or name not in function.event_names():
            return _error("event is one of those that /localcloud/events lists")
        event = current_event(function.event(name), cloud.service.clock.now())
        try:
            result = await run_in_threadpool(function.invoke, event.encode())
        except FcError as error:
            return _error(str(error))
        log = result.log.decode("utf-8", "replace") if result.error else ""
        answer = result.body.decode("utf-8", "replace")
        return JSONResponse({"failed": result.error, "answer": answer, "log": log})

    return [
        Route("/localcloud/events", events),
        Route("/localcloud/fire", fire, methods=["POST"]),
    ]


async def _read_object(request: Request) -> dict[str, Any]:
    """Returns the body's JSON object; empty where the body is not one.

    A page of another origin cannot send this content type without permission, and has none.
    """
    if not request.headers.get("content-type", "").startswith("application/json"):
        return {}
    try:
        return dict(await request.json())
    except (TypeError, ValueError):
        return {}


def _error(message: str) -> Response:
    return JSONResponse({"error": message}, 400)
