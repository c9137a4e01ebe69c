"""What a decision may need besides the group: ESS's history and CloudMonitor's values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from threading import Barrier
from typing import Any

import pytest

from localcloud.ess.model import Assumptions
from scalein.decision.group_policy import Budget, GroupPolicy
from scalein.decision.model import Metric, Order, ReadScope, Sample, Target
from scalein.decision.reasons import Reason
from scalein.errors import Refused, Transient, TryLater
from tests.contract.test_gateway import EMPTY, answering
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import Cloud, cloud_of, group, instances
from tests.support.fakes import scale_in
from tests.support.fleets import request_for

HOUR = ReadScope(history_seconds=3_600)
CPU = ReadScope(metric=Metric())


def past(ended_seconds_ago: float, **fields: Any) -> dict[str, Any]:
    return {
        "scalingGroupId": "asg-1",
        "seconds": 60,
        "endedSecondsAgo": ended_seconds_ago,
        **fields,
    }


def actions(cloud: Cloud) -> list[str]:
    return sorted(call.action for call in cloud.inside.calls)


def test_nothing_more_is_read_than_is_needed() -> None:
    with cloud_of(group(*instances(3))) as cloud:
        snapshot = cloud.gateway().snapshot("asg-1")

        assert (snapshot.activities, snapshot.samples) == (None, None)
        assert actions(cloud) == ["DescribeScalingGroups", "DescribeScalingInstances"]


def test_history_costs_one_call_and_shows_what_was_added_what_was_removed_and_what_failed() -> None:
    history = [
        past(600, destroyed=2),
        past(1_200, created=3),
        past(1_800, statusCode="Failed"),
        {"scalingGroupId": "asg-1", "seconds": 60, "parallel": False},
    ]
    with cloud_of(group(*instances(3)), activities=history) as cloud:
        read = cloud.gateway().snapshot("asg-1", HOUR).activities or ()

        assert actions(cloud).count("DescribeScalingActivities") == 1
    assert [(a.status, a.added, a.removed, a.trigger) for a in read] == [
        ("InProgress", 0, 0, "Cms"),
        ("Successful", 0, 2, "APIs"),
        ("Successful", 3, 0, "APIs"),
        ("Failed", 0, 0, "APIs"),
    ]
    assert read[0].ended_at is None
    assert read[1].ended_at == NOON - timedelta(seconds=600) + timedelta(
        seconds=59
    )  # the last moment of its minute


def test_history_is_read_page_by_page_and_no_further_than_it_matters() -> None:
    history = [past(60 + 300 * number) for number in range(400)]
    with cloud_of(group(*instances(3)), activities=history) as cloud:
        read = cloud.gateway().snapshot("asg-1", HOUR).activities or ()

        assert (
            len(cloud.calls("DescribeScalingActivities")) == 2
        )  # seven hours, for an activity may take six
    assert len(read) == 100


def activity(id: str, start: str = "2026-11-23T11:00Z", **fields: Any) -> dict[str, Any]:
    return {"ScalingActivityId": id, "StatusCode": "Successful", "StartTime": start, **fields}


def activities_reply(*found: Mapping[str, Any], total: object = None) -> dict[str, Any]:
    return {
        "TotalCount": len(found) if total is None else total,
        "ScalingActivities": {"ScalingActivity": list(found)},
    }


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"TotalCount": None},
        activities_reply(total=1),  # one is counted, none is listed
        activities_reply(
            activity("asa-1", "2026-11-23T10:00Z"), activity("asa-2", "2026-11-23T11:00Z")
        ),  # oldest first
        activities_reply(activity("asa-1", "yesterday")),
        activities_reply(activity("asa-1", "")),
        activities_reply({"ScalingActivityId": "asa-1"}),
        activities_reply(activity("asa-1", DestroyedCapacity="many")),
    ],
)
def test_a_history_that_is_short_or_garbled_is_no_snapshot(odd: dict[str, Any]) -> None:
    answers = {**EMPTY, "DescribeScalingActivities": odd}
    with (
        answering(lambda action: answers[action]) as gateway,
        pytest.raises(TryLater, match="Inconsistent"),
    ):
        gateway.snapshot("asg-1", HOUR)


def test_instances_are_counted_by_their_list_and_else_by_their_capacity_which_may_be_text() -> None:
    listed: dict[str, Any] = {
        "DestroyedCapacity": "5",
        "DestroyedInstances": {"DestroyedInstance": ["i-1", "i-2"]},
    }
    answers = {
        **EMPTY,
        "DescribeScalingActivities": activities_reply(
            activity("asa-1", **listed),
            activity("asa-2", StoppedCapacity="3"),
            activity("asa-3", StartedCapacity=4),
        ),
    }
    with answering(lambda action: answers[action]) as gateway:
        read = gateway.snapshot("asg-1", HOUR).activities or ()

    assert [(a.removed, a.added) for a in read] == [(2, 0), (3, 0), (0, 4)]


def test_a_flapping_alarm_is_slowed_down_by_what_ess_remembers() -> None:
    """Two invocations that share nothing; the second knows of the first from ESS alone."""
    group_policy = GroupPolicy(cooldown_seconds=600, budget=Budget(3_600, 3))
    with cloud_of(group(*instances(9))) as cloud:

        def told_by(name: str, after: float) -> Any:
            cloud.clock.advance(after)
            clock = DrivenClock(cloud.clock.now())
            request = request_for(Target(instances=2))._replace(request_id=name)
            return scale_in(request, cloud.gateway(clock=clock), group_policy, clock).plan

        first, second, third = told_by("a", 0), told_by("b", 300), told_by("c", 720)

    assert (len(first.selected), len(second.selected), len(third.selected)) == (2, 0, 1)
    assert second.blocked_by and second.blocked_by.reason is Reason.COOLDOWN
    assert third.shortfall.reason is Reason.BUDGET


def test_cloudmonitor_is_called_once_for_each_hundred_candidates() -> None:
    members = [
        {**member, "metrics": {"CPUUtilization": n}} for n, member in enumerate(instances(250))
    ]
    members[3]["lifecycleState"] = "Protected"
    with cloud_of(group(*members)) as cloud:
        samples = cloud.gateway().snapshot("asg-1", CPU).samples or {}
        calls = cloud.calls("DescribeMetricLast")

    assert len(calls) == 3
    assert sorted(len(json.loads(call["Dimensions"])) for call in calls) in (
        [50, 99, 100],
        [49, 100, 100],
    )
    assert len(samples) == 249
    assert samples["i-0001"] == Sample(0, NOON - timedelta(seconds=60))


def test_the_policy_may_lower_how_many_instances_a_call_names() -> None:
    fleet = group(*instances(5))
    with cloud_of(fleet, assumptions=Assumptions(max_dimensions=2)) as cloud:
        with pytest.raises(Refused, match="InvalidParameter"):
            cloud.gateway().snapshot("asg-1", CPU)
        assert (
            cloud.gateway()
            .snapshot("asg-1", ReadScope(metric=Metric(instances_per_call=2)))
            .samples
            == {}
        )


def test_where_cloudmonitor_fails_no_instance_is_removed() -> None:
    request = request_for(Target(instances=1), order=(Order.LOWEST_METRIC,))
    with cloud_of(group(*instances(5, metrics={"CPUUtilization": 1}))) as cloud:
        cloud.inside.faults.add("throttled", "DescribeMetricLast", times=1_000)
        with pytest.raises(Transient, match="Throttling"):
            scale_in(request, cloud.gateway(seconds=3))
        assert cloud.calls("RemoveInstances") == []
        cloud.inside.faults.pending.clear()
        cloud.inside.faults.add("throttled", "DescribeMetricLast", times=2)
        assert scale_in(request, cloud.gateway()).accepted == ("i-0001",)


NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
ONE = {
    "TotalCount": 1,
    "ScalingInstances": {
        "ScalingInstance": [
            {
                "InstanceId": "i-1",
                "LifecycleState": "InService",
                "CreatedTime": "2026-05-01T00:00:00Z",
            }
        ]
    },
}


def samples_of(answer: Mapping[str, Any]) -> Any:
    answers = {**EMPTY, "DescribeScalingInstances": ONE, "DescribeMetricLast": answer}
    with answering(lambda action: answers[action]) as gateway:
        return gateway.snapshot("asg-1", CPU).samples


def point(value: object, minutes_ago: int = 1, **fields: Any) -> dict[str, Any]:
    milliseconds = int((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)
    return {"instanceId": "i-1", "timestamp": milliseconds, "Average": value, **fields}


@pytest.mark.parametrize(
    ("points", "value"),
    [
        ([], None),
        ([point(7.5)], 7.5),
        ([point(0)], 0),
        ([point(None)], None),
        ([point("7.5")], None),
        ([point(True)], None),
        ([point(float("nan"))], None),
        ([point(7.5, timestamp=None)], None),
        ([{"instanceId": "i-1", "timestamp": 1, "Maximum": 3}], None),  # another statistic
        ([point(1, 3), point(9, 1)], 9),  # the newest
        ([point(9, 1), point(1, 3)], 9),
        ([point(1), point(9)], 9),  # of two disks the busier
    ],
)
def test_a_value_counts_where_it_is_a_number_and_the_newest(
    points: list[dict[str, Any]], value: float | None
) -> None:
    found = samples_of({"Code": "200", "Datapoints": json.dumps(points)})

    assert (found["i-1"].value if found else None) == value


@pytest.mark.parametrize(
    "odd",
    [
        {"Datapoints": "not json"},
        {"Datapoints": "[1]"},
        {"Datapoints": "7"},
        {"Datapoints": json.dumps([{"timestamp": 1, "Average": 1}])},
        {"Datapoints": json.dumps([point(1, timestamp=10**17)])},
        {"Code": "500", "Datapoints": "[]"},
        {"Code": "200", "Datapoints": "[]", "NextToken": "more"},  # without end
    ],
)
def test_an_answer_that_is_not_understood_is_tried_later(odd: dict[str, Any]) -> None:
    with pytest.raises(TryLater, match="DescribeMetricLast"):
        samples_of(odd)


def test_all_of_it_is_read_at_the_same_time() -> None:
    """No read is answered before all are sent: reads in a row would wait for ever."""
    together, then, calls = Barrier(3, timeout=10), Barrier(2, timeout=10), Counter[str]()
    members = [
        {
            "InstanceId": f"i-{n}",
            "LifecycleState": "InService",
            "CreatedTime": "2026-05-01T00:00:00Z",
        }
        for n in range(101)
    ]
    pages = [
        {"TotalCount": 101, "ScalingInstances": {"ScalingInstance": some}}
        for some in (members[:100], members[100:])
    ]
    answers = {
        **EMPTY,
        "DescribeScalingActivities": activities_reply(),
        "DescribeMetricLast": {"Code": "200", "Datapoints": "[]"},
    }

    def reply_to(action: str) -> object:
        calls[action] += 1
        if action == "DescribeScalingInstances":
            page = calls[action]
            (
                together if page == 1 else then
            ).wait()  # the second page comes with the first page's metric values
            return pages[page - 1]
        if action != "DescribeMetricLast":
            together.wait()
        elif calls[action] == 1:
            then.wait()
        return answers[action]

    with answering(reply_to) as gateway:
        snapshot = gateway.snapshot("asg-1", ReadScope(3_600, Metric()))

    assert (len(snapshot.instances), snapshot.activities, snapshot.samples) == (101, (), {})
    assert calls == {
        "DescribeScalingGroups": 1,
        "DescribeScalingActivities": 1,
        "DescribeScalingInstances": 2,
        "DescribeMetricLast": 2,
    }
