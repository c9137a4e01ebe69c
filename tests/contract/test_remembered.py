"""What the local cloud remembers of a group is what it would make again, whatever happened."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.answers import Shown, answer_body, nested
from localcloud.authenticator import Authenticator
from localcloud.cloud import LocalCloud
from localcloud.ess.members import Member, Members
from localcloud.ess.model import Assumptions, Instance
from localcloud.ess.service import Service
from localcloud.ess.views import instance_view
from localcloud.faults import Fault
from localcloud.fleet import service_of
from localcloud.functions.invocation_queue import InvocationQueue
from localcloud.signature_v1 import signature, string_to_sign
from localcloud.state import restore, saved
from localcloud.wire import Incoming
from tests.support.clock import NOON, DrivenClock
from tests.support.clouds import group, instances
from tests.support.deployment import KEY

IDS = [f"i-{number:04}" for number in range(1, 6)]
STATES = ["InService", "Pending", "Protected", "Standby", "Stopped", "Removing"]
SCALAR_TYPES = (str, int, float, bool, datetime, type(None))
READS: list[dict[str, str]] = [
    {"Action": "DescribeScalingInstances", "ScalingGroupId": "asg-1", "PageSize": "100"},
    {"Action": "DescribeScalingInstances", "ScalingGroupId": "asg-1", "PageSize": "2"},
    {"Action": "DescribeScalingInstances", "PageSize": "3", "PageNumber": "2"},
    {"Action": "DescribeScalingInstances", "LifecycleState": "InService"},
    {"Action": "DescribeScalingInstances", "HealthStatus": "Unhealthy", "PageSize": "1"},
    {"Action": "DescribeScalingInstances", "Format": "XML"},
    {"Action": "DescribeScalingInstances", "Version": "2022-02-22"},
    {"Action": "DescribeScalingGroups"},
]


def living_cloud(service: Service) -> LocalCloud:
    authenticator = Authenticator(KEY.access_key_id, KEY.access_key_secret)
    return LocalCloud(service, authenticator, functions=InvocationQueue(service.clock))


def answer(cloud: LocalCloud, fault: Fault | None = None, **action: str) -> bytes:
    """Returns the body of a signed call, without its own request id."""
    params = {
        "Version": "2014-08-28",
        "RegionId": "cn-hangzhou",
        "AccessKeyId": KEY.access_key_id,
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **action,
    }
    secret = KEY.access_key_secret
    params["Signature"] = signature(secret, string_to_sign("POST", params))
    response = cloud.answer(Incoming("POST", "/", "", {}, b""), params, "localhost", fault)
    return bytes(response.body).replace(response.headers["x-acs-request-id"].encode(), b"")


def answers(cloud: LocalCloud) -> list[bytes]:
    return [answer(cloud, None, **read) for read in READS]


def fresh_cloud(service: Service) -> LocalCloud:
    """A cloud of the same state, of which nothing was remembered, and which does nothing."""
    still = Service(service.clock, service.region_id, Assumptions())
    restore(still, json.loads(json.dumps(saved(service))))
    return living_cloud(still)


Step = Callable[[LocalCloud], object]
SETTABLE: dict[str, list[Any]] = {
    "lifecycle_state": STATES,
    "health_status": ["Healthy", "Unhealthy"],
    "spot_strategy": ["", "SpotAsPriceGo"],
    "weighted_capacity": [1, 3],
    "zone_id": ["cn-hangzhou-h", "cn-hangzhou-i"],
    "in_service_at": [None, NOON + timedelta(seconds=90)],
    "created_at": [NOON - timedelta(days=1)],
}


def call(action: str, fault: str = "", **params: str) -> Step:
    made = Fault(fault) if fault else None
    return lambda cloud: answer(cloud, made, Action=action, ScalingGroupId="asg-1", **params)


def on_ids(action: str, **params: str) -> st.SearchStrategy[Step]:
    """Calls of an action on one or two instances, of which some may be in no group."""
    ids = st.lists(st.sampled_from([*IDS, "i-new", "i-other"]), min_size=1, max_size=2, unique=True)
    return ids.map(
        lambda ids: call(action, **{f"InstanceId.{n}": id for n, id in enumerate(ids, 1)}, **params)
    )


def set_field(id: str, name: str, value: Any) -> Step:
    """As a test does that has the cloud at hand."""

    def set_it(cloud: LocalCloud) -> None:
        member = cloud.service.groups["asg-1"].instances.get(id)
        if member is not None:
            setattr(member, name, value)

    return set_it


def advance(seconds: float) -> Step:
    return lambda cloud: cloud.service.clock.advance(seconds)  # type: ignore[attr-defined]


def weigh(weighted: bool) -> Step:
    return lambda cloud: setattr(cloud.service.groups["asg-1"], "weighted", weighted)


def hook(transition: str) -> Step:
    return call(
        "CreateLifecycleHook",
        LifecycleHookName=f"h-{transition}",
        LifecycleTransition=transition,
        HeartbeatTimeout="30",
    )


STEPS: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from([1.0, 30.0, 61.0, 400.0]).map(advance),
    st.booleans().map(lambda on: call("ModifyScalingGroup", MinSize="3" if on else "0")),
    st.integers(0, 8).map(lambda n: call("ModifyScalingGroup", DesiredCapacity=str(n))),
    on_ids("SetInstancesProtection", ProtectedFromScaleIn="true"),
    on_ids("SetInstancesProtection", ProtectedFromScaleIn="false"),
    on_ids("EnterStandby"),
    on_ids("ExitStandby", Async="true"),
    on_ids("AttachInstances"),
    on_ids("DetachInstances"),
    on_ids("RemoveInstances"),
    on_ids("RemoveInstances", fault="state-change"),
    on_ids("RemoveInstances", fault="accepted-failed"),
    st.sampled_from(["SCALE_IN", "SCALE_OUT"]).map(hook),
    st.sampled_from(IDS).map(
        lambda id: call("SetInstanceHealth", InstanceId=id, HealthStatus="Unhealthy")
    ),
    st.just(call("DescribeScalingInstances", "page-drift")),
    st.just(call("DescribeScalingInstances", "stale-read")),
    st.booleans().map(weigh),
    st.sampled_from(sorted(SETTABLE)).flatmap(
        lambda name: st.builds(
            set_field, st.sampled_from(IDS), st.just(name), st.sampled_from(SETTABLE[name])
        )
    ),
)


@given(st.lists(STEPS, max_size=12))
def test_after_any_calls_and_time_each_answer_is_the_one_of_a_fresh_cloud(
    steps: list[Step],
) -> None:
    other = group(*instances(2, "i-o"), scalingGroupId="asg-2")
    document = {"groups": [group(*instances(5), healthCheckType="ECS", maxSize=9), other]}
    cloud = living_cloud(service_of(document, DrivenClock(NOON), Assumptions(acts=True)))
    answers(cloud)
    for step in steps:
        step(cloud)
        cloud.service.advance()
        assert answers(cloud) == answers(fresh_cloud(cloud.service))
        assert answers(cloud) == answers(cloud)


def test_a_view_shows_no_field_that_can_change_without_being_set() -> None:
    service = service_of({"groups": [group(*instances(1))]}, DrivenClock(NOON), Assumptions())
    scaling_group = service.groups["asg-1"]
    member = scaling_group.instances["i-0001"]
    before = dict(instance_view(scaling_group, member))
    for field in fields(member):
        if type(getattr(member, field.name)) not in SCALAR_TYPES:
            setattr(member, field.name, "not shown")
    assert instance_view(scaling_group, member) == before
    assert {type(value) for value in before.values()} <= set(SCALAR_TYPES)


def test_an_instance_of_a_fleet_file_is_the_one_that_is_constructed() -> None:
    given_values = {"instance_id": "i-1", "created_at": NOON, "zone_id": "cn-hangzhou-i"}
    member = Instance.of(given_values)
    assert member == Instance(**given_values)  # type: ignore[arg-type]
    assert member.metrics is not Instance.of(given_values).metrics


def test_capacities_and_spot_counts_follow_weights_and_states() -> None:
    members = instances(3, weightedCapacity=4, spotStrategy="SpotAsPriceGo")
    service = service_of({"groups": [group(*members)]}, DrivenClock(NOON), Assumptions())
    scaling_group = service.groups["asg-1"]
    assert scaling_group.total_capacity == 3
    scaling_group.weighted = True
    assert scaling_group.total_capacity == 12
    scaling_group.instances["i-0001"].weighted_capacity = 1
    scaling_group.instances["i-0002"].lifecycle_state = "Protected"
    assert scaling_group.capacities() == {"InService": 5, "Protected": 4}
    read = {"Action": "DescribeScalingInstances", "LifecycleState": "InService"}
    assert b'"TotalSpotCount": 2' in answer(living_cloud(service), None, **read)


class Machine(Member):
    """A member with one attribute."""

    def __init__(self, size: int) -> None:
        self.size = size


MUTATORS: dict[str, Callable[[Members[Machine]], object]] = {
    "__setitem__": lambda members: members.__setitem__("d", Machine(7)),
    "__delitem__": lambda members: members.__delitem__("a"),
    "__ior__": lambda members: members.__ior__({"d": Machine(7)}),
    "clear": lambda members: members.clear(),
    "pop": lambda members: members.pop("a"),
    "popitem": lambda members: members.popitem(),
    "setdefault": lambda members: members.setdefault("d", Machine(7)),
    "update": lambda members: members.update({"a": Machine(8)}),
}


def test_each_way_to_change_a_dict_is_tried() -> None:
    reading = {"copy", "fromkeys", "get", "items", "keys", "values"}
    changing = {"__setitem__", "__delitem__", "__ior__"}
    public = {name for name in dir(dict) if not name.startswith("_")}
    assert (public - reading) | changing == MUTATORS.keys()


@pytest.mark.parametrize("name", sorted(MUTATORS))
def test_members_forget_what_was_made_before_any_change_of_them(name: str) -> None:
    members = Members({id: Machine(size) for size, id in enumerate("abc", 1)})

    def total() -> int:
        return members.remembered("total", lambda: sum(m.size for m in members.values()))

    before, removed = total(), members["a"]
    assert set(members.listed()) == set(members.values())
    MUTATORS[name](members)
    assert total() == sum(m.size for m in members.values()) != before
    assert set(members.listed()) == set(members.values())
    after = total()
    if removed not in members.values():
        removed.size = 1_000
        assert total() == after
    for member in list(members.values()):
        member.size += 1
        assert total() == after + 1
        after += 1


def test_a_member_of_one_group_cannot_join_another() -> None:
    members = Members({"a": Machine(1)})
    with pytest.raises(ValueError, match="one group"):
        Members(dict(members))
    others = Members({"b": Machine(2)})
    with pytest.raises(ValueError, match="one group"):
        others["a"] = members["a"]
    others["a"] = members.pop("a")
    assert others["a"].size == 1


def test_a_copy_of_members_forgets_by_itself() -> None:
    members = Members({"a": Machine(1)})
    members.remembered("size", lambda: members["a"].size)
    copied = deepcopy(members)
    copied["a"].size = 5
    assert copied.remembered("size", lambda: copied["a"].size) == 5
    assert members.remembered("size", lambda: 9) == 1


VALUES = st.one_of(st.integers(), st.booleans(), st.text(max_size=3), st.none(), st.floats(0, 1))


@given(
    st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=5),
    st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=4),
    st.sampled_from(["2014-08-28", "2022-02-22"]),
)
def test_an_answer_of_remembered_parts_is_the_json_of_the_whole(
    reply: dict[str, Any], views: list[dict[str, Any]], version: str
) -> None:
    plain = {**reply, "Views": views}
    remembered = {**reply, "Views": [Shown(view) for view in views]}
    if version == "2014-08-28":
        plain, remembered = nested(plain), nested(remembered)
    whole = json.dumps({"RequestId": "r", **plain})
    assert answer_body("A", remembered, "r", "JSON") == whole
    assert answer_body("A", remembered, "r", "XML") == answer_body("A", plain, "r", "XML")
