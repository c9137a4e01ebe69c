"""Management of 3.0 over HTTP (API 2023-03-30): functions without a service.

What is missing here goes here: a native function has versions, aliases and asynchronous
configurations of its own, and `Registry` has them under the empty service's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.management import NEWER, Act, object_of
from localcloud.functions.model import LATEST, NATIVE
from localcloud.functions.platform import Platform

FUNCTION = NEWER + "/functions/{function}"


def native_management(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    """Yields path, method and act of each route; an act answers JSON, or nothing."""
    registry = platform.registry

    def name(request: Request) -> str:
        return str(request.path_params["function"])

    def get(request: Request) -> Any:
        qualifier = request.query_params.get("qualifier") or LATEST
        return registry.function(NATIVE, name(request), qualifier).description

    def update(request: Request, body: bytes) -> Any:
        description = registry.put_function(NATIVE, object_of(body), name(request))
        platform.discard_instances(NATIVE, name(request))
        return description

    yield (
        NEWER + "/functions",
        "POST",
        lambda _, body: registry.put_function(NATIVE, object_of(body)),
    )
    yield FUNCTION, "GET", lambda r, _: get(r)
    yield FUNCTION, "PUT", update
    yield FUNCTION, "DELETE", lambda r, _: registry.delete_function(NATIVE, name(r))
