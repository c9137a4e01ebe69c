"""The HTTP API of triggers, of both generations, and where HTTP triggers answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.authenticator import Authenticator
from localcloud.functions.management import NEWER, OLDER, listed, object_of
from localcloud.functions.model import NATIVE, FcError
from localcloud.functions.signatures import check_signature
from localcloud.triggers import http_trigger
from localcloud.triggers.registry import Key, Trigger, described
from localcloud.triggers.runner import Runner
from localcloud.wire import Incoming

PATHS = (
    OLDER + "/services/{service}/functions/{function}/triggers",
    NEWER + "/functions/{function}/triggers",
)
HTTP_PATHS = ("/fcapp.run/{function}", "/fcapp.run/{function}/{path:path}")

Act = Callable[[Request, bytes], Any]


def routes(runner: Runner, authenticator: Authenticator) -> list[Route]:
    """Returns all routes of triggers."""
    acts = [
        Route(path, _endpoint(act, authenticator), methods=[method])
        for path, method, act in _acts(runner)
    ]
    serve = _http_endpoint(runner, authenticator)
    return [*acts, *(Route(path, serve, methods=http_trigger.METHODS) for path in HTTP_PATHS)]


def _acts(runner: Runner) -> Iterator[tuple[str, str, Act]]:
    triggers = runner.triggers

    def key_of(request: Request) -> Key:
        """Returns the function of a request, which must exist. Raises FcError."""
        service = request.path_params.get("service", NATIVE).partition(".")[0]
        key = (service, request.path_params["function"])
        runner.platform.registry.function(*key)
        return key

    def name_of(request: Request) -> str:
        return str(request.path_params["trigger"])

    def view(request: Request, trigger: Trigger) -> Any:
        return described(trigger, str(request.base_url))

    def create(request: Request, body: bytes) -> Any:
        return view(request, triggers.create(key_of(request), object_of(body)))

    def listing(request: Request, _: bytes) -> Any:
        views = [view(request, trigger) for trigger in triggers.of(key_of(request)).values()]
        return listed(request, "triggers", "triggerName", views)

    def get(request: Request, _: bytes) -> Any:
        return view(request, triggers.get(key_of(request), name_of(request)))

    def update(request: Request, body: bytes) -> Any:
        key, name = key_of(request), name_of(request)
        return view(request, triggers.update(key, name, object_of(body)))

    def delete(request: Request, _: bytes) -> None:
        triggers.delete(key_of(request), name_of(request))

    for path in PATHS:
        yield path, "POST", create
        yield path, "GET", listing
        yield path + "/{trigger}", "GET", get
        yield path + "/{trigger}", "PUT", update
        yield path + "/{trigger}", "DELETE", delete


def _endpoint(act: Act, authenticator: Authenticator) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        body = await request.body()
        try:
            check_signature(_incoming(request, body), authenticator)
            answer = act(request, body)
        except FcError as error:
            return _error(error, request)
        except (ValueError, TypeError):
            message = "the body is not a JSON object of the documented kind"
            return _error(FcError(400, "InvalidArgument", message), request)
        headers = {"X-Fc-Request-Id": str(uuid4())}
        if answer is None:
            return Response(status_code=204, headers=headers)
        return JSONResponse(answer, headers=headers)

    return serve


def _http_endpoint(runner: Runner, authenticator: Authenticator) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        body = await request.body()
        try:
            trigger = _http_trigger_of(runner, request)
            # function: signed, as calls of the API are; anonymous: without a signature
            if trigger.config.get("authType", "function") != "anonymous":
                check_signature(_incoming(request, body), authenticator)
            id, now = str(uuid4()), runner.platform.clock.now()
            event = http_trigger.event_of(request, body, trigger, id, now)
            result = await run_in_threadpool(runner.invoke, trigger, event, id)
        except FcError as error:
            return _error(error, request)
        return http_trigger.response_of(result, id)

    return serve


def _http_trigger_of(runner: Runner, request: Request) -> Trigger:
    """Returns the trigger that takes this request. Raises FcError."""
    service, _, function = request.path_params["function"].rpartition(".")
    for trigger in runner.triggers.of((service, function)).values():
        methods = trigger.config.get("methods") or http_trigger.METHODS
        if trigger.kind == "http" and request.method not in methods:
            raise FcError(405, "MethodNotAllowed", "the trigger takes no such method")
        if trigger.kind == "http":
            return trigger
    raise FcError(404, "TriggerNotFound", "the function has no HTTP trigger")


def _incoming(request: Request, body: bytes) -> Incoming:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Incoming(request.method, request.url.path, request.url.query, headers, body)


def _error(error: FcError, request: Request) -> Response:
    id = str(uuid4())
    older = {"ErrorCode": error.code, "ErrorMessage": str(error)}
    newer = {"RequestId": id, "Code": error.code, "Message": str(error)}
    content = older if request.url.path.startswith(OLDER) else newer
    headers = {
        "X-Fc-Error-Type": error.code,
        "X-Fc-Request-Id": id,
    }
    return JSONResponse(content, error.status, headers=headers)
