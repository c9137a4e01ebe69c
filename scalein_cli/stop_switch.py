"""Sets the stop switch, SCALEIN_STOP, on LATEST and on what each alias points at.

An alias gets another version, with the code and the settings of its own version, and the switch
besides: an earlier version if there is one, else a new one.
"""

from __future__ import annotations

from typing import NamedTuple

from scalein.decision.group_policy import ALL_GROUPS
from scalein_cli.compute import call_api, read_function
from scalein_cli.errors import CommandError
from scalein_cli.function_api import LATEST, Alias, FunctionApi, FunctionState
from scalein_cli.versions import STOP, Say, changed_settings, version_with


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
        variables = {name: value for name, value in state.variables.items() if name != STOP}
        value = self.value_after(state.variables.get(STOP, ""))
        return state.with_variables({**variables, STOP: value} if value else variables)


class Target(NamedTuple):
    """One thing to switch: LATEST, or an alias."""

    name: str
    before: FunctionState
    after: FunctionState
    is_done: bool  # nothing is to be changed
    alias: Alias | None = None  # None: LATEST

    def text(self) -> str:
        """What it is, and what is stopped there before and after."""
        values = [state.variables.get(STOP, "") for state in (self.before, self.after)]
        before, after = (stop_text(value) for value in values)
        place = f"{self.name} ({self.alias})" if self.alias else self.name
        change = after if before == after else f"{before} -> {after}"
        return f"{place}: stopped: {change}"


def stop_text(value: str) -> str:
    """What a value of the stop switch stops."""
    return "all groups" if value == ALL_GROUPS else value.replace(",", ", ") or "nothing"


def targets_of(function: FunctionApi, switch: Switch) -> list[Target]:
    """LATEST and all aliases, as they are and as they will be. Raises CommandError."""
    latest = read_function(function)
    after = switch.applied(latest)
    targets = [Target(LATEST, latest, after, latest.is_same_as(after))]
    for alias in call_api(f"aliases of {function.address}", function.aliases):
        state = read_function(function, alias.version)
        after = switch.applied(state)
        # A stop must hold in the other versions too that get a share of the invocations.
        is_done = state.is_same_as(after) and not (switch.is_on and alias.weights)
        targets.append(Target(f"alias {alias.name}", state, after, is_done, alias))
    return targets


def set_switch(function: FunctionApi, targets: list[Target], say: Say) -> None:
    """Switches all targets, LATEST first; one that fails does not keep the others from it.

    Raises CommandError, which says what is not done.
    """
    errors: dict[str, str] = {}
    for target in targets:
        try:
            say(_set(function, target, say))
        except CommandError as error:
            errors[target.name] = error.message
            say(f"FAILED  {target.text()}")
    if errors:
        raise CommandError(
            f"{' '.join(errors.values())} Not done: {', '.join(errors)}; the rest is. Run the "
            "command again."
        )


def _set(function: FunctionApi, target: Target, say: Say) -> str:
    """Switches one target; returns a line that says what was done. Raises CommandError."""
    if target.is_done:
        return f"same  {target.text()}"
    if target.alias is None:
        changed = changed_settings(target.before, target.after)
        call_api(f"function {function.address}", lambda: function.update(changed))
        return f"done  {target.text()}"
    name, old_version = target.alias.name, target.alias.version
    version = version_with(function, old_version, target.after.variables, say)
    call_api(target.name, lambda: function.put_alias(name, version, is_new=False))
    return f"done  {target.text()}, as version {version}"
