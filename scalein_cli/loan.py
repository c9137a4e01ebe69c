"""Lends LATEST: gives it the code and the settings of a version for a moment, and its own back.

If another command changes it in that moment, it is left as that command made it, apart from the
stop switch alone, which is carried over. Its own code and settings are in a folder meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import ChangedMeanwhile, CommandError
from scalein_cli.function_api import STOP, FunctionApi, FunctionState

Say = Callable[[str], None]  # prints a line of progress


def stop_of(state: FunctionState) -> str:
    """The value of its stop switch; empty if it has none."""
    return state.variables.get(STOP, "")


def with_stop(state: FunctionState, value: str) -> FunctionState:
    """The function with this value of the stop switch; empty: without one."""
    variables = {name: text for name, text in state.variables.items() if name != STOP}
    return state.with_variables({**variables, STOP: value} if value else variables)


def changed_settings(before: FunctionState, after: FunctionState) -> dict[str, Any]:
    """The settings that make `before` what `after` is: an absent one is emptied."""
    changed: dict[str, Any] = {}
    for name in after.differing_names(before):
        kind = type(before.settings.get(name))
        changed[name] = after.settings.get(name, kind() if kind in (dict, list, str) else None)
    return changed


def forgotten_folders(function: FunctionApi) -> list[Path]:
    """Folders with what LATEST was, of loans that run on this machine or were killed."""
    return sorted(_temporary().glob(f"{_prefix(function)}*"))


@contextmanager
def lent_latest(
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
    folder = _saved(function, own, own_code)
    say(f"...   {subject} is version {version} for a moment; its own is kept in {folder}")
    try:
        _write(function, subject, own, wanted, code)
        yield
    finally:
        _give_back(function, subject, own, wanted, folder)
        shutil.rmtree(folder)  # it may hold secrets
    say(f"...   {subject} has its own code and settings again")


def _write(
    function: FunctionApi,
    subject: str,
    own: FunctionState,
    wanted: FunctionState,
    code: bytes | None,
) -> None:
    """Gives LATEST what it is wanted to be. Raises CommandError if it does not take all of it."""
    if not read_function(function).is_same_as(own):
        raise ChangedMeanwhile(subject)
    changed = changed_settings(own, wanted)
    call_api(subject, lambda: function.update(changed, code))
    differing = read_function(function).differing_names(wanted)
    if differing:
        names = ", ".join(differing)
        raise ChangedMeanwhile(f"{subject} does not have {names} of the alias's version. It")


def _give_back(
    function: FunctionApi, subject: str, own: FunctionState, lent: FunctionState, folder: Path
) -> None:
    """Gives LATEST its own code and settings back. Raises CommandError."""
    try:
        now = read_function(function)
        foreign = _foreign_names(now, own, lent)
        if foreign:
            raise ChangedMeanwhile(f"{subject} ({', '.join(foreign)})")
        is_stop_changed = stop_of(now) not in (stop_of(own), stop_of(lent))
        after = with_stop(own, stop_of(now)) if is_stop_changed else own
        changed = changed_settings(now, after)
        code = None if now.checksum == own.checksum else (folder / "code.zip").read_bytes()
        if changed or code is not None:
            call_api(subject, lambda: function.update(changed, code))
    except CommandError as error:
        raise CommandError(
            f"{error.message} {subject} did not get its own code and settings back: it may have "
            f"those of the alias's version. Its own are in {folder} (settings.json, code.zip if "
            "the code was another; they may hold secrets): put them back with scalein deploy, and "
            "delete the folder."
        ) from error


def _foreign_names(now: FunctionState, own: FunctionState, lent: FunctionState) -> list[str]:
    """What is neither LATEST's own nor lent, but for the stop switch: another command's."""
    plain = with_stop(now, "")
    names = {*plain.differing_names(with_stop(own, ""))}
    foreign = sorted(names.intersection(plain.differing_names(with_stop(lent, ""))))
    return foreign + ["code"] * (now.checksum not in (own.checksum, lent.checksum))


def _saved(function: FunctionApi, state: FunctionState, code: bytes | None) -> Path:
    """A folder that only its owner reads, with the settings and, if it will change, the code."""
    folder = Path(tempfile.mkdtemp(prefix=_prefix(function), dir=_temporary()))
    (folder / "settings.json").write_text(json.dumps(dict(state.settings), indent=2))
    if code is not None:
        (folder / "code.zip").write_bytes(code)
    return folder


def _temporary() -> Path:
    return Path(os.environ.get("TMPDIR") or tempfile.gettempdir())


def _prefix(function: FunctionApi) -> str:
    return f"scalein-latest-of-{str(function.address).replace('/', '.')}+"
