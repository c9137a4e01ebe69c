"""What the cloud lets a person or a test do that no real cloud would: /localcloud/..., and the console at /console."""

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
from localcloud.console.fresh import fresh
from localcloud.console.overview import Watch
from localcloud.deployed import Deployed
from localcloud.functions.registry import FcError
from localcloud.state import saved

PAGE = Path(__file__).parent / "console"
LOOK_SECONDS = 0.25
FILES = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


def routes(cloud: LocalCloud, watch: Watch, deployed: Deployed | None) -> list[Route]:
    """`deployed`: the function that events are fired at."""
    return [*_pages(watch), *_controls(cloud), *_events(cloud, deployed)]


def _pages(watch: Watch) -> list[Route]:
    async def page(request: Request) -> Response:
        name = request.path_params.get("file", "page.html")
        if name not in FILES:
            return Response(status_code=404)
        policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
        return FileResponse(PAGE / name, media_type=FILES[name], headers={"Content-Security-Policy": policy})

    async def stream(request: Request) -> Response:
        async def changes() -> AsyncIterator[str]:
            before = ""
            while not await request.is_disconnected():
                watch.sample()
                text = json.dumps(watch.overview())
                told = text.partition('"groups"')[2]  # without the time
                if told != before:
                    yield f"event: overview\ndata: {text}\n\n"
                    before = told
                await asyncio.sleep(LOOK_SECONDS)

        return StreamingResponse(changes(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def overview(_: Request) -> Response:
        watch.sample()
        return JSONResponse(watch.overview())

    return [
        Route("/console", page),
        Route("/console/{file}", page),
        Route("/localcloud/stream", stream),
        Route("/localcloud/overview", overview),
    ]


def _controls(cloud: LocalCloud) -> list[Route]:
    async def clock(request: Request) -> Response:
        """{"advance": seconds}"""
        advance = getattr(cloud.service.clock, "advance", None)
        seconds = (await _asked(request)).get("advance")
        if advance is None or not isinstance(seconds, (int, float)) or not 0 <= seconds <= 366 * 86_400:
            return _refused("advance is a number of seconds, up to a year; the real clock cannot be put forward")
        advance(seconds)
        return JSONResponse({"now": cloud.service.advance().isoformat()})

    async def faults(request: Request) -> Response:
        """One fault, {"kind", "action", "times", "seconds"}; some of all calls, {"rate", "kinds", "seed", "action",
        "seconds"}; or {"lag": {...}}. DELETE ends all of them.
        """
        asked = await _asked(request) if request.method == "POST" else {}
        try:
            _misbehave(cloud, asked)
        except (KeyError, TypeError, ValueError) as error:
            return _refused(str(error))
        if request.method == "DELETE":
            cloud.faults.clear()
            cloud.lag.lists = cloud.lag.history = 0.0
        pending = [vars(fault) for fault in cloud.faults.pending if fault.times > 0]
        lag = {"lists": cloud.lag.lists, "history": cloud.lag.history, "varies": cloud.lag.varies}
        told = {"pending": pending, "rate": cloud.faults.rate, "kinds": list(cloud.faults.kinds), "lag": lag}
        return JSONResponse({**told, "happened": dict(cloud.faults.happened)})

    async def state(_: Request) -> Response:
        cloud.service.advance()
        document = {"regionId": cloud.service.region_id, "saved": saved(cloud.service)}
        return JSONResponse(document, headers={"Content-Disposition": 'attachment; filename="fleet.json"'})

    async def messages(_: Request) -> Response:
        cloud.service.advance()
        return JSONResponse({"messages": list(cloud.service.sent)})

    return [
        Route("/localcloud/clock", clock, methods=["POST"]),
        Route("/localcloud/faults", faults, methods=["GET", "POST", "DELETE"]),
        Route("/localcloud/state", state),
        Route("/localcloud/messages", messages),
    ]


def _misbehave(cloud: LocalCloud, asked: Mapping[str, Any]) -> None:
    """Raises KeyError, TypeError, ValueError."""
    action = str(asked.get("action", "*"))
    if "lag" in asked:
        _lag(cloud, dict(asked["lag"]))
    elif "rate" in asked:
        kinds, seed = list(asked["kinds"]), int(asked.get("seed", 0))
        cloud.faults.at_random(float(asked["rate"]), kinds, seed, action, float(asked.get("seconds", 0.3)))
    elif asked:
        cloud.faults.add(str(asked["kind"]), action, int(asked.get("times", 1)), float(asked.get("seconds", 0)))


def _lag(cloud: LocalCloud, asked: Mapping[str, Any]) -> None:
    """How late reads are: {"lists", "history", "varies", "seconds": for how long}."""
    seconds = asked.get("seconds")
    cloud.lag.lists, cloud.lag.history = float(asked.get("lists", 0)), float(asked.get("history", 0))
    cloud.lag.varies = bool(asked.get("varies", False))
    cloud.lag.until = None if seconds is None else cloud.service.clock.now() + timedelta(seconds=float(seconds))


def _events(cloud: LocalCloud, deployed: Deployed | None) -> list[Route]:
    async def events(_: Request) -> Response:
        why = "" if deployed else "The fleet file names no function, or its folder is not here."
        return JSONResponse({"events": deployed.events() if deployed else [], "why": why})

    async def fire(request: Request) -> Response:
        """{"event": one of the names}: at the function, as if it were sent now."""
        name = (await _asked(request)).get("event")
        if deployed is None or name not in deployed.events():
            return _refused("event is one of those that /localcloud/events lists")
        text = deployed.event(name)
        try:
            result = await run_in_threadpool(deployed.invoke, fresh(text, cloud.service.clock.now()).encode())
        except FcError as error:
            return _refused(str(error))
        log = result.log.decode("utf-8", "replace") if result.error else ""
        return JSONResponse({"failed": result.error, "answer": result.body.decode("utf-8", "replace"), "log": log})

    return [Route("/localcloud/events", events), Route("/localcloud/fire", fire, methods=["POST"])]


async def _asked(request: Request) -> dict[str, Any]:
    """A page of another origin cannot send this content type without being allowed to, and nothing allows it."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        return {}
    try:
        return dict(await request.json())
    except (TypeError, ValueError):
        return {}


def _refused(why: str) -> Response:
    return JSONResponse({"error": why}, 400)
