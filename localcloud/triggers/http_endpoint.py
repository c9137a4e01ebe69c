"""Where HTTP triggers answer: at paths that stand for the domains which they have in the cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.authenticator import Authenticator
from localcloud.functions.answers import NEWER, error_response
from localcloud.functions.model import FcError, new_request_id
from localcloud.functions.signatures import check_signature
from localcloud.triggers import http_trigger
from localcloud.triggers.registry import Trigger, triggers_in
from localcloud.triggers.runner import Runner
from localcloud.wire import Incoming

PATHS = ("/fcapp.run/{function}", "/fcapp.run/{function}/{path:path}")


def routes(runner: Runner, authenticator: Authenticator) -> list[Route]:
    """Returns the routes of all HTTP triggers."""
    serve = _endpoint(runner, authenticator)
    return [Route(path, serve, methods=http_trigger.METHODS) for path in PATHS]


def _endpoint(runner: Runner, authenticator: Authenticator) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        body = await request.body()
        try:
            trigger = _trigger_of(runner, request)
            # function: signed, as calls of the API are; anonymous: without a signature
            if trigger.config.get("authType", "function") != "anonymous":
                check_signature(_incoming(request, body), authenticator)
            id, now = new_request_id(not trigger.service), runner.platform.clock.now()
            event = http_trigger.event_of(request, body, trigger, id, now, runner.queues.account_id)
            result = await run_in_threadpool(runner.invoke, trigger, event, id)
        except FcError as error:
            return error_response(error, NEWER)
        return http_trigger.response_of(result, id)

    return serve


def _trigger_of(runner: Runner, request: Request) -> Trigger:
    """Returns the trigger that takes this request. Raises FcError."""
    service, _, function = request.path_params["function"].rpartition(".")
    for trigger in triggers_in(runner.platform.registry):
        names = (trigger.service, trigger.function, trigger.kind)
        if names != (service, function, "http"):
            continue
        if request.method not in (trigger.config.get("methods") or http_trigger.METHODS):
            raise FcError(405, "MethodNotAllowed", "the trigger takes no such method")
        return trigger
    raise FcError(404, "TriggerNotFound", "the function has no HTTP trigger")


def _incoming(request: Request, body: bytes) -> Incoming:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Incoming(request.method, request.url.path, request.url.query, headers, body)
