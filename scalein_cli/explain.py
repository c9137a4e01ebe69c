"""`scalein explain`: the story of one message, or of one instance."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from scalein.errors import GatewayError
from scalein_cli.audit_lines import Json
from scalein_cli.cloud_access import profile_option, region_option
from scalein_cli.ess_history import GroupActivity, group_ids_of, read_history
from scalein_cli.group_status import activity_json
from scalein_cli.history import time_json
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
from scalein_cli.place import NO_POLICY, Place, open_place
from scalein_cli.show import COLOURS
from scalein_cli.stories import (
    Step,
    end_text,
    instance_story,
    message_story,
    outcomes_of_message,
    step_json,
)

FOUND, NOT_FOUND = 0, 3  # exit status; 1 is an unreadable source, 2 wrong usage


@click.command("explain")
@click.argument("id", metavar="REQUEST_ID|INSTANCE_ID")
@since_option("7d")
@log_options
@click.option("--group", "group_id", default="", metavar="ID", help="Without a log: this group.")
@click.option("--policy", type=existing_file, help="Policy document: without a log, its groups.")
@profile_option
@region_option
@click.option("--json", "as_json", is_flag=True, help="Print only the story, as JSON.")
def explain_command(id: str, **options: Any) -> None:
    """Tell the story of one message or instance.

    Of a message: what was requested, the plan, calls, follow-ups, the end. Of an instance: when
    it was selected or retained and why, in which scaling activity it was, when it was removed.

        scalein explain i-bp1example --log function.log

    Sources are those of `scalein history`. Without a log, ESS's scaling activities say when an
    instance was added or removed; ESS knows no requestId, and no reason.

    The exit status is 0 if something was found, 3 if nothing was, 1 if no source was read, 2 if
    the command line is wrong.
    """
    source = read_log(options, options["since"], datetime.now(timezone.utc))
    if source is None:
        is_found = _explain_by_ess(id, options)
    else:
        is_found = _explain_by_log(id, source, options)
    sys.exit(FOUND if is_found else NOT_FOUND)


def _explain_by_log(id: str, source: LogSource, options: Mapping[str, Any]) -> bool:
    """Prints the story; returns whether the log has one."""
    log = recent(source.log, options["since"])
    own = outcomes_of_message(id, log.outcomes)
    steps = message_story(own) if own else instance_story(id, log.outcomes)
    lacks = faults_text(log)
    if options["as_json"]:
        kind = "message" if own else "instance" if steps else None
        story = [step_json(step, time_json) for step in steps]
        end = end_text(own) if own else None
        document = {"id": id, "kind": kind, "source": source.name, "lacks": lacks}
        print_json({**document, "story": story, "end": end})
        return bool(steps)
    console = console_for_output()
    if not steps:
        say(console, nothing_text(id, source.name, options["since"]))
    else:
        say(console, f"{'Message' if own else 'Instance'} {id}, from {source.name}; times in UTC.")
    for step in steps:
        _print_step(step, console, has_request_id=not own)
    if own:
        say(console, end_text(own))
    say(console, lacks)
    return bool(steps)


def nothing_text(id: str, source: str, since: datetime) -> str:
    """What it means that a source has nothing about this id."""
    return (
        f"Nothing in {source} about {id} since {time_text(since)} UTC. A line that is absent "
        "proves nothing: the log may begin later, be of another function, or be cut. Check the "
        "id, --since and the source."
    )


def _print_step(step: Step, console: Console, has_request_id: bool) -> None:
    """Prints time, status and where it was; then a sentence a line."""
    outcome = step.outcome
    status = outcome["status"]
    request = f"  message {outcome['requestId']}" if has_request_id and outcome["requestId"] else ""
    invocation = outcome["functionRequestId"]
    where = f"  invocation {invocation}" if invocation else ""
    bold = (status, f"bold {COLOURS.get(status, '')}")
    heading = Text.assemble(time_text(outcome.logged_at), "  ", bold, request, where)
    say(console, heading)
    for sentence in step.sentences:
        say(console, sentence, 4)


def _explain_by_ess(id: str, options: Mapping[str, Any]) -> bool:
    """Prints the activities of the instance; returns whether ESS knows any, or a group of it."""
    with open_place(options["policy"], without_policy=NO_POLICY) as place:
        member_of = _groups_of(id, place)
        is_named = options["group_id"] or place.has_policy or not member_of
        named = group_ids_of(place, options["group_id"]) if is_named else []
        group_ids = sorted({*member_of, *named})
        activities, error_by_id = read_history(place, group_ids, options["since"])
        name = f"ESS ({place.name})"
    own = [one for one in activities if id in one.activity.added_ids | one.activity.removed_ids]
    own.reverse()
    if options["as_json"]:
        story: list[Json] = [{"scalingGroupId": g, **activity_json(a)} for g, a in own]
        document = {"id": id, "kind": "instance" if own or member_of else None, "source": name}
        print_json({**document, "memberOf": member_of, "errors": error_by_id, "story": story})
    else:
        _print_activities(id, name, own, member_of, error_by_id, options["since"])
    return bool(own or member_of)


def _groups_of(id: str, place: Place) -> list[str]:
    """The groups that have the instance now; none for what is no instance id."""
    if not id.startswith("i-"):
        return []
    try:
        return sorted(place.open_gateway().groups_of((id,)))
    except GatewayError:
        return []


def _print_activities(
    id: str,
    name: str,
    activities: Sequence[GroupActivity],
    member_of: Sequence[str],
    error_by_id: Mapping[str, str],
    since: datetime,
) -> None:
    console = console_for_output()
    if not (activities or member_of):
        say(console, nothing_text(id, name, since))
    else:
        say(console, f"Instance {id}, from {name}; times in UTC, in minutes.")
    for group_id, activity in activities:
        what = "removed from" if id in activity.removed_ids else "added to"
        ended_at = activity.ended_at
        ended = f"{ended_at - timedelta(seconds=59):%H:%M}" if ended_at else "still running"
        say(
            console,
            f"{activity.started_at:%Y-%m-%d %H:%M} to {ended}  {what} {group_id} by scaling "
            f"activity {activity.id} ({activity.status}, {activity.trigger or 'unknown trigger'}).",
        )
    for group_id in member_of:
        say(console, f"Now a member of {group_id}.")
    for group_id, error in error_by_id.items():
        say(console, f"Scaling group {group_id} was not read: {error}")
    say(
        console,
        "ESS knows no requestId and no reason: a log of the function does (--log, --function).",
    )
