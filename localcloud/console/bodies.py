"""What the routes of the console read and answer alike."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Coroutine, Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from localcloud.functions.model import FcError
from localcloud.json_text import parse_json
from localcloud.queues.errors import MnsError

SECRET_HEADER = "x-localcloud-secret"  # noqa: S105 (a name)
Body = Mapping[str, Any]
MAX_BODY_BYTES = 4 << 20  # an event of 45 MB would keep the server busy for ten seconds
NOT_ALLOWED = (
    "From another machine, the console changes things only with the secret of the access key: "
    "enter the accessKeySecret that the local cloud printed when it started."
)


async def read_object(request: Request) -> dict[str, Any]:
    """Returns the body's JSON object; empty where there is none. Raises ValueError.

    A page of another origin cannot send this content type without permission, and has none.
    """
    body = await request.body()
    if not body:
        return {}
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise ValueError("the body is sent as another type: set Content-Type: application/json")
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"the body is larger than {MAX_BODY_BYTES >> 20} MB")
    value = parse_json(body)
    if not isinstance(value, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 (of a client, not of code)
    return value


def check_fields(body: Body, *known: str) -> None:
    """Raises ValueError for a field that would be ignored."""
    for name in body:
        if name not in known:
            fields = f"known fields: {', '.join(known)}" if known else "it takes none"
            raise ValueError(f"unknown field {name[:100]!r}; {fields}")


def error_response(message: str, status: int = 400, code: str = "") -> Response:
    return JSONResponse({"error": message, "code": code}, status)


def has_secret_or_is_local(request: Request, secret: str) -> bool:
    """Whether the request comes from this machine, or shows that it has the secret.

    A call of the API is signed with the secret; what the console does in its place is not.
    """
    given = request.headers.get(SECRET_HEADER, "")
    if hmac.compare_digest(given.encode(), secret.encode()):
        return True
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def guarded(
    secret: str, operate: Callable[[Body], Response], fields: Sequence[str] | None = None
) -> Callable[[Request], Coroutine[None, None, Response]]:
    """Returns the endpoint of an operation: for a person at this machine, or with the secret.

    Its body is the request's, with what the path names. `fields`: all that it may have; None: any.
    """

    async def endpoint(request: Request) -> Response:
        if not has_secret_or_is_local(request, secret):
            return error_response(NOT_ALLOWED, 403, "SecretNeeded")
        try:
            body = await read_object(request)
            if fields is not None:
                check_fields(body, *fields)
            return operate({**body, **request.path_params})
        except (MnsError, FcError) as error:
            return error_response(str(error), error.status, error.code)
        except KeyError as error:
            return error_response(f"the field {error} is missing")
        except (TypeError, ValueError) as error:
            return error_response(f"the request is wrong: {error}")

    return endpoint
