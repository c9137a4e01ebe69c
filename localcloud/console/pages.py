"""The files of the page, and the stream of what changes: nothing, while nothing happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from localcloud.console.bodies import error_response
from localcloud.console.document import Document, Topics, difference
from localcloud.console.history import ConsoleHistory
from localcloud.console.newest import Newest
from localcloud.console.places import known_place
from localcloud.regions import Place

FOLDER = Path(__file__).parent / "page"
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-cache",  # of another version, modules would not fit together
    "X-Content-Type-Options": "nosniff",
}


def routes(history: ConsoleHistory) -> list[Route]:
    """Returns the routes that show, and change nothing."""
    documents: dict[Place | None, Document] = {}
    names = {path.name for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES}

    async def page(request: Request) -> Response:
        name = request.path_params.get("file", "page.html")
        if name not in names:
            return Response(status_code=404)
        path = FOLDER / name
        return FileResponse(path, media_type=MEDIA_TYPES[path.suffix], headers=HEADERS)

    async def stream(request: Request) -> Response:
        """Sends what changes, of the place ?place=ACCOUNT/REGION; of all without it."""
        place = known_place(history.cloud, request.query_params.get("place", ""))
        document = documents.setdefault(place, Document(history, place))
        headers = {"Cache-Control": "no-store"}
        changes = _changes(request, document)
        return StreamingResponse(changes, media_type="text/event-stream", headers=headers)

    async def overview(_: Request) -> Response:
        return JSONResponse(_overview(history))

    async def invocation(request: Request) -> Response:
        return _whole(history.invocations, request)

    async def delivery(request: Request) -> Response:
        return _whole(history.deliveries, request)

    return [
        Route("/console", page),
        Route("/console/{file}", page),
        Route("/localcloud/stream", stream),
        Route("/localcloud/overview", overview),
        Route("/localcloud/invocations/{number}", invocation),
        Route("/localcloud/deliveries/{number}", delivery),
    ]


async def _changes(request: Request, document: Document) -> AsyncIterator[str]:
    """Yields the whole, then what has changed since, until the page is left."""
    sent = document.look()
    yield _message("snapshot", document, topics=sent)
    while not await request.is_disconnected():
        await asyncio.sleep(document.pause_seconds)
        topics = document.look()
        if topics is not sent:
            changed, removed = difference(sent, topics)
            yield _message("changes", document, changed=changed, removed=removed)
            sent = topics


def _message(event: str, document: Document, **content: Any) -> str:
    now = document.history.now().isoformat()
    text = json.dumps({"version": document.version, "now": now, **content}, separators=(",", ":"))
    return f"event: {event}\ndata: {text}\n\n"


def _whole(newest: Newest, request: Request) -> Response:
    """Returns all of one, of which the page has a row."""
    try:
        return JSONResponse(newest.whole(request.path_params["number"]))
    except KeyError:
        return error_response("it is no longer among the newest", 404)


def _overview(history: ConsoleHistory) -> dict[str, Any]:
    """Returns all that the page shows, each topic as a list; decisions newest first."""
    document = Document(history)
    topics: Topics = document.look()
    lists = {name: list(rows.values()) for name, rows in topics.items() if name != "cloud"}
    lists["decisions"] = list(history.decisions)
    return {"now": history.now().isoformat(), **topics["cloud"], **lists}
