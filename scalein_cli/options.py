"""Options and output that several commands share."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
from rich.console import Console
from rich.status import Status

from scalein_cli.local import EXAMPLE_POLICY, SMALL_FLEET

UNLIMITED = 10_000  # columns: no text is cut
ALIAS_NAME = re.compile("[A-Za-z_][A-Za-z0-9_-]{0,127}")  # of Function Compute
RUNTIMES = ("python3.10", "python3.12")  # of Function Compute, that the function supports

existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
new_file = click.Path(dir_okay=False, path_type=Path)

fleet_option = click.option(
    "--fleet",
    type=existing_file,
    default=SMALL_FLEET,
    help="Fleet file of the local cloud.  [default: localcloud/fleets/small.json]",
)
policy_option = click.option(
    "--policy",
    type=existing_file,
    default=EXAMPLE_POLICY,
    help="Policy document.  [default: policy.example.json]",
)
now_option = click.option(
    "--now", is_flag=True, help="Process the event at the present time, however old it is."
)
json_outcome_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print only the outcome, as the function returns it.",
)
function_option = click.option(
    "--function",
    envvar="SCALEIN_FC_FUNCTION",
    default="scalein",
    show_default=True,
    metavar="NAME",
    help="FUNCTION of Function Compute 3.0, or SERVICE/FUNCTION of 2.0.",
)


def _alias_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    """Refuses what cannot be an alias: LATEST is Function Compute's own qualifier."""
    if name and (name.upper() == "LATEST" or not ALIAS_NAME.fullmatch(name)):
        raise click.BadParameter(
            f"{name} cannot be an alias: a letter or _, then letters, digits, _ and -; not LATEST."
        )
    return name


alias_option = click.option(
    "--alias",
    default="prod",
    show_default=True,
    metavar="NAME",
    callback=_alias_name,
    help="Alias of the function.",
)
promoted_option = click.option(
    "--alias",
    default="",
    metavar="NAME",
    callback=_alias_name,
    help="Then promote it: scalein promote --alias NAME.",
)
yes_option = click.option("--yes", is_flag=True, help="Apply the changes without asking.")
endpoint_option = click.option(
    "--endpoint",
    envvar="SCALEIN_FC_ENDPOINT",
    default="",
    metavar="HOST",
    help="Endpoint of Function Compute, such as 1234567890.cn-hangzhou.fc.aliyuncs.com."
    "  [default: SCALEIN_FC_ENDPOINT]",
)


def console_for_output() -> Console:
    """The console: as wide as the terminal; plain text of any width if output is piped."""
    return Console(width=None if Console().is_terminal else UNLIMITED)


def progress(text: str) -> Status:
    """A line that moves while its block runs: on standard error, and only on a terminal."""
    return Console(stderr=True).status(text)


def command_line(*hidden: str) -> str:
    """The running command as it can be given again, less the options hidden."""
    context = click.get_current_context()
    words = [context.command.name or ""]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in hidden or source is not click.core.ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        option = [parameter.opts[0]] if isinstance(parameter, click.Option) else []
        words += option if value is True else [*option, str(value)]
    return shlex.join(["scalein", *words])


def print_json(document: object) -> None:
    """Prints JSON and nothing else, for programs and persons alike."""
    click.echo(json.dumps(document, indent=2))
