"""Services, functions, versions, aliases and how a function is invoked asynchronously: what is deployed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import shutil
import zipfile
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.clock import Clock

RUNTIMES = ("python3", "python3.9", "python3.10", "python3.12", "python3.11", "python3.13")  # the last two: only here
LATEST = "LATEST"
NAME = "[A-Za-z_][A-Za-z0-9_-]{0,127}"
RESERVED = ("accessKeyID", "accessKeySecret", "securityToken", "topic")


class FcError(Exception):
    """An error answer: HTTP status, ErrorCode, ErrorMessage."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.code = code


@dataclass
class Function:
    service: str  # empty: of Function Compute 3.0
    name: str
    code: Path
    told: dict[str, Any]  # as it is described
    version_id: str = ""
    qualifier: str = LATEST

    @property
    def key(self) -> str:
        return f"{self.service}.{self.version_id or LATEST}/{self.name}/{self.told['codeChecksum']}"

    @property
    def runtime(self) -> str:
        return str(self.told["runtime"])

    @property
    def handler(self) -> str:
        return str(self.told["handler"])

    @property
    def timeout(self) -> int:
        return int(self.told.get("timeout") or 3)

    @property
    def memory_size(self) -> int:
        return int(self.told.get("memorySize") or 128)

    @property
    def initializer(self) -> str:
        return str(self.told.get("initializer") or "")

    @property
    def initializer_timeout(self) -> int:
        return int(self.told.get("initializationTimeout") or 3)

    @property
    def environment(self) -> dict[str, str]:
        return dict(self.told.get("environmentVariables") or {})


@dataclass
class Service:
    name: str
    told: dict[str, Any]
    functions: dict[str, Function] = field(default_factory=dict)
    versions: dict[str, dict[str, Function]] = field(default_factory=dict)
    version_told: dict[str, dict[str, Any]] = field(default_factory=dict)
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)
    async_configs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # by qualifier, function


@dataclass
class Registry:
    """Raises FcError throughout."""

    clock: Clock
    folder: Path
    services: dict[str, Service] = field(default_factory=dict)

    def create_service(self, body: dict[str, Any]) -> dict[str, Any]:
        name = _named(body, "serviceName")
        if name in self.services:
            raise FcError(409, "ServiceAlreadyExists", f"service '{name}' already exists")
        self.services[name] = Service(name, self._stamped({**body, "serviceId": _id(name)}))
        return self.services[name].told

    def update_service(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        service = self.service(name)
        service.told.update({k: v for k, v in body.items() if v is not None}, lastModifiedTime=self._now())
        return service.told

    def delete_service(self, name: str) -> None:
        service = self.service(name)
        if service.functions or service.versions:
            raise FcError(412, "PreconditionFailed", "the service has functions or versions; delete these first")
        del self.services[name]

    def service(self, name: str) -> Service:
        try:
            return self.services[name.split(".", maxsplit=1)[0]]
        except KeyError as error:
            raise FcError(404, "ServiceNotFound", f"service '{name}' does not exist") from error

    def put_function(self, service_name: str, body: dict[str, Any], name: str = "") -> dict[str, Any]:
        """Creates one, or changes the one of that name."""
        service = self.service(service_name)
        if not name and _named(body, "functionName") in service.functions:
            raise FcError(409, "FunctionAlreadyExists", f"function '{body['functionName']}' already exists")
        before = self.function(service_name, name) if name else None
        told = {**(before.told if before else {}), **{k: v for k, v in body.items() if v is not None and k != "code"}}
        _check(told)
        function = Function(service.name, name or body["functionName"], before.code if before else Path(), told)
        code = body.get("code")
        if code:
            function.code, told["codeChecksum"], told["codeSize"] = self._unpacked(function, code)
        elif before is None:
            raise FcError(400, "InvalidArgument", "code is required")
        told["functionName"], told["functionId"] = function.name, _id(f"{service.name}/{function.name}")
        function.told = self._stamped(told)
        service.functions[function.name] = function
        return function.told

    def function(self, service_name: str, name: str, qualifier: str = "") -> Function:
        """`service_name` may carry a qualifier, as a path does: LATEST, a version, or an alias."""
        service = self.service(service_name)
        qualifier = qualifier or service_name.partition(".")[2] or LATEST
        version = service.aliases.get(qualifier, {}).get("versionId", qualifier)
        functions = service.functions if version == LATEST else service.versions.get(version)
        if functions is None:
            raise FcError(404, "VersionNotFound", f"version or alias '{qualifier}' does not exist")
        if name not in functions:
            raise FcError(404, "FunctionNotFound", f"function '{name}' does not exist in service '{service.name}'")
        return replace(functions[name], qualifier=qualifier)

    def delete_function(self, service_name: str, name: str) -> None:
        self.function(service_name, name)
        del self.service(service_name).functions[name]

    def publish_version(self, service_name: str, body: dict[str, Any]) -> dict[str, Any]:
        service = self.service(service_name)
        id = str(max(map(int, service.versions), default=0) + 1)
        service.versions[id] = {name: replace(f, version_id=id) for name, f in service.functions.items()}
        service.version_told[id] = self._stamped({"versionId": id, "description": body.get("description") or ""})
        return service.version_told[id]

    def delete_version(self, service_name: str, id: str) -> None:
        service = self.service(service_name)
        if any(alias["versionId"] == id for alias in service.aliases.values()):
            raise FcError(412, "PreconditionFailed", "an alias points at the version")
        if service.versions.pop(id, None) is None:
            raise FcError(404, "VersionNotFound", f"version '{id}' does not exist")
        del service.version_told[id]

    def put_alias(self, service_name: str, body: dict[str, Any], name: str = "") -> dict[str, Any]:
        service = self.service(service_name)
        if not name and _named(body, "aliasName") in service.aliases:
            raise FcError(409, "AliasAlreadyExists", f"alias '{body['aliasName']}' already exists")
        if name and name not in service.aliases:
            raise FcError(404, "AliasNotFound", f"alias '{name}' does not exist")
        told = {**service.aliases.get(name, {}), **{k: v for k, v in body.items() if v is not None}}
        if told.get("versionId") not in service.versions:
            raise FcError(404, "VersionNotFound", f"version '{told.get('versionId')}' does not exist")
        told["aliasName"] = name or body["aliasName"]
        service.aliases[told["aliasName"]] = self._stamped(told)
        return told

    def alias(self, service_name: str, name: str) -> dict[str, Any]:
        try:
            return self.service(service_name).aliases[name]
        except KeyError as error:
            raise FcError(404, "AliasNotFound", f"alias '{name}' does not exist") from error

    def delete_alias(self, service_name: str, name: str) -> None:
        self.alias(service_name, name)
        del self.service(service_name).aliases[name]

    def put_async_config(self, service_name: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        function = self.function(service_name, name)
        if not 0 <= int(body.get("maxAsyncRetryAttempts") or 0) <= 8:
            raise FcError(400, "InvalidArgument", "maxAsyncRetryAttempts is 0 to 8")
        told = self._stamped({**body, "service": function.service, "function": name, "qualifier": function.qualifier})
        self.service(service_name).async_configs[function.qualifier, name] = told
        return told

    def async_config(self, service_name: str, name: str) -> dict[str, Any]:
        function = self.function(service_name, name)
        try:
            return self.service(service_name).async_configs[function.qualifier, name]
        except KeyError as error:
            raise FcError(404, "AsyncConfigNotExists", "the function has no asynchronous configuration") from error

    def _unpacked(self, function: Function, code: dict[str, Any]) -> tuple[Path, str, int]:
        if "zipFile" not in code:
            raise FcError(400, "InvalidArgument", "only code.zipFile is here, no OSS")
        try:
            content = base64.b64decode(code["zipFile"], validate=True)
            archive = zipfile.ZipFile(io.BytesIO(content))
        except (binascii.Error, TypeError, zipfile.BadZipFile) as error:
            raise FcError(400, "InvalidArgument", "code.zipFile is not a zip file in base64") from error
        checksum = hashlib.sha256(content).hexdigest()[:16]
        folder = self.folder / f"{function.service}-{function.name}-{checksum}"
        shutil.rmtree(folder, ignore_errors=True)
        archive.extractall(folder)
        return folder, checksum, len(content)

    def _stamped(self, told: dict[str, Any]) -> dict[str, Any]:
        told.setdefault("createdTime", self._now())
        told["lastModifiedTime"] = self._now()
        return told

    def _now(self) -> str:
        moment: datetime = self.clock.now()
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _named(body: dict[str, Any], field: str) -> str:
    name = str(body.get(field) or "")
    if not re.fullmatch(NAME, name):
        raise FcError(400, "InvalidArgument", f"{field} is a letter or _, then letters, digits, _ and -")
    return name


def _check(told: dict[str, Any]) -> None:
    if told.get("runtime") not in RUNTIMES:
        raise FcError(400, "InvalidArgument", f"runtime '{told.get('runtime')}' is not one of {', '.join(RUNTIMES)}")
    if not re.fullmatch(r"[^.]+(\.[^.]+)+", str(told.get("handler") or "")):
        raise FcError(400, "InvalidArgument", "handler is module.function")
    if not 1 <= int(told.get("timeout") or 3) <= 86_400:
        raise FcError(400, "InvalidArgument", "timeout is 1 to 86400 seconds")
    environment = told.get("environmentVariables") or {}
    wrong = [name for name in environment if name.startswith("FC_") or name in RESERVED]
    if wrong:
        raise FcError(400, "InvalidArgument", f"the environment variable {wrong[0]} is reserved")
    if sum(len(name) + len(str(value)) for name, value in environment.items()) > 4 << 10:
        raise FcError(400, "InvalidArgument", "environment variables have 4 KB together")


def _id(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:32]
