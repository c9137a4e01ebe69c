"""What `scalein check` finds: graded, one line for one cause, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from rich.console import Console
from rich.text import Text

from scalein.report.outcome import shown_ids
from scalein_cli.event_story import Story, print_stories, story_json
from scalein_cli.lines import say
from scalein_cli.tables import Cell, Column, print_table

COLUMNS = (Column("Result"), Column("Check", folds=True), Column("Detail", folds=True))


class Grade(str, Enum):
    """How a check ended."""

    GOOD = "good"
    WARNING = "warning"  # it works, and may do what is not meant
    BAD = "bad"  # it does not work


STYLES = {Grade.GOOD: "green", Grade.WARNING: "yellow", Grade.BAD: "bold red"}


class Finding(NamedTuple):
    """What one check found. `subjects`: what it is about, such as ids of scaling groups."""

    check: str
    grade: Grade
    detail: str
    to_do: str = ""  # a sentence; empty if there is nothing to do, or if the detail says it
    subjects: tuple[str, ...] = ()
    stories: tuple[tuple[Story, int], ...] = ()  # of an event: how its messages are read

    @property
    def name(self) -> str:
        """The check with its subjects, of which the first are named."""
        return f"{self.check} {shown_ids(self.subjects)}" if self.subjects else self.check

    @property
    def rejection(self) -> str:
        """Why the first message that cannot be read is rejected; "" if all can be read."""
        return next((story.message for story, _ in self.stories if story.is_rejected), "")


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings in order, those of one cause as one: they differ in their subjects alone."""
    subjects: dict[Finding, list[str]] = {}
    for finding in findings:
        subjects.setdefault(finding._replace(subjects=()), []).extend(finding.subjects)
    return [cause._replace(subjects=tuple(dict.fromkeys(ids))) for cause, ids in subjects.items()]


def is_bad(findings: Iterable[Finding]) -> bool:
    """Whether anything does not work."""
    return any(finding.grade is Grade.BAD for finding in findings)


def finding_json(finding: Finding) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "check": finding.check,
        "subjects": list(finding.subjects),
        "grade": finding.grade.value,
        "detail": finding.detail,
        "toDo": finding.to_do or None,
    }
    if finding.stories:
        fields["messages"] = [story_json(story, number) for story, number in finding.stories]
    return fields


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Prints a row for each finding, and then what to do."""
    rows: list[list[Cell]] = [
        [Text(finding.grade.value, STYLES[finding.grade]), finding.name, finding.detail]
        for finding in findings
    ]
    print_table(console, COLUMNS, rows)
    for finding in findings:
        if finding.stories:
            console.print(Text(finding.check, "bold"))
            print_stories(dict(finding.stories), console)
            console.print()
    for number, sentence in enumerate(steps(findings), 1):
        say(console, f"{number}. {sentence}")
    say(console, Text(conclusion(findings), "bold"))


def steps(findings: Sequence[Finding]) -> list[str]:
    """What to do, first for what does not work; each step once."""
    to_do = [
        f"{finding.name}: {finding.to_do or finding.rejection or finding.detail}"
        for grade in (Grade.BAD, Grade.WARNING)
        for finding in findings
        if finding.grade is grade
    ]
    return list(dict.fromkeys(to_do))


def conclusion(findings: Sequence[Finding]) -> str:
    """Whether the deployment will work, as a sentence."""
    bad, warnings = (
        sum(finding.grade is grade for finding in findings) for grade in (Grade.BAD, Grade.WARNING)
    )
    if bad:
        return f"{bad} bad, {_number(warnings)}. Fix what is bad before you deploy."
    if warnings:
        return f"It will work, with {_number(warnings)}. Decide whether each is meant."
    return "All good: nothing to do."


def _number(warnings: int) -> str:
    return f"{warnings} warning{'' if warnings == 1 else 's'}"
