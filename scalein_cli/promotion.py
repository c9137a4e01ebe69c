"""Points an alias at a version: of what LATEST is now, or of what an earlier one was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scalein_cli.changes import Change
from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import CommandError
from scalein_cli.function_api import Alias, FunctionApi, FunctionState
from scalein_cli.shown_settings import Row, config_rows, setting_rows
from scalein_cli.versions import MAX_COMPARED_VERSIONS, STOP, Say, find_version, version_with


def plan_promotion(
    function: FunctionApi,
    alias_name: str,
    latest: FunctionState,
    config: Mapping[str, Any] | None,
) -> list[Change]:
    """What makes the alias a version of `latest`, with this asynchronous configuration.

    `latest` and `config` are what LATEST has, or will have. Raises CommandError.
    """
    alias = find_alias(function, alias_name)
    before = read_function(function, alias.version) if alias else None
    stopped_by = before.variables.get(STOP, "") if before else ""
    if stopped_by and latest.variables.get(STOP, "") != stopped_by:
        raise CommandError(
            f"alias {alias_name} is stopped ({STOP}={stopped_by}), and LATEST is not, so this "
            "would let it remove instances again. Run scalein start first, or scalein stop, which "
            "stops LATEST too."
        )
    configured = _config_change(function, alias_name, alias, config)
    if alias and before and before.is_same_as(latest) and not alias.weights:
        return configured
    moved = _alias_change(function, alias_name, alias, before, latest)
    # A new alias must be there before it is configured; else it never runs without task ids.
    return [*configured, moved] if alias else [moved, *configured]


def plan_rollback(
    function: FunctionApi, alias_name: str, version: str | None, say: Say
) -> Change | None:
    """What points the alias at an earlier version; None if it points there. Raises CommandError.

    Without `version`, that is the newest older one without the stop switch that differs. If the
    alias is stopped it stays so: it gets a version of that one with the stop switch.
    """
    alias = existing_alias(function, alias_name)
    before = read_function(function, alias.version)
    target = version or _version_before(function, alias, before)
    after = read_function(function, target)
    stop = {STOP: before.variables[STOP]} if before.variables.get(STOP) else {}
    after = after.with_variables({**after.variables, **stop})
    if before.is_same_as(after) and not alias.weights:
        return None

    def move() -> None:
        to = version_with(function, target, after.variables, say) if stop else target
        function.put_alias(alias_name, to, is_new=False)

    place = f"version {target}{' with the stop switch' if stop else ''}"
    rows = (Row(f"alias {alias_name}", str(alias), place), *_changed_rows(before, after))
    return Change(f"alias {alias_name} at {place}", rows, move)


def find_alias(function: FunctionApi, name: str) -> Alias | None:
    """The alias of that name, or None. Raises CommandError."""
    aliases = call_api(f"aliases of {function.address}", function.aliases)
    return next((alias for alias in aliases if alias.name == name), None)


def existing_alias(function: FunctionApi, name: str) -> Alias:
    """The alias of that name. Raises CommandError if there is none."""
    alias = find_alias(function, name)
    if alias is None:
        raise CommandError(
            f"function {function.address} has no alias {name}. Create it with scalein promote "
            f"--alias {name}, or correct --alias."
        )
    return alias


def without_stop(state: FunctionState) -> FunctionState:
    """The function without its stop switch."""
    variables = {name: value for name, value in state.variables.items() if name != STOP}
    return state.with_variables(variables)


def _config_change(
    function: FunctionApi, alias_name: str, alias: Alias | None, config: Mapping[str, Any] | None
) -> list[Change]:
    """What gives the alias the asynchronous configuration of LATEST, if that has one."""
    if config is None:
        return []
    subject = f"asynchronous configuration of {alias_name}"
    before = call_api(subject, lambda: function.read_async_config(alias_name)) if alias else None
    if before == config:
        return []
    rows = [row for row in config_rows(f"async {alias_name}", before, config) if row.is_change]
    return [
        Change(subject, tuple(rows), lambda: function.put_async_config(alias_name, config)),
    ]


def _alias_change(
    function: FunctionApi,
    name: str,
    alias: Alias | None,
    before: FunctionState | None,
    latest: FunctionState,
) -> Change:
    ready = find_version(function, latest)
    target = f"version {ready}, which is what LATEST is" if ready else "a new version, of LATEST"

    def move() -> None:
        # LATEST may have changed between plan and now: by the changes before this one.
        now = read_function(function)
        version = find_version(function, now) or function.publish(f"promoted to {name}")
        function.put_alias(name, version, is_new=alias is None)

    rows = [Row(f"alias {name}", str(alias) if alias else "none", target)]
    if before is not None:
        rows += _changed_rows(before, latest)
    return Change(f"alias {name} at {target}", tuple(rows), move)


def _changed_rows(before: FunctionState, after: FunctionState) -> list[Row]:
    """What differs between two versions, the code too."""
    rows = [row for row in setting_rows(before, after) if row.is_change]
    if before.checksum != after.checksum:
        rows.insert(0, Row("code", f"checksum {before.checksum}", f"checksum {after.checksum}"))
    return rows


def _version_before(function: FunctionApi, alias: Alias, before: FunctionState) -> str:
    """The version that the alias had before, as far as versions show it. Raises CommandError."""
    versions = call_api(f"versions of {function.address}", function.versions)
    older = [version for version in versions if int(version) < int(alias.version)]
    for version in older[:MAX_COMPARED_VERSIONS]:
        state = read_function(function, version)
        if not state.variables.get(STOP) and not state.is_same_as(without_stop(before)):
            return version
    raise CommandError(
        f"There is no version before {alias.version} that differs from it. Name one with --to; "
        f"there are {', '.join(versions) or 'none'}."
    )
