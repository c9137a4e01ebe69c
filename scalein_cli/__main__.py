"""The command line: `.venv/bin/scalein --help`. Each command has a module of its own."""

from __future__ import annotations

import click

from scalein_cli import __version__
from scalein_cli.broker import broker_command
from scalein_cli.capture import capture_command
from scalein_cli.check import check_command
from scalein_cli.deploy import deploy_command
from scalein_cli.invoke import invoke_command
from scalein_cli.package import package_command
from scalein_cli.plan import plan_command
from scalein_cli.promote import promote_command, rollback_command
from scalein_cli.run import run_command
from scalein_cli.run_queue import run_queue_command
from scalein_cli.simulate import simulate_command
from scalein_cli.stop import start_command, stop_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="scalein")
def main() -> None:
    """Safe scale-in for Alibaba Cloud Auto Scaling (ESS).

    The exit status is 0 on success, 1 on failure (the help of each command says what counts as
    failure), 2 if the command line is wrong.

    To complete commands and options in bash (zsh_source and fish_source for these shells):

        eval "$(_SCALEIN_COMPLETE=bash_source scalein)"
    """


for command in (
    run_command,
    plan_command,
    simulate_command,
    capture_command,
    run_queue_command,
    broker_command,
    package_command,
    deploy_command,
    promote_command,
    rollback_command,
    stop_command,
    start_command,
    invoke_command,
    check_command,
):
    main.add_command(command)


if __name__ == "__main__":
    main(prog_name="scalein")
