"""`scalein simulate`: replays a day of alarms for a scaling group, to try a policy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from scalein.decision.group_policy import GroupPolicy
from scalein.decision.model import Snapshot
from scalein.decision.reasons import Ignored, Reason
from scalein.errors import ConfigurationError
from scalein.policy import Policy, read_policy
from scalein.report.outcome import shown_ids
from scalein_cli import show, verdicts
from scalein_cli.errors import CommandError
from scalein_cli.extras import require
from scalein_cli.fleet_snapshot import read_fleet_snapshot
from scalein_cli.lines import say
from scalein_cli.options import (
    command_line,
    console_for_output,
    existing_file,
    new_file,
    policy_option,
    print_json,
    progress,
)
from scalein_cli.simulated_group import synthetic_snapshot
from scalein_cli.simulation import (
    OTHER_GROUP,
    POLICY,
    SimulatedAlarm,
    SimulationResult,
    simulate,
)
from scalein_cli.tables import Column, print_table
from scalein_cli.timeline import read_timeline

CHART_SUFFIXES = (".png", ".svg")
LABELS = {
    **{reason.value: verdicts.LABELS[reason] for reason in Reason},
    Ignored.NO_RULE.value: "no alarm rule of the policy matches",
    OTHER_GROUP: "the alarm rule is for another scaling group",
    Ignored.PER_INSTANCE.value: "the alarm is of one instance, its rule of the whole group",
    POLICY: "the policy does not allow the request",
}


ALARM_COLUMNS = (
    Column("Time (UTC)"),
    Column("Removed", is_number=True),
    Column("Reason", folds=True),
    Column("Capacity", is_number=True),
    Column("Alarm", is_optional=True),
    Column("Instances", is_optional=True),
)


@click.command("simulate")
@click.argument("alarms", type=existing_file)
@policy_option
@click.option("--fleet", type=existing_file, help="Fleet file that has the scaling group.")
@click.option(
    "--group",
    "scaling_group_id",
    default="",
    metavar="ID",
    help="Scaling group.  [default: the first one of the policy]",
)
@click.option(
    "--size",
    default=100,
    show_default=True,
    type=click.IntRange(0, 10_000),
    help="Without --fleet: number of instances.",
)
@click.option(
    "--min-size",
    default=20,
    show_default=True,
    type=click.IntRange(0),
    help="Without --fleet: MinSize.",
)
@click.option(
    "--max-size",
    type=click.IntRange(0),
    help="MaxSize, which additions keep.  [default: the fleet file's; else none]",
)
@click.option(
    "--zones",
    default=3,
    show_default=True,
    type=click.IntRange(1, 26),
    help="Without --fleet: number of zones.",
)
@click.option(
    "--activity-seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Duration of a removal.",
)
@click.option("--chart", type=new_file, help="Draw a chart to this .png or .svg file.")
@click.option("--alarms", "each_alarm", is_flag=True, help="Print what became of each alarm.")
@click.option("--json", "as_json", is_flag=True, help="Print only the summary, as JSON.")
def simulate_command(**options: Any) -> None:
    """Replay a day of ALARMS, to try a policy.

    ALARMS is a CSV file with a header, or a file of JSON lines. Columns: time, and alarm (the name
    of the alarm rule); instanceIds, if the alarm names instances; any others are attributes that a
    rule of the policy can match (namespace, level ...). A line with add instead of alarm stands for
    that number of instances added by Auto Scaling. The scaling group comes from a fleet file
    (--fleet) or is made up. Decisions are the function's own. Time is simulated and nothing is
    called. All times are UTC.

        scalein simulate events/days/flapping.csv --group asg-web --chart day.png
    """
    chart, policy_file = options["chart"], options["policy"]
    if chart and chart.suffix not in CHART_SUFFIXES:
        raise click.UsageError("--chart takes a file that ends in .png or .svg")
    console = console_for_output()
    try:
        policy = read_policy("", str(policy_file.resolve()))
    except ConfigurationError as error:
        raise CommandError(str(error)) from error
    timeline = read_timeline(options["alarms"])
    snapshot = _snapshot(options, policy, timeline[0].time - timedelta(minutes=1))
    with progress(f"Simulating {len(timeline):,} events ..."):
        activity = timedelta(seconds=options["activity_seconds"])
        result = simulate(snapshot, policy, timeline, activity)
    group_id = snapshot.group.id
    group_policy = policy.groups[group_id]
    if chart:
        _draw_chart(result, snapshot, group_policy, command_line("chart"), chart)
    summary = _summary(result, snapshot, group_policy)
    if options["as_json"]:
        listed = {"eachAlarm": [_alarm_json(one) for one in result.alarms]}
        print_json(summary | (listed if options["each_alarm"] else {}))
        return
    say(
        console,
        f"{options['alarms'].name} for {group_id}, policy {show.relative_path(policy_file)}: "
        f"{timeline[0].time:%Y-%m-%d %H:%M} to {timeline[-1].time:%Y-%m-%d %H:%M} UTC",
    )
    if options["each_alarm"]:
        print_table(console, ALARM_COLUMNS, map(_alarm_row, result.alarms))
    _print_summary(summary, console)
    if chart:
        say(console, f"Chart: {show.relative_path(chart)}")


def _snapshot(options: Mapping[str, Any], policy: Policy, start: datetime) -> Snapshot:
    """The group at the beginning: from the fleet file, or made up. Raises CommandError."""
    group_id = options["scaling_group_id"] or next(iter(policy.groups))
    if group_id not in policy.groups:
        raise CommandError(
            f"The policy does not have scaling group {group_id}. It has "
            f"{', '.join(policy.groups)}: give one of these with --group, or add {group_id}."
        )
    max_size = options["max_size"]
    if options["fleet"]:
        snapshot = read_fleet_snapshot(
            options["fleet"], group_id, policy.groups[group_id].metric, start
        )
        group = snapshot.group
        max_size = group.max_size if max_size is None else max_size
        return snapshot._replace(group=group._replace(max_size=max_size))
    size, min_size, zones = options["size"], options["min_size"], options["zones"]
    return synthetic_snapshot(group_id, size, min_size, zones, start, max_size)


def _draw_chart(
    result: SimulationResult,
    snapshot: Snapshot,
    group_policy: GroupPolicy,
    command: str,
    path: Path,
) -> None:
    require("pictures")
    from scalein_cli.chart import ChartTexts, draw  # its imports take a second

    bounds = snapshot.group.min_size, group_policy.floor, snapshot.group.max_size
    texts = ChartTexts(f"Scaling group {snapshot.group.id}: a simulated day", command)
    try:
        draw(result, bounds, texts, path)
    except (OSError, ValueError) as error:
        raise CommandError(f"The chart was not written to {path}: {error}") from error


def _summary(
    result: SimulationResult, snapshot: Snapshot, group_policy: GroupPolicy
) -> dict[str, Any]:
    capacity = [point.capacity for point in result.capacity]
    return {
        "scalingGroupId": snapshot.group.id,
        "alarms": len(result.alarms),
        "removals": len(result.removals),
        "removed": result.removed,
        "blockedByReason": dict(result.blocked_by_reason),
        "capacity": {"before": capacity[0], "lowest": min(capacity), "after": capacity[-1]},
        "notAdded": result.not_added,
        "minSize": snapshot.group.min_size,
        "maxSize": snapshot.group.max_size,
        "floor": group_policy.floor,
    }


def _alarm_json(alarm: SimulatedAlarm) -> dict[str, Any]:
    return {
        "time": f"{alarm.time:%Y-%m-%dT%H:%M:%SZ}",
        "alarm": alarm.name,
        "selected": list(alarm.selected),
        "reason": alarm.reason or None,
        "capacity": alarm.capacity,
    }


def _alarm_row(alarm: SimulatedAlarm) -> list[str]:
    number, capacity = f"{len(alarm.selected):,}", f"{alarm.capacity:,}"
    ids = shown_ids(alarm.selected)
    return [f"{alarm.time:%Y-%m-%d %H:%M:%S}", number, alarm.reason, capacity, alarm.name, ids]


def _print_summary(summary: Mapping[str, Any], console: Console) -> None:
    capacity = ", ".join(f"{number:,}" for number in summary["capacity"].values())
    figures = [
        ["Alarms", f"{summary['alarms']:,}"],
        ["Removals", f"{summary['removals']:,}"],
        ["Instances removed", f"{summary['removed']:,}"],
        ["Capacity before, lowest, after", capacity],
        ["MinSize, floor", f"{summary['minSize']:,}, {summary['floor']:,}"],
    ]
    if summary["maxSize"] is not None:
        figures.append(["MaxSize", f"{summary['maxSize']:,}"])
    if summary["notAdded"]:
        figures.append(["Not added, because of MaxSize", f"{summary['notAdded']:,}"])
    print_table(console, (Column("Figure"), Column("Value", is_number=True)), figures)
    blocked = [
        [f"{number:,}", reason, LABELS[reason]]
        for reason, number in summary["blockedByReason"].items()
    ]
    columns = (Column("Alarms", is_number=True), Column("Blocked by"), Column("Why", folds=True))
    print_table(console, columns, blocked)
