"""Time of planning, without any I/O, over fleets of growing size."""

from __future__ import annotations

import gc
import statistics
from datetime import datetime, timedelta, timezone
from functools import partial

from benchmarks.command import command_without_code
from benchmarks.policy import warm_read_seconds
from benchmarks.timing import Row, at_most, measure, milliseconds
from scalein.decision.alarm import Alarm, Scope, Subject
from scalein.decision.group_policy import NO_LIMITS, Budget, GroupPolicy, Pause
from scalein.decision.model import (
    Activity,
    Instance,
    Order,
    RemovalRequest,
    Sample,
    ScalingGroup,
    Snapshot,
    Target,
)
from scalein.decision.planner import plan_removal
from scalein.decision.windows import Windows, parse_cron
from scalein.policy import read_policy
from scalein_cli.local import EXAMPLE_POLICY
from scalein_cli.simulated_group import synthetic_snapshot
from scalein_cli.simulation import simulate
from scalein_cli.timeline import TimelineEvent

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
EVERY_ORDER = (
    Order.UNHEALTHY,
    Order.SPOT,
    Order.FULLEST_ZONE,
    Order.LOWEST_METRIC,
    Order.ATTACHED_LAST,
)


def figures(repeats: int) -> list[Row]:
    """Time of planning in ESS's order, and with every guardrail."""
    gc.freeze()  # as cold_start does: this process has modules that the function does not have
    rows: list[Row] = []
    for name, order, group_policy in (
        ("", (), NO_LIMITS),
        (", every guardrail", EVERY_ORDER, every_guardrail()),
    ):
        for size in (100, 1_000, 2_000, 10_000):
            request = RemovalRequest("asg-bench", "r", Target(instances=20), order=order)
            fleet = fleet_of(size)
            if len(plan_removal(request, fleet, group_policy).selected) != 20:
                raise SystemExit("The plan is wrong: it must select twenty instances.")
            work = partial(plan_removal, request, fleet, group_policy)
            durations = measure(work, repeats)
            figure = f"planning over {size:,} instances{name}"
            median, best = statistics.median(durations) * 1_000, milliseconds(min(durations))
            if size == 2_000:
                rows.append(at_most(figure, median, 10, "{:.1f} ms", f"best {best}"))
            else:
                rows.append(Row(figure, f"{median:.1f} ms (best {best})"))
    return [*rows, simulated_day(), reading_the_policy(repeats)]


def simulated_day() -> Row:
    """Time of simulating ten thousand alarms under the example policy."""
    policy = read_policy("", str(EXAMPLE_POLICY))
    start = START + timedelta(days=60)
    attributes = {"alertName": ("web-cpu-low",), "namespace": ("acs_ess_dashboard",)}
    whole = Subject(Scope.GROUP)
    timeline = [
        TimelineEvent(start + timedelta(seconds=8.64 * n), Alarm(f"{n}", attributes, whole))
        for n in range(10_000)
    ]
    group = synthetic_snapshot("asg-web", 500, 50, 3, start)
    (seconds,) = measure(lambda: simulate(group, policy, timeline, timedelta(seconds=60)), 1)
    return at_most("simulating 10,000 alarms over 500 instances", seconds, 5, "{:.2f} s")


def reading_the_policy(repeats: int) -> Row:
    """Time of reading an unchanged policy file again."""
    median = statistics.median(warm_read_seconds(max(100, repeats))) * 1_000
    return at_most("reading a policy of 10 kB again", median, 0.2, "{:.3f} ms")


def fleet_of(size: int) -> Snapshot:
    """A group with three zones, five configurations, a day of history and metric values."""
    members = tuple(
        Instance(
            f"i-bp1benchmark{n:08}",
            "InService",
            "ghi"[n % 3],
            f"asc-bp1benchmark{n % 5:08}",
            START + timedelta(minutes=n * 7919 % size),
        )
        for n in range(size)
    )
    group = ScalingGroup("asg-bench", "Active", size // 2, size, multi_az_policy="BALANCE")
    now = START + timedelta(days=60)
    end_times = [now - timedelta(minutes=15 * n) for n in range(2, 100)]
    activities = [
        Activity(f"asa-{n}", "Successful", end, end, added=1, removed=n % 2)
        for n, end in enumerate(end_times)
    ]
    samples = {member.id: Sample(float(n * 31 % 97), now) for n, member in enumerate(members)}
    return Snapshot(group, members, now, tuple(activities), samples)


def every_guardrail() -> GroupPolicy:
    return GroupPolicy(
        floor=1,
        max_removed_per_event=20,
        max_removed_percent_per_event=50,
        budget=Budget(86_400, instances=100),
        cooldown_seconds=600,
        cooldown_after_scale_out_seconds=600,
        cooldown_after_failure_seconds=180,
        minimum_age_seconds=3_600,
        healthy_quorum_percent=50,
        pause=Pause(START),
        windows=Windows(timezone.utc, (parse_cron("* * * * *"),), (parse_cron("* * 1 1 *"),)),
    )


main = command_without_code("Planning, processor time", 40, figures)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks.planning")
