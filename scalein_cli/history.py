"""`scalein history`: removals and what came of each message, newest first."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.text import Text

from scalein.decision.reasons import Status
from scalein.report.outcome import amount_text
from scalein_cli.audit_lines import Json, LoggedOutcome
from scalein_cli.cloud_access import profile_option, region_option
from scalein_cli.ess_history import GroupActivity, group_ids_of, read_history
from scalein_cli.group_status import activity_json
from scalein_cli.lines import say
from scalein_cli.log_sources import (
    LogSource,
    faults_text,
    log_options,
    read_log,
    recent,
    since_option,
    time_text,
)
from scalein_cli.options import console_for_output, existing_file, print_json
from scalein_cli.place import NO_POLICY, open_place
from scalein_cli.show import COLOURS
from scalein_cli.tables import Column, print_table

ACTIVITIES = (
    Column("Activity"),
    Column("Status"),
    Column("Removed", is_number=True),
    Column("Started (UTC)"),
    Column("Group", is_optional=True),
    Column("Added", is_optional=True, is_number=True),
    Column("Ended (UTC)", is_optional=True),
    Column("By", is_optional=True),
)
AMOUNTS = ("removed", "accepted", "selected")  # the furthest comes first


class Message(NamedTuple):
    """A message: its latest outcome that is its own, and how many outcomes the log has."""

    latest: LoggedOutcome
    outcomes: int


@click.command("history")
@click.option("--group", "group_id", default="", metavar="ID", help="Only this scaling group.")
@since_option("24h")
@log_options
@click.option("--policy", type=existing_file, help="Policy document: without a log, its groups.")
@profile_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print only the entries, as JSON.")
def history_command(**options: Any) -> None:
    """List removals and outcomes, newest first.

    One entry is one message. From a log of the function, which knows every message and why it did
    not remove:

        scalein history --log function.log --since 7d

    a file or a pipe (--log -), or Simple Log Service (--project and --logstore, or --function).
    Without a log, from the scaling activities that ESS remembers: those of other tools too, and
    no message that removed nothing. The output says which source it was.

    The exit status is 0 if the source was read, 1 if it was not, 2 if the command line is wrong.
    """
    source = read_log(options, options["since"], datetime.now(timezone.utc))
    if source is None:
        _show_activities(options)
    else:
        _show_messages(source, options)


def _show_messages(source: LogSource, options: Mapping[str, Any]) -> None:
    log = recent(source.log, options["since"])
    group_id = options["group_id"]
    outcomes = [one for one in log.outcomes if group_id in ("", one["scalingGroupId"])]
    messages = list(messages_of(outcomes))
    if options["as_json"]:
        entries = [_message_json(message) for message in messages]
        print_json({"source": source.name, "lacks": faults_text(log), "messages": entries})
        return
    console = console_for_output()
    say(console, f"{len(messages)} messages, from {source.name}, newest first; times in UTC.")
    for message in messages:
        _print_message(message, console)
    say(console, faults_text(log))


def messages_of(outcomes: Sequence[LoggedOutcome]) -> Iterator[Message]:
    """Yields each message, that with the newest outcome first.

    A duplicate is no outcome of its own, unless the log has no other of its message.
    """
    by_id: dict[str, list[LoggedOutcome]] = {}
    for outcome in reversed(outcomes):
        if outcome["requestId"]:
            by_id.setdefault(outcome["requestId"], []).append(outcome)
    for own in by_id.values():
        latest = next((one for one in own if one["status"] != Status.DUPLICATE), own[0])
        yield Message(latest, len(own))


def _message_json(message: Message) -> Json:
    latest = message.latest
    names = ("requestId", "status", "scalingGroupId", "message", "requestReason")
    ids = ("selected", "accepted", "removed", "scalingActivityIds")
    return {
        "time": time_json(latest.logged_at),
        **{name: latest[name] or None for name in names},
        **{name: latest[name] for name in ids},
        "outcomes": message.outcomes,
    }


def time_json(time: datetime | None) -> str | None:
    """The time as RFC 3339, in UTC; None if it is not known."""
    return f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}" if time else None


def _print_message(message: Message, console: Console) -> None:
    """Prints two lines: id, status, instances and group; time and sentence."""
    latest = message.latest
    status = latest["status"]
    amount = next((_amount(latest[name], name) for name in AMOUNTS if latest[name]), "")
    group = f"  {latest['scalingGroupId']}" if latest["scalingGroupId"] else ""
    bold = (status, f"bold {COLOURS.get(status, '')}")
    say(console, Text.assemble(latest["requestId"], "  ", bold, amount, group))
    text = f"{time_text(latest.logged_at)}  {latest['message']}"
    say(console, Text(text, "dim"), 4)


def _amount(ids: Sequence[str], name: str) -> str:
    return f"  {amount_text(len(ids), 'instances')} {name}"


def _show_activities(options: Mapping[str, Any]) -> None:
    with open_place(options["policy"], without_policy=NO_POLICY) as place:
        group_ids = group_ids_of(place, options["group_id"])
        activities, error_by_id = read_history(place, group_ids, options["since"])
        name = f"ESS ({place.name})"
    if options["as_json"]:
        entries = [{"scalingGroupId": id, **activity_json(one)} for id, one in activities]
        print_json({"source": name, "errors": error_by_id, "activities": entries})
    else:
        _print_activities(name, activities, error_by_id, console_for_output())
    sys.exit(bool(error_by_id))


def _print_activities(
    name: str,
    activities: Sequence[GroupActivity],
    error_by_id: Mapping[str, str],
    console: Console,
) -> None:
    say(
        console,
        f"{len(activities)} scaling activities, from {name}, newest first. ESS does not know "
        "messages that removed nothing, nor why: a log of the function does (--log, --function).",
    )
    rows = [
        (
            one.id,
            one.status,
            f"{one.removed:,}",
            f"{one.started_at:%Y-%m-%d %H:%M}",
            group_id,
            f"{one.added:,}",
            f"{one.ended_at:%Y-%m-%d %H:%M}" if one.ended_at else "",
            one.trigger,
        )
        for group_id, one in activities
    ]
    print_table(console, ACTIVITIES, rows)
    for id, error in error_by_id.items():
        say(console, f"Scaling group {id} was not read: {error}")
