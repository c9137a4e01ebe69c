"""ESS's replies are parsed strictly: a reply that is garbled anywhere is Inconsistent."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from localcloud.garble import ABSENT, VALUES
from scalein.cloud.fields import Inconsistent
from scalein.cloud.replies import (
    activities_by_id_of,
    activities_of,
    activity_id_of,
    group_of,
    groups_of_members,
    page_count,
    page_of,
    snapshot_of,
)
from scalein.decision.model import Activity, Snapshot

NOW = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
GROUPS = {
    "TotalCount": 1,
    "PageNumber": 1,
    "RequestId": "R-1",
    "ScalingGroups": {
        "ScalingGroup": [
            {
                "ScalingGroupId": "asg-1",
                "LifecycleState": "Active",
                "MinSize": 1,
                "TotalCapacity": 2,
                "ActiveCapacity": 2,
                "ProtectedCapacity": 0,
                "StandbyCapacity": 0,
                "Weighted": False,
                "EnableDesiredCapacity": True,
                "DesiredCapacity": 2,
                "MultiAZPolicy": "BALANCE",
                "RemovalPolicies": {"RemovalPolicy": ["OldestInstance", "NewestInstance"]},
                "SuspendedProcesses": {"SuspendedProcess": ["ScaleOut"]},
            }
        ]
    },
}
MEMBER = {
    "InstanceId": "i-1",
    "ScalingGroupId": "asg-1",
    "LifecycleState": "InService",
    "ZoneId": "cn-hangzhou-a",
    "ScalingConfigurationId": "asc-1",
    "CreatedTime": "2026-11-01T10:00:00Z",
    "CreationTime": "2026-11-01T10:00Z",
    "HealthStatus": "Healthy",
    "CreationType": "AutoCreated",
    "SpotStrategy": "NoSpot",
    "WarmupState": "NoNeedWarmup",
    "WeightedCapacity": 2,
}
INSTANCES = {
    "TotalCount": 2,
    "ScalingInstances": {"ScalingInstance": [MEMBER, {**MEMBER, "InstanceId": "i-2"}]},
}
ERROR = {"Code": "Stuck", "FailedInstanceIds": {"FailedInstanceIds": ["i-8"]}}
ACTIVITY = {
    "ScalingActivityId": "asa-1",
    "ScalingGroupId": "asg-1",
    "StatusCode": "Warning",
    "StartTime": "2026-11-23T11:00Z",
    "EndTime": "2026-11-23T11:05Z",
    "TriggerSourceType": "APIs",
    "CreatedCapacity": 1,
    "StartedCapacity": "1",
    "DestroyedCapacity": 2,
    "StoppedCapacity": "1",
    "CreatedInstances": {"CreatedInstance": ["i-3"]},
    "StartedInstances": {"StartedInstance": ["i-4"]},
    "DestroyedInstances": {"DestroyedInstance": ["i-5", "i-6"]},
    "StoppedInstances": {"StoppedInstance": ["i-7"]},
    "ErrorMessages": {"ErrorMessages": [ERROR]},
}
ACTIVITIES = {"TotalCount": 1, "ScalingActivities": {"ScalingActivity": [ACTIVITY]}}
Path = tuple[Any, ...]


def snapshot(groups: Any, instances: Any) -> Snapshot | None:
    group = group_of(groups, "asg-1")
    page_count(instances)
    return snapshot_of(group, [page_of(instances, "asg-1", {})], NOW) if group else None


def of_groups(reply: Any) -> object:
    return snapshot(reply, INSTANCES)


def of_instances(reply: Any) -> object:
    return snapshot(GROUPS, reply)


def of_activities(reply: Any) -> object:
    return activities_by_id_of(reply, ("asa-1",)), activities_of(reply, "asg-1")


READS: list[tuple[Callable[[Any], object], dict[str, Any]]] = [
    (of_groups, GROUPS),
    (of_instances, INSTANCES),
    (of_activities, ACTIVITIES),
]


def places(document: Any, path: Path = ()) -> Iterator[Path]:
    keys: Any = (
        document
        if isinstance(document, dict)
        else range(len(document))
        if isinstance(document, list)
        else ()
    )
    for key in keys:
        yield (*path, key)
        yield from places(document[key], (*path, key))


def at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def spoilt(document: Any, path: Path, value: object) -> Any:
    document = copy.deepcopy(document)
    owner = at(document, path[:-1])
    if value is ABSENT:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return document


CASES = [(read, reply, path) for read, reply in READS for path in places(reply)]
NAMES = [".".join(map(str, path)) for _, _, path in CASES]


@pytest.mark.parametrize(("read", "reply", "path"), CASES, ids=NAMES)
def test_a_reply_garbled_in_one_place_is_inconsistent_or_means_what_it_did(
    read: Callable[[Any], object], reply: dict[str, Any], path: Path
) -> None:
    """A value of another type is never converted: not a text, true, 4.7 or infinity to a number."""
    whole, right = read(reply), at(reply, path)
    for value in VALUES:
        try:
            found = read(spoilt(reply, path, value))
        except Inconsistent:
            continue
        if value is not ABSENT and value not in (None, "") and not alike(value, right):
            assert found == whole, value


def alike(value: object, right: object) -> bool:
    """Whether a value has the documented type; capacities in the history may be text or numbers."""
    digits = isinstance(value, str) and value.isdecimal()
    if type(value) is type(right):
        return True
    if isinstance(right, dict):
        return isinstance(value, list)  # a list may come without its inner name
    return (digits and isinstance(right, int)) or (
        type(value) is int and isinstance(right, str) and right.isdecimal()
    )


NEEDED: dict[Callable[[Any], object], tuple[str, ...]] = {
    of_groups: ("TotalCount", "ScalingGroups", *(f"ScalingGroup.{name}" for name in (
        "ScalingGroupId", "LifecycleState", "MinSize", "TotalCapacity", "DesiredCapacity"))),
    of_instances: ("TotalCount", "ScalingInstances", *(f"ScalingInstance.{name}" for name in (
        "InstanceId", "LifecycleState"))),
    of_activities: ("TotalCount", "ScalingActivities", *(f"ScalingActivity.{name}" for name in (
        "ScalingActivityId", "StatusCode", "StartTime"))),
}  # fmt: skip


@pytest.mark.parametrize("value", [ABSENT, None, "", 1e400, -5, 4.7, True, "\u0000", [], {}])
@pytest.mark.parametrize(
    ("read", "reply", "path"),
    [
        (read, reply, path)
        for read, reply, path in CASES
        if any(
            ".".join(key for key in path if isinstance(key, str)).endswith(name)
            for name in NEEDED[read]
        )
    ],
)
def test_a_value_that_every_decision_needs_is_never_invented(
    read: Callable[[Any], object], reply: dict[str, Any], path: Path, value: object
) -> None:
    with pytest.raises(Inconsistent):
        read(spoilt(reply, path, value))


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"TotalCount": 0},
        {"TotalCount": 0, "ScalingGroups": None},
        {"TotalCount": 0, "ScalingGroups": {}},
        {"TotalCount": 0, "ScalingGroups": 5},
        {"TotalCount": False, "ScalingGroups": []},
        {"TotalCount": 1, "ScalingGroups": {"ScalingGroup": []}},
        {"TotalCount": 1, "ScalingGroups": []},
        {"ScalingGroups": {"ScalingGroup": []}},
        {"Code": "Throttling", "Message": "", "RequestId": "R-1"},
    ],
)
def test_only_a_complete_reply_says_that_a_group_is_not_there(reply: dict[str, Any]) -> None:
    with pytest.raises(Inconsistent):
        group_of(reply, "asg-1")
    assert group_of({"TotalCount": 0, "ScalingGroups": {"ScalingGroup": []}}, "asg-1") is None


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"TotalCount": 1, "ScalingInstances": {"ScalingInstance": []}},
        {"TotalCount": 0, "ScalingInstances": {}},
        {"TotalCount": 0},
        {"Code": "Throttling", "RequestId": "R-1"},
        {"TotalCount": 1, "ScalingInstances": {"ScalingInstance": [{"InstanceId": "i-1"}]}},
        {
            "TotalCount": 1,
            "ScalingInstances": {"ScalingInstance": [{**MEMBER, "InstanceId": "i-9"}]},
        },
        {"TotalCount": 2, "ScalingInstances": {"ScalingInstance": [MEMBER, MEMBER]}},
    ],
)
def test_only_a_complete_reply_says_that_an_instance_is_in_no_group(reply: dict[str, Any]) -> None:
    with pytest.raises(Inconsistent):
        groups_of_members(reply, ("i-1",))
    assert (
        groups_of_members({"TotalCount": 0, "ScalingInstances": {"ScalingInstance": []}}, ("i-1",))
        == set()
    )


def test_a_reply_about_another_group_is_inconsistent() -> None:
    for read, reply in READS:
        text = json.dumps(reply).replace("asg-1", "asg-2")
        with pytest.raises(Inconsistent):
            read(json.loads(text))


def test_activities_that_were_not_requested_are_inconsistent() -> None:
    with pytest.raises(Inconsistent):
        activities_by_id_of(ACTIVITIES, ("asa-2",))


def test_an_activity_lists_the_instances_that_it_added_and_removed() -> None:
    (found,) = activities_of(ACTIVITIES)

    assert found == Activity(
        id="asa-1",
        status="Warning",
        started_at=datetime(2026, 11, 23, 11, 0, tzinfo=timezone.utc),
        ended_at=datetime(2026, 11, 23, 11, 5, 59, tzinfo=timezone.utc),
        added=2,
        removed=3,
        trigger="APIs",
        removed_ids=frozenset({"i-5", "i-6", "i-7"}),
        added_ids=frozenset({"i-3", "i-4"}),
        failures=(("i-8", "Stuck"),),
    )


@pytest.mark.parametrize(
    ("status", "is_running"), [("InProgress", True), ("Suspended", True), ("Rejected", False)]
)
def test_an_unknown_status_is_an_end_only_with_an_end_time(status: str, is_running: bool) -> None:
    item = {**ACTIVITY, "StatusCode": status}
    del item["EndTime"]
    (found,) = activities_of({"ScalingActivities": [item]})

    assert (found.ended_at is None) is is_running
    (found,) = activities_of({"ScalingActivities": [{**ACTIVITY, "StatusCode": "Suspended"}]})
    assert found.ended_at is not None


@pytest.mark.parametrize(
    "value",
    [ABSENT, None, True, 0, 4.7, "", " ", "\u0000", "i\ud800", "a b", "x" * 129, [], {}, ["asa-1"]],
)
def test_an_accepted_removal_names_its_activity(value: object) -> None:
    with pytest.raises(Inconsistent):
        activity_id_of({} if value is ABSENT else {"ScalingActivityId": value})
    assert activity_id_of({"ScalingActivityId": "asa-1"}) == "asa-1"
