"""`scalein stop` and `scalein start`: the stop switch of the deployed function."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from scalein.decision.group_policy import ALL_GROUPS
from scalein_cli.cloud_access import profile_option
from scalein_cli.options import console_for_output, endpoint_option, function_option, yes_option

if TYPE_CHECKING:
    from scalein_cli.function_api import FunctionApi

GROUP_ID = r"[A-Za-z0-9_-]{1,64}"


def _ids(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of all --group options; none for all groups. Raises click.BadParameter."""
    ids = [part.strip() for value in values for part in value.split(",") if part.strip()]
    wrong = [id for id in ids if not re.fullmatch(GROUP_ID, id)]
    if wrong or (values and not ids):
        raise click.BadParameter(
            f"{wrong[0]!r} is not the id of a scaling group." if wrong else "it has no id."
        )
    return () if ALL_GROUPS in map(str.lower, ids) else tuple(dict.fromkeys(ids))


group_option = click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="ID",
    callback=_ids,
    help="Scaling group; may be given several times.  [default: all groups]",
)


@click.command("stop")
@function_option
@endpoint_option
@profile_option
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

    An id that the policy lacks is refused, if the policy can be read. A version that is invoked by
    its number, not by LATEST or an alias, cannot be stopped: it never changes.

    The exit status is 0 if it is stopped, 1 if not: then it says what is not.
    """
    from scalein_cli.stop_check import check_groups
    from scalein_cli.stop_switch import Switch, set_switch

    console, api = console_for_output(), _open(function, endpoint)
    say = partial(console.print, highlight=False)
    _say_forgotten(api, say)
    if groups:
        check_groups(api, groups, say)
    set_switch(api, Switch(True, groups), say)
    place = "these groups" if groups else "any group"
    say(
        f"No removal begins in {place} by an invocation of LATEST or an alias; the next outcome "
        "says so. A version that is invoked by its number goes on. To start again: scalein start"
        f"{''.join(f' --group {group}' for group in groups)}."
    )


@click.command("start")
@function_option
@endpoint_option
@profile_option
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
    from scalein_cli.changes import confirm
    from scalein_cli.stop_switch import Switch, set_switch, targets_of

    console, api = console_for_output(), _open(function, endpoint)
    say, switch = partial(console.print, highlight=False), Switch(False, groups)
    _say_forgotten(api, say)
    targets = targets_of(api, switch)
    if not options["yes"] and not all(target.is_done for target in targets):
        for target in targets:
            say(target.text())
        confirm("Apply these changes?", is_agreed=False)
    set_switch(api, switch, say, frozenset(target.text() for target in targets))
    say("Messages that come now are processed again.")


def _open(function: str, endpoint: str) -> FunctionApi:
    """The function, with short timeouts and some tries. Raises CommandError, click.UsageError."""
    from scalein_cli.compute import BRIEF_READ_SECONDS, open_function
    from scalein_cli.patience import patient

    return patient(open_function(function, endpoint, read_seconds=BRIEF_READ_SECONDS))


def _say_forgotten(function: FunctionApi, say: Callable[[str], None]) -> None:
    """Says where what LATEST was is, if a command was killed while LATEST was lent."""
    from scalein_cli.loan import forgotten_folders

    for folder in forgotten_folders(function):
        say(
            f"note  {folder} has what LATEST was before a command that runs now or was killed. If "
            "it was killed, LATEST may still be an alias's version: put it back with scalein "
            "deploy, and delete the folder."
        )
