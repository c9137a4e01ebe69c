"""Management of 2.0 over HTTP: services, functions, versions, aliases, async configurations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.invocation_queue import Invocation
from localcloud.functions.model import FcError, Service
from localcloud.functions.platform import Platform

OLDER, NEWER = "/2016-08-15", "/2023-03-30"
SERVICE = OLDER + "/services/{service}"
FUNCTION = SERVICE + "/functions/{function}"
CONFIG = FUNCTION + "/async-invoke-config"
ON_DEMAND = FUNCTION + "/on-demand-config"
TASKS = FUNCTION + "/stateful-async-invocations"
Act = Callable[[Request, bytes], Any]


def management(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    """Yields path, method and act of each route; an act answers JSON, or nothing."""
    yield from _services(platform)
    yield from _functions(platform)
    yield from _versions(platform)
    yield from _asynchronous(platform)
    yield from _on_demand(platform)


def _services(platform: Platform) -> Iterator[tuple[str, str, Act]]:
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


def _functions(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    registry = platform.registry

    def update(request: Request, body: bytes) -> Any:
        path = request.path_params
        description = registry.put_function(path["service"], object_of(body), path["function"])
        platform.discard_instances(path["service"].partition(".")[0])
        return description

    def listing(request: Request, _: bytes) -> Any:
        service = registry.service(request.path_params["service"])
        return listed(request, "functions", "functionName", _descriptions(service.functions))

    def code(request: Request, _: bytes) -> Any:
        path = request.path_params
        function = registry.function(path["service"], path["function"])
        return registry.packages.location(function, str(request.base_url))

    def instances(request: Request, _: bytes) -> Any:
        function = registry.function(
            request.path_params["service"], request.path_params["function"]
        )
        return {"instances": [{"instanceId": id} for id in platform.pool.instances(function.key)]}

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
    yield (
        FUNCTION,
        "DELETE",
        lambda r, _: registry.delete_function(r.path_params["service"], r.path_params["function"]),
    )
    yield FUNCTION + "/instances", "GET", instances
    yield FUNCTION + "/code", "GET", code


def _versions(platform: Platform) -> Iterator[tuple[str, str, Act]]:
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
        lambda r, _: listed(
            r, "versions", "versionId", list(service(r).version_descriptions.values())
        ),
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


def _asynchronous(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    registry = platform.registry

    def names(request: Request) -> tuple[str, str]:
        return request.path_params["service"], request.path_params["function"]

    def delete(request: Request, _: bytes) -> None:
        description = registry.async_config(*names(request))
        del registry.service(names(request)[0]).async_configs[
            description["qualifier"], description["function"]
        ]

    def configs(request: Request, _: bytes) -> Any:
        service = registry.service(names(request)[0])
        return {
            "configs": [
                description
                for (_, name), description in service.async_configs.items()
                if name == names(request)[1]
            ]
        }

    def tasks(request: Request, _: bytes) -> Any:
        service, function = names(request)
        key = (service.split(".")[0], function)
        items = [t for (s, f, _), t in platform.queue.tasks.items() if (s, f) == key]
        return {"invocations": [_task(invocation) for invocation in items]}

    def task(request: Request) -> Invocation:
        service, function = names(request)
        items = platform.queue.tasks.get(
            (service.split(".")[0], function, request.path_params["task"])
        )
        if items is None:
            raise FcError(404, "StatefulAsyncInvocationNotFound")
        return items

    yield CONFIG, "PUT", lambda r, body: registry.put_async_config(*names(r), object_of(body))
    yield CONFIG, "GET", lambda r, _: registry.async_config(*names(r))
    yield CONFIG, "DELETE", delete
    yield FUNCTION + "/async-invoke-configs", "GET", configs
    yield TASKS, "GET", tasks
    yield TASKS + "/{task}", "GET", lambda r, _: _task(task(r))
    yield TASKS + "/{task}", "PUT", lambda r, _: platform.queue.stop(task(r))


def _on_demand(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    """Yields the routes of the limit of instances, which is kept, and not enforced."""
    registry = platform.registry

    def key(request: Request) -> tuple[str, str]:
        path = request.path_params
        function = registry.function(path["service"], path["function"])
        return function.qualifier, function.name

    def put(request: Request, body: bytes) -> Any:
        limit = object_of(body).get("maximumInstanceCount")
        if not isinstance(limit, int) or limit < 0:
            raise FcError(400, "InvalidArgument", "maximumInstanceCount is a whole number")
        config = {"maximumInstanceCount": limit}
        registry.service(request.path_params["service"]).on_demand_configs[key(request)] = config
        return config

    def get(request: Request, _: bytes) -> Any:
        configs = registry.service(request.path_params["service"]).on_demand_configs
        if key(request) not in configs:
            raise FcError(404, "OnDemandConfigNotFound", "no limit is set")
        return configs[key(request)]

    yield ON_DEMAND, "PUT", put
    yield ON_DEMAND, "GET", get


def object_of(body: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body; an empty body is an empty object."""
    return dict(json.loads(body or b"{}"))


def _descriptions(named: dict[str, Any]) -> list[dict[str, Any]]:
    return [thing.description for name, thing in sorted(named.items()) if name]


def listed(request: Request, name: str, key: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns one page of what has the prefix, and where the next one starts."""
    limit = int(request.query_params.get("limit") or 20)
    prefix = request.query_params.get("prefix") or ""
    fitting = [item for item in items if str(item[key]).startswith(prefix)]
    ids = [str(item[key]) for item in fitting]
    token = request.query_params.get("nextToken") or ""
    start = ids.index(token) if token in ids else 0
    end = start + limit
    page = {name: fitting[start:end]}
    return {**page, "nextToken": ids[end]} if end < len(ids) else page


def _task(invocation: Invocation) -> dict[str, Any]:
    answer = invocation.answer.decode("utf-8", "replace")
    return {
        "invocationId": invocation.task_id,
        "requestId": invocation.request_id,
        "functionName": invocation.function,
        "serviceName": invocation.service,
        "qualifier": invocation.qualifier,
        "status": invocation.status,
        "alreadyRetriedTimes": max(0, invocation.attempts),
        "returnPayload": answer if invocation.status == "Succeeded" else "",
        "invocationErrorMessage": answer if invocation.status == "Failed" else "",
    }
