"""Prints the figures: `python -m benchmarks` (or `make bench`); each module measures by itself too.

Compare ratios within one run; times vary by machine.
"""

from __future__ import annotations

import click

from benchmarks import billing, intake, planning, quotas, removals, shipping
from benchmarks.code import Code, deployed_code
from benchmarks.command import (
    FiguresOfCode,
    markdown_option,
    print_figures,
    runtime_option,
    trust_store_option,
)
from benchmarks.timing import Row
from scalein_cli.options import console_for_output


def _planning(_code: Code, repeats: int) -> list[Row]:
    return planning.figures(repeats)


# Name, title, how many measurements of each figure, and what measures.
PARTS: dict[str, tuple[str, int, FiguresOfCode]] = {
    "removals": ("Removals, cold and warm", 20, removals.figures),
    "quotas": ("Removals with a share of a processor", 3, quotas.figures),
    "intake": ("Messages and batches", 20, intake.figures),
    "planning": ("Planning, without any call", 40, _planning),
    "billing": ("Billed time of a long removal", 1, billing.figures),
    "shipping": ("The package", 10, shipping.figures),
}


@click.command(context_settings={"show_default": True})
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(list(PARTS)),
    help="Part to measure; can be given several times. All, if omitted.",
)
@click.option("--repeats", type=int, help="Measurements of each figure; by part, if omitted.")
@runtime_option
@trust_store_option
@markdown_option
def main(
    only: tuple[str, ...],
    repeats: int | None,
    runtime: str | None,
    trust_store: str,
    markdown: bool,
) -> None:
    """Measures the package over HTTPS, and prints a table for each part (about six minutes).

    Each part is a command of its own too, such as python -m benchmarks.removals.
    """
    with deployed_code(runtime, trust_store) as code:
        for name in only or PARTS:
            title, usual_repeats, figures = PARTS[name]
            count = repeats or usual_repeats
            with console_for_output().status(f"{title} ..."):
                rows = figures(code, count)
            print_figures(rows, f"{title}. {code.conditions}, {count} repeats", markdown)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
