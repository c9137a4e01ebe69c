"""The command line that every benchmark has."""

from __future__ import annotations

import os
from collections.abc import Callable

import click

from benchmarks.code import TRUST_STORES, Code, deployed_code
from benchmarks.timing import Row, print_table, span
from scalein_cli.options import RUNTIMES, console_for_output

FiguresOfCode = Callable[[Code, int], list[Row]]  # of deployed code, by so many repeats
Figures = Callable[[int], list[Row]]

runtime_option = click.option(
    "--runtime", type=click.Choice(RUNTIMES), help="The first installed, if omitted."
)
trust_store_option = click.option(
    "--trust-store",
    type=click.Choice(TRUST_STORES),
    default=TRUST_STORES[0],
    help="What verifies the server: the package's own store, a directory of hashed names that the "
    "runtime has, or a bundle that ALIBABA_CLOUD_CA_BUNDLE names.",
)


def command_for(title: str, default_repeats: int, figures: FiguresOfCode) -> click.Command:
    """Returns a command that makes the package, measures, and prints a table."""

    @click.command(help=f"{title}.", context_settings={"show_default": True})
    @click.option("--repeats", default=default_repeats, help="Measurements of each figure.")
    @runtime_option
    @trust_store_option
    def main(repeats: int, runtime: str | None, trust_store: str) -> None:
        with (
            console_for_output().status("Measuring ..."),
            deployed_code(runtime, trust_store) as code,
        ):
            rows = figures(code, repeats)
        print_table(rows, console_for_output(), f"{title}. {conditions(repeats, code)}")

    return main


def command_without_code(title: str, default_repeats: int, figures: Figures) -> click.Command:
    """Returns a command that measures in its own process, and prints a table."""

    @click.command(help=f"{title}.", context_settings={"show_default": True})
    @click.option("--repeats", default=default_repeats, help="Measurements of each figure.")
    def main(repeats: int) -> None:
        with console_for_output().status("Measuring ..."):
            rows = figures(repeats)
        print_table(rows, console_for_output(), f"{title}. {conditions(repeats)}")

    return main


def conditions(repeats: int, code: Code | None = None) -> str:
    """What a reader must know of a table; call it when the figures are measured.

    With a load average above the number of processors, wall times say little.
    """
    text = f"{span([repeats], 'repeat')}, load average {os.getloadavg()[0]:.1f}"
    return f"{code.conditions}, {text}" if code else text
