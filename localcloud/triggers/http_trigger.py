"""An HTTP trigger of Function Compute 3.0: the event that a request becomes, and the response.

In the cloud a function has a domain, such as NAME.cn-hangzhou.fcapp.run. Here its requests come to
the path /fcapp.run/NAME of this cloud's own port, and the event has the path after it.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcloud.functions.instances import Result
from localcloud.json_text import parse_json
from localcloud.triggers.registry import Trigger

METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")


def event_of(
    request: Request,
    body: bytes,
    trigger: Trigger,
    request_id: str,
    now: datetime,
    account_id: str,
) -> bytes:
    """Returns the event of a request (devsapp/fc3, event-template/http.json)."""
    path = "/" + request.path_params.get("path", "")
    text, is_base64 = _body(body)
    domain = f"{trigger.function}.{request.url.hostname}"
    event = {
        "version": "v1",
        "rawPath": path,
        "headers": {name.title(): value for name, value in request.headers.items()},
        "queryParameters": dict(request.query_params),
        "body": text,
        "isBase64Encoded": is_base64,
        "requestContext": {
            "accountId": account_id,
            "domainName": domain,
            "domainPrefix": trigger.function,
            "requestId": request_id,
            "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "timeEpoch": str(int(now.timestamp() * 1000)),
            "triggerId": trigger.id,
            "http": {
                "method": request.method,
                "path": path,
                "protocol": f"HTTP/{request.scope['http_version']}",
                "sourceIp": request.client.host if request.client else "",
                "userAgent": request.headers.get("user-agent", ""),
            },
        },
    }
    return json.dumps(event).encode()


def response_of(result: Result, request_id: str) -> Response:
    """Returns the response that a function's answer means.

    An object with `statusCode` is a response; anything else is the body of one with status 200. A
    function that failed is answered with 502.
    """
    headers = {"X-Fc-Request-Id": request_id}
    if result.error:
        headers["X-Fc-Error-Type"] = result.error
        return Response(result.body, 502, headers, "application/json")
    try:
        answer = parse_json(result.body)
    except ValueError:
        return Response(result.body, 200, headers, "text/plain")
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return Response(result.body, 200, headers, "application/json")
    try:
        return _response(answer, headers)
    except (AttributeError, TypeError, ValueError, binascii.Error):
        message = {"Code": "BadResponse", "Message": "the function's response is no HTTP response"}
        return JSONResponse(message, 502, headers=headers)


def _response(answer: dict[str, Any], headers: dict[str, str]) -> Response:
    body = answer.get("body", "")
    text = body if isinstance(body, str) else json.dumps(body)
    content = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text
    own = {str(name): str(value) for name, value in (answer.get("headers") or {}).items()}
    own.pop("Content-Length", None)
    if not any(name.lower() == "content-type" for name in own):
        own["Content-Type"] = "application/json"
    return Response(content, int(answer["statusCode"]), {**own, **headers})


def _body(body: bytes) -> tuple[str, bool]:
    """Returns the body as text, and whether it is in Base64, as what is no text is."""
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True
