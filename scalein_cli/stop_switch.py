"""Sets the stop switch, SCALEIN_STOP, on LATEST and on what each alias points at.

An alias gets another version, with the code and the settings of its own version, and the switch
besides: an earlier version if there is one, else a new one.
"""

from __future__ import annotations

from typing import NamedTuple

from scalein.decision.group_policy import ALL_GROUPS
from scalein_cli.aliases import move_alias
from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import ChangedMeanwhile, CommandError, MisconnectedError
from scalein_cli.function_api import LATEST, Alias, FunctionApi, FunctionState
from scalein_cli.loan import Say, changed_settings, stop_of, with_stop
from scalein_cli.versions import version_with

MAX_ROUNDS = 4  # the last one of a stop must find all of it stopped


class Switch(NamedTuple):
    """What is to be switched: on or off, for these groups or, without any, for all."""

    is_on: bool
    groups: tuple[str, ...] = ()

    def value_after(self, value: str) -> str:
        """The switch's value afterwards; empty: nothing is stopped. Raises CommandError."""
        stopped = [id.strip() for id in value.split(",") if id.strip()]
        if self.is_on:
            is_all = not self.groups or ALL_GROUPS in stopped
            return ALL_GROUPS if is_all else ",".join(dict.fromkeys([*stopped, *self.groups]))
        if self.groups and ALL_GROUPS in stopped:
            raise CommandError(
                "All groups are stopped, so none can be started by itself. Run scalein start, then "
                "scalein stop --group ID for those that shall stay stopped."
            )
        return ",".join(id for id in stopped if self.groups and id not in self.groups)

    def applied(self, state: FunctionState) -> FunctionState:
        """The function with the switch set. Raises CommandError."""
        return with_stop(state, self.value_after(stop_of(state)))


class Target(NamedTuple):
    """One thing to switch: LATEST, or an alias."""

    name: str
    before: FunctionState
    after: FunctionState
    is_done: bool  # nothing is to be changed
    alias: Alias | None = None  # None: LATEST

    def text(self) -> str:
        """What it is, and what is stopped there before and after."""
        before, after = (stop_text(stop_of(state)) for state in (self.before, self.after))
        place = f"{self.name} ({self.alias})" if self.alias else self.name
        change = after if before == after else f"{before} -> {after}"
        return f"{place}: stopped: {change}"


class _Switching:
    """Switches one target after the other; one that fails does not keep the others from it."""

    def __init__(self, function: FunctionApi, switch: Switch, say: Say) -> None:
        self._function, self._switch, self._say = function, switch, say
        self.errors: dict[str, CommandError] = {}  # by the name of what is not done
        self.changed: list[str] = []
        self.settled: set[str] = set()  # what was found or made as it is to be, in any run

    def run(self, shown: frozenset[str] | None, *, is_first: bool) -> None:
        """Reads each target just before it is switched, LATEST first."""
        self.errors, self.changed = {}, []
        self._run(LATEST, None, shown, is_first)
        if isinstance(self.errors.get(LATEST), MisconnectedError):
            return  # no other call gets through either
        try:
            aliases = call_api(f"aliases of {self._function.address}", self._function.aliases)
        except CommandError as error:
            self.errors["the aliases"] = error
            return
        for alias in aliases:
            self._run(f"alias {alias.name}", alias, shown, is_first)

    def is_to_be_repeated(self) -> bool:
        """Whether something was written, or another command was in the way, and nothing else."""
        is_theirs = all(isinstance(error, ChangedMeanwhile) for error in self.errors.values())
        return is_theirs and bool(self.errors or self.changed)

    def check(self) -> None:
        """Raises CommandError if a target failed, or if a stop was written in the last run too."""
        undone = list(self.errors) or (self.changed if self._switch.is_on else [])
        texts = [error.message for error in self.errors.values()]
        if undone:
            text = " ".join(dict.fromkeys(texts)) or "Another command changes it again and again."
            raise CommandError(f"{text} {self._undone_text(undone)} Run the command again.")

    def _undone_text(self, undone: list[str]) -> str:
        if not self.settled:
            return f"Nothing was {'stopped' if self._switch.is_on else 'started'}."
        rest = "; the rest is" if self.settled.difference(undone) else ""
        return f"Not done: {', '.join(undone)}{rest}."

    def _run(
        self, name: str, alias: Alias | None, shown: frozenset[str] | None, is_first: bool
    ) -> None:
        try:
            target = target_of(self._function, self._switch, alias)
            if shown is not None and target.text() not in shown:
                raise ChangedMeanwhile(name)
            if not target.is_done:
                self.changed.append(name)
                version = _set(self._function, target, self._say)
                self._say(f"done  {target.text()}{version}")
            elif is_first:
                self._say(f"same  {target.text()}")
            self.settled.add(name)
        except CommandError as error:
            self.errors[name] = error
            self._say(f"FAILED  {name}")


def stop_text(value: str) -> str:
    """What a value of the stop switch stops."""
    return "all groups" if value == ALL_GROUPS else value.replace(",", ", ") or "nothing"


def target_of(function: FunctionApi, switch: Switch, alias: Alias | None) -> Target:
    """LATEST (None) or an alias, as it is and as it will be. Raises CommandError."""
    before = read_function(function, alias.version if alias else LATEST)
    after = switch.applied(before)
    # A stop must hold in the other versions too that get a share of the invocations.
    is_alone = not (switch.is_on and alias and alias.weights)
    name = f"alias {alias.name}" if alias else LATEST
    return Target(name, before, after, before.is_same_as(after) and is_alone, alias)


def targets_of(function: FunctionApi, switch: Switch) -> list[Target]:
    """LATEST and all aliases, as they are and as they will be. Raises CommandError."""
    aliases = call_api(f"aliases of {function.address}", function.aliases)
    return [target_of(function, switch, alias) for alias in (None, *aliases)]


def set_switch(
    function: FunctionApi, switch: Switch, say: Say, shown: frozenset[str] | None = None
) -> None:
    """Switches LATEST, then what each alias points at, which are read just before.

    A stop is repeated until all is found stopped, for another command may have written at the same
    moment. `shown`: the texts of the targets that a person agreed to; one that is another by now
    is left as it is. Raises CommandError, which says what is not done.
    """
    switching = _Switching(function, switch, say)
    switching.run(shown, is_first=True)
    for _ in range(MAX_ROUNDS - 1):
        if switch.is_on and switching.is_to_be_repeated():
            switching.run(shown, is_first=False)
    switching.check()


def _set(function: FunctionApi, target: Target, say: Say) -> str:
    """Switches one target; returns what to say of its version. Raises CommandError."""
    if target.alias is None:
        changed = changed_settings(target.before, target.after)
        call_api(f"function {function.address}", lambda: function.update(changed))
        return ""
    alias = target.alias
    version = version_with(function, alias, alias.version, target.after.variables, say)
    move_alias(function, alias.name, alias, version)
    return f", as version {version}"
