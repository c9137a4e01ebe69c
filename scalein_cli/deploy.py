"""`scalein deploy`: service, function, asynchronous configuration, version, alias; shown before anything is done."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from scalein_cli.compute import ComputeError, Place, asked, there

MARK = "sha256:"
HIDDEN = (
    "KEY",
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "LEDGER",
)  # in a variable's name: its value is not shown
ASYNC: dict[str, Any] = {
    "maxAsyncRetryAttempts": 3,
    "maxAsyncEventAgeInSeconds": 86_400,
    "statefulInvocation": True,
}


class Wanted(NamedTuple):
    place: Place
    package: Path | None  # None: nothing but how the function is called asynchronously
    runtime: str | None = None  # None here and below: as it is, or for a new function the default
    timeout: int | None = None  # seconds
    memory: int | None = None  # MB
    environment: Mapping[str, str] = {}  # set, beside what is there
    unset: tuple[str, ...] = ()
    role: str = ""
    alias: str = ""
    on_success: str = ""  # ARNs
    on_failure: str = ""


class Change(NamedTuple):
    what: str
    now: str
    then: str
    do: Callable[[], Any]


def changes(client: Any, wanted: Wanted) -> list[Change]:
    """What differs from what is there, in the order in which it is to be done. Raises ComputeError."""
    place = wanted.place
    service = there("service", lambda: client.get_service(place.service))
    function = service and there(
        "function", lambda: client.get_function(place.service, place.function)
    )
    if wanted.package is None:
        return _asynchronous(client, wanted, function is not None)
    found = [
        *_service(client, wanted, service),
        *_function(client, wanted, wanted.package, function),
    ]
    alias = (
        service
        and wanted.alias
        and there("alias", lambda: client.get_alias(place.service, wanted.alias))
    )
    if wanted.alias and (found or not alias):
        found.append(_alias(client, wanted, alias or None))
    there_already = bool(function and (alias or not wanted.alias))
    return [*found, *_asynchronous(client, wanted, there_already)]


def show(found: list[Change], console: Console) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("What", "Now", "Then"):
        table.add_column(heading, overflow="fold")
    for change in found:
        table.add_row(change.what, change.now, change.then)
    console.print(table)


def carry_out(found: list[Change], console: Console) -> None:
    """One after the other. Raises ComputeError: what came before it is done."""
    for number, change in enumerate(found, 1):
        with console.status(f"{number} of {len(found)}: {change.what} ..."):
            asked(change.what, change.do)
        console.print(f"done  {change.what}")


def _service(client: Any, wanted: Wanted, service: Mapping[str, Any] | None) -> list[Change]:
    name, role = wanted.place.service, wanted.role or None
    if service is None:
        create = lambda: client.create_service(
            name, description="Safe scale-in for Auto Scaling", role=role
        )  # noqa: E731
        return [
            Change(f"service {name}", "none", f"role {role}" if role else "without a role", create)
        ]
    if role and service.get("role") != role:
        update = lambda: client.update_service(name, role=role)  # noqa: E731
        return [
            Change(
                f"service {name}", f"role {service.get('role') or 'none'}", f"role {role}", update
            )
        ]
    return []


def _function(
    client: Any, wanted: Wanted, package: Path, function: Mapping[str, Any] | None
) -> list[Change]:
    place, mark = wanted.place, MARK + hashlib.sha256(package.read_bytes()).hexdigest()[:16]
    is_now = function or {}
    variables = dict(is_now.get("environmentVariables") or {})
    environment = {**variables, **wanted.environment}
    environment = {name: value for name, value in environment.items() if name not in wanted.unset}
    runtime = _runtime(wanted, package, is_now.get("runtime"))
    timeout = wanted.timeout or is_now.get("timeout") or 60
    memory = wanted.memory or is_now.get("memorySize") or 256
    then = _told(mark, runtime, timeout, memory, environment)
    now: dict[str, str] = {}
    if function is not None:
        deployed = str(function.get("description") or "").rpartition(" ")[2]
        now = _told(
            deployed,
            function.get("runtime"),
            function.get("timeout"),
            function.get("memorySize"),
            variables,
        )
        if now == then and variables == environment:
            return []
    settings = {
        "runtime": runtime,
        "handler": "index.handler",
        "initializer": "index.initialize",
        "initializationTimeout": 10,
        "codeZipFile": str(package),
        "description": f"Removes instances of a scaling group on request, never below MinSize. {mark}",
        "memorySize": memory,
        "timeout": timeout,
        "environmentVariables": environment,
    }
    do = client.create_function if function is None else client.update_function
    different = [name for name in {**now, **then} if now.get(name) != then.get(name)] or [
        "variables"
    ]
    return [
        Change(
            f"function {place.function}",
            "none"
            if function is None
            else ", ".join(f"{n} {now.get(n, 'unset')}" for n in different),
            ", ".join(f"{name} {then.get(name, 'unset')}" for name in different),
            lambda: do(place.service, place.function, **settings),
        )
    ]


def _told(
    mark: str, runtime: Any, timeout: Any, memory: Any, variables: Mapping[str, Any]
) -> dict[str, str]:
    """A function, as a person compares it."""
    return {
        "package": mark,
        "runtime": str(runtime),
        "timeout": f"{timeout} s",
        "memory": f"{memory} MB",
        **{
            f"variable {name}": _shown(name, str(value))
            for name, value in sorted(variables.items())
        },
    }


def _runtime(wanted: Wanted, package: Path, now: str | None) -> str:
    """The one that the package was made for, as its compiled modules tell. Raises ComputeError."""
    try:
        names = zipfile.ZipFile(package).namelist()
    except zipfile.BadZipFile:
        raise ComputeError(f"{package} is not a zip file: scalein package makes one") from None
    made_for = {
        f"python{tag[1]}.{tag[2]}"
        for name in names
        if (tag := re.search(r"\.cpython-(\d)(\d+)-\w+", name))
    }
    if wanted.runtime and made_for - {wanted.runtime}:
        raise ComputeError(
            f"{package} was made for {', '.join(sorted(made_for))}, not for {wanted.runtime}"
        )
    return wanted.runtime or next(iter(made_for), None) or now or "python3.10"


def _asynchronous(client: Any, wanted: Wanted, exists: bool) -> list[Change]:
    place, config = wanted.place, dict(ASYNC)
    destinations = {"onSuccess": wanted.on_success, "onFailure": wanted.on_failure}
    destinations = {when: arn for when, arn in destinations.items() if arn}
    if destinations:
        config["destinationConfig"] = {
            when: {"destination": arn} for when, arn in destinations.items()
        }
    qualifier = wanted.alias or place.qualifier
    now = None
    if exists:
        now = there(
            "asynchronous configuration",
            lambda: client.get_function_async_invoke_config(
                place.service, qualifier, place.function
            ),
        )
    if now is not None and all(now.get(name) == value for name, value in config.items()):
        return []
    told = ", ".join(
        f"{name} {value}" for name, value in config.items() if name != "destinationConfig"
    )
    told += "".join(f", {when} {arn}" for when, arn in destinations.items())
    put = lambda: client.put_function_async_invoke_config(
        place.service, qualifier, place.function, config
    )  # noqa: E731
    return [
        Change(
            f"asynchronous calls of {qualifier}",
            "as they come" if now is None else "otherwise",
            told,
            put,
        )
    ]


def _alias(client: Any, wanted: Wanted, alias: Mapping[str, Any] | None) -> Change:
    service = wanted.place.service

    def move() -> None:
        version = client.publish_version(service, description=str(wanted.package)).data["versionId"]
        (client.create_alias if alias is None else client.update_alias)(
            service, wanted.alias, version
        )

    now = "none" if alias is None else f"version {alias.get('versionId')}"
    return Change(f"alias {wanted.alias}", now, "a new version", move)


def _shown(name: str, value: str) -> str:
    if any(part in name.upper() for part in HIDDEN):
        digest = hashlib.sha256(value.encode()).hexdigest()[:8]
        return f"(hidden, {digest})"
    return value if len(value) <= 60 else f"{value[:57]}..."
