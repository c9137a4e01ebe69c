"""`scalein test`: tests of a policy, run as CI runs them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import click
from rich.console import Console
from rich.text import Text

from scalein.errors import ConfigurationError
from scalein.report.outcome import shown_ids
from scalein_cli import show
from scalein_cli.errors import CommandError
from scalein_cli.lines import say
from scalein_cli.options import (
    console_for_output,
    existing_file,
    new_file,
    print_json,
    progress,
)
from scalein_cli.policy_test import CaseResult, Difference, Failure, run_case
from scalein_cli.policy_test_file import WRONG_USAGE, Case, read_cases
from scalein_cli.tables import Cell, Column, print_table

SUFFIXES = (".yaml", ".yml", ".json")
COLUMNS = (Column("Result"), Column("Case", folds=True), Column("File", is_optional=True))


@click.command("test")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE...",
)
@click.option(
    "--policy", type=existing_file, help="Policy document.  [default: the one that a file names]"
)
@click.option("--all", "all_rows", is_flag=True, help="Print a row for every instance.")
@click.option("--junit", type=new_file, help="Write a report in JUnit's form to this file.")
@click.option("--json", "as_json", is_flag=True, help="Print only the results, as JSON.")
def test_command(**options: Any) -> None:
    """Test a policy by cases, as code is tested.

    FILE is YAML or JSON, or a folder of such files: a fleet, a time, messages in order, and what
    each outcome must have (docs/policy.md). The function's own code decides. Time is simulated and
    nothing is called. A case that fails shows the plan, and what was expected.

        scalein test policy-tests/*.yaml

    The exit status is 0 if all cases pass, 1 if one fails, 2 if the command line, a file of tests
    or the policy is wrong.
    """
    cases = [
        case for file in _files(options["files"]) for case in read_cases(file, options["policy"])
    ]
    with progress(f"Testing {len(cases)} cases ..."):
        results = list(_results(cases))
    if options["junit"]:
        _write_junit(results, options["junit"])
    if options["as_json"]:
        print_json(_results_json(results))
    else:
        _print_results(results, console_for_output(), options["all_rows"])
    sys.exit(not all(result.passed for result in results))


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files, with those of the folders. Raises CommandError."""
    for path in paths:
        files = [path]
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
        if not files:
            raise CommandError(f"{path} has no file of {', '.join(SUFFIXES)}.", WRONG_USAGE)
        yield from files


def _results(cases: Sequence[Case]) -> Iterator[CaseResult]:
    for case in cases:
        try:
            yield run_case(case)
        except ConfigurationError as error:
            raise CommandError(f"{case.file}, case {case.name!r}: {error}", WRONG_USAGE) from None


def _print_results(results: Sequence[CaseResult], console: Console, all_rows: bool) -> None:
    marks = {True: Text("passed", "green"), False: Text("failed", "bold red")}
    rows: list[list[Cell]] = [
        [marks[result.passed], result.case.name, show.relative_path(result.case.file)]
        for result in results
    ]
    print_table(console, COLUMNS, rows)
    for result in results:
        for failure in result.failures:
            _print_failure(result.case, failure, console, all_rows)
    failed = sum(not result.passed for result in results)
    files = len({result.case.file for result in results})
    say(
        console,
        f"{_number(len(results), 'case')} in {_number(files, 'file')}: "
        f"{len(results) - failed} passed, {failed} failed.",
    )


def _print_failure(case: Case, failure: Failure, console: Console, all_rows: bool) -> None:
    """Prints what was expected, and the plan."""
    place = f"message {failure.number} of {len(case.messages)}, {failure.at:%Y-%m-%d %H:%M:%S} UTC"
    say(console, Text(f"{show.relative_path(case.file)}: {case.name}", "bold"))
    say(console, f"Failed at {place}:")
    for difference in failure.differences:
        say(console, _difference_text(difference), 2)
    console.print()
    show.print_outcome(failure.outcome, failure.snapshot, console, all_rows=all_rows)
    console.print()


def _difference_text(difference: Difference) -> str:
    expected, found = _text(difference.expected), _text(difference.found)
    return f"{difference.field}: expected {expected}, found {found}"


def _text(value: object) -> str:
    if isinstance(value, list):
        return shown_ids(value) or "no instances"
    return "none" if value is None else str(value)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _results_json(results: Sequence[CaseResult]) -> dict[str, Any]:
    failed = sum(not result.passed for result in results)
    return {
        "passed": len(results) - failed,
        "failed": failed,
        "cases": [
            {
                "file": str(result.case.file),
                "name": result.case.name,
                "passed": result.passed,
                "failures": [_failure_json(failure) for failure in result.failures],
            }
            for result in results
        ],
    }


def _failure_json(failure: Failure) -> dict[str, Any]:
    return {
        "message": failure.number,
        "at": f"{failure.at:%Y-%m-%dT%H:%M:%SZ}",
        "differences": [difference._asdict() for difference in failure.differences],
        "outcome": failure.outcome,
    }


def _write_junit(results: Sequence[CaseResult], file: Path) -> None:
    """Writes the report that CI systems show. Raises CommandError."""
    failed = sum(not result.passed for result in results)
    suite = Xml.Element(
        "testsuite", name="scalein test", tests=str(len(results)), failures=str(failed)
    )
    for result in results:
        case = Xml.SubElement(
            suite, "testcase", name=result.case.name, classname=result.case.file.stem
        )
        for failure in result.failures:
            text = "; ".join(map(_difference_text, failure.differences))
            element = Xml.SubElement(case, "failure", message=f"message {failure.number}: {text}")
            element.text = str(failure.outcome["message"])
    try:
        Xml.ElementTree(suite).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise CommandError(f"{file} was not written: {error.strerror}.") from None
