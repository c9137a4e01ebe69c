"""Points an alias at a version: of what LATEST is now, or of what an earlier one was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from scalein_cli.aliases import existing_alias, find_alias, move_alias
from scalein_cli.changes import Change
from scalein_cli.compute import call_api, read_function
from scalein_cli.concurrency import alias_limit_change
from scalein_cli.errors import ChangedMeanwhile, CommandError
from scalein_cli.function_api import LATEST, STOP, Alias, FunctionApi, FunctionState
from scalein_cli.loan import Say, stop_of, with_stop
from scalein_cli.shown_settings import Row, config_rows, setting_rows
from scalein_cli.versions import (
    MAX_COMPARED_VERSIONS,
    find_version,
    promoted,
    publish,
    version_with,
)


class Target(NamedTuple):
    """What LATEST is, or will be when an alias is pointed at a version of it."""

    latest: FunctionState
    config: Mapping[str, Any] | None  # its asynchronous configuration
    limit: int | None  # of requests at once
    is_shown: Callable[[FunctionState], bool]  # whether LATEST is that, when the version is made


def plan_promotion(function: FunctionApi, alias_name: str, target: Target) -> list[Change]:
    """What makes the alias a version of LATEST, configured as LATEST is. Raises CommandError."""
    latest = target.latest
    alias = find_alias(function, alias_name)
    before = read_function(function, alias.version) if alias else None
    stopped_by = stop_of(before) if before else ""
    if stopped_by and stop_of(latest) != stopped_by:
        raise CommandError(
            f"alias {alias_name} is stopped ({STOP}={stopped_by}), and LATEST is not, so this "
            "would let it remove instances again. Run scalein start first, or scalein stop, which "
            "stops LATEST too."
        )
    configured = [
        *_config_change(function, alias_name, alias, target.config),
        *alias_limit_change(function, alias_name, target.limit),
    ]
    if alias and before and before.is_same_as(latest) and not alias.weights:
        return configured
    ready = find_version(function, latest)
    place = f"version {ready}, which is what LATEST is" if ready else "a new version, of LATEST"

    def move() -> str | None:
        now = read_function(function)
        if not target.is_shown(now):
            raise ChangedMeanwhile(LATEST)
        version = find_version(function, now) or publish(function, now, promoted(alias_name))
        move_alias(function, alias_name, alias, version)
        return f"version {version}" if version != ready else None

    rows = [Row(f"alias {alias_name}", str(alias) if alias else "none", place)]
    if before is not None:
        rows += _changed_rows(before, latest)
    moved = Change(f"alias {alias_name} at {place}", tuple(rows), move)
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
    after = read_version(function, target)
    if stop_of(before):
        after = with_stop(after, stop_of(before))
    if before.is_same_as(after) and not alias.weights:
        return None

    def move() -> str | None:
        is_stopped = bool(stop_of(before))
        variables = after.variables
        to = version_with(function, alias, target, variables, say) if is_stopped else target
        move_alias(function, alias_name, alias, to)
        return f"version {to}" if to != target else None

    place = f"version {target}{' with the stop switch' if stop_of(before) else ''}"
    read_config = partial(function.read_async_config, alias_name)
    config = call_api("asynchronous configuration", read_config)
    rows = (
        Row(f"alias {alias_name}", str(alias), place),
        *_changed_rows(before, after),
        *config_rows(f"async {alias_name}", config, config),  # the alias's own, which stays
    )
    return Change(f"alias {alias_name} at {place}", rows, move)


def read_version(function: FunctionApi, version: str) -> FunctionState:
    """The function in this version. Raises CommandError if there is none."""
    versions = call_api(f"versions of {function.address}", function.versions)
    if version not in versions:
        raise CommandError(
            f"function {function.address} has no version {version}. Name another one with --to; "
            f"there are {', '.join(versions) or 'none'}."
        )
    return read_function(function, version)


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

    def put() -> None:
        if alias and function.read_async_config(alias_name) != before:
            raise ChangedMeanwhile(subject)
        function.put_async_config(alias_name, config)

    return [Change(subject, tuple(rows), put)]


def _changed_rows(before: FunctionState, after: FunctionState) -> list[Row]:
    """What differs between two versions, the code too."""
    rows = [row for row in setting_rows(before, after) if row.is_change]
    if before.checksum != after.checksum:
        rows.insert(0, Row("code", f"checksum {before.checksum}", f"checksum {after.checksum}"))
    return rows


def _version_before(function: FunctionApi, alias: Alias, before: FunctionState) -> str:
    """The version that the alias had before, as far as versions show it. Raises CommandError."""
    versions = call_api(f"versions of {function.address}", function.versions)
    running = with_stop(before, "")
    # A version that a stop or a rollback made has a newer number than what it is a copy of.
    origin = find_version(function, running) if stop_of(before) else None
    older = [version for version in versions if int(version) < int(origin or alias.version)]
    for version in older[:MAX_COMPARED_VERSIONS]:
        state = read_function(function, version)
        if stop_of(state) or state.is_same_as(running):
            continue
        if versions[version] not in ("", promoted(alias.name)):
            raise CommandError(
                f"Version {version}, the one before, may be another alias's: {versions[version]}. "
                f"Name one with --to: {_named(versions)}."
            )
        return version
    raise CommandError(
        f"There is no version before {alias.version} that differs from it. Name one with --to; "
        f"there are {_named(versions) or 'none'}."
    )


def _named(versions: Mapping[str, str]) -> str:
    """The versions with their descriptions, the newest of them."""
    shown = list(versions.items())[:MAX_COMPARED_VERSIONS]
    return ", ".join(f"{id} ({text})" if text else id for id, text in shown)
