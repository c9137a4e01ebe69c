"""Answers of Function Compute: JSON with an ETag, errors of both generations, request ids."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from localcloud.functions.model import FcError, new_request_id

OLDER, NEWER = "/2016-08-15", "/2023-03-30"
REQUEST_ID = "X-Fc-Request-Id"  # of every answer


def response_of(answer: Any, path: str) -> Response:
    """Returns the answer as a response, with a request id of its own where it had none."""
    response = answer if isinstance(answer, Response) else _described(answer)
    response.headers.setdefault(REQUEST_ID, new_request_id(is_newer(path)))
    return response


def error_response(error: FcError, path: str) -> Response:
    """Returns an error as the API of the path words it."""
    id = new_request_id(is_newer(path))
    older = {"ErrorCode": error.code, "ErrorMessage": str(error)}
    newer = {"RequestId": id, "Code": error.code, "Message": str(error)}
    headers = {"X-Fc-Error-Type": error.code, REQUEST_ID: id}
    return JSONResponse(newer if is_newer(path) else older, error.status, headers=headers)


def is_newer(path: str) -> bool:
    """Whether the path is of Function Compute 3.0."""
    return path.startswith(NEWER)


def etag(answer: Any) -> str:
    """Returns the ETag of what an answer describes."""
    text = json.dumps(answer, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _described(answer: Any) -> Response:
    if answer is None:
        return Response(status_code=204)
    return JSONResponse(answer, headers={"etag": etag(answer)})
