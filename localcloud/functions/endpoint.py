"""Function Compute over HTTP: the API of both generations, signatures, faults, what is missing.

2.0 is API 2016-08-15, which the fc2 SDK speaks: a function is in a service. 3.0 is API 2023-03-30:
a function stands by itself. `invocations` has what an invocation takes and answers, `management`
and `native_management` what changes and describes functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.answer_faults import apply_fault, broken_response, response_instead
from localcloud.authenticator import Authenticator
from localcloud.faults import GATEWAYS, Faults
from localcloud.functions.account_reads import account_reads
from localcloud.functions.answers import NEWER, OLDER, error_response, etag, response_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.functions.invocations import Address, accept, check_call, result_response
from localcloud.functions.management import management
from localcloud.functions.model import LATEST, NATIVE, FcError, new_request_id
from localcloud.functions.native_management import native_management
from localcloud.functions.packages import PATH as CODE_PATH
from localcloud.functions.platform import Platform
from localcloud.functions.rights import check_rights
from localcloud.functions.routing import Act, ActRoute
from localcloud.functions.signatures import check_signature
from localcloud.functions.tags import tag_routes
from localcloud.functions.tasks import task_routes
from localcloud.functions.triggers import trigger_routes
from localcloud.wire import Incoming

INVOKE_PATHS = (
    OLDER + "/services/{service}/functions/{function}/invocations",
    NEWER + "/functions/{function}/invocations",  # of a function without a service
)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
ERRORS = {  # faults by kind: of a request that is not examined
    "throttled": (429, "ResourceThrottled"),
    "internal-error": (500, "InternalServerError"),
    "unavailable": (503, "ServiceUnavailable"),
    "forbidden": (403, "AccessDenied"),
    "token-expired": (403, "InvalidSecurityToken.Expired"),
    "clock-skew": (403, "InvalidTimeStamp.Expired"),
}
LOST = ("lost-answer", "half-body")  # the invocation is accepted, and its answer lost


def queue_routes(
    functions: InvocationQueue, authenticator: Authenticator, faults: Faults
) -> list[Route]:
    """Returns the routes that queue an asynchronous invocation of any function.

    Nothing is behind the queue: a test delivers from it.
    """

    def queue(request: Request, event: bytes) -> Response:
        if not check_call(request.headers, event):
            raise FcError(400, "InvalidArgument", "there is no function to be invoked at once")
        return accept(functions, _address(request), event, request.headers)

    return [
        Route(path, _endpoint(queue, authenticator, faults, "InvokeFunction"), methods=["POST"])
        for path in INVOKE_PATHS
    ]


def routes(platform: Platform, authenticator: Authenticator, faults: Faults) -> list[Route]:
    """Returns all routes, with functions behind them."""

    def invoke(request: Request, event: bytes) -> Response:
        address = _address(request)
        is_asynchronous = check_call(request.headers, event)
        function = platform.registry.function(*address)
        if is_asynchronous:
            numbers_tasks = platform.numbers_tasks(*address)
            return accept(platform.queue, address, event, request.headers, numbers_tasks)
        id = new_request_id(function.is_native)
        result = platform.invoke(function, event, id)
        return result_response(function, result, request.headers, id)

    def route(path: str, method: str, act: Act, action: str = "") -> Route:
        return Route(path, _endpoint(act, authenticator, faults, action), methods=[method])

    acts = [
        *management(platform),
        *native_management(platform),
        *trigger_routes(platform),
        *task_routes(platform),
        *tag_routes(platform),
        *account_reads(platform),
    ]
    return [
        *(route(path, "POST", invoke, "InvokeFunction") for path in INVOKE_PATHS),
        _download_route(platform),
        *(route(path, method, act) for path, method, act in _unless_changed(acts)),
        *(
            route(api + "/{path:path}", method, _missing)
            for api in (OLDER, NEWER)
            for method in METHODS
        ),
    ]


def _unless_changed(acts: list[ActRoute]) -> list[ActRoute]:
    """Returns the routes, where a change with If-Match needs the ETag that GET would answer.

    (Help page "UpdateFunction" of 2.0: else the error is PreconditionFailed.)
    """
    reads = {path: act for path, method, act in acts if method == "GET"}

    def checked(path: str, act: Act) -> Act:
        def change(request: Request, body: bytes) -> Any:
            wanted = request.headers.get("if-match")
            if wanted and wanted != etag(reads[path](request, b"")):
                message = "the resource being modified has been changed"
                raise FcError(412, "PreconditionFailed", message)
            return act(request, body)

        return change

    return [
        (path, method, checked(path, act) if method != "GET" and path in reads else act)
        for path, method, act in acts
    ]


def _missing(request: Request, _: bytes) -> Any:
    """Refuses what this cloud does not have. Newer SDKs name the action in a header."""
    action = request.headers.get("x-acs-action")
    if action:
        message = f"The local cloud does not have the action {action}. Its README lists what it has"
        raise FcError(400, "UnsupportedOperation", message)
    message = f"'{request.method}' against '{request.url.path}' is not supported"
    raise FcError(400, "PathNotSupported", message)


def _download_route(platform: Platform) -> Route:
    """Returns the route that downloads code, as OSS does: its path has the right to it."""

    def download(request: Request) -> Response:
        names = request.path_params
        try:
            content = platform.registry.packages.content(names["token"], names["name"])
        except FcError as error:
            return error_response(error, request.url.path)
        return Response(content, media_type="application/zip")

    return Route(CODE_PATH, download, methods=["GET"])


def _address(request: Request) -> Address:
    """Returns what an invocation names. Raises FcError."""
    service, _, qualifier = request.path_params.get("service", NATIVE).partition(".")
    if service == NATIVE and "service" in request.path_params:
        raise FcError(404, "ServiceNotFound", "service '' does not exist")
    qualifier = qualifier or request.query_params.get("qualifier") or LATEST
    return Address(service, request.path_params["function"], qualifier)


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
            return error_response(FcError(*ERRORS[fault.kind]), path)
        instead = response_instead(fault)
        if instead is not None:
            return instead
        try:
            check_signature(incoming, authenticator)
            qualifier = request.query_params.get("qualifier", "")
            check_rights(incoming, authenticator, action, qualifier)
            answer = await run_in_threadpool(act, request, body)
        except FcError as error:
            return error_response(error, path)
        except (ValueError, TypeError):
            message = "the body is not a JSON object of the documented kind"
            return error_response(FcError(400, "InvalidArgument", message), path)
        if fault and fault.kind in LOST:
            return broken_response()
        if fault and fault.kind in GATEWAYS:
            return await apply_fault(Response(), fault, faults)
        return response_of(answer, path)

    return serve
