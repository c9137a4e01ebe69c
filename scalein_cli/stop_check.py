"""Which groups of `scalein stop --group` the deployed policies have: a misspelt id stops nothing
that was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from scalein.contract import did_you_mean
from scalein.errors import ConfigurationError
from scalein.policy import read_policy
from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import CommandError, MisconnectedError
from scalein_cli.function_api import LATEST, FunctionApi
from scalein_cli.loan import Say
from scalein_cli.preflight import CODE_FOLDER, Package

POLICY, POLICY_FILE = "SCALEIN_POLICY", "SCALEIN_POLICY_FILE"


def check_groups(function: FunctionApi, groups: tuple[str, ...], say: Say) -> None:
    """Says what could not be checked. Raises CommandError if no deployed policy has a group."""
    known: set[str] = set()
    for qualifier in _qualifiers(function):
        try:
            known |= _groups_of(function, qualifier)
        except MisconnectedError as error:  # so it cannot be stopped either
            raise MisconnectedError(f"{error.message} Nothing was stopped.") from None
        except (CommandError, ConfigurationError):
            say("note  The policy could not be read: whether it has these groups is not checked.")
            return
        if known.issuperset(groups):
            return
    for group in groups:
        if group not in known:
            raise CommandError(
                f"Nothing was stopped: scaling group {group} is not in the policy."
                f"{did_you_mean(group, known)} Correct --group; scalein stop without it stops "
                "all groups."
            )


def _qualifiers(function: FunctionApi) -> Iterable[str]:
    """Yields LATEST, and then the versions that aliases point at."""
    yield LATEST
    aliases = call_api(f"aliases of {function.address}", function.aliases)
    yield from dict.fromkeys(alias.version for alias in aliases)


def _groups_of(function: FunctionApi, qualifier: str) -> frozenset[str]:
    """The groups of the policy. Raises CommandError, ConfigurationError if it cannot be read."""
    variables = read_function(function, qualifier).variables
    text = variables.get(POLICY)
    if not text:
        file = CODE_FOLDER / (variables.get(POLICY_FILE) or "policy.json")
        text = _file_in_code(function, qualifier, file)
    return frozenset(read_policy(text).groups)


def _file_in_code(function: FunctionApi, qualifier: str, file: PurePosixPath) -> str:
    if not file.is_relative_to(CODE_FOLDER):
        raise CommandError(f"{file} is on a mount.")
    code = call_api(f"code of {function.address}", lambda: function.read_code(qualifier))
    package, name = Package(code, "the deployed code"), str(file.relative_to(CODE_FOLDER))
    if name not in package.files:
        raise CommandError(f"The deployed code has no {name}.")
    return package.text_of(name)
