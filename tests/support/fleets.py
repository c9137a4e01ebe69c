"""Builders of groups and requests with memorable defaults, and Hypothesis strategies over them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TypeVar

from hypothesis import strategies as st

from scalein.decision.group_policy import Budget, GroupPolicy, Pause
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
from scalein.decision.removal_order import REMOVAL_POLICIES
from scalein.decision.windows import Windows, parse_cron
from tests.support.clock import NOON

T = TypeVar("T")
MAY = datetime(2026, 5, 1, tzinfo=timezone.utc)
STATES = (
    "InService",
    "Protected",
    "Standby",
    "Pending",
    "Pending:Wait",
    "Removing",
    "Removing:Wait",
    "Stopped",
    "New",
)


def member(
    id: str, day: int = 1, zone: str = "h", configuration: str = "asc-1", **fields: object
) -> Instance:
    """An instance that joined on a day of May 2026."""
    attributes = {
        "lifecycle_state": "InService",
        "joined_at": MAY + timedelta(days=day - 1),
        **fields,
    }
    place = {"zone_id": zone, "scaling_configuration": configuration}
    return Instance(id=id, **place, **attributes)  # type: ignore[arg-type]


def group_of(*instances: Instance, min_size: int = 0, **fields: object) -> Snapshot:
    """A group whose TotalCapacity is the sum of its members, unless `fields` say otherwise."""
    weighted = bool(fields.get("weighted"))
    counted = [i for i in instances if i.lifecycle_state != "Stopped"]
    total = sum((i.weight or 0) if weighted else 1 for i in counted)
    attributes = {"id": "asg-1", "lifecycle_state": "Active", "total_capacity": total, **fields}
    group = ScalingGroup(min_size=min_size, **attributes)  # type: ignore[arg-type]
    return Snapshot(group, instances, NOON)


def fleet(count: int = 6, min_size: int = 2, prefix: str = "i", **fields: object) -> Snapshot:
    """A group of instances i-1, i-2, ... that joined a day apart, oldest first."""
    members = (member(f"{prefix}-{number}", number) for number in range(1, count + 1))
    return group_of(*members, min_size=min_size, **fields)


def request_for(target: Target, **fields: object) -> RemovalRequest:
    return RemovalRequest("asg-1", "request-1", target, **fields)  # type: ignore[arg-type]


def vendors_fleet(multi_az_policy: str, *policies: str) -> Snapshot:
    """The five instances of the ESS guide's example of combined removal policies."""
    return group_of(
        member("i-1", 17, "h", "asc-1"),
        member("i-2", 18, "i", "asc-1"),
        member("i-3", 19, "i", "asc-1"),
        member("i-4", 20, "h", "asc-2"),
        member("i-5", 21, "i", "asc-2"),
        multi_az_policy=multi_az_policy,
        removal_policies=policies,
    )


@st.composite
def snapshots(draw: st.DrawFn, max_size: int = 12) -> Snapshot:
    weighted = draw(st.booleans())
    ids = draw(st.lists(st.integers(1, 99), max_size=max_size, unique=True))
    instances = [
        Instance(
            id=f"i-{number}",
            lifecycle_state=draw(st.sampled_from(STATES)) if draw(st.booleans()) else "InService",
            zone_id=draw(st.sampled_from("hij")),
            scaling_configuration=draw(st.sampled_from(["", "asc-1", "asc-2", "lt-1:3"])),
            joined_at=draw(
                st.none() | st.integers(0, 9).map(lambda day: MAY + timedelta(days=day))
            ),
            weight=draw(st.none() | st.integers(1, 5)) if weighted else None,
            healthy=draw(st.sampled_from([True, True, True, False])),
            warming_up=draw(st.sampled_from([False, False, False, True])),
            spot=draw(st.booleans()),
            attached=draw(st.booleans()),
        )
        for number in ids
    ]
    samples = {i.id: draw(samples_of_one()) for i in instances}
    cloud_time = draw(
        st.none() | st.integers(-900, 900).map(lambda seconds: NOON + timedelta(seconds=seconds))
    )
    snapshot = group_of(
        *instances,
        min_size=draw(st.integers(0, 15)),
        weighted=weighted,
        total_capacity=draw(st.integers(0, 20)),
        stable_capacity=None if weighted else draw(st.none() | st.integers(0, 15)),
        lifecycle_state=draw(st.sampled_from(["Active", "Active", "Active", "Inactive"])),
        multi_az_policy=draw(st.sampled_from(["PRIORITY", "BALANCE", "COST_OPTIMIZED"])),
        removal_policies=draw(
            st.lists(
                st.sampled_from([order.value for order in REMOVAL_POLICIES]),
                max_size=3,
                unique=True,
            ).map(tuple)
            | st.just(("CustomPolicy",))
        ),
        suspended_processes=draw(st.sampled_from([(), (), (), ("ScaleIn",), ("ScaleOut",)])),
        desired_capacity=draw(st.none() | st.integers(0, 15)),
    )
    return snapshot._replace(
        samples={id: sample for id, sample in samples.items() if sample},
        activities=tuple(draw(st.lists(activities(), max_size=4))),
        cloud_time=cloud_time,
    )


def samples_of_one() -> st.SearchStrategy[Sample | None]:
    """Fresh, old, or none."""
    ages = st.sampled_from([0, 60, 300, 301, 86_400]).map(
        lambda seconds: NOON - timedelta(seconds=seconds)
    )
    return st.none() | st.builds(Sample, st.sampled_from([0.0, 1.5, 50.0, 100.0]), ages)


@st.composite
def activities(draw: st.DrawFn) -> Activity:
    ago = draw(st.integers(0, 7_200))
    status = draw(
        st.sampled_from(["Successful", "Successful", "Warning", "Failed", "Rejected", "InProgress"])
    )
    done = status in ("Successful", "Warning")
    ids = st.frozensets(st.integers(1, 20).map("i-{}".format), max_size=3)
    added_ids, removed_ids = (
        (draw(ids), draw(ids)) if done else (frozenset[str](), frozenset[str]())
    )
    return Activity(
        id=draw(st.sampled_from(["asa-1", "asa-2", ""])),
        status=status,
        started_at=NOON - timedelta(seconds=ago + 60),
        ended_at=None if status == "InProgress" else NOON - timedelta(seconds=ago),
        added=len(added_ids) + (draw(st.integers(0, 1)) if done else 0),  # one that is not listed
        removed=len(removed_ids) + (draw(st.integers(0, 1)) if done else 0),
        trigger=draw(st.sampled_from(["APIs", "Cms", ""])),
        removed_ids=removed_ids,
        added_ids=added_ids,
    )


@st.composite
def group_policies(draw: st.DrawFn) -> GroupPolicy:
    """Policies of which most allow a removal: what never acts proves little."""

    def seldom(one: st.SearchStrategy[T]) -> T | None:
        return draw(one) if draw(st.integers(0, 3)) == 0 else None

    budgets = st.builds(Budget, st.sampled_from([60, 3_600]), st.integers(1, 5)) | st.builds(
        Budget, st.sampled_from([60, 3_600]), st.none(), st.floats(0, 100, exclude_min=True)
    )
    windows = (
        Windows(timezone.utc, (parse_cron("* 12 * * *"),)),
        Windows(timezone.utc, (), (parse_cron("* * * * mon"),)),
    )
    return GroupPolicy(
        floor=seldom(st.integers(0, 15)) or 0,
        max_removed_per_event=seldom(st.integers(1, 5)),
        max_removed_percent_per_event=seldom(st.floats(0, 100, exclude_min=True)),
        budget=seldom(budgets),
        cooldown_seconds=seldom(st.sampled_from([0, 60, 3_600])),
        cooldown_after_scale_out_seconds=seldom(st.sampled_from([60, 3_600])),
        cooldown_after_failure_seconds=seldom(st.sampled_from([60, 3_600])),
        minimum_age_seconds=seldom(st.sampled_from([60, 200 * 86_400, 204 * 86_400])) or 0,
        remove_protected=draw(st.booleans()),
        remove_standby=draw(st.booleans()),
        healthy_quorum_percent=seldom(st.floats(0, 100, exclude_min=True)),
        pause=seldom(
            st.builds(Pause, st.none() | st.just(NOON) | st.just(NOON + timedelta(hours=1)))
        ),
        windows=seldom(st.sampled_from(windows)),
    )


def targets() -> st.SearchStrategy[Target]:
    return st.one_of(
        st.integers(1, 15).map(lambda value: Target(instances=value)),
        st.floats(0, 100, exclude_min=True).map(lambda value: Target(percent=value)),
        st.integers(0, 15).map(lambda value: Target(to_capacity=value)),
        st.lists(st.integers(1, 99).map("i-{}".format), min_size=1, max_size=8, unique=True)
        .map(tuple)
        .map(lambda value: Target(instance_ids=value)),
    )


@st.composite
def requests(draw: st.DrawFn) -> RemovalRequest:
    orders = st.lists(st.sampled_from(Order), max_size=3, unique=True).map(tuple)
    return request_for(draw(targets()), denies_partial=draw(st.booleans()), order=draw(orders))
