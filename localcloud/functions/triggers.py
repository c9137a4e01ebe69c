"""Triggers over HTTP, in both generations: created, described, changed, listed and deleted.

They are stored here. What delivers events for them reads them from `Service.triggers`. (Help pages
"CreateTrigger" of 2.0 and 3.0, and the structure "Trigger".)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from localcloud.functions.answers import NEWER, OLDER
from localcloud.functions.checks import checked_name
from localcloud.functions.model import LATEST, NATIVE, FcError, Function
from localcloud.functions.platform import Platform
from localcloud.functions.registry import Registry
from localcloud.functions.routing import ActRoute, listed, named, object_of
from localcloud.json_text import parse_json

TRIGGERS = (
    OLDER + "/services/{service}/functions/{function}/triggers",
    NEWER + "/functions/{function}/triggers",
)
TYPES = (
    *("oss", "log", "timer", "http", "tablestore", "cdn_events", "mns_topic", "eventbridge"),
    "alb",
)
CHANGEABLE = ("description", "invocationRole", "qualifier", "triggerConfig")


def trigger_routes(platform: Platform) -> Iterator[ActRoute]:
    """Yields path, method and act of each route of triggers."""
    triggers = _Triggers(platform.registry)
    for path in TRIGGERS:
        yield path, "POST", triggers.create
        yield path, "GET", triggers.listing
        yield path + "/{trigger}", "GET", triggers.get
        yield path + "/{trigger}", "PUT", triggers.update
        yield path + "/{trigger}", "DELETE", triggers.delete


class _Triggers:
    """The acts of triggers."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create(self, request: Request, body: bytes) -> Any:
        return add_trigger(self._registry, self._function(request), object_of(body))

    def get(self, request: Request, _: bytes) -> dict[str, Any]:
        name, function = named(request, "trigger"), self._function(request)
        try:
            return self._of(function)[name]
        except KeyError as error:
            message = f"trigger '{name}' does not exist in function '{function.name}'"
            raise FcError(404, "TriggerNotFound", message) from error

    def update(self, request: Request, body: bytes) -> Any:
        found, given = self.get(request, b""), object_of(body)
        changes = {name: given[name] for name in CHANGEABLE if given.get(name) is not None}
        function = self._function(request)
        _check_config({**found, **changes}, function.is_native)
        self._registry.function(function.service, function.name, changes.get("qualifier", ""))
        found.update(changes)
        return self._registry.stamp(found)

    def delete(self, request: Request, _: bytes) -> None:
        del self._of(self._function(request))[self.get(request, b"")["triggerName"]]

    def listing(self, request: Request, _: bytes) -> Any:
        triggers = [found for _, found in sorted(self._of(self._function(request)).items())]
        return listed(request, "triggers", "triggerName", triggers)

    def _function(self, request: Request) -> Function:
        service = request.path_params.get("service", NATIVE).partition(".")[0]
        return self._registry.function(service, named(request))

    def _of(self, function: Function) -> dict[str, dict[str, Any]]:
        return _triggers_of(self._registry, function)


def add_trigger(registry: Registry, function: Function, given: dict[str, Any]) -> dict[str, Any]:
    """Adds a trigger as CreateTrigger describes it, and returns its description. Raises FcError."""
    name, triggers = checked_name(given, "triggerName"), _triggers_of(registry, function)
    if name in triggers:
        message = f"trigger '{name}' already exists in function '{function.name}'"
        raise FcError(409, "TriggerAlreadyExists", message)
    created = _described(given, function, registry.arn_root)
    registry.function(function.service, function.name, created["qualifier"])
    triggers[name] = registry.stamp(created)
    return created


def _triggers_of(registry: Registry, function: Function) -> dict[str, dict[str, Any]]:
    service = registry.service(function.service, function.name)
    return service.triggers.setdefault(function.name, {})


def _described(given: dict[str, Any], function: Function, arn_root: str) -> dict[str, Any]:
    """Returns what GetTrigger answers, but its times. Raises FcError."""
    if given.get("triggerType") not in TYPES:
        raise FcError(400, "InvalidArgument", f"triggerType is one of {', '.join(TYPES)}")
    _check_config(given, function.is_native)
    names = ("triggerName", "triggerType", "triggerConfig", "invocationRole", "sourceArn")
    described = {name: given.get(name) or "" for name in (*names, "description")}
    described.update(triggerId=str(uuid4()), qualifier=given.get("qualifier") or LATEST)
    if function.is_native:
        described["targetArn"] = f"{arn_root}:functions/{function.name}"
        described["status"] = "OK"
    if given["triggerType"] == "http":
        described.update(_addresses(function, arn_root.split(":")[2]))
    return described


def _check_config(trigger: dict[str, Any], is_native: bool) -> None:
    """Raises FcError for a configuration that is no object: as a text in 3.0, as itself in 2.0."""
    config = trigger.get("triggerConfig")
    try:
        is_object = isinstance(parse_json(config or "{}") if is_native else config or {}, dict)
    except (TypeError, ValueError):
        is_object = False
    if not is_object:
        form = "a JSON object as a text" if is_native else "an object"
        raise FcError(400, "InvalidArgument", f"triggerConfig is {form}")


def _addresses(function: Function, region_id: str) -> dict[str, Any]:
    """Returns addresses of an HTTP trigger in their documented form; here it is /fcapp.run/."""
    service = f"{function.service}-" if function.service else ""
    digest = hashlib.sha256(f"{service}{function.name}".encode()).hexdigest()
    letters = "".join(chr(ord("a") + int(digit, 16)) for digit in digest[:10])
    host = f"{service}{function.name}-{letters}.{region_id}".lower().replace("_", "-")
    urls = {
        "urlInternet": f"https://{host}.fcapp.run",
        "urlIntranet": f"https://{host}-vpc.fcapp.run",
    }
    return {"httpTrigger": urls} if function.is_native else urls
