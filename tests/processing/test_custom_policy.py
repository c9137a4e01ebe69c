"""The answer to a custom scale-in policy of ESS: what it may name, and how much of each zone."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.capacity import capacity_of
from scalein.decision.group_policy import NO_LIMITS
from scalein.decision.model import Snapshot
from scalein.processing.custom_policy import ScaleInQuestion, parse_question, request_of, selected
from tests.support.fleets import snapshots

ZONES = ("cn-hangzhou-h", "cn-hangzhou-i", "")


def question_about(snapshot: Snapshot, capacity: dict[str, int], is_candidate: list[bool]) -> bytes:
    """The event that ESS sends, about those instances of the group."""
    instances = [
        {"InstanceId": instance.id, "ZoneId": instance.zone_id}
        for instance, candidate in zip(snapshot.instances, is_candidate, strict=False)
        if candidate
    ]
    zones = [{"ZoneId": zone, "Capacity": number} for zone, number in capacity.items()]
    return json.dumps(
        {
            "ScalingGroupARN": f"acs:ess:cn-hangzhou:0:scalinggroup/{snapshot.group.id}",
            "ScalingGroupId": snapshot.group.id,
            "CapacityToRemove": zones,
            "Instances": instances,
        }
    ).encode()


def answer_to(question: ScaleInQuestion, snapshot: Snapshot) -> list[str]:
    request = request_of(question, NO_LIMITS)
    return [id for id, _ in selected(question, request, snapshot, NO_LIMITS)]


@given(
    snapshots(),
    st.dictionaries(st.sampled_from(ZONES), st.integers(1, 6), min_size=1),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_only_candidates_are_named_once_each_and_no_zone_gives_more_than_is_wanted(
    snapshot: Snapshot, capacity: dict[str, int], is_candidate: list[bool]
) -> None:
    question = parse_question(question_about(snapshot, capacity, is_candidate))
    ids = answer_to(question, snapshot)

    assert len(ids) == len(set(ids))
    assert set(ids) <= question.instance_ids
    named = [instance for instance in snapshot.instances if instance.id in ids]
    of_zone = Counter[str]()
    for instance in named:
        of_zone[instance.zone_id] += capacity_of(instance, snapshot)
    anywhere = capacity.get("", 0)
    for zone, number in of_zone.items():
        assert number <= capacity.get(zone, 0) + anywhere
    assert of_zone.total() <= sum(capacity.values())
