"""Versions of a function: finds one with a certain code and settings, or makes it.

A version never changes, and Function Compute makes versions only of LATEST. So LATEST is lent: it
has the code and the settings of the wanted version for a moment (`loan`), and gets its own back.
What LATEST is meant to become is not published.
"""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from itertools import islice

from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import ChangedMeanwhile, CommandError
from scalein_cli.function_api import Alias, FunctionApi, FunctionState
from scalein_cli.loan import Say, lent_latest, stop_of
from scalein_cli.signals import held_signals

MAX_COMPARED_VERSIONS = 20


def find_version(function: FunctionApi, wanted: FunctionState) -> str | None:
    """The newest version with this code and these settings, or None. Raises CommandError."""
    versions = call_api(f"versions of {function.address}", function.versions)
    for version in islice(versions, MAX_COMPARED_VERSIONS):
        if read_function(function, version).is_same_as(wanted):
            return version
    return None


def version_with(
    function: FunctionApi, alias: Alias, version: str, variables: dict[str, str], say: Say
) -> str:
    """A version for the alias: the code and the settings of another one, but with these variables.

    Signals that would end this process wait while LATEST is lent. Raises CommandError.
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
    waiting = partial(say, "...   ends as soon as LATEST has its own code and settings again")
    with held_signals(waiting), ExitStack() as stack:
        for one, state in states:
            stack.enter_context(lent_latest(one, state, version, say))
        return publish(function, wanted, _description(alias, version, wanted))


def promoted(alias_name: str) -> str:
    """The description of a version that was made for an alias."""
    return f"promoted: {alias_name}"


def _description(alias: Alias, version: str, wanted: FunctionState) -> str:
    """Without the stop switch it is one that a rollback of the alias may go back to."""
    is_stopped = bool(stop_of(wanted))
    return f"version {version} with another stop switch" if is_stopped else promoted(alias.name)


def publish(function: FunctionApi, wanted: FunctionState, description: str) -> str:
    """Makes a version of LATEST, which has this code and these settings; returns its id.

    Raises ChangedMeanwhile if the version is another one: LATEST was changed. Raises CommandError.
    """
    try:
        version = call_api("new version", lambda: function.publish(description))
    except CommandError:
        found = find_version(function, wanted)  # it may have been made, and the answer lost
        if found is None:
            raise
        version = found
    made = read_function(function, version)
    differing = made.differing_names(wanted) + ["code"] * (made.checksum != wanted.checksum)
    if differing:
        raise ChangedMeanwhile(
            f"version {version} was made, and its {', '.join(differing)} is not what it was made "
            "for. No alias points at it. LATEST"
        )
    return version
