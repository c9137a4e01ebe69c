"""Guardrails, a row for each: the policy, the group, how many are selected, and why no more."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.group_policy import Budget, GroupPolicy, Pause
from scalein.decision.guardrails import read_scope
from scalein.decision.model import (
    Activity,
    Limit,
    Metric,
    Order,
    Plan,
    Sample,
    Shortfall,
    Snapshot,
    Target,
)
from scalein.decision.planner import plan_removal, requested_amount
from scalein.decision.reasons import Reason
from scalein.decision.windows import Windows, parse_cron
from tests.support.clock import NOON
from tests.support.fleets import group_of, member, request_for

TEN = [member(f"i-{number}", 1 + number) for number in range(10)]


def ten(**fields: object) -> Snapshot:
    return group_of(*TEN, **fields)  # type: ignore[arg-type]


def after(seconds: int, snapshot: Snapshot | None = None, **fields: object) -> Snapshot:
    """Ten instances, and an activity that ended so many seconds ago."""
    ended = NOON - timedelta(seconds=seconds)
    activity = Activity("asa-1", "Successful", ended - timedelta(seconds=60), ended)
    activity = activity._replace(**fields)  # type: ignore[arg-type]
    return (snapshot or ten())._replace(activities=(activity,))


def after_two(first: int, second: int) -> Snapshot:
    """Two removals, so many seconds ago."""
    return ten()._replace(
        activities=tuple(a for s in (first, second) for a in after(s, removed=1).activities or ())
    )


def plan(snapshot: Snapshot, group_policy: GroupPolicy, count: int = 9) -> Plan:
    return plan_removal(request_for(Target(instances=count)), snapshot, group_policy)


def detail_of(plan: Plan) -> str:
    assert plan.blocked_by
    return plan.blocked_by.detail


def in_state(number: int, state: str) -> Snapshot:
    return group_of(
        *[i._replace(lifecycle_state=state) if n < number else i for n, i in enumerate(TEN)]
    )


def beside(snapshot: Snapshot, *activities: Activity) -> Snapshot:
    """The snapshot with further activities."""
    return snapshot._replace(activities=(*(snapshot.activities or ()), *activities))


def joined(number: int, at: datetime | None) -> Snapshot:
    """Ten, so many of which joined then."""
    return group_of(
        *[i._replace(joined_at=at) if n < number else i for n, i in enumerate(TEN)]
    )._replace(activities=())


def budget(max_instances: int | None, percent: int | None = None) -> GroupPolicy:
    """A budget of one hour."""
    return GroupPolicy(budget=Budget(3_600, max_instances, percent))


def hours(*allowed: str) -> GroupPolicy:
    return GroupPolicy(windows=Windows(timezone.utc, tuple(map(parse_cron, allowed))))


def quorum(percent: float) -> GroupPolicy:
    return GroupPolicy(healthy_quorum_percent=percent)


def plus_one(state: str, **fields: object) -> Snapshot:
    """Ten instances and one in another state."""
    return group_of(*TEN, member("i-p", lifecycle_state=state, **fields))  # type: ignore[arg-type]


def alternating_health() -> Snapshot:
    return group_of(*[i._replace(healthy=n % 2 == 0) for n, i in enumerate(TEN)])


REMOVED_IDS = frozenset({"g-1", "g-2", "g-3"})
THREE_REMOVED = after(100, removed=3, removed_ids=REMOVED_IDS)
THREE_OF_TEN_REMOVED = after(100, ten(desired_capacity=10), removed=3, removed_ids=REMOVED_IDS)
SHARE = budget(None, 40)
COOL, DAY = GroupPolicy(cooldown_seconds=600), 86_400
STOPPED = GroupPolicy(stopped_by="SCALEIN_STOP is all")
AFTER_OUT = GroupPolicy(cooldown_after_scale_out_seconds=600)
AFTER_FAILURE = GroupPolicy(cooldown_after_failure_seconds=180)


@pytest.mark.parametrize(
    ("story", "group_policy", "snapshot", "selected", "reason"),
    [
        ("nothing is set: MinSize holds", GroupPolicy(), ten(min_size=4), 6, "min-size"),
        ("the group is in a state that is not known",
         GroupPolicy(), ten(lifecycle_state="A"), 0, "group-not-active"),
        ("a floor above MinSize holds", GroupPolicy(floor=6), ten(min_size=4), 4, "floor"),
        ("a floor below MinSize is nothing", GroupPolicy(floor=3), ten(min_size=4), 6, "min-size"),
        ("a floor at MinSize is nothing", GroupPolicy(floor=4), ten(min_size=4), 6, "min-size"),
        ("one message removes three",
         GroupPolicy(max_removed_per_event=3), ten(), 3, "max-per-request"),
        ("one message removes 25 %, rounded down",
         GroupPolicy(max_removed_percent_per_event=25), ten(), 2, "max-percent-per-request"),
        ("of two maxima the smaller holds",
         GroupPolicy(max_removed_per_event=5, max_removed_percent_per_event=10),
         ten(), 1, "max-percent-per-request"),
        ("a budget of three, nothing spent", budget(3), after(99_999, removed=9), 3, "budget"),
        ("a budget of three, two spent", budget(3), after(100, removed=2), 1, "budget"),
        ("a budget overspent by others", budget(3), after(100, removed=5), 0, "budget"),
        ("of a maximum of three and a budget of two",
         GroupPolicy(max_removed_per_event=3, budget=Budget(3_600, 2)), after(99_999), 2, "budget"),
        ("a budget of 40 % of ten and of the three that were removed",
         SHARE, THREE_REMOVED, 2, "budget"),
        ("of three removed, one was added in the window",
         SHARE,
         after(100, removed=3, removed_ids=REMOVED_IDS, added=1, added_ids=frozenset({"g-1"})),
         1, "budget"),
        ("which three were removed is not known", SHARE, after(100, removed=3), 1, "budget"),
        ("which two were added is not known",
         SHARE, after(100, removed=3, removed_ids=REMOVED_IDS, added=2), 1, "budget"),
        ("the removed may be attached by hand before",
         SHARE,
         beside(THREE_REMOVED, Activity("asa-2", "Successful", NOON, NOON)), 1, "budget"),
        ("the removed may be of an activity that runs",
         SHARE,
         beside(THREE_OF_TEN_REMOVED, Activity("asa-2", "InProgress", NOON, None, trigger="Ess")),
         1, "budget"),
        ("a removal that runs adds no instances",
         SHARE,
         beside(THREE_OF_TEN_REMOVED, Activity("asa-2", "InProgress", NOON, None, trigger="APIs")),
         2, "budget"),
        ("half of ten joined within the window", SHARE, joined(5, NOON), 2, "budget"),
        ("half of ten joined just when the window began",
         SHARE, joined(5, NOON - timedelta(seconds=3_600)), 4, "budget"),
        ("of half of ten is not known when they joined", SHARE, joined(5, None), 2, "budget"),
        ("half of ten were started again",
         SHARE, after(100, added=5, added_ids=frozenset(f"i-{n}" for n in range(5))), 2, "budget"),
        ("a place that was emptied and filled is one place",
         SHARE, beside(joined(3, NOON), *(THREE_REMOVED.activities or ())), 1, "budget"),
        ("listed as removed and still listed as a member",
         SHARE,
         after(100, removed=3, removed_ids=frozenset(f"i-{n}" for n in range(3))), 1, "budget"),
        ("own removals that the history does not show yet",
         SHARE, after(0, removed=3, removed_ids=REMOVED_IDS, id=""), 1, "budget"),
        ("removed a second before the window began",
         budget(3), after(3_601, removed=2), 3, "budget"),
        ("removed just as the window began", budget(3), after(3_600, removed=2), 3, "budget"),
        ("removed a second later", budget(3), after(3_599, removed=2), 1, "budget"),
        ("what is being removed now is spent",
         budget(3), in_state(2, "Removing")._replace(activities=()), 1, "budget"),
        ("a share of all, two of which are being removed",
         budget(None, 50), in_state(2, "Removing")._replace(activities=()), 3, "budget"),
        ("a removal five minutes ago", COOL, after(300, removed=1), 0, "cooldown"),
        ("a removal a second short of ten minutes ago", COOL, after(599, removed=1), 0, "cooldown"),
        ("a removal ten minutes ago", COOL, after(600, removed=1), 9, None),
        ("a removal an hour ago", COOL, after(3_600, removed=1), 9, None),
        ("of two removals the later", COOL, after_two(3_600, 300), 0, "cooldown"),
        ("an activity that removed no instances", COOL, after(300), 9, None),
        ("a member being removed",
         COOL, in_state(1, "Removing")._replace(activities=()), 0, "cooldown"),
        ("a member being removed, and no cooldown",
         GroupPolicy(), in_state(1, "Removing"), 9, None),
        ("a scale-out five minutes ago",
         AFTER_OUT, after(300, added=1), 0, "cooldown-after-scale-out"),
        ("a scale-out ten minutes ago", AFTER_OUT, after(600, added=1), 9, None),
        ("a removal is no scale-out", AFTER_OUT, after(300, removed=1), 9, None),
        ("a failure a minute ago",
         AFTER_FAILURE, after(60, status="Failed"), 0, "cooldown-after-failure"),
        ("a failure three minutes ago", AFTER_FAILURE, after(180, status="Failed"), 9, None),
        ("a rejected activity never ran", AFTER_FAILURE, after(60, status="Rejected"), 9, None),
        ("a scale-out that still runs",
         AFTER_OUT, after(0, added=1, ended_at=None), 0, "cooldown-after-scale-out"),
        ("the stop switch is on", STOPPED, ten(), 0, "stop-switch"),
        ("it is on in a group that is paused too",
         STOPPED._replace(pause=Pause()), ten(), 0, "stop-switch"),
        ("the group is paused", GroupPolicy(pause=Pause()), ten(), 0, "paused"),
        ("paused until a minute from now",
         GroupPolicy(pause=Pause(NOON + timedelta(minutes=1))), ten(), 0, "paused"),
        ("paused until a minute ago",
         GroupPolicy(pause=Pause(NOON - timedelta(minutes=1))), ten(), 9, None),
        ("paused until now", GroupPolicy(pause=Pause(NOON)), ten(), 9, None),
        ("outside of its hours", hours("* 0-6 * * *"), ten(), 0, "window-closed"),
        ("within its hours", hours("* 12 * * *"), ten(), 9, None),
        ("half are unhealthy and 60 % must not be",
         quorum(60), alternating_health(), 0, "unhealthy-group"),
        ("half are unhealthy and 50 % may be", quorum(50), alternating_health(), 9, None),
        ("half are healthy and a little more must be",
         quorum(50.4), alternating_health(), 0, "unhealthy-group"),
        ("half are unhealthy and 70 % may be", quorum(30), alternating_health(), 9, None),
        ("Pending members are not the unhealthy ones",
         quorum(100), plus_one("Pending", healthy=False), 9, None),
        ("Standby members are not the unhealthy ones",
         quorum(100), plus_one("Standby", healthy=False), 9, None),
        ("an unhealthy Protected member counts",
         quorum(100), plus_one("Protected", healthy=False), 0, "unhealthy-group"),
        ("five are warming up",
         GroupPolicy(),
         group_of(*[i._replace(warming_up=n < 5) for n, i in enumerate(TEN)]), 5, "warming-up"),
        ("three joined within 199 days",
         GroupPolicy(minimum_age_seconds=199 * DAY), ten(), 8, "too-young"),
        ("exactly old enough is old enough",
         GroupPolicy(minimum_age_seconds=206 * DAY + DAY // 2), ten(), 1, "too-young"),
        ("of unknown age is too young",
         GroupPolicy(minimum_age_seconds=1),
         group_of(member("i-a", joined_at=None)), 0, "too-young"),
        ("ESS wants eleven", GroupPolicy(), ten(desired_capacity=11), 0, "below-desired"),
        ("ESS wants ten", GroupPolicy(), ten(desired_capacity=10), 9, None),
        ("ESS wants eight", GroupPolicy(), ten(desired_capacity=8), 9, None),
        ("ESS wants eleven, and one is pending",
         GroupPolicy(),
         group_of(*TEN, member("i-p", lifecycle_state="Pending"), desired_capacity=11), 9, None),
        ("an activity runs in a group without desired capacity",
         GroupPolicy(), after(0, ended_at=None), 0, "activity-in-progress"),
        ("an activity runs in a group with desired capacity",
         GroupPolicy(), after(0, ten(desired_capacity=10), ended_at=None), 9, None),
        ("an alarm task's activity runs in one",
         GroupPolicy(),
         after(0, ten(desired_capacity=10), ended_at=None, trigger="Cms"),
         0, "activity-in-progress"),
        ("an activity of ESS itself runs in one",
         GroupPolicy(), after(0, ten(desired_capacity=10), ended_at=None, trigger="Ess"), 9, None),
        ("cooldown before in-progress: a retry would not help",
         COOL, after(0, removed=1, ended_at=None), 0, "cooldown"),
        ("the lasting before the passing",
         COOL._replace(pause=Pause()), after(300, removed=1), 0, "paused"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)  # fmt: skip
def test_a_guardrail_holds(
    story: str, group_policy: GroupPolicy, snapshot: Snapshot, selected: int, reason: str | None
) -> None:
    decided = plan(snapshot, group_policy)

    assert len(decided.selected) == selected
    assert (decided.shortfall.reason.value if decided.shortfall else None) == reason


@pytest.mark.parametrize(
    ("group_policy", "selected_ids"),
    [
        (GroupPolicy(), ["i-a"]),
        (GroupPolicy(remove_protected=True), ["i-p", "i-a"]),
        (GroupPolicy(remove_standby=True), ["i-s", "i-a"]),
    ],
)
def test_protected_and_standby_are_removed_only_if_named_and_allowed_by_the_policy(
    group_policy: GroupPolicy, selected_ids: list[str]
) -> None:
    fleet = group_of(
        member("i-p", lifecycle_state="Protected"),
        member("i-s", lifecycle_state="Standby"),
        member("i-a"),
    )
    named = request_for(Target(instance_ids=("i-p", "i-s", "i-a")))

    assert list(plan_removal(named, fleet, group_policy).selected) == selected_ids
    assert plan_removal(request_for(Target(instances=3)), fleet, group_policy).selected == ("i-a",)


def test_each_limit_says_what_it_allows_and_by_which_values() -> None:
    group_policy = GroupPolicy(5, 3, 25, Budget(3_600, 4))
    decided = plan(after(60, ten(min_size=2), removed=1), group_policy)

    assert decided.limits == (
        Limit(Reason.MIN_SIZE, 8, "capacity", "MinSize is 2; TotalCapacity is 10."),
        Limit(Reason.FLOOR, 5, "capacity", "The policy's floor is 5; TotalCapacity is 10."),
        Limit(Reason.MAX_PER_REQUEST, 3, "instances", "maxRemovedPerEvent of the policy is 3."),
        Limit(
            Reason.MAX_PERCENT_PER_REQUEST,
            2,
            "capacity",
            "maxRemovedPercentPerEvent of the policy allows 25 % of TotalCapacity 10.",
        ),
        Limit(Reason.BUDGET, 3, "instances", "The budget is 4 instances in 3600 s; 1 is spent."),
    )
    assert decided.shortfall == Shortfall(9, 7, "instances", Reason.MAX_PERCENT_PER_REQUEST)


@pytest.mark.parametrize(
    ("group_policy", "snapshot", "detail"),
    [
        (GroupPolicy(pause=Pause(NOON + timedelta(hours=1), "sale")), ten(),
         "The policy pauses the group until 2026-11-23 13:00 UTC (sale)."),
        (GroupPolicy(pause=Pause()), ten(), "The policy pauses the group."),
        (STOPPED, ten(), "The stop switch is on: SCALEIN_STOP is all."),
        (hours("0 0 * * *"), ten(), "Local time Mon 12:00 (UTC) is outside the allowed windows."),
        (GroupPolicy(windows=Windows(ZoneInfo("Asia/Shanghai"), (), (parse_cron("* 20 * * *"),))),
         ten(),
         "Local time Mon 20:00 (Asia/Shanghai) is inside a forbidden window."),
        (COOL, after(300, removed=1),
         "The cooldown of 600 s after a scale-in ends at 2026-11-23 12:05:00 UTC."),
        (COOL, after(0, removed=1, ended_at=None),
         "The cooldown of 600 s after a scale-in begins when scaling activity asa-1 ends."),
        (COOL, in_state(1, "Removing")._replace(activities=()),
         "Another removal is in progress: i-0 is being removed. The cooldown of 600 s follows."),
        (AFTER_FAILURE, after(60, status="Failed"),
         "The cooldown of 180 s after a failed activity ends at 2026-11-23 12:02:00 UTC."),
        (GroupPolicy(), ten(lifecycle_state="Inactive"),
         "The scaling group is Inactive, not Active. Enable it."),
        (GroupPolicy(), ten(suspended_processes=("ScaleIn",)),
         "The ScaleIn process of the scaling group is suspended."),
        (GroupPolicy(), ten(removal_policies=("CustomPolicy",)),
         "The group's removal policy CustomPolicy is not known to this function."),
        (GroupPolicy(), ten(desired_capacity=11),
         "The desired capacity is 11; the group has 10, pending instances included. "
         "ESS would replace the removed instances."),
        (GroupPolicy(), after(0, ended_at=None), "Scaling activity asa-1 is in progress."),
        (quorum(99.5), group_of(member("i-a", healthy=False)),
         "0 of 1 InService and Protected instances are Healthy; the policy demands 99.5 %."),
    ],
)  # fmt: skip
def test_a_veto_says_what_exactly_blocks_the_removal(
    group_policy: GroupPolicy, snapshot: Snapshot, detail: str
) -> None:
    assert detail_of(plan(snapshot, group_policy)) == detail


def test_the_later_end_of_two_cooldowns_is_said() -> None:
    first = after(300, removed=1).activities or ()
    second = after(100, removed=1).activities or ()

    assert detail_of(plan(ten()._replace(activities=(*first, *second)), COOL)) == (
        "The cooldown of 600 s after a scale-in ends at 2026-11-23 12:08:20 UTC."
    )


def test_an_overspent_budget_allows_no_removal_and_says_all_that_was_spent() -> None:
    fleet = in_state(2, "Removing")._replace(activities=after(60, removed=3).activities)

    assert plan(fleet, GroupPolicy(budget=Budget(3_600, 4))).limits[1:] == (
        Limit(Reason.BUDGET, 0, "instances", "The budget is 4 instances in 3600 s; 5 are spent."),
    )


def test_an_instance_of_unknown_weight_counts_for_nothing() -> None:
    fleet = group_of(
        member("i-a", weight=4),
        member("i-b", weight=None),
        weighted=True,
        total_capacity=9,
        min_size=1,
    )

    assert plan(fleet, GroupPolicy()).limits[0].detail == (
        "MinSize is 1; the capacity of InService, Protected and Standby instances is 4."
    )
    assert requested_amount(request_for(Target(to_capacity=1)), fleet).value == 3


def test_while_a_removal_runs_the_end_of_the_cooldown_is_not_known() -> None:
    over, running = after(300, removed=1).activities, after(0, removed=1, ended_at=None).activities

    assert detail_of(plan(ten()._replace(activities=(*(running or ()), *(over or ()))), COOL)) == (
        "The cooldown of 600 s after a scale-in begins when scaling activity asa-1 ends."
    )


@pytest.mark.parametrize("skew", [-420, 420])
def test_a_clock_that_is_wrong_ends_no_guardrail_early(skew: int) -> None:
    """ESS's clock shows noon, this machine's another time. A window is open where it is by both."""
    wrong = NOON + timedelta(seconds=skew)

    def selected(group_policy: GroupPolicy, snapshot: Snapshot) -> int:
        return len(plan(snapshot._replace(taken_at=wrong, cloud_time=NOON), group_policy).selected)

    noon = Windows(timezone.utc, (parse_cron("0-1 12 * * *"),))
    assert selected(COOL, after(599, removed=1)) == 0
    assert selected(AFTER_OUT, after(599, added=1)) == 0
    assert selected(AFTER_FAILURE, after(179, status="Failed")) == 0
    assert selected(GroupPolicy(budget=Budget(3_600, 3)), after(3_599, removed=3)) == 0
    assert selected(GroupPolicy(pause=Pause(NOON + timedelta(seconds=1))), ten()) == 0
    assert (
        selected(
            GroupPolicy(minimum_age_seconds=3_600), joined(10, NOON - timedelta(seconds=3_599))
        )
        == 0
    )
    assert selected(GroupPolicy(windows=noon), ten()) == 0
    assert selected(COOL, after(1_020, removed=1)) == 9  # and it does end


def timed(seconds: int) -> list[GroupPolicy]:
    """Each guardrail that goes by time."""
    return [
        GroupPolicy(cooldown_seconds=seconds),
        GroupPolicy(cooldown_after_scale_out_seconds=seconds),
        GroupPolicy(cooldown_after_failure_seconds=seconds),
        GroupPolicy(minimum_age_seconds=seconds),
        GroupPolicy(budget=Budget(seconds, 3)),
        GroupPolicy(budget=Budget(seconds, None, 40)),
        GroupPolicy(pause=Pause(NOON + timedelta(seconds=seconds % 900))),
        GroupPolicy(
            windows=Windows(
                timezone.utc, (parse_cron("50-59 11 * * *"), parse_cron("0-9 12 * * *"))
            )
        ),
        GroupPolicy(metric=Metric(period_seconds=seconds // 5)),
    ]


@given(
    st.integers(0, 8),
    st.sampled_from([60, 600, 3_600]),
    st.integers(-900, 900),
    st.integers(-900, 900),
    st.booleans(),
)
def test_by_a_wrong_clock_no_more_are_removed_than_by_the_right_one(
    kind: int, seconds: int, edge: int, skew: int, metric: bool
) -> None:
    """Everything happened as long ago as the guardrail looks back, give or take 15 minutes."""
    group_policy, then = timed(seconds)[kind], NOON - timedelta(seconds=max(0, seconds + edge))
    past = Activity(
        "asa-1",
        "Failed",
        then,
        then,
        2,
        2,
        "APIs",
        frozenset({"g-1", "g-2"}),
        frozenset({"i-0", "i-1"}),
    )
    right = joined(8, then)._replace(activities=(past,), cloud_time=NOON)
    right = right._replace(samples={i.id: Sample(1.0, then) for i in right.instances})
    request = request_for(Target(instances=9), order=(Order.LOWEST_METRIC,) if metric else ())
    by_right = plan_removal(request, right, group_policy).selected
    by_wrong = plan_removal(
        request, right._replace(taken_at=NOON + timedelta(seconds=skew)), group_policy
    ).selected

    assert set(by_wrong) <= set(by_right)


def test_a_decision_needs_as_much_more_history_as_the_clocks_may_differ() -> None:
    assert read_scope(request_for(Target(instances=1)), COOL).history_seconds == 600 + 900
    assert read_scope(request_for(Target(instances=1)), GroupPolicy()).history_seconds == 0


def test_history_is_needed_as_far_back_as_the_longest_guardrail_looks() -> None:
    assert GroupPolicy().history_seconds == 0
    assert GroupPolicy(cooldown_seconds=600, budget=Budget(3_600, 1)).history_seconds == 3_600
    assert (
        GroupPolicy(cooldown_after_scale_out_seconds=600, budget=Budget(60, 1)).history_seconds
        == 600
    )
    assert GroupPolicy(cooldown_after_failure_seconds=180).history_seconds == 180
