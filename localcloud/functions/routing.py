"""What routes of Function Compute share: acts, names in paths, bodies, and pages of lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from starlette.requests import Request

from localcloud.functions.model import LATEST, FcError, Service
from localcloud.json_text import parse_json

# Takes a request and its body; answers JSON, or nothing. Raises FcError.
Act = Callable[[Request, bytes], Any]
ActRoute = tuple[str, str, Act]  # path, method, act
MAX_PAGE = 100


def object_of(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body; an empty body is an empty object."""
    return dict(parse_json(body or b"{}"))


def named(request: Request, name: str = "function") -> str:
    """Returns a part of the path by its name."""
    return str(request.path_params[name])


def qualifier_of(request: Request) -> str:
    """Returns the qualifier that a query names, LATEST by default."""
    return request.query_params.get("qualifier") or LATEST


def listed(
    request: Request, name: str, key: str, items: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Returns one page of what has the prefix, and where the next one starts. Raises FcError."""
    limit = int(request.query_params.get("limit") or 20)
    if not 1 <= limit <= MAX_PAGE:
        raise FcError(400, "InvalidArgument", f"limit is 1 to {MAX_PAGE}")
    prefix = request.query_params.get("prefix") or ""
    fitting = [item for item in items if str(item[key]).startswith(prefix)]
    ids = [str(item[key]) for item in fitting]
    token = request.query_params.get("nextToken") or ""
    start = ids.index(token) if token in ids else 0
    end = start + limit
    page = {name: fitting[start:end]}
    return {**page, "nextToken": ids[end]} if end < len(ids) else page


def versions_of(request: Request, service: Service) -> list[dict[str, Any]]:
    """Returns the versions, the newest first, unless the query has the direction FORWARD."""
    versions = list(service.version_descriptions.values())
    is_forward = request.query_params.get("direction", "").upper() == "FORWARD"
    return versions if is_forward else versions[::-1]
