"""The command line: `.venv/bin/scalein --help`. Each command has a module of its own."""

from __future__ import annotations

import click

from scalein_cli import __version__
from scalein_cli.broker import broker_command
from scalein_cli.capture import capture_command
from scalein_cli.check import check_command
from scalein_cli.deploy import deploy_command
from scalein_cli.explain import explain_command
from scalein_cli.history import history_command
from scalein_cli.init import init_command
from scalein_cli.invoke import invoke_command
from scalein_cli.package import package_command
from scalein_cli.plan import plan_command
from scalein_cli.promote import promote_command, rollback_command
from scalein_cli.run import run_command
from scalein_cli.run_alarm import run_alarm_command
from scalein_cli.run_queue import run_queue_command
from scalein_cli.simulate import simulate_command
from scalein_cli.status import status_command
from scalein_cli.stop import start_command, stop_command
from scalein_cli.test import test_command
from scalein_cli.verification import same_trust_store

# The order in which a person meets them.
SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Decide": (init_command, plan_command, simulate_command, test_command, check_command),
    "Ask": (status_command, history_command, explain_command, capture_command),
    "Try it on this machine": (
        *(run_command, run_alarm_command),
        *(run_queue_command, broker_command),
    ),
    "Deploy": (package_command, deploy_command, promote_command, rollback_command, invoke_command),
    "In an emergency": (stop_command, start_command),
}


class Sections(click.Group):
    """Lists the commands by what they are for."""

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.commands)
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                rows = [(str(c.name).ljust(width), c.get_short_help_str(100)) for c in commands]
                formatter.write_dl(rows)


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scalein")
@click.pass_context
def main(context: click.Context) -> None:
    """Safe scale-in for Alibaba Cloud Auto Scaling (ESS).

    \b
        scalein plan --group asg-bp1example --count 3 --policy policy.json

    The exit status is 0 on success, 1 on failure (the help of each command says what counts as
    failure), 2 if the command line is wrong.

    To complete commands and options in bash (zsh_source and fish_source for these shells), put
    this line into ~/.bashrc:

    \b
        eval "$(_SCALEIN_COMPLETE=bash_source scalein)"
    """
    context.with_resource(same_trust_store())


for section in SECTIONS.values():
    for command in section:
        main.add_command(command)


if __name__ == "__main__":
    main(prog_name="scalein")
