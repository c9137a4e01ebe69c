"""Function Compute over HTTP: the invocations of both generations, and their error bodies.

2.0 is API 2016-08-15, which the fc2 SDK speaks: a function is in a service. 3.0 is API 2023-03-30:
a function stands by itself. `management` and `native_management` have what changes them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.answer_faults import apply_fault, broken_response, response_instead
from localcloud.authenticator import Authenticator
from localcloud.faults import GATEWAYS, Faults
from localcloud.functions.instances import Result
from localcloud.functions.invocation_queue import MAX_BYTES, Invocation, InvocationQueue, TaskExists
from localcloud.functions.management import NEWER, OLDER, management
from localcloud.functions.model import LATEST, NATIVE, FcError
from localcloud.functions.native_management import native_management
from localcloud.functions.packages import PATH as CODE_PATH
from localcloud.functions.platform import Platform
from localcloud.functions.signatures import check_signature
from localcloud.wire import Incoming

INVOKE_PATHS = (
    OLDER + "/services/{service}/functions/{function}/invocations",
    NEWER + "/functions/{function}/invocations",  # of a function without a service
)
MAX_DELAY_SECONDS = 3_600
MAX_SYNC_BYTES = 32 << 20
ERRORS = {  # faults by kind: of a request that is not examined
    "throttled": (429, "ResourceThrottled"),
    "internal-error": (500, "InternalServerError"),
    "unavailable": (503, "ServiceUnavailable"),
    "forbidden": (403, "AccessDenied"),
    "token-expired": (403, "InvalidSecurityToken.Expired"),
    "clock-skew": (403, "InvalidTimeStamp.Expired"),
}
LOST = ("lost-answer", "half-body")  # the invocation is accepted, and its answer lost
TASK_IDS = ("x-fc-stateful-async-invocation-id", "x-fc-async-task-id")

Act = Callable[[Request, bytes], Any]


def queue_routes(
    functions: InvocationQueue, authenticator: Authenticator, faults: Faults
) -> list[Route]:
    """Returns the routes that queue an asynchronous invocation of any function.

    Nothing is behind the queue: a test delivers from it.
    """

    def accept(request: Request, event: bytes) -> Response:
        if request.headers.get("x-fc-invocation-type") != "Async":
            raise FcError(400, "InvalidArgument")
        service, qualifier = _address(request)
        function = request.path_params["function"]
        return _accepted(functions, service, function, event, request.headers, qualifier)

    return [
        Route(path, _endpoint(accept, authenticator, faults, "InvokeFunction"), methods=["POST"])
        for path in INVOKE_PATHS
    ]


def routes(platform: Platform, authenticator: Authenticator, faults: Faults) -> list[Route]:
    """Returns all routes, with functions behind them."""

    def invoke(request: Request, event: bytes) -> Response:
        service, qualifier = _address(request)
        function = platform.registry.function(service, request.path_params["function"], qualifier)
        if request.headers.get("x-fc-invocation-type") == "Async":
            return _accepted(
                platform.queue, service, function.name, event, request.headers, qualifier
            )
        if len(event) > MAX_SYNC_BYTES:
            raise FcError(413, "RequestEntityTooLarge")
        id = str(uuid4())
        return _result_response(platform.invoke(function, event, id), request.headers, id)

    def route(path: str, method: str, act: Act, action: str = "") -> Route:
        return Route(path, _endpoint(act, authenticator, faults, action), methods=[method])

    return [
        *(route(path, "POST", invoke, "InvokeFunction") for path in INVOKE_PATHS),
        _download_route(platform),
        *(route(path, method, act) for path, method, act in management(platform)),
        *(route(path, method, act) for path, method, act in native_management(platform)),
    ]


def _download_route(platform: Platform) -> Route:
    """Returns the route that downloads code, as OSS does: its path has the right to it."""

    def download(request: Request) -> Response:
        names = request.path_params
        try:
            content = platform.registry.packages.content(names["token"], names["name"])
        except FcError as error:
            return _error(error, request.url.path)
        return Response(content, media_type="application/zip")

    return Route(CODE_PATH, download, methods=["GET"])


def _address(request: Request) -> tuple[str, str]:
    """Returns the service, NATIVE for a function of 3.0, and the qualifier. Raises FcError."""
    service, _, qualifier = request.path_params.get("service", NATIVE).partition(".")
    if service == NATIVE and "service" in request.path_params:
        raise FcError(404, "ServiceNotFound", "service '' does not exist")
    return service, qualifier or request.query_params.get("qualifier") or LATEST


def _endpoint(
    act: Act, authenticator: Authenticator, faults: Faults, action: str
) -> Callable[[Request], Any]:
    """Returns the endpoint of an act: authenticated, with faults where it has an action's name."""

    async def serve(request: Request) -> Response:
        path = request.url.path
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.body()
        incoming = Incoming(request.method, path, request.url.query, headers, body)
        fault = faults.take(action) if action else None
        if fault and fault.kind in ERRORS:
            return _error(FcError(*ERRORS[fault.kind]), path)
        instead = response_instead(fault)
        if instead is not None:
            return instead
        try:
            check_signature(incoming, authenticator)
            answer = await run_in_threadpool(act, request, body)
        except FcError as error:
            return _error(error, path)
        except (ValueError, TypeError):
            message = "the body is not a JSON object of the documented kind"
            return _error(FcError(400, "InvalidArgument", message), path)
        if fault and fault.kind in LOST:
            return broken_response()
        if fault and fault.kind in GATEWAYS:
            return await apply_fault(Response(), fault, faults)
        return _response(answer)

    return serve


def _response(answer: Any) -> Response:
    """Returns the answer as a response. Each has a request id, one of its own where it had none."""
    response = answer if isinstance(answer, Response) else _described(answer)
    response.headers.setdefault("X-Fc-Request-Id", str(uuid4()))
    return response


def _described(answer: Any) -> Response:
    if answer is None:
        return Response(status_code=204)
    return JSONResponse(answer, headers={"etag": _etag(answer)})


def _accepted(
    functions: InvocationQueue,
    service: str,
    function: str,
    event: bytes,
    headers: Mapping[str, str],
    qualifier: str,
) -> Response:
    if len(event) > MAX_BYTES:
        raise FcError(413, "RequestEntityTooLarge")
    delay = headers.get("x-fc-async-delay", "0")
    if not delay.isdecimal() or int(delay) > MAX_DELAY_SECONDS:
        raise FcError(
            400, "InvalidArgument", f"x-fc-async-delay is 0 to {MAX_DELAY_SECONDS} seconds"
        )
    task_id = next((headers[name] for name in TASK_IDS if headers.get(name)), "")
    try:
        accepted: Invocation = functions.accept(
            service, function, event, int(delay), task_id, qualifier
        )
    except TaskExists as error:
        raise FcError(409, "StatefulAsyncInvocationAlreadyExists") from error
    return Response(status_code=202, headers={"X-Fc-Request-Id": accepted.request_id})


def _result_response(result: Result, headers: Mapping[str, str], request_id: str) -> Response:
    """Returns a result. An error of the function is HTTP 200 too, with X-Fc-Error-Type."""
    response_headers = {"X-Fc-Request-Id": request_id}
    if result.error:
        response_headers["X-Fc-Error-Type"] = result.error
    if headers.get("x-fc-log-type") == "Tail":
        response_headers["X-Fc-Log-Result"] = base64.b64encode(result.log).decode()
    return Response(
        result.body,
        headers=response_headers,
        media_type="application/json" if result.error else None,
    )


def _error(error: FcError, path: str) -> Response:
    """Returns an error as the API of the path words it."""
    id = str(uuid4())
    older = {"ErrorCode": error.code, "ErrorMessage": str(error)}
    newer = {"RequestId": id, "Code": error.code, "Message": str(error)}
    headers = {"X-Fc-Error-Type": error.code, "X-Fc-Request-Id": id}
    return JSONResponse(newer if path.startswith(NEWER) else older, error.status, headers=headers)


def _etag(answer: Any) -> str:
    return hashlib.md5(
        json.dumps(answer, sort_keys=True).encode(), usedforsecurity=False
    ).hexdigest()
