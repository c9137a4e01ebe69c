"""Plans a deployment: all that the function is, what is to change, and the calls that change it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

from scalein_cli.changes import Change
from scalein_cli.compute import call_api, read_function
from scalein_cli.concurrency import latest_limit, limit_change, limit_row, read_limit
from scalein_cli.errors import ChangedMeanwhile, CommandError
from scalein_cli.function_api import LATEST, VARIABLES, FunctionApi, FunctionState
from scalein_cli.preflight import Package, check_function, check_runtime, check_unset
from scalein_cli.promotion import Target, plan_promotion
from scalein_cli.shown_settings import Row, config_rows, setting_rows
from scalein_cli.triggers import trigger_rows

DEFAULT_RUNTIME, DEFAULT_TIMEOUT, DEFAULT_MEMORY = "python3.10", 60, 256
DRY_RUN = "SCALEIN_DRY_RUN"
INITIALIZER_SECONDS = 10
SHOWN_DIGEST = 16  # characters


class Deployment(NamedTuple):
    """What is to be deployed. None and empty: as it is now, or the default for a new function."""

    package: Package | None = None
    runtime: str | None = None
    timeout: int | None = None  # seconds
    memory: int | None = None  # MB
    variables: Mapping[str, str] = {}  # to set; the others stay
    unset: tuple[str, ...] = ()  # names of variables to remove
    role: str = ""
    log: str = ""  # PROJECT/LOGSTORE
    alias: str = ""
    on_success: str = ""  # ARNs
    on_failure: str = ""


class Plan(NamedTuple):
    """What the function is and will be, and the changes, in the order to apply them."""

    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    is_new: bool


def plan_deployment(function: FunctionApi, deployment: Deployment) -> Plan:
    """Compares the function with the deployment. Raises CommandError, and changes nothing."""
    subject = f"function {function.address}"
    before = call_api(subject, function.read)
    if before is None and deployment.package is None:
        raise CommandError(
            f"{subject} does not exist. To create it give ZIP, a file that scalein package made, "
            "or correct --function."
        )
    old_package = _deployed_package(function) if before else None
    package = deployment.package or old_package
    after = _state_after(function, deployment, before, old_package)
    if package is not None:
        check_runtime(package, str(after.settings.get("runtime")))
    check_function(function.address, after, package)
    config = call_api("asynchronous configuration", lambda: _config(function, before))
    digests = [_digest(found) for found in (old_package, package)]
    # The same package again, and no configuration: its first deployment was interrupted.
    is_again = deployment.package is not None and digests[0] == digests[1]
    is_unfinished = config is None and (before is None or is_again)
    config_after = _config_after(function, deployment, config, is_unfinished=is_unfinished)
    limit = read_limit(function) if before else None
    limit_after = latest_limit(before, after, limit, is_unfinished=is_unfinished)
    rows = [Row("code", *digests), *setting_rows(before, after), limit_row(limit, limit_after)]
    changes = _function_changes(function, deployment, before, after, digests)
    limited = limit_change(function, limit, limit_after)
    # Before a ledger goes, and after a function is there.
    changes = [*limited, *changes] if before else [*changes, *limited]
    if config_after != config:
        changes.append(_config_change(function, config, config_after))
    if deployment.alias:
        is_deployed = partial(_is_deployed, function, deployment, after)
        target = Target(after, config_after, limit_after, is_deployed)
        changes += plan_promotion(function, deployment.alias, target)
    rows += config_rows("async LATEST", config, config_after)
    if before is not None:
        rows += _rows_of_others(function)
    rows += [row for change in changes for row in change.rows if row.name.startswith("alias ")]
    return Plan(tuple(_latest_rows(rows)), tuple(changes), is_new=before is None)


def _state_after(
    function: FunctionApi,
    deployment: Deployment,
    before: FunctionState | None,
    old_package: Package | None,
) -> FunctionState:
    """The function as it will be."""
    settings = dict(before.settings) if before else _new_settings(function, deployment)
    settings |= _given_settings(function, deployment, before)
    variables = before.variables if before else {}
    check_unset(deployment.unset, {**variables, **deployment.variables})
    if before is None and DRY_RUN not in deployment.variables:
        variables[DRY_RUN] = "true"  # a new function begins as a dry run
    variables |= deployment.variables
    settings[VARIABLES] = {k: v for k, v in variables.items() if k not in deployment.unset}
    checksum = before.checksum if before else ""
    if deployment.package and _digest(deployment.package) != _digest(old_package):
        checksum = f"of {deployment.package.name}"  # unlike that of any version
    return FunctionState(settings, checksum)


def _new_settings(function: FunctionApi, deployment: Deployment) -> dict[str, Any]:
    made_for = sorted(deployment.package.runtimes) if deployment.package else []
    return {
        "runtime": next(iter(made_for), DEFAULT_RUNTIME),
        "handler": "index.handler",
        "timeout": DEFAULT_TIMEOUT,
        **function.initializer("index.initialize", INITIALIZER_SECONDS),
        **function.size(DEFAULT_MEMORY),
    }


def _given_settings(
    function: FunctionApi, deployment: Deployment, before: FunctionState | None
) -> dict[str, Any]:
    """The settings that the deployment names. Raises CommandError."""
    settings: dict[str, Any] = {}
    if deployment.runtime:
        settings["runtime"] = deployment.runtime
    if deployment.timeout:
        settings["timeout"] = deployment.timeout
    if deployment.memory:
        settings |= _size_settings(function, deployment.memory, before)
    if deployment.role:
        settings["role"] = deployment.role
    if deployment.log:
        project, _, store = deployment.log.partition("/")
        if not project or not store:
            raise CommandError("--log takes PROJECT/LOGSTORE, of Simple Log Service.")
        present = (before.settings.get("logConfig") if before else None) or {}
        others = dict(present) if present.get("project") else function.log_defaults
        settings["logConfig"] = {**others, "project": project, "logstore": store}
    return settings


def _size_settings(
    function: FunctionApi, memory_mb: int, before: FunctionState | None
) -> dict[str, Any]:
    """The memory; the processor too if the function is new, or if it would not fit the memory."""
    cpu = before.settings.get("cpu") if before else None
    is_fitting = before is not None and (not cpu or cpu * 1024 <= memory_mb <= cpu * 4096)
    size = function.size(memory_mb)
    names = ("memorySize",) if is_fitting else ("memorySize", "cpu")
    return size if before is None else {name: size[name] for name in names if name in size}


def _function_changes(
    function: FunctionApi,
    deployment: Deployment,
    before: FunctionState | None,
    after: FunctionState,
    digests: list[str],
) -> list[Change]:
    """The change of LATEST, if there is any: only of the settings that differ."""
    subject, package = f"function {function.address}", deployment.package
    rows = tuple(row for row in setting_rows(before, after) if row.is_change)
    if before is None:
        content = package.content if package else b""
        return [Change(subject, rows, lambda: function.create(after.settings, content))]
    changed = {name: after.settings.get(name) for name in after.differing_names(before)}
    code = package.content if package and digests[0] != digests[1] else None
    if not changed and code is None:
        return []

    def update() -> None:
        if not read_function(function).is_same_as(before):
            raise ChangedMeanwhile(subject)
        function.update(changed, code)

    return [Change(subject, rows, update)]


def _is_deployed(
    function: FunctionApi, deployment: Deployment, after: FunctionState, now: FunctionState
) -> bool:
    """Whether LATEST is what the deployment made it. Function Compute may add defaults."""
    if now.variables != after.variables or not now.includes(after):
        return False
    if deployment.package is None or now.checksum == after.checksum:
        return now.checksum == after.checksum
    return function.read_code() == deployment.package.content


def _config(function: FunctionApi, before: FunctionState | None) -> dict[str, Any] | None:
    """The asynchronous configuration of LATEST; None if there is none yet."""
    return function.read_async_config(LATEST) if before else None


def _config_after(
    function: FunctionApi,
    deployment: Deployment,
    config: dict[str, Any] | None,
    *,
    is_unfinished: bool,
) -> dict[str, Any] | None:
    """The asynchronous configuration that LATEST will have. What is not named stays."""
    given = {"onSuccess": deployment.on_success, "onFailure": deployment.on_failure}
    destinations = {event: {"destination": arn} for event, arn in given.items() if arn}
    if not destinations and not is_unfinished:
        return config
    # As the templates have it: three tries again, for a day, and task ids for follow-ups.
    defaults = {
        "maxAsyncRetryAttempts": 3,
        "maxAsyncEventAgeInSeconds": 86_400,
        function.task_setting: True,
    }
    after = dict(defaults if config is None else config)
    if destinations:
        after["destinationConfig"] = {**(after.get("destinationConfig") or {}), **destinations}
    return after


def _config_change(
    function: FunctionApi, before: dict[str, Any] | None, after: dict[str, Any] | None
) -> Change:
    rows = tuple(row for row in config_rows("async LATEST", before, after) if row.is_change)
    subject = "asynchronous configuration of LATEST"

    def put() -> None:
        if function.read_async_config(LATEST) != before:
            raise ChangedMeanwhile(subject)
        function.put_async_config(LATEST, after or {})

    return Change(subject, rows, put)


def _rows_of_others(function: FunctionApi) -> list[Row]:
    """What else there is, which a deployment leaves as it is: versions, aliases, triggers."""
    versions = call_api("versions", function.versions)
    aliases = call_api("aliases", function.aliases)
    rows = [_unchanged("versions", ", ".join(versions) or "none"), *trigger_rows(function)]
    rows += [_unchanged(f"alias {alias.name}", str(alias)) for alias in aliases]
    for alias in aliases:
        read = partial(function.read_async_config, alias.name)
        config = call_api("asynchronous configuration", read)
        rows += config_rows(f"async {alias.name}", config, config)
    return rows


def _unchanged(name: str, value: str) -> Row:
    return Row(name, value, value)


def _latest_rows(rows: list[Row]) -> list[Row]:
    """One row for each name: the last, which is the one of a change."""
    return list({row.name: row for row in rows}.values())


def _deployed_package(function: FunctionApi) -> Package:
    subject = f"code of {function.address}"
    content = call_api(subject, function.read_code)
    return Package(content, f"the code of {function.address}")


def _digest(package: Package | None) -> str:
    if package is None:
        return "none"
    return f"sha256 {hashlib.sha256(package.content).hexdigest()[:SHOWN_DIGEST]}"
