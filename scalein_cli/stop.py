"""`scalein stop` and `scalein start`: the stop switch of the deployed function."""

from __future__ import annotations

from typing import Any

import click
from rich.console import Console

from scalein_cli.options import console_for_output, endpoint_option, function_option, yes_option

group_option = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="ID",
    help="Scaling group; may be given several times.  [default: all groups]",
)


@click.command("stop")
@function_option
@endpoint_option
@group_option
def stop_command(function: str, endpoint: str, groups: tuple[str, ...]) -> None:
    """Stop removals at once, of all scaling groups or some.

    Asks nothing. Sets SCALEIN_STOP on LATEST, and points each alias at a version with the code and
    the settings of its own and SCALEIN_STOP besides. Needs no ZIP, and publishes nothing that was
    not in use. No removal begins, one that has begun makes no further call, and follow-ups still
    report how it ended; what ESS accepted before, it carries out. An invocation that runs already
    goes on, at most to its timeout. The outcome of each later one says `stop-switch`.

    \b
        scalein stop
        scalein stop --group asg-bp1example

    The exit status is 0 if it is stopped, 1 if not: then it says what is not.
    """
    console = console_for_output()
    _switch(function, endpoint, groups, console, is_on=True)
    place = "these groups" if groups else "any group"
    console.print(
        f"No removal begins in {place}; the next outcome says so. To start again: scalein start"
        f"{''.join(f' --group {group}' for group in groups)}.",
        highlight=False,
    )


@click.command("start")
@function_option
@endpoint_option
@group_option
@yes_option
def start_command(function: str, endpoint: str, groups: tuple[str, ...], **options: Any) -> None:
    """Start removals again after `scalein stop`.

    Removes SCALEIN_STOP from LATEST and from what each alias points at: that is the version from
    before the stop, if nothing else was changed. Messages that came in between are not repeated.

    \b
        scalein start
        scalein start --group asg-bp1example

    The exit status is 0 if it is started, 1 if not, or if you did not agree.
    """
    console = console_for_output()
    _switch(function, endpoint, groups, console, is_on=False, is_agreed=options["yes"])
    console.print("Messages that come now are processed again.")


def _switch(
    function: str,
    endpoint: str,
    groups: tuple[str, ...],
    console: Console,
    *,
    is_on: bool,
    is_agreed: bool = True,
) -> None:
    """Sets the switch, with a line for each step. Raises CommandError, click.Abort."""
    from scalein_cli.changes import confirm
    from scalein_cli.compute import open_function
    from scalein_cli.stop_switch import Switch, set_switch, targets_of

    api = open_function(function, endpoint)
    targets = targets_of(api, Switch(is_on, groups))
    if not is_agreed and not all(target.is_done for target in targets):
        for target in targets:
            console.print(target.text(), highlight=False)
        confirm("Apply these changes?", is_agreed)
    set_switch(api, targets, lambda line: console.print(line, highlight=False))
