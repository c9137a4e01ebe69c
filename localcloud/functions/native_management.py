"""Management of 3.0 over HTTP (API 2023-03-30): functions without a service.

A native function has versions, aliases, asynchronous configurations and a concurrency of its own.
`Registry` has them under the name of the function, where 2.0 has those of a service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from localcloud.functions.invocation_queue import Invocation
from localcloud.functions.management import NEWER, Act, listed, object_of
from localcloud.functions.model import LATEST, NATIVE, FcError
from localcloud.functions.platform import Platform

FUNCTION = NEWER + "/functions/{function}"
CONFIG, CONCURRENCY = FUNCTION + "/async-invoke-config", FUNCTION + "/concurrency"
VERSIONS, ALIASES, TASKS = FUNCTION + "/versions", FUNCTION + "/aliases", FUNCTION + "/async-tasks"


def native_management(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    """Yields path, method and act of each route; an act answers JSON, or nothing."""
    yield from _functions(platform)
    yield from _versions(platform)
    yield from _aliases(platform)
    yield from _asynchronous(platform)
    yield from _concurrency(platform)
    yield from _tasks(platform)


def _functions(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    registry = platform.registry

    def get(request: Request, _: bytes) -> Any:
        return registry.function(NATIVE, _name(request), _qualifier(request)).description

    def code(request: Request, _: bytes) -> Any:
        function = registry.function(NATIVE, _name(request), _qualifier(request))
        return registry.packages.location(function, str(request.base_url))

    def update(request: Request, body: bytes) -> Any:
        description = registry.put_function(NATIVE, object_of(body), _name(request))
        platform.discard_instances(NATIVE, _name(request))
        return description

    def listing(request: Request, _: bytes) -> Any:
        described = [
            function.description
            for _, native in sorted(registry.natives.items())
            for function in native.functions.values()
        ]
        return listed(request, "functions", "functionName", described)

    functions = NEWER + "/functions"
    yield functions, "POST", lambda _, body: registry.put_function(NATIVE, object_of(body))
    yield functions, "GET", listing
    yield FUNCTION, "GET", get
    yield FUNCTION, "PUT", update
    yield FUNCTION, "DELETE", lambda r, _: registry.delete_function(NATIVE, _name(r))
    yield FUNCTION + "/code", "GET", code


def _versions(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    registry = platform.registry

    def publish(request: Request, body: bytes) -> Any:
        return registry.publish_version(NATIVE, object_of(body), _name(request))

    def listing(request: Request, _: bytes) -> Any:
        versions = list(registry.service(NATIVE, _name(request)).version_descriptions.values())
        return listed(request, "versions", "versionId", versions)

    def delete(request: Request, _: bytes) -> None:
        registry.delete_version(NATIVE, request.path_params["version"], _name(request))

    yield VERSIONS, "POST", publish
    yield VERSIONS, "GET", listing
    yield VERSIONS + "/{version}", "DELETE", delete


def _aliases(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    registry = platform.registry

    def create(request: Request, body: bytes) -> Any:
        return registry.put_alias(NATIVE, object_of(body), function=_name(request))

    def listing(request: Request, _: bytes) -> Any:
        aliases = list(registry.service(NATIVE, _name(request)).aliases.values())
        return listed(request, "aliases", "aliasName", aliases)

    def get(request: Request, _: bytes) -> Any:
        return registry.alias(NATIVE, request.path_params["alias"], _name(request))

    def update(request: Request, body: bytes) -> Any:
        name = request.path_params["alias"]
        return registry.put_alias(NATIVE, object_of(body), name, _name(request))

    def delete(request: Request, _: bytes) -> None:
        registry.delete_alias(NATIVE, request.path_params["alias"], _name(request))

    yield ALIASES, "POST", create
    yield ALIASES, "GET", listing
    yield ALIASES + "/{alias}", "GET", get
    yield ALIASES + "/{alias}", "PUT", update
    yield ALIASES + "/{alias}", "DELETE", delete


def _asynchronous(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    registry = platform.registry

    def put(request: Request, body: bytes) -> Any:
        return registry.put_async_config(
            NATIVE, _name(request), object_of(body), _qualifier(request)
        )

    def get(request: Request, _: bytes) -> Any:
        return registry.async_config(NATIVE, _name(request), _qualifier(request))

    def delete(request: Request, _: bytes) -> None:
        registry.async_config(NATIVE, _name(request), _qualifier(request))
        configs = registry.service(NATIVE, _name(request)).async_configs
        del configs[_qualifier(request), _name(request)]

    yield CONFIG, "PUT", put
    yield CONFIG, "GET", get
    yield CONFIG, "DELETE", delete


def _concurrency(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    """Yields the routes of the concurrency, which is kept, and not enforced."""
    registry = platform.registry

    def put(request: Request, body: bytes) -> Any:
        reserved = object_of(body).get("reservedConcurrency")
        if not isinstance(reserved, int) or reserved < 0:
            raise FcError(400, "InvalidArgument", "reservedConcurrency is a whole number")
        config = {"functionName": _name(request), "reservedConcurrency": reserved}
        registry.service(NATIVE, _name(request)).description["concurrency"] = config
        return config

    def get(request: Request, _: bytes) -> Any:
        config = registry.service(NATIVE, _name(request)).description.get("concurrency")
        if config is None:
            raise FcError(404, "ConcurrencyConfigNotFound", "no concurrency is set")
        return config

    def delete(request: Request, _: bytes) -> None:
        registry.service(NATIVE, _name(request)).description.pop("concurrency", None)

    yield CONCURRENCY, "PUT", put
    yield CONCURRENCY, "GET", get
    yield CONCURRENCY, "DELETE", delete


def _tasks(platform: Platform) -> Iterator[tuple[str, str, Act]]:
    def task(request: Request) -> Invocation:
        found = platform.queue.tasks.get((NATIVE, _name(request), request.path_params["task"]))
        if found is None:
            raise FcError(404, "AsyncTaskNotFound", "there is no such task")
        return found

    def listing(request: Request, _: bytes) -> Any:
        key = (NATIVE, _name(request))
        tasks = [t for (service, f, _), t in platform.queue.tasks.items() if (service, f) == key]
        return {"tasks": [_described(found) for found in tasks]}

    yield TASKS, "GET", listing
    yield TASKS + "/{task}", "GET", lambda r, _: _described(task(r))
    yield TASKS + "/{task}/stop", "PUT", lambda r, _: platform.queue.stop(task(r))


def _described(invocation: Invocation) -> dict[str, Any]:
    answer = invocation.answer.decode("utf-8", "replace")
    return {
        "taskId": invocation.task_id,
        "requestId": invocation.request_id,
        "functionArn": f"acs:fc:::{invocation.arn_path}",
        "qualifier": invocation.qualifier,
        "status": invocation.status,
        "alreadyRetriedTimes": max(0, invocation.attempts),
        "returnPayload": answer if invocation.status == "Succeeded" else "",
        "taskErrorMessage": answer if invocation.status == "Failed" else "",
    }


def _name(request: Request) -> str:
    return str(request.path_params["function"])


def _qualifier(request: Request) -> str:
    return request.query_params.get("qualifier") or LATEST
