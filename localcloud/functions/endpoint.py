"""Function Compute over HTTP: its paths, its signatures, its error bodies.

API 2016-08-15, which the fc2 SDK speaks; and of 2023-03-30 what creates, changes and invokes a
function."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud import acs3, errors
from localcloud.answer_faults import apply_fault, broken_response, response_instead
from localcloud.authenticator import Authenticator
from localcloud.faults import GATEWAYS, Faults
from localcloud.functions.instances import Result
from localcloud.functions.invocation_queue import MAX_BYTES, Invocation, InvocationQueue, TaskExists
from localcloud.functions.management import management
from localcloud.functions.model import FcError
from localcloud.functions.platform import Platform
from localcloud.wire import Incoming

OLDER, NEWER = "/2016-08-15", "/2023-03-30"
INVOKE = OLDER + "/services/{service}/functions/{function}/invocations"
MAX_DELAY_SECONDS = 3_600
MAX_SYNC_BYTES = 32 << 20
ERRORS = {"throttled": (429, "ResourceThrottled"), "internal-error": (500, "InternalServerError")}
LOST = ("lost-answer", "half-body")  # the invocation is accepted, and its answer lost
TASK_IDS = ("x-fc-stateful-async-invocation-id", "x-fc-async-task-id")

Act = Callable[[Request, bytes], Any]


def queue_route(functions: InvocationQueue, authenticator: Authenticator, faults: Faults) -> Route:
    """Returns the route that queues an asynchronous invocation of any function.

    Nothing is behind the queue: a test delivers from it.
    """

    def accept(request: Request, event: bytes) -> Response:
        service = request.path_params["service"].split(".")[0]
        function = request.path_params["function"]
        if request.headers.get("x-fc-invocation-type") != "Async":
            raise FcError(400, "InvalidArgument")
        return _accepted(functions, service, function, event, request.headers)

    return Route(
        INVOKE, _endpoint(accept, authenticator, faults, "InvokeFunction"), methods=["POST"]
    )


def routes(platform: Platform, authenticator: Authenticator, faults: Faults) -> list[Route]:
    """Returns all routes, with functions behind them."""

    def invoke(request: Request, event: bytes) -> Response:
        path = request.path_params
        service, _, qualifier = path.get("service", "").partition(".")
        qualifier = qualifier or request.query_params.get("qualifier") or "LATEST"
        function = platform.registry.function(f"{service}.{qualifier}", path["function"])
        if request.headers.get("x-fc-invocation-type") == "Async":
            return _accepted(
                platform.queue, service, function.name, event, request.headers, qualifier
            )
        if len(event) > MAX_SYNC_BYTES:
            raise FcError(413, "RequestEntityTooLarge")
        return _result_response(platform.invoke(function, event), request.headers)

    def route(path: str, method: str, act: Act, action: str = "") -> Route:
        return Route(path, _endpoint(act, authenticator, faults, action), methods=[method])

    return [
        route(INVOKE, "POST", invoke, "InvokeFunction"),
        route(NEWER + "/functions/{function}/invocations", "POST", invoke, "InvokeFunction"),
        *(route(path, method, act) for path, method, act in management(platform)),
    ]


def _endpoint(
    act: Act, authenticator: Authenticator, faults: Faults, action: str
) -> Callable[[Request], Any]:
    """Returns the endpoint of an act: authenticated, with faults where it has an action's name."""

    async def serve(request: Request) -> Response:
        body = await request.body()
        fault = faults.take(action) if action else None
        if fault and fault.kind in ERRORS:
            return _error(FcError(*ERRORS[fault.kind]))
        instead = response_instead(fault)
        if instead is not None:
            return instead
        try:
            _check(request, body, authenticator)
            answer = await run_in_threadpool(act, request, body)
        except FcError as error:
            return _error(error)
        except (ValueError, TypeError):
            message = "the body is not a JSON object of the documented kind"
            return _error(FcError(400, "InvalidArgument", message))
        if fault and fault.kind in LOST:
            return broken_response()
        if fault and fault.kind in GATEWAYS:
            return await apply_fault(Response(), fault, faults)
        return _response(answer)

    return serve


def _response(answer: Any) -> Response:
    if isinstance(answer, Response):
        return answer
    if answer is None:
        return Response(status_code=204)
    return JSONResponse(answer, headers={"etag": _etag(answer)})


def authorization(
    authenticator: Authenticator, method: str, path: str, headers: Mapping[str, str]
) -> str:
    """Returns what the header must be.

    HMAC-SHA256 over method, content headers, date, x-fc-* headers and path.
    """
    named = sorted(
        (name.lower(), value) for name, value in headers.items() if name.lower().startswith("x-fc-")
    )
    canonical = "".join(f"{name}:{value}\n" for name, value in named)
    content = [headers.get(name, "") for name in ("content-md5", "content-type", "date")]
    text = "\n".join([method, *content, canonical + path])
    digest = hmac.new(
        authenticator.access_key_secret.encode(), text.encode(), hashlib.sha256
    ).digest()
    return f"FC {authenticator.access_key_id}:{base64.b64encode(digest).decode()}"


def _check(request: Request, body: bytes, authenticator: Authenticator) -> None:
    """Checks either signature. Raises FcError."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    incoming = Incoming(request.method, request.url.path, request.url.query, headers, body)
    if incoming.is_acs3:
        try:
            signed = acs3.parse_authorization(headers)
        except errors.ApiError as error:
            raise FcError(403, "SignatureNotMatch") from error
        expected = acs3.signature(
            authenticator.access_key_secret, acs3.string_to_sign(incoming, signed.signed_headers)
        )
        token, matches = (
            headers.get("x-acs-security-token"),
            hmac.compare_digest(signed.signature, expected),
        )
    else:
        expected = authorization(authenticator, request.method, request.url.path, headers)
        token = headers.get("x-fc-security-token")
        matches = hmac.compare_digest(headers.get("authorization", "").encode(), expected.encode())
    if not matches:
        raise FcError(403, "SignatureNotMatch", "the signature does not match")
    if authenticator.security_token and token != authenticator.security_token:
        raise FcError(403, "InvalidSecurityToken", "the security token is not the one of the key")


def _accepted(
    functions: InvocationQueue,
    service: str,
    function: str,
    event: bytes,
    headers: Mapping[str, str],
    qualifier: str = "LATEST",
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


def _result_response(result: Result, headers: Mapping[str, str]) -> Response:
    """Returns a result. An error of the function is HTTP 200 too, with X-Fc-Error-Type."""
    response_headers = {"X-Fc-Request-Id": result.instance_id}
    if result.error:
        response_headers["X-Fc-Error-Type"] = result.error
    if headers.get("x-fc-log-type") == "Tail":
        response_headers["X-Fc-Log-Result"] = base64.b64encode(result.log).decode()
    return Response(
        result.body,
        headers=response_headers,
        media_type="application/json" if result.error else None,
    )


def _error(error: FcError) -> Response:
    body = {"ErrorCode": error.code, "ErrorMessage": str(error)}
    return JSONResponse(body, error.status, headers={"X-Fc-Error-Type": error.code})


def _etag(answer: Any) -> str:
    return hashlib.md5(
        json.dumps(answer, sort_keys=True).encode(), usedforsecurity=False
    ).hexdigest()
