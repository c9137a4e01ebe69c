"""What is deployed: services, functions, versions, aliases, asynchronous configurations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
from localcloud.functions.checks import (
    check_async_config,
    check_function,
    checked_name,
    tags_of,
)
from localcloud.functions.model import LATEST, NATIVE, FcError, Function, Service
from localcloud.functions.packages import Packages


@dataclass
class Registry:
    """All functions of both generations. Every method raises FcError where the API refuses.

    Versions, aliases and asynchronous configurations are a service's in 2.0, and a function's in
    3.0. So a native function has a `Service` of its own, and `function` names it where
    `service_name` is NATIVE.
    """

    clock: Clock
    packages: Packages
    arn_root: str = "acs:fc:cn-hangzhou:1"  # acs:fc, the region, and the account
    services: dict[str, Service] = field(default_factory=dict)
    natives: dict[str, Service] = field(default_factory=dict)  # by the name of the function

    def create_service(self, body: dict[str, Any]) -> dict[str, Any]:
        name = checked_name(body, "serviceName")
        if name in self.services:
            raise FcError(409, "ServiceAlreadyExists", f"service '{name}' already exists")
        self.services[name] = Service(name, self.stamp({**body, "serviceId": _id(name)}))
        return self.services[name].description

    def update_service(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        service = self.service(name)
        service.description.update(
            {k: v for k, v in body.items() if v is not None}, lastModifiedTime=self._now()
        )
        return service.description

    def delete_service(self, name: str) -> None:
        service = self.service(name)
        if service.functions or service.versions:
            message = f"service '{name}' has functions or versions; delete these first"
            raise FcError(409, "ServiceNotEmpty", message)
        del self.services[name]

    def service(self, name: str, function: str = "") -> Service:
        """The service; of a native function, what it has instead."""
        service_name = name.split(".", maxsplit=1)[0]
        try:
            return self.natives[function] if service_name == NATIVE else self.services[service_name]
        except KeyError as error:
            if service_name == NATIVE:
                message = f"function '{function}' does not exist"
                raise FcError(404, "FunctionNotFound", message) from error
            raise FcError(404, "ServiceNotFound", f"service '{name}' does not exist") from error

    def service_description(self, name: str) -> dict[str, Any]:
        """What GetService answers; `name` may carry a qualifier."""
        service, qualifier = self.service(name), name.partition(".")[2] or LATEST
        version = service.aliases.get(qualifier, {}).get("versionId", qualifier)
        if version == LATEST:
            return service.description
        try:
            return service.version_services[version]
        except KeyError as error:
            message = f"version or alias '{qualifier}' does not exist"
            raise FcError(404, "VersionNotFound", message) from error

    def put_function(
        self, service_name: str, body: dict[str, Any], name: str = ""
    ) -> dict[str, Any]:
        """Creates a function, or changes the one of that name."""
        function_name = name or checked_name(body, "functionName")
        is_new_native = service_name == NATIVE and function_name not in self.natives and not name
        service = (
            Service(NATIVE, {}) if is_new_native else self.service(service_name, function_name)
        )
        if not name and function_name in service.functions:
            raise FcError(
                409, "FunctionAlreadyExists", f"function '{function_name}' already exists"
            )
        before = self.function(service_name, name) if name else None
        description = {
            **(before.description if before else {}),
            **{k: v for k, v in body.items() if v is not None and k not in ("code", "tags")},
        }
        check_function(description)
        code_folder = before.code if before else Path()
        function = Function(service.name, function_name, code_folder, description)
        code = body.get("code")
        if code:
            function.code, checksum, size = self.packages.unpack(function, code)
            description.update(codeChecksum=checksum, codeSize=size)
        elif before is None:
            raise FcError(400, "InvalidArgument", "code is required")
        description["functionName"] = function.name
        description["functionId"] = _id(f"{service.name}/{function.name}")
        if function.is_native:
            arn = self.arn(function)
            description.update(functionArn=arn, state="Active", lastUpdateStatus="Successful")
        if before is None:
            service.tags.update(tags_of(body.get("tags")))
        function.description = self.stamp(description)
        service.functions[function.name] = function
        if service_name == NATIVE:
            self.natives[function.name] = service
        return function.description

    def function(self, service_name: str, name: str, qualifier: str = "") -> Function:
        """`service_name` may carry a qualifier, as a path does: LATEST, a version, or an alias."""
        service = self.service(service_name, name)
        qualifier = qualifier or service_name.partition(".")[2] or LATEST
        version = service.aliases.get(qualifier, {}).get("versionId", qualifier)
        functions = service.functions if version == LATEST else service.versions.get(version)
        if functions is None:
            raise FcError(404, "VersionNotFound", f"version or alias '{qualifier}' does not exist")
        if name not in functions:
            raise FcError(
                404,
                "FunctionNotFound",
                f"function '{name}' does not exist in service '{service.name}'",
            )
        return replace(functions[name], qualifier=qualifier)

    def arn(self, function: Function, qualifier: str = "") -> str:
        """Returns the ARN of a function, with a qualifier if one is given."""
        if function.is_native:
            return f"{self.arn_root}:functions/{function.name}{'/' * bool(qualifier)}{qualifier}"
        dotted = f".{qualifier}" if qualifier else ""
        return f"{self.arn_root}:services/{function.service}{dotted}/functions/{function.name}"

    def delete_function(self, service_name: str, name: str) -> None:
        self.function(service_name, name)
        if self.service(service_name, name).triggers.get(name):
            raise FcError(409, "FunctionNotEmpty", f"function '{name}' has active triggers")
        del self.service(service_name, name).functions[name]
        if service_name == NATIVE:
            del self.natives[name]

    def publish_version(
        self, service_name: str, body: dict[str, Any], function: str = ""
    ) -> dict[str, Any]:
        """Makes a version of what the service, or the native function, is now."""
        service = self.service(service_name, function)
        newest = max(map(int, service.versions), default=0)
        if newest and _is_published(service, str(newest)):
            message = f"can not publish version for '{service.name or function}', detail: "
            message += "'No changes were made since last publish'"
            raise FcError(400, "VersionPublishError", message)
        id = str(newest + 1)
        service.versions[id] = {
            name: replace(f, version_id=id) for name, f in service.functions.items()
        }
        service.version_services[id] = dict(service.description)
        service.version_descriptions[id] = self.stamp(
            {"versionId": id, "description": body.get("description") or ""}
        )
        return service.version_descriptions[id]

    def delete_version(self, service_name: str, id: str, function: str = "") -> None:
        service = self.service(service_name, function)
        if any(alias["versionId"] == id for alias in service.aliases.values()):
            raise FcError(412, "PreconditionFailed", "an alias points at the version")
        if service.versions.pop(id, None) is None:
            raise FcError(404, "VersionNotFound", f"version '{id}' does not exist")
        del service.version_descriptions[id], service.version_services[id]

    def put_alias(
        self, service_name: str, body: dict[str, Any], name: str = "", function: str = ""
    ) -> dict[str, Any]:
        service = self.service(service_name, function)
        if not name and checked_name(body, "aliasName") == LATEST:
            raise FcError(400, "InvalidArgument", f"aliasName cannot be {LATEST}")
        if not name and body["aliasName"] in service.aliases:
            raise FcError(409, "AliasAlreadyExists", f"alias '{body['aliasName']}' already exists")
        if name and name not in service.aliases:
            raise _no_alias(service, name)
        given = {key: value for key, value in body.items() if value is not None}
        description = {**service.aliases.get(name, {}), **given}
        if description.get("versionId") not in service.versions:
            raise FcError(
                404, "VersionNotFound", f"version '{description.get('versionId')}' does not exist"
            )
        description["aliasName"] = name or body["aliasName"]
        service.aliases[description["aliasName"]] = self.stamp(description)
        return description

    def alias(self, service_name: str, name: str, function: str = "") -> dict[str, Any]:
        service = self.service(service_name, function)
        try:
            return service.aliases[name]
        except KeyError as error:
            raise _no_alias(service, name) from error

    def delete_alias(self, service_name: str, name: str, function: str = "") -> None:
        self.alias(service_name, name, function)
        del self.service(service_name, function).aliases[name]

    def put_async_config(
        self, service_name: str, name: str, body: dict[str, Any], qualifier: str = ""
    ) -> dict[str, Any]:
        function = self.function(service_name, name, qualifier)
        check_async_config(body)
        configs = self.service(service_name, name).async_configs
        if function.is_native:
            of_function = {"functionArn": self.arn(function, function.qualifier)}
        else:
            names = {"service": function.service, "function": name}
            of_function = {**names, "qualifier": function.qualifier}
            # In 2.0 what is not given stays as it is; in 3.0 the whole is replaced.
            given = {key: value for key, value in body.items() if value is not None}
            body = {**configs.get((function.qualifier, name), {}), **given}
        configs[function.qualifier, name] = self.stamp({**body, **of_function})
        return configs[function.qualifier, name]

    def async_config(self, service_name: str, name: str, qualifier: str = "") -> dict[str, Any]:
        function = self.function(service_name, name, qualifier)
        try:
            return self.service(service_name, name).async_configs[function.qualifier, name]
        except KeyError as error:
            message = f"AsyncConfig for {name}:{function.qualifier} does not exist."
            raise FcError(404, "AsyncConfigNotExists", message) from error

    def max_concurrency(self, function: Function) -> int | None:
        """Returns how many invocations may run at a time; None where nothing limits them."""
        service = self.service(function.service, function.name)
        if function.is_native:
            return service.reserved_concurrency
        config = service.on_demand_configs.get((function.qualifier, function.name)) or {}
        return config.get("maximumInstanceCount")

    def delete_async_config(self, service_name: str, name: str, qualifier: str = "") -> None:
        function = self.function(service_name, name, qualifier)
        self.async_config(service_name, name, qualifier)
        del self.service(service_name, name).async_configs[function.qualifier, name]

    def stamp(self, description: dict[str, Any]) -> dict[str, Any]:
        """Adds when it was created, and changed last, and returns it."""
        description.setdefault("createdTime", self._now())
        description["lastModifiedTime"] = self._now()
        return description

    def _now(self) -> str:
        moment: datetime = self.clock.now()
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _no_alias(service: Service, name: str) -> FcError:
    owner = "" if service.name == NATIVE else f" of service '{service.name}'"
    return FcError(404, "AliasNotFound", f"alias '{name}'{owner} does not exist")


def _is_published(service: Service, version: str) -> bool:
    """Whether the version has all that is deployed now."""
    contents = [
        {name: _without_times(function.description) for name, function in functions.items()}
        for functions in (service.functions, service.versions[version])
    ]
    descriptions = (service.description, service.version_services[version])
    before, now = map(_without_times, descriptions)
    return contents[0] == contents[1] and before == now


def _without_times(description: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in description.items() if not k.endswith("Time")}


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
