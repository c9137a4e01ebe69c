"""The only module that knows Function Compute's wire: its paths, its signatures, its error bodies.

API 2016-08-15, which the fc2 SDK speaks; and of 2023-03-30 what creates, changes and invokes a function.
"""

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
from localcloud.faults import GATEWAYS, Faults
from localcloud.functions.instances import Result
from localcloud.functions.management import management
from localcloud.functions.platform import Platform
from localcloud.functions.queue import MOST_BYTES, Functions, Invocation, TaskExists
from localcloud.functions.registry import FcError
from localcloud.spoiling import broken, spoilt
from localcloud.wire import Gate, Incoming

OLDER, NEWER = "/2016-08-15", "/2023-03-30"
INVOKE = OLDER + "/services/{service}/functions/{function}/invocations"
MOST_DELAY_SECONDS = 3_600
MOST_SYNC_BYTES = 32 << 20
ERRORS = {"throttled": (429, "ResourceThrottled"), "internal-error": (500, "InternalServerError")}
LOST = ("lost-answer", "half-body")  # the invocation is accepted, and nobody hears of it
TASK_IDS = ("x-fc-stateful-async-invocation-id", "x-fc-async-task-id")

Act = Callable[[Request, bytes], Any]


def invocations(functions: Functions, gate: Gate, faults: Faults) -> Route:
    """Asynchronous ones, of whatever function: a queue with nothing behind it. For tests that deliver themselves."""

    def take(request: Request, event: bytes) -> Response:
        service, function = request.path_params["service"].split(".")[0], request.path_params["function"]
        if request.headers.get("x-fc-invocation-type") != "Async":
            raise FcError(400, "InvalidArgument")
        return _accepted(functions, service, function, event, request.headers)

    return Route(INVOKE, _guarded(take, gate, faults, "InvokeFunction"), methods=["POST"])


def routes(platform: Platform, gate: Gate, faults: Faults) -> list[Route]:
    """All of them, with functions behind them."""

    def invoke(request: Request, event: bytes) -> Response:
        path = request.path_params
        service, _, qualifier = path.get("service", "").partition(".")
        qualifier = qualifier or request.query_params.get("qualifier") or "LATEST"
        function = platform.registry.function(f"{service}.{qualifier}", path["function"])
        if request.headers.get("x-fc-invocation-type") == "Async":
            return _accepted(platform.queue, service, function.name, event, request.headers, qualifier)
        if len(event) > MOST_SYNC_BYTES:
            raise FcError(413, "RequestEntityTooLarge")
        return _answered(platform.invoke(function, event), request.headers)

    def route(path: str, method: str, act: Act, action: str = "") -> Route:
        return Route(path, _guarded(act, gate, faults, action), methods=[method])

    return [
        route(INVOKE, "POST", invoke, "InvokeFunction"),
        route(NEWER + "/functions/{function}/invocations", "POST", invoke, "InvokeFunction"),
        *(route(path, method, act) for path, method, act in management(platform)),
    ]


def _guarded(act: Act, gate: Gate, faults: Faults, action: str) -> Callable[[Request], Any]:
    async def serve(request: Request) -> Response:
        body = await request.body()
        fault = faults.take(action) if action else None
        if fault and fault.kind in ERRORS:
            return _error(FcError(*ERRORS[fault.kind]))
        if fault and fault.kind == "bad-gateway":
            return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")
        if fault and fault.kind == "reset":
            return broken()
        try:
            _check(request, body, gate)
            answer = await run_in_threadpool(act, request, body)
        except FcError as error:
            return _error(error)
        except (ValueError, TypeError):
            return _error(FcError(400, "InvalidArgument", "the body is not a JSON object of the documented kind"))
        if fault and fault.kind in LOST:
            return broken()
        if fault and fault.kind in GATEWAYS:
            return await spoilt(Response(), fault, faults)
        if isinstance(answer, Response):
            return answer
        return Response(status_code=204) if answer is None else JSONResponse(answer, headers={"etag": _etag(answer)})

    return serve


def authorization(gate: Gate, method: str, path: str, headers: Mapping[str, str]) -> str:
    """What the header must be: HMAC-SHA256 over method, content headers, date, x-fc-* headers and path."""
    named = sorted((name.lower(), value) for name, value in headers.items() if name.lower().startswith("x-fc-"))
    canonical = "".join(f"{name}:{value}\n" for name, value in named)
    lines = [method, headers.get("content-md5", ""), headers.get("content-type", ""), headers.get("date", "")]
    text = "\n".join([*lines, canonical + path])
    digest = hmac.new(gate.access_key_secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"FC {gate.access_key_id}:{base64.b64encode(digest).decode()}"


def _check(request: Request, body: bytes, gate: Gate) -> None:
    """Either signature. Raises FcError."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if acs3.signed(headers):
        incoming = Incoming(request.method, request.url.path, request.url.query, headers, body)
        try:
            told = acs3.authorization(headers)
        except errors.ApiError as error:
            raise FcError(403, "SignatureNotMatch") from error
        right = acs3.signature(gate.access_key_secret, acs3.string_to_sign(incoming, told.signed_headers))
        token, matches = headers.get("x-acs-security-token"), hmac.compare_digest(told.signature, right)
    else:
        right = authorization(gate, request.method, request.url.path, headers)
        token = headers.get("x-fc-security-token")
        matches = hmac.compare_digest(headers.get("authorization", "").encode(), right.encode())
    if not matches:
        raise FcError(403, "SignatureNotMatch", "the signature does not match")
    if gate.security_token and token != gate.security_token:
        raise FcError(403, "InvalidSecurityToken", "the security token is not the one of the key")


def _accepted(
    functions: Functions,
    service: str,
    function: str,
    event: bytes,
    headers: Mapping[str, str],
    qualifier: str = "LATEST",
) -> Response:
    if len(event) > MOST_BYTES:
        raise FcError(413, "RequestEntityTooLarge")
    delay = headers.get("x-fc-async-delay", "0")
    if not delay.isdecimal() or int(delay) > MOST_DELAY_SECONDS:
        raise FcError(400, "InvalidArgument", f"x-fc-async-delay is 0 to {MOST_DELAY_SECONDS} seconds")
    task_id = next((headers[name] for name in TASK_IDS if headers.get(name)), "")
    try:
        accepted: Invocation = functions.accept(service, function, event, int(delay), task_id, qualifier)
    except TaskExists as error:
        raise FcError(409, "StatefulAsyncInvocationAlreadyExists") from error
    return Response(status_code=202, headers={"X-Fc-Request-Id": accepted.request_id})


def _answered(result: Result, headers: Mapping[str, str]) -> Response:
    """An error of the function is HTTP 200 too: X-Fc-Error-Type tells."""
    told = {"X-Fc-Request-Id": result.instance_id}
    if result.error:
        told["X-Fc-Error-Type"] = result.error
    if headers.get("x-fc-log-type") == "Tail":
        told["X-Fc-Log-Result"] = base64.b64encode(result.log).decode()
    return Response(result.body, headers=told, media_type="application/json" if result.error else None)


def _error(error: FcError) -> Response:
    body = {"ErrorCode": error.code, "ErrorMessage": str(error)}
    return JSONResponse(body, error.status, headers={"X-Fc-Error-Type": error.code})


def _etag(answer: Any) -> str:
    return hashlib.md5(json.dumps(answer, sort_keys=True).encode(), usedforsecurity=False).hexdigest()
