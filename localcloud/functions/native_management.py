"""Management of 3.0 over HTTP (API 2023-03-30): functions without a service.

A native function has versions, aliases, asynchronous configurations and a concurrency of its own.
`Registry` has them under the name of the function, where 2.0 has those of a service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.answers import NEWER
from localcloud.functions.checks import tags_of, whole_number
from localcloud.functions.model import NATIVE, FcError, Function, Service
from localcloud.functions.platform import Platform
from localcloud.functions.registry import Registry
from localcloud.functions.routing import (
    ActRoute,
    listed,
    named,
    object_of,
    qualifier_of,
    versions_of,
)
from localcloud.json_text import parse_json

FUNCTION = NEWER + "/functions/{function}"
CONFIG, CONCURRENCY = FUNCTION + "/async-invoke-config", FUNCTION + "/concurrency"
VERSIONS, ALIASES = FUNCTION + "/versions", FUNCTION + "/aliases"


def native_management(platform: Platform) -> Iterator[ActRoute]:
    """Yields path, method and act of each route; an act answers JSON, or nothing."""
    yield from _functions(platform)
    yield from _versions(platform)
    yield from _aliases(platform)
    yield from _asynchronous(platform)
    yield from _concurrency(platform)


def _functions(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def described(function: Function) -> dict[str, Any]:
        tags = registry.service(NATIVE, function.name).tags
        pairs = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
        return {**function.description, "tags": pairs}

    def get(request: Request, _: bytes) -> Any:
        return described(registry.function(NATIVE, named(request), qualifier_of(request)))

    def create(_: Request, body: bytes) -> Any:
        registry.put_function(NATIVE, object_of(body))
        return described(registry.function(NATIVE, object_of(body)["functionName"]))

    def delete(request: Request, _: bytes) -> None:
        registry.delete_function(NATIVE, named(request))
        platform.discard_function(NATIVE, named(request))

    def code(request: Request, _: bytes) -> Any:
        function = registry.function(NATIVE, named(request), qualifier_of(request))
        return registry.packages.location(function, str(request.base_url))

    def update(request: Request, body: bytes) -> Any:
        registry.put_function(NATIVE, object_of(body), named(request))
        platform.discard_instances(NATIVE, named(request))
        return described(registry.function(NATIVE, named(request)))

    def listing(request: Request, _: bytes) -> Any:
        query = request.query_params
        wanted = tags_of(parse_json(query.get("tags") or "[]")).items()
        functions = [
            described(function)
            for name, native in sorted(registry.natives.items())
            for function in native.functions.values()
            if wanted <= native.tags.items()
            and query.get("runtime") in (None, "", function.runtime)
            and query.get("functionName", "") in name
        ]
        return listed(request, "functions", "functionName", functions)

    functions = NEWER + "/functions"
    yield functions, "POST", create
    yield functions, "GET", listing
    yield FUNCTION, "GET", get
    yield FUNCTION, "PUT", update
    yield FUNCTION, "DELETE", delete
    yield FUNCTION + "/code", "GET", code


def _versions(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def publish(request: Request, body: bytes) -> Any:
        return registry.publish_version(NATIVE, object_of(body), named(request))

    def listing(request: Request, _: bytes) -> Any:
        versions = versions_of(request, registry.service(NATIVE, named(request)))
        return listed(request, "versions", "versionId", versions)

    def delete(request: Request, _: bytes) -> None:
        registry.delete_version(NATIVE, request.path_params["version"], named(request))

    yield VERSIONS, "POST", publish
    yield VERSIONS, "GET", listing
    yield VERSIONS + "/{version}", "DELETE", delete


def _aliases(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def create(request: Request, body: bytes) -> Any:
        return registry.put_alias(NATIVE, object_of(body), function=named(request))

    def listing(request: Request, _: bytes) -> Any:
        aliases = list(registry.service(NATIVE, named(request)).aliases.values())
        return listed(request, "aliases", "aliasName", aliases)

    def get(request: Request, _: bytes) -> Any:
        return registry.alias(NATIVE, request.path_params["alias"], named(request))

    def update(request: Request, body: bytes) -> Any:
        name = request.path_params["alias"]
        return registry.put_alias(NATIVE, object_of(body), name, named(request))

    def delete(request: Request, _: bytes) -> None:
        registry.delete_alias(NATIVE, request.path_params["alias"], named(request))

    yield ALIASES, "POST", create
    yield ALIASES, "GET", listing
    yield ALIASES + "/{alias}", "GET", get
    yield ALIASES + "/{alias}", "PUT", update
    yield ALIASES + "/{alias}", "DELETE", delete


def _asynchronous(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def put(request: Request, body: bytes) -> Any:
        return registry.put_async_config(
            NATIVE, named(request), object_of(body), qualifier_of(request)
        )

    def get(request: Request, _: bytes) -> Any:
        return registry.async_config(NATIVE, named(request), qualifier_of(request))

    def delete(request: Request, _: bytes) -> None:
        registry.delete_async_config(NATIVE, named(request), qualifier_of(request))

    def listing(request: Request, _: bytes) -> Any:
        configs = [
            config
            for _, native in natives_of(request, registry)
            for config in native.async_configs.values()
        ]
        return listed(request, "configs", "functionArn", configs)

    yield NEWER + "/async-invoke-configs", "GET", listing
    yield CONFIG, "PUT", put
    yield CONFIG, "GET", get
    yield CONFIG, "DELETE", delete


def _concurrency(platform: Platform) -> Iterator[ActRoute]:
    """Yields the routes of the concurrency: as many invocations run at a time.

    The error is named as 2.0 names it: Terraform's provider takes it for "there is none".
    """
    registry = platform.registry

    def described(name: str, reserved: int) -> dict[str, Any]:
        arn = registry.arn(registry.function(NATIVE, name))
        return {"functionArn": arn, "reservedConcurrency": reserved}

    def put(request: Request, body: bytes) -> Any:
        reserved = whole_number(object_of(body), "reservedConcurrency")
        registry.service(NATIVE, named(request)).reserved_concurrency = reserved
        return described(named(request), reserved)

    def get(request: Request, _: bytes) -> Any:
        reserved = registry.service(NATIVE, named(request)).reserved_concurrency
        if reserved is None:
            raise FcError(404, "OnDemandConfigNotFound", "no concurrency is set")
        return described(named(request), reserved)

    def delete(request: Request, _: bytes) -> None:
        registry.service(NATIVE, named(request)).reserved_concurrency = None

    def listing(request: Request, _: bytes) -> Any:
        configs = [
            described(name, native.reserved_concurrency)
            for name, native in natives_of(request, registry)
            if native.reserved_concurrency is not None
        ]
        return listed(request, "configs", "functionArn", configs)

    yield CONCURRENCY, "PUT", put
    yield CONCURRENCY, "GET", get
    yield CONCURRENCY, "DELETE", delete
    yield NEWER + "/concurrency-configs", "GET", listing


def natives_of(request: Request, registry: Registry) -> list[tuple[str, Service]]:
    """Returns what native functions have, by their names: all, or of the one that a query names."""
    wanted = request.query_params.get("functionName")
    return [item for item in sorted(registry.natives.items()) if wanted in (None, "", item[0])]
