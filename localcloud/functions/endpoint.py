"""The only module that knows Function Compute's wire: its paths, its signature, its error bodies."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.faults import Faults
from localcloud.functions.queue import MOST_BYTES, Functions, TaskExists
from localcloud.wire import Gate

PATH = "/2016-08-15/services/{service}/functions/{function}/invocations"
MOST_DELAY_SECONDS = 3_600
ERRORS = {"throttled": (429, "ResourceThrottled"), "internal-error": (500, "InternalServerError")}


def invocations(functions: Functions, gate: Gate, faults: Faults) -> Route:
    """Asynchronous ones; the qualifier, if there is one, is a part of the service's name."""

    async def invoke(request: Request) -> Response:
        event, headers = await request.body(), request.headers
        fault = faults.take("InvokeFunction")
        if fault and fault.kind in ERRORS:
            return _error(*ERRORS[fault.kind])
        if fault and fault.kind == "bad-gateway":
            return Response("<html><body>502 Bad Gateway</body></html>", 502, media_type="text/html")
        if not hmac.compare_digest(headers.get("authorization", ""), authorization(gate, request.url.path, headers)):
            return _error(403, "SignatureNotMatch")
        if gate.security_token and headers.get("x-fc-security-token") != gate.security_token:
            return _error(403, "InvalidSecurityToken")
        if headers.get("x-fc-invocation-type") != "Async":
            return _error(400, "InvalidArgument")
        if len(event) > MOST_BYTES:
            return _error(413, "RequestEntityTooLarge")
        delay = headers.get("x-fc-async-delay", "0")
        if not delay.isdecimal() or int(delay) > MOST_DELAY_SECONDS:
            return _error(400, "InvalidArgument")
        service = request.path_params["service"].split(".")[0]
        task_id = headers.get("x-fc-stateful-async-invocation-id", "")
        try:
            accepted = functions.accept(service, request.path_params["function"], event, int(delay), task_id)
        except TaskExists:
            return _error(409, "StatefulAsyncInvocationAlreadyExists")
        return Response(status_code=202, headers={"X-Fc-Request-Id": accepted.request_id})

    return Route(PATH, invoke, methods=["POST"])


def authorization(gate: Gate, path: str, headers: Mapping[str, str]) -> str:
    """What the header must be: HMAC-SHA256 over method, content headers, date, x-fc-* headers and path."""
    named = sorted((name.lower(), value) for name, value in headers.items() if name.lower().startswith("x-fc-"))
    canonical = "".join(f"{name}:{value}\n" for name, value in named)
    lines = ["POST", headers.get("content-md5", ""), headers.get("content-type", ""), headers.get("date", "")]
    text = "\n".join([*lines, canonical + path])
    digest = hmac.new(gate.access_key_secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"FC {gate.access_key_id}:{base64.b64encode(digest).decode()}"


def _error(status: int, code: str) -> Response:
    return JSONResponse({"ErrorCode": code, "ErrorMessage": code}, status, headers={"X-Fc-Error-Type": code})
