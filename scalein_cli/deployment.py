"""What a deployment changes in Function Compute: each difference, and the call that removes it."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scalein_cli.compute import FunctionAddress, read_resource
from scalein_cli.errors import CommandError

DIGEST_PREFIX = "sha256:"
# A variable with one of these in its name: its value is not printed.
SECRET_NAME_PARTS = ("KEY", "SECRET", "TOKEN", "PASSWORD", "LEDGER")
MAX_VALUE_CHARACTERS = 60
DEFAULT_RUNTIME, DEFAULT_TIMEOUT, DEFAULT_MEMORY = "python3.10", 60, 256
ASYNC_CONFIG: dict[str, Any] = {
    "maxAsyncRetryAttempts": 3,
    "maxAsyncEventAgeInSeconds": 86_400,
    "statefulInvocation": True,
}


class Deployment(NamedTuple):
    """What is to be deployed. None and empty: as it is now, or the default for a new function."""

    address: FunctionAddress
    package: Path | None  # None: only the configuration of asynchronous invocations
    runtime: str | None = None
    timeout: int | None = None  # seconds
    memory: int | None = None  # MB
    variables: Mapping[str, str] = {}  # to set; the others stay
    unset: tuple[str, ...] = ()  # names of variables to remove
    role: str = ""
    alias: str = ""
    on_success: str = ""  # ARNs
    on_failure: str = ""


class Change(NamedTuple):
    """One difference between what is deployed and what is to be deployed."""

    subject: str
    before: str
    after: str
    apply: Callable[[], Any]


def plan_changes(client: Any, deployment: Deployment) -> list[Change]:
    """The differences from what is deployed, in the order to apply them. Raises CommandError."""
    address = deployment.address
    service = read_resource("service", lambda: client.get_service(address.service))
    function = service and read_resource(
        "function", lambda: client.get_function(address.service, address.function)
    )
    if deployment.package is None:
        return _async_changes(client, deployment, function is not None)
    changes = [
        *_service_changes(client, deployment, service),
        *_function_changes(client, deployment, deployment.package, function),
    ]
    alias = (
        service
        and deployment.alias
        and read_resource("alias", lambda: client.get_alias(address.service, deployment.alias))
    )
    if deployment.alias and (changes or not alias):
        changes.append(_alias_change(client, deployment, alias or None))
    exists = bool(function and (alias or not deployment.alias))
    return [*changes, *_async_changes(client, deployment, exists)]


def _service_changes(
    client: Any, deployment: Deployment, service: Mapping[str, Any] | None
) -> list[Change]:
    name, role = deployment.address.service, deployment.role or None

    def create() -> Any:
        return client.create_service(name, description="Safe scale-in for Auto Scaling", role=role)

    if service is None:
        return [Change(f"service {name}", "none", f"role {role}" if role else "no role", create)]
    if role and service.get("role") != role:
        before = f"role {service.get('role') or 'none'}"
        update = lambda: client.update_service(name, role=role)  # noqa: E731
        return [Change(f"service {name}", before, f"role {role}", update)]
    return []


def _function_changes(
    client: Any, deployment: Deployment, package: Path, function: Mapping[str, Any] | None
) -> list[Change]:
    address, current = deployment.address, function or {}
    digest = DIGEST_PREFIX + hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    current_variables = dict(current.get("environmentVariables") or {})
    variables = {
        name: value
        for name, value in {**current_variables, **deployment.variables}.items()
        if name not in deployment.unset
    }
    settings = {
        "runtime": _runtime(deployment, package, current.get("runtime")),
        "handler": "index.handler",
        "initializer": "index.initialize",
        "initializationTimeout": 10,
        "codeZipFile": str(package),
        "description": "Removes instances of a scaling group on request, never below MinSize. "
        + digest,
        "memorySize": deployment.memory or current.get("memorySize") or DEFAULT_MEMORY,
        "timeout": deployment.timeout or current.get("timeout") or DEFAULT_TIMEOUT,
        "environmentVariables": variables,
    }
    before = {} if function is None else _printed_settings(function)
    after = _printed_settings(settings)
    if before == after and current_variables == variables:
        return []
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    names = names or ["variables"]  # a value that is not printed in full
    put = client.create_function if function is None else client.update_function
    return [
        Change(
            f"function {address.function}",
            "none" if function is None else _settings_text(before, names),
            _settings_text(after, names),
            lambda: put(address.service, address.function, **settings),
        )
    ]


def _settings_text(settings: Mapping[str, str], names: list[str]) -> str:
    return ", ".join(f"{name} {settings.get(name, 'unset')}" for name in names)


def _printed_settings(function: Mapping[str, Any]) -> dict[str, str]:
    """The settings of a function as they are printed and compared."""
    variables = dict(function.get("environmentVariables") or {})
    return {
        "package": str(function.get("description") or "").rpartition(" ")[2],
        "runtime": str(function.get("runtime")),
        "timeout": f"{function.get('timeout')} s",
        "memory": f"{function.get('memorySize')} MB",
        **{
            f"variable {name}": _printed_value(name, str(value))
            for name, value in sorted(variables.items())
        },
    }


def _printed_value(name: str, value: str) -> str:
    """The value of a variable, cut; a digest of it if it may be a secret."""
    if any(part in name.upper() for part in SECRET_NAME_PARTS):
        digest = hashlib.sha256(value.encode()).hexdigest()[:8]
        return f"(hidden, {digest})"
    if len(value) <= MAX_VALUE_CHARACTERS:
        return value
    return f"{value[: MAX_VALUE_CHARACTERS - 3]}..."


def _runtime(deployment: Deployment, package: Path, current: str | None) -> str:
    """The runtime that the compiled modules of the package need. Raises CommandError."""
    try:
        names = zipfile.ZipFile(package).namelist()
    except zipfile.BadZipFile:
        raise CommandError(f"{package} is not a zip file. Make one with scalein package.") from None
    needed = {
        f"python{tag[1]}.{tag[2]}"
        for name in names
        if (tag := re.search(r"\.cpython-(\d)(\d+)-\w+", name))
    }
    if deployment.runtime and needed - {deployment.runtime}:
        raise CommandError(
            f"{package} was made for {', '.join(sorted(needed))}, not for {deployment.runtime}. "
            f"Make it again with scalein package --runtime {deployment.runtime}."
        )
    return deployment.runtime or next(iter(needed), None) or current or DEFAULT_RUNTIME


def _async_changes(client: Any, deployment: Deployment, exists: bool) -> list[Change]:
    """How the function is invoked asynchronously: retries, task ids, destinations."""
    address, config = deployment.address, dict(ASYNC_CONFIG)
    destinations = {"onSuccess": deployment.on_success, "onFailure": deployment.on_failure}
    destinations = {event: arn for event, arn in destinations.items() if arn}
    if destinations:
        config["destinationConfig"] = {
            event: {"destination": arn} for event, arn in destinations.items()
        }
    qualifier = deployment.alias or address.qualifier
    names = (address.service, qualifier, address.function)
    current = None
    if exists:
        current = read_resource(
            "asynchronous configuration",
            lambda: client.get_function_async_invoke_config(*names),
        )
    if current is not None and all(current.get(name) == value for name, value in config.items()):
        return []
    texts = [f"{name} {value}" for name, value in config.items() if name != "destinationConfig"]
    texts += [f"{event} {arn}" for event, arn in destinations.items()]
    return [
        Change(
            f"asynchronous calls of {qualifier}",
            "none" if current is None else "different",
            ", ".join(texts),
            lambda: client.put_function_async_invoke_config(*names, config),
        )
    ]


def _alias_change(client: Any, deployment: Deployment, alias: Mapping[str, Any] | None) -> Change:
    service, name = deployment.address.service, deployment.alias

    def move() -> None:
        description = str(deployment.package)
        version = client.publish_version(service, description=description).data["versionId"]
        put = client.create_alias if alias is None else client.update_alias
        put(service, name, version)

    before = "none" if alias is None else f"version {alias.get('versionId')}"
    return Change(f"alias {name}", before, "a new version", move)
