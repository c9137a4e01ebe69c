"""Groups and requests for tests: builders with memorable defaults, and Hypothesis strategies over all of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from scalein.model import (
    Ask,
    Count,
    Instance,
    Named,
    Order,
    Percent,
    RemovalRequest,
    ScalingGroup,
    Snapshot,
    ToCapacity,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)
MAY = datetime(2026, 5, 1, tzinfo=timezone.utc)
STATES = ("InService", "Protected", "Standby", "Pending", "Pending:Wait", "Removing", "Removing:Wait", "Stopped", "New")


def member(id: str, day: int = 1, zone: str = "h", configuration: str = "asc-1", **fields: object) -> Instance:
    """An instance that joined on a day of May 2026."""
    facts = {"lifecycle_state": "InService", "joined_at": MAY + timedelta(days=day - 1), **fields}
    return Instance(id=id, zone_id=zone, scaling_configuration=configuration, **facts)  # type: ignore[arg-type]


def group_of(*instances: Instance, min_size: int = 0, **fields: object) -> Snapshot:
    """A group whose TotalCapacity is the sum of its members, unless told otherwise."""
    weighted = bool(fields.get("weighted"))
    counted = [i for i in instances if i.lifecycle_state != "Stopped"]
    total = sum((i.weight or 0) if weighted else 1 for i in counted)
    facts = {"lifecycle_state": "Active", "total_capacity": total, **fields}
    return Snapshot(ScalingGroup(id="asg-1", min_size=min_size, **facts), instances, NOON)  # type: ignore[arg-type]


def request_for(ask: Ask, **fields: object) -> RemovalRequest:
    return RemovalRequest("asg-1", "request-1", ask, **fields)  # type: ignore[arg-type]


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
def snapshots(draw: st.DrawFn, most: int = 12) -> Snapshot:
    weighted = draw(st.booleans())
    ids = draw(st.lists(st.integers(1, 99), max_size=most, unique=True))
    instances = [
        Instance(
            id=f"i-{number}",
            lifecycle_state=draw(st.sampled_from(STATES)) if draw(st.booleans()) else "InService",
            zone_id=draw(st.sampled_from("hij")),
            scaling_configuration=draw(st.sampled_from(["", "asc-1", "asc-2", "lt-1:3"])),
            joined_at=draw(st.none() | st.integers(0, 9).map(lambda day: MAY + timedelta(days=day))),
            weight=draw(st.none() | st.integers(1, 5)) if weighted else None,
        )
        for number in ids
    ]
    return group_of(
        *instances,
        min_size=draw(st.integers(0, 15)),
        weighted=weighted,
        total_capacity=draw(st.integers(0, 20)),
        stable_capacity=None if weighted else draw(st.none() | st.integers(0, 15)),
        lifecycle_state=draw(st.sampled_from(["Active", "Active", "Active", "Inactive"])),
        multi_az_policy=draw(st.sampled_from(["PRIORITY", "BALANCE", "COST_OPTIMIZED"])),
        removal_policies=draw(
            st.lists(st.sampled_from([order.value for order in Order]), max_size=3, unique=True).map(tuple)
            | st.just(("CustomPolicy",))
        ),
        suspended_processes=draw(st.sampled_from([(), (), (), ("ScaleIn",), ("ScaleOut",)])),
    )


def asks() -> st.SearchStrategy[Ask]:
    return st.one_of(
        st.integers(1, 15).map(Count),
        st.floats(0, 100, exclude_min=True).map(Percent),
        st.integers(0, 15).map(ToCapacity),
        st.lists(st.integers(1, 99).map("i-{}".format), min_size=1, max_size=8, unique=True).map(tuple).map(Named),
    )


@st.composite
def requests(draw: st.DrawFn) -> RemovalRequest:
    orders = st.lists(st.sampled_from(Order), max_size=3, unique=True).map(tuple)
    return request_for(draw(asks()), all_or_nothing=draw(st.booleans()), order=draw(orders))
