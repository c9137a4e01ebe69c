"""Versions of a function: finds one with a certain code and settings, or makes it.

A version never changes, and Function Compute makes versions only of LATEST. So LATEST has the code
and the settings of the wanted version for a moment, and gets its own back, also if something fails
in between. What LATEST is meant to become is not published.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import CommandError
from scalein_cli.function_api import FunctionApi, FunctionState

STOP = "SCALEIN_STOP"
MAX_COMPARED_VERSIONS = 20
Say = Callable[[str], None]  # prints a line of progress


def find_version(function: FunctionApi, wanted: FunctionState) -> str | None:
    """The newest version with this code and these settings, or None. Raises CommandError."""
    versions = call_api(f"versions of {function.address}", function.versions)
    for version in versions[:MAX_COMPARED_VERSIONS]:
        if read_function(function, version).is_same_as(wanted):
            return version
    return None


def version_with(function: FunctionApi, version: str, variables: dict[str, str], say: Say) -> str:
    """A version with the code and the settings of another one, but with these variables.

    Raises CommandError.
    """
    wanted = read_function(function, version).with_variables(variables)
    ready = find_version(function, wanted)
    if ready is not None:
        return ready
    states = [(function, wanted)]
    # In 2.0 a version has all functions of the service: the others stay what they are there.
    for companion in call_api("functions of the service", function.companions):
        read = partial(companion.read, version)
        state = call_api(f"function {companion.address}", read)
        states += [(companion, state)] if state else []
    with ExitStack() as stack:
        for one, state in states:
            stack.enter_context(_borrowed_latest(one, state, version, say))
        description = f"version {version} with {STOP}={variables.get(STOP, '')}"
        made = call_api("new version", lambda: function.publish(description))
        _check_version(function, made, wanted)
        return made


def changed_settings(before: FunctionState, after: FunctionState) -> dict[str, Any]:
    """The settings that make `before` what `after` is: an absent one is emptied."""
    changed: dict[str, Any] = {}
    for name in after.differing_names(before):
        kind = type(before.settings.get(name))
        changed[name] = after.settings.get(name, kind() if kind in (dict, list, str) else None)
    return changed


def _check_version(function: FunctionApi, version: str, wanted: FunctionState) -> None:
    """Raises CommandError if a new version is not what it was made for: no alias gets it then."""
    made = read_function(function, version)
    differing = made.differing_names(wanted) + ["code"] * (made.checksum != wanted.checksum)
    if differing:
        raise CommandError(
            f"version {version} was made, and its {', '.join(differing)} is not what it was made "
            "for. No alias points at it. Was something else deployed at the same moment?"
        )


@contextmanager
def _borrowed_latest(
    function: FunctionApi, wanted: FunctionState, version: str, say: Say
) -> Iterator[None]:
    """Gives LATEST these settings, and the code of the version, for as long as the context lasts.

    Raises CommandError; if LATEST does not get its own back, it says where these are.
    """
    own = read_function(function)
    if own.is_same_as(wanted):
        yield
        return
    subject = f"LATEST of {function.address}"
    has_code = own.checksum == wanted.checksum
    code = None if has_code else call_api(subject, lambda: function.read_code(version))
    own_code = None if has_code else call_api(subject, function.read_code)
    backup = _saved(own, own_code)
    say(f"...   {subject} is version {version} for a moment; its own is kept in {backup}")
    try:
        _write(function, subject, own, wanted, code)
        yield
    finally:
        _give_back(function, subject, own, own_code, backup)
        shutil.rmtree(backup)  # it may hold secrets
    say(f"...   {subject} has its own code and settings again")


def _write(
    function: FunctionApi,
    subject: str,
    own: FunctionState,
    wanted: FunctionState,
    code: bytes | None,
) -> None:
    """Gives LATEST what it is wanted to be. Raises CommandError if it does not take all of it."""
    changed = changed_settings(own, wanted)
    call_api(subject, lambda: function.update(changed, code))
    differing = read_function(function).differing_names(wanted)
    if differing:
        names = ", ".join(differing)
        raise CommandError(f"{subject} does not take {names} of the alias's version.")


def _give_back(
    function: FunctionApi,
    subject: str,
    own: FunctionState,
    own_code: bytes | None,
    backup: Path,
) -> None:
    """Gives LATEST its own code and settings back. Raises CommandError."""
    try:
        changed = changed_settings(read_function(function), own)
        if changed or own_code is not None:
            call_api(subject, lambda: function.update(changed, own_code))
    except CommandError as error:
        raise CommandError(
            f"{error.message} {subject} did not get its own code and settings back: it has those "
            f"of the alias's version. Its own are in {backup} (code.zip, settings.json, which may "
            "hold secrets): put them back with scalein deploy."
        ) from error


def _saved(state: FunctionState, code: bytes | None) -> Path:
    """A folder that only its owner reads, with the settings and, if it will change, the code."""
    folder = Path(tempfile.mkdtemp(prefix="scalein-latest-"))
    (folder / "settings.json").write_text(json.dumps(dict(state.settings), indent=2))
    if code is not None:
        (folder / "code.zip").write_bytes(code)
    return folder
