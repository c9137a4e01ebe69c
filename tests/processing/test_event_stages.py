"""One system event removes its instance at most once, however its stages come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalein.decision.reasons import Ignored
from scalein.intake.envelopes import parse_event
from scalein.ledger.memory import MemoryStore
from scalein.policy import read_policy
from scalein.processing.batch import BatchProcessor
from scalein.report.outcome import Outcome
from tests.support.clock import DrivenClock
from tests.support.fakes import FakeEss, dependencies_of, memory_ledger
from tests.support.fleets import fleet
from tests.support.outcomes import checked

STAGES = ("Inquiring", "Scheduled", "Executing", "Executed")
NAME = "Instance:SystemMaintenance.Reboot"
WHENS = ({"eventName": f"{NAME}*"}, {"eventStatus": "Executed"})


def maintenance(stage: str, **fields: Any) -> dict[str, Any]:
    return {
        "product": "ECS",
        "name": f"{NAME}:{stage}",
        "id": "E-1",
        "regionId": "cn-hangzhou",
        "content": {"instanceId": "i-7", "eventStatus": stage},
        **fields,
    }


def serve(
    ess: FakeEss, *invocations: Any, store: MemoryStore | None = None, **fields: Any
) -> list[Outcome]:
    """Each is an invocation; without a store, each in a process that knows nothing of another."""
    rules = [
        {"when": when, "scalingGroupId": "asg-1", "remove": {"instanceIds": "alarm"}}
        for when in WHENS
    ]
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": rules}))
    clock, outcomes = DrivenClock(), list[Outcome]()
    for number, event in enumerate(invocations):
        ledger = memory_ledger(clock, f"fc-{number}", MemoryStore() if store is None else store)
        dependencies = dependencies_of(ess, clock, ledger, **fields)
        parsed = parse_event(json.dumps(event).encode())
        outcomes += checked(BatchProcessor(policy, dependencies).process(parsed))
    return outcomes


def removed(ess: FakeEss) -> list[str]:
    return [id for removal in ess.removals for id in removal.instance_ids]


orders = st.lists(st.sampled_from(STAGES), min_size=1, max_size=6)


@given(orders)
def test_all_stages_in_one_batch_remove_the_instance_once(stages: Sequence[str]) -> None:
    ess = FakeEss(fleet(8, 1))
    outcomes = serve(ess, [maintenance(stage) for stage in stages])

    assert removed(ess) == ["i-7"]
    assert [outcome.status.value for outcome in outcomes].count("removing") == 1


@given(orders, st.booleans())
def test_all_stages_one_by_one_remove_the_instance_once(
    stages: Sequence[str], is_one_process: bool
) -> None:
    """Also in processes without a ledger in common: ESS shows that it is being removed."""
    ess = FakeEss(fleet(8, 1))
    serve(ess, *map(maintenance, stages), store=MemoryStore() if is_one_process else None)

    assert removed(ess) == ["i-7"]


@given(orders, st.integers(1, 3))
def test_what_ess_shows_late_costs_no_other_instance(stages: Sequence[str], lag: int) -> None:
    """Two processes that know nothing of each other may both name the instance, and no other."""
    ess = FakeEss(fleet(8, 1), lag=lag)
    serve(ess, *map(maintenance, stages))

    assert set(removed(ess)) == {"i-7"}
    in_service = [i for i in ess.groups["asg-1"].instances if i.lifecycle_state == "InService"]
    assert len(in_service) == 7


@given(orders, st.integers(1, 3))
def test_one_process_names_the_instance_once_however_late_ess_shows_it(
    stages: Sequence[str], lag: int
) -> None:
    ess = FakeEss(fleet(8, 1), lag=lag)
    serve(ess, *map(maintenance, stages), store=MemoryStore())

    assert removed(ess) == ["i-7"]


def test_a_later_stage_acts_where_an_earlier_one_could_not() -> None:
    store, small, large = MemoryStore(), FakeEss(fleet(8, 8)), FakeEss(fleet(9, 8))

    assert serve(small, maintenance("Scheduled"), store=store)[0].status.value == "blocked"
    assert serve(large, maintenance("Scheduled"), store=store)[0].status.value == "duplicate"
    assert serve(large, maintenance("Executing"), store=store)[0].status.value == "removing"


def test_a_stage_that_comes_again_with_another_time_is_a_duplicate() -> None:
    ess, late = FakeEss(fleet(8, 1)), "20261123T200001.000+0800"
    first, second = maintenance("Scheduled"), maintenance("Scheduled", eventTime=late)
    outcomes = serve(ess, first, second, store=MemoryStore())

    assert [outcome.status.value for outcome in outcomes] == ["removing", "duplicate"]


def test_the_states_that_a_removal_causes_remove_nothing_under_a_wide_rule() -> None:
    """Each has an id of its own, so the ledger would not stop them."""
    ess = FakeEss(fleet(8, 1))
    wide = {"when": {"product": "*"}, "scalingGroupId": "asg-1"}
    rule = {**wide, "remove": {"instanceIds": "alarm"}}
    policy = read_policy(json.dumps({"groups": {"asg-1": {}}, "alarms": [rule]}))
    for number, state in enumerate(["Stopping", "Stopped", "Deleted", "Starting", "Running"]):
        content = {"resourceId": f"i-{number + 1}", "state": state}
        document = maintenance("", name="Instance:StateChange", id=f"E-{number}", content=content)
        processor = BatchProcessor(policy, dependencies_of(ess))
        [outcome] = checked(processor.process(parse_event(json.dumps(document).encode())))

        assert outcome.ignored is Ignored.SELF_TRIGGERED
    assert ess.removals == []


@pytest.mark.parametrize(
    ("region", "status"), [("cn-hangzhou", "removing"), ("eu-west-1", "refused")]
)
def test_an_event_of_another_region_is_refused(region: str, status: str) -> None:
    ess = FakeEss(fleet(8, 1))
    [outcome] = serve(ess, maintenance("Scheduled"), region_id=region)

    assert outcome.status.value == status
    assert len(ess.removals) == (status == "removing")
