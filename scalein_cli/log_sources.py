"""Where past outcomes are read: a file, a pipe, or Simple Log Service; else only ESS's history."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from scalein.errors import RejectedEvent
from scalein.intake.times import time_of
from scalein_cli.audit_lines import AuditLog, read_audit_lines
from scalein_cli.errors import CommandError
from scalein_cli.log_service import lines_of, open_log_store
from scalein_cli.options import endpoint_option

SPAN = re.compile(r"(\d{1,6})(m|h|d)")
MINUTES = {"m": 1, "h": 60, "d": 1_440}
Command = TypeVar("Command", bound=Callable[..., Any])


class LogSource(NamedTuple):
    """A log that was read, and its name for a person."""

    name: str
    log: AuditLog


def _time_since(_context: click.Context, _parameter: click.Parameter, text: str) -> datetime:
    """The time that a span such as 24h, or a time of RFC 3339, names."""
    span = SPAN.fullmatch(text)
    if span:
        return datetime.now(timezone.utc) - timedelta(minutes=int(span[1]) * MINUTES[span[2]])
    try:
        return time_of(text, "$")
    except RejectedEvent:
        raise click.BadParameter(
            f"{text!r} is neither a span such as 90m, 24h, 7d nor an RFC 3339 time"
        ) from None


def since_option(default: str) -> Callable[[Command], Command]:
    """The option that says how far back to read."""
    return click.option(
        "--since",
        default=default,
        show_default=True,
        metavar="SPAN|TIME",
        callback=_time_since,
        help="Span such as 90m, 24h, 7d, or an RFC 3339 time.",
    )


def log_options(command: Command) -> Command:
    """Adds the options that name a log."""
    options = (
        click.option(
            "--log",
            "log_file",
            type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
            metavar="FILE",
            help="Log of the function: lines, or rows of Simple Log Service as JSON; - is a pipe.",
        ),
        click.option("--project", default="", metavar="NAME", help="Project of the log store."),
        click.option("--logstore", default="", metavar="NAME", help="Log store of the function."),
        click.option(
            "--log-endpoint",
            default="",
            metavar="HOST",
            help="Of Simple Log Service.  [default: REGION.log.aliyuncs.com]",
        ),
        click.option(
            "--function",
            default="",
            metavar="NAME",
            help="Deployed function, which names its project and log store.",
        ),
        endpoint_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def read_log(options: Mapping[str, Any], since: datetime, until: datetime) -> LogSource | None:
    """The log that the options name; None if they name none. Raises CommandError, UsageError."""
    if options["log_file"]:
        return _read_file(options["log_file"])
    if bool(options["project"]) != bool(options["logstore"]):
        raise click.UsageError("give --project and --logstore together")
    project, logstore = options["project"], options["logstore"]
    if options["function"] and not project:
        project, logstore = _log_store_of(options["function"], options["endpoint"])
    if not project:
        return None
    store = open_log_store(project, logstore, options["log_endpoint"])
    log = read_audit_lines(lines_of(store, since, until))
    return LogSource(f"log store {project}/{logstore} of Simple Log Service", log)


def _read_file(file: Path) -> LogSource:
    """Raises CommandError."""
    is_pipe = str(file) == "-"
    name = "standard input" if is_pipe else str(file)
    try:
        with ExitStack() as stack:
            stream = sys.stdin.buffer if is_pipe else stack.enter_context(file.open("rb"))
            lines: Iterable[str] = (line.decode("utf-8", "replace") for line in stream)
            return LogSource(name, read_audit_lines(lines))
    except OSError as error:
        raise CommandError(f"{name} was not read: {error.strerror}.") from None


def _log_store_of(function: str, endpoint: str) -> tuple[str, str]:
    """Project and log store of the deployed function. Raises CommandError."""
    from scalein_cli.compute import open_function, read_function

    config = read_function(open_function(function, endpoint)).settings.get("logConfig") or {}
    project, logstore = config.get("project"), config.get("logstore")
    if not (project and logstore):
        raise CommandError(
            f"Function {function} writes to no log store (logConfig). Give --log FILE, or set one."
        )
    return str(project), str(logstore)


def recent(log: AuditLog, since: datetime) -> AuditLog:
    """The outcomes since then, and those of which the log does not say when they were."""
    outcomes = [one for one in log.outcomes if one.logged_at is None or one.logged_at >= since]
    return log._replace(outcomes=tuple(outcomes))


def faults_text(log: AuditLog) -> str:
    """What the log lacks, as sentences; empty if it is whole."""
    missing = sum(outcome.missing_parts for outcome in log.outcomes)
    sentences = []
    if log.broken:
        sentences.append(f"{log.broken} audit lines are cut, or of another version: not read.")
    if missing:
        sentences.append(f"{missing} follow-on lines are missing: lists of ids are not complete.")
    return " ".join(sentences)


def time_text(outcome_time: datetime | None) -> str:
    """The time in UTC, as wide as any other."""
    if outcome_time is None:
        return "(no time in log)   "
    return f"{outcome_time.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}"
