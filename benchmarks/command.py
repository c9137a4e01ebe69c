"""The command line that every benchmark has."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from benchmarks.code import TRUST_STORES, Code, deployed_code
from benchmarks.timing import Row, print_markdown, print_table
from scalein_cli.options import RUNTIMES, console_for_output

Figures = Callable[[Code, int], list[Row]]  # of this code, by so many repeats


def command_for(title: str, default_repeats: int, *figures: Figures) -> click.Command:
    """Returns a command that makes the package, measures and prints one table."""

    @click.command(help=f"{title}.", context_settings={"show_default": True})
    @click.option("--repeats", default=default_repeats, help="Measurements of each figure.")
    @click.option("--runtime", type=click.Choice(RUNTIMES), help="The first installed, if omitted.")
    @click.option(
        "--trust-store",
        type=click.Choice(TRUST_STORES),
        default=TRUST_STORES[0],
        help="What verifies the server: the package's own store, a directory of hashed names that "
        "the runtime has, or a bundle that ALIBABA_CLOUD_CA_BUNDLE names.",
    )
    @click.option("--markdown", is_flag=True, help="Print a table to paste into a document.")
    def main(repeats: int, runtime: str | None, trust_store: str, markdown: bool) -> None:
        console = console_for_output()
        with console.status("Measuring ..."), deployed_code(runtime, trust_store) as code:
            rows = [row for measured in figures for row in measured(code, repeats)]
            conditions = (
                f"{code.runtime}, HTTPS with {code.certificates} trusted certificates "
                f"({trust_store}), {repeats} repeats, Python {sys.version.split()[0]} beside it"
            )
        print_figures = print_markdown if markdown else print_table
        print_figures(rows, console, f"{title}. {conditions}")

    return main
