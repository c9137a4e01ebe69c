"""Reads and moves aliases. One that another command has moved meanwhile is left as it is."""

from __future__ import annotations

from scalein_cli.compute import call_api
from scalein_cli.errors import ChangedMeanwhile, CommandError
from scalein_cli.function_api import Alias, FunctionApi


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


def move_alias(function: FunctionApi, name: str, before: Alias | None, version: str) -> None:
    """Points the alias at the version, if it is what it was before; None: it did not exist.

    Raises ChangedMeanwhile, CommandError.
    """
    if find_alias(function, name) != before:
        raise ChangedMeanwhile(f"alias {name}")
    try:
        call_api(f"alias {name}", lambda: function.put_alias(name, version, is_new=before is None))
    except CommandError:
        # The answer may be lost and the alias moved: a rollback again would go one version further.
        if find_alias(function, name) != Alias(name, version):
            raise
