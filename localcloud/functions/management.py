"""Management of 2.0 over HTTP: services, functions, versions, aliases, async configurations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.answers import OLDER
from localcloud.functions.checks import whole_number
from localcloud.functions.model import FcError, Service
from localcloud.functions.platform import Platform
from localcloud.functions.routing import ActRoute, listed, named, object_of, versions_of

SERVICE = OLDER + "/services/{service}"
FUNCTION = SERVICE + "/functions/{function}"
CONFIG = FUNCTION + "/async-invoke-config"
ON_DEMAND = FUNCTION + "/on-demand-config"


def management(platform: Platform) -> Iterator[ActRoute]:
    """Yields path, method and act of each route; an act answers JSON, or nothing."""
    yield from _services(platform)
    yield from _functions(platform)
    yield from _versions(platform)
    yield from _asynchronous(platform)
    yield from _on_demand(platform)


def _services(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry
    yield OLDER + "/services", "POST", lambda _, body: registry.create_service(object_of(body))
    yield (
        OLDER + "/services",
        "GET",
        lambda r, _: listed(r, "services", "serviceName", _descriptions(registry.services)),
    )
    yield SERVICE, "GET", lambda r, _: registry.service_description(r.path_params["service"])
    yield (
        SERVICE,
        "PUT",
        lambda r, body: registry.update_service(r.path_params["service"], object_of(body)),
    )
    yield SERVICE, "DELETE", lambda r, _: registry.delete_service(r.path_params["service"])


def _functions(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def update(request: Request, body: bytes) -> Any:
        path = request.path_params
        description = registry.put_function(path["service"], object_of(body), path["function"])
        platform.discard_instances(path["service"].partition(".")[0])
        return description

    def delete(request: Request, _: bytes) -> None:
        registry.delete_function(named(request, "service"), named(request))
        platform.discard_function(named(request, "service").partition(".")[0], named(request))

    def listing(request: Request, _: bytes) -> Any:
        service = registry.service(request.path_params["service"])
        return listed(request, "functions", "functionName", _descriptions(service.functions))

    def code(request: Request, _: bytes) -> Any:
        path = request.path_params
        function = registry.function(path["service"], path["function"])
        return registry.packages.location(function, str(request.base_url))

    yield (
        SERVICE + "/functions",
        "POST",
        lambda r, body: registry.put_function(r.path_params["service"], object_of(body)),
    )
    yield SERVICE + "/functions", "GET", listing
    yield (
        FUNCTION,
        "GET",
        lambda r, _: (
            registry.function(r.path_params["service"], r.path_params["function"]).description
        ),
    )
    yield FUNCTION, "PUT", update
    yield FUNCTION, "DELETE", delete
    yield FUNCTION + "/code", "GET", code


def _versions(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry
    versions, aliases = SERVICE + "/versions", SERVICE + "/aliases"

    def service(request: Request) -> Service:
        return registry.service(request.path_params["service"])

    def name(request: Request) -> str:
        return str(request.path_params["service"])

    yield versions, "POST", lambda r, body: registry.publish_version(name(r), object_of(body))
    yield (
        versions,
        "GET",
        lambda r, _: listed(r, "versions", "versionId", versions_of(r, service(r))),
    )
    yield (
        versions + "/{version}",
        "DELETE",
        lambda r, _: registry.delete_version(name(r), r.path_params["version"]),
    )
    yield aliases, "POST", lambda r, body: registry.put_alias(name(r), object_of(body))
    yield (
        aliases,
        "GET",
        lambda r, _: listed(r, "aliases", "aliasName", list(service(r).aliases.values())),
    )
    yield aliases + "/{alias}", "GET", lambda r, _: registry.alias(name(r), r.path_params["alias"])
    yield (
        aliases + "/{alias}",
        "PUT",
        lambda r, body: registry.put_alias(name(r), object_of(body), r.path_params["alias"]),
    )
    yield (
        aliases + "/{alias}",
        "DELETE",
        lambda r, _: registry.delete_alias(name(r), r.path_params["alias"]),
    )


def _asynchronous(platform: Platform) -> Iterator[ActRoute]:
    registry = platform.registry

    def names(request: Request) -> tuple[str, str]:
        return request.path_params["service"], request.path_params["function"]

    def delete(request: Request, _: bytes) -> None:
        registry.delete_async_config(*names(request))

    def configs(request: Request, _: bytes) -> Any:
        service = registry.service(names(request)[0])
        return {
            "configs": [
                description
                for (_, name), description in service.async_configs.items()
                if name == names(request)[1]
            ]
        }

    yield CONFIG, "PUT", lambda r, body: registry.put_async_config(*names(r), object_of(body))
    yield CONFIG, "GET", lambda r, _: registry.async_config(*names(r))
    yield CONFIG, "DELETE", delete
    yield FUNCTION + "/async-invoke-configs", "GET", configs


def _on_demand(platform: Platform) -> Iterator[ActRoute]:
    """Yields the routes of the limit of instances: as many invocations run at a time."""
    registry = platform.registry

    def key(request: Request) -> tuple[str, str]:
        path = request.path_params
        function = registry.function(path["service"], path["function"])
        return function.qualifier, function.name

    def put(request: Request, body: bytes) -> Any:
        config = {"maximumInstanceCount": whole_number(object_of(body), "maximumInstanceCount")}
        registry.service(request.path_params["service"]).on_demand_configs[key(request)] = config
        return config

    def get(request: Request, _: bytes) -> Any:
        configs = registry.service(request.path_params["service"]).on_demand_configs
        if key(request) not in configs:
            raise FcError(404, "OnDemandConfigNotFound", "no limit is set")
        return configs[key(request)]

    def delete(request: Request, _: bytes) -> None:
        registry.service(request.path_params["service"]).on_demand_configs.pop(key(request), None)

    def listing(request: Request, _: bytes) -> Any:
        configs = [
            {"resource": f"{name}#{qualifier}#{function}", **config}
            for name, service in sorted(registry.services.items())
            for (qualifier, function), config in service.on_demand_configs.items()
        ]
        return listed(request, "configs", "resource", configs)

    yield OLDER + "/on-demand-configs", "GET", listing
    yield ON_DEMAND, "DELETE", delete
    yield ON_DEMAND, "PUT", put
    yield ON_DEMAND, "GET", get


def _descriptions(named: dict[str, Any]) -> list[dict[str, Any]]:
    return [thing.description for name, thing in sorted(named.items()) if name]
