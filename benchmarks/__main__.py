"""Prints the figures: `python -m benchmarks` (or `make bench`); each module measures by itself too.

Compare ratios within one run; times vary by machine.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from benchmarks import billing, intake, outage, planning, quotas, removals, shipping
from benchmarks.code import Code, deployed_code
from benchmarks.command import FiguresOfCode, conditions, runtime_option, trust_store_option
from benchmarks.timing import Row, markdown, print_table
from scalein_cli.options import console_for_output

# Where `--write` puts the tables in a document.
PLACE = re.compile(r"(<!-- figures -->\n).*?(<!-- /figures -->)", re.DOTALL)


def _planning(_code: Code, repeats: int) -> list[Row]:
    return planning.figures(repeats)


# Name, title, how many measurements of each figure, and what measures.
PARTS: dict[str, tuple[str, int, FiguresOfCode]] = {
    "removals": ("Removals, cold and warm", 20, removals.figures),
    "quotas": ("Removals with a share of a processor", 3, quotas.figures),
    "intake": ("Messages and batches", 20, intake.figures),
    "planning": ("Planning, processor time", 40, _planning),
    "billing": ("Billed time of a long removal", 1, billing.figures),
    "outage": ("Waiting for ESS", 1, outage.figures),
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
@click.option(
    "--write",
    "document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Document to write the tables into, such as docs/tuning.md.",
)
@runtime_option
@trust_store_option
def main(
    only: tuple[str, ...],
    repeats: int | None,
    document: Path | None,
    runtime: str | None,
    trust_store: str,
) -> None:
    """Measures the package over HTTPS, and prints a table for each part (about nine minutes).

    Each part is a command of its own too, such as python -m benchmarks.removals.
    """
    if only and document:
        raise click.UsageError("--write replaces all tables, and --only measures some of them.")
    console, tables = console_for_output(), []
    with deployed_code(runtime, trust_store) as code:
        for name in only or PARTS:
            title, usual_repeats, figures = PARTS[name]
            count = repeats or usual_repeats
            with console.status(f"{title} ..."):
                rows = figures(code, count)
            heading = f"{title}. {conditions(count, code)}"
            print_table(rows, console, heading)
            tables.append(markdown(rows, heading))
    if document:
        text = written(document.read_text(encoding="utf-8"), tables)
        document.write_text(text, encoding="utf-8")


def written(text: str, tables: list[str]) -> str:
    """The document with these tables. Raises ClickException without a place for them."""
    made, count = PLACE.subn(lambda found: "\n".join([found[1], *tables, found[2]]), text)
    if not count:
        raise click.ClickException("The document has no <!-- figures --> and <!-- /figures -->.")
    return made


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
