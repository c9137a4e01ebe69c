"""Function, local cloud, ledger and follow-ups on a driven clock: any events, in any order.

Messages come, come again, and are followed up; the function starts without memory; reads are late;
calls meet faults; others change the group.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from localcloud.ess.model import Assumptions
from localcloud.faults import GATEWAYS
from localcloud.lag import Lag
from scalein.ledger.memory import process_store
from tests.support.clouds import group, instances
from tests.support.examples import max_examples
from tests.support.fakes import token_of
from tests.support.truth import NOTHING_DONE, Did, Said, lies
from tests.support.worlds import World, world_of

SIZE, MIN_SIZE, FLOOR, BUDGET, WINDOW = 60, 5, 10, 40, 600
POLICY = {
    "groups": {"asg-1": {"floor": FLOOR, "budget": {"instances": BUDGET, "windowSeconds": WINDOW}}}
}
FAULTS = (
    *(
        "throttled",
        "internal-error",
        "bad-gateway",
        "not-json",
        "lost-answer",
        "reset",
        "page-drift",
    ),
    *(*GATEWAYS, "half-body", "garbled", "idempotence-processing"),
)
REQUESTS = st.tuples(  # how many; the first of them, where it names them
    st.sampled_from([1, 2, 5, 25, 45]), st.sampled_from([0, 0, 1, 16, 26, 36])
)
LAGS = st.sampled_from([60.0, 60.0, 20.0, 0.0])
ENDINGS = ("accepted-failed", "accepted-warning", "accepted-rejected")


class LivingGroup(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.requested: dict[str, int] = {}
        self.said: dict[str, list[Said]] = {}
        self.forgot = (
            False  # memory was lost while reads were late: guardrails hold as far as ESS shows
        )

    @initialize(
        desired=st.booleans(),
        follow_ups=st.booleans(),
        burns=st.booleans(),
        seconds=st.sampled_from([1, 60]),
        lists=LAGS,
        history=LAGS,
        varies=st.booleans(),
    )
    def begin(
        self,
        desired: bool,
        follow_ups: bool,
        burns: bool,
        seconds: int,
        lists: float,
        history: float,
        varies: bool,
    ) -> None:
        attributes: dict[str, Any] = {
            "minSize": MIN_SIZE,
            **({"desiredCapacity": SIZE} if desired else {}),
        }
        assumptions = Assumptions(activity_seconds=seconds, refused_calls_burn_their_token=burns)
        made = world_of(
            group(*instances(SIZE), **attributes),
            policy=POLICY,
            follow_ups=follow_ups,
            assumptions=assumptions,
        )
        self.world: World = self.stack.enter_context(made)
        self.world.heard = self.record
        self.world.cloud.inside.lag = Lag(lists, history, varies=varies)

    @rule(drawn=st.lists(REQUESTS, min_size=1, max_size=3), refuse=st.booleans())
    def request(self, drawn: list[tuple[int, int]], refuse: bool) -> None:
        """One message after the other: reads show none of them yet."""
        for requested, first in drawn:
            id = f"m-{len(self.requested)}"
            self.requested[id] = requested
            named = [f"i-{n:04}" for n in range(first, min(first + requested, SIZE + 1))]
            remove = {"instanceIds": named} if first else {"count": requested}
            partial = "deny" if refuse else "allow"
            request = {
                "scalingGroupId": "asg-1",
                "requestId": id,
                "remove": remove,
                "partial": partial,
            }
            self.sent = json.dumps(request).encode()
            self.world.send(self.sent)

    @precondition(lambda self: self.requested)
    @rule()
    def ask_again(self) -> None:
        self.world.send(self.sent)

    @rule(kind=st.sampled_from((*FAULTS, "state-change")), times=st.integers(1, 3))
    def misbehave(self, kind: str, times: int) -> None:
        self.world.cloud.inside.faults.add(
            kind, "RemoveInstances" if kind == "state-change" else "*", times
        )

    @rule(kind=st.sampled_from(ENDINGS))
    def end_badly(self, kind: str) -> None:
        self.world.cloud.inside.faults.add(kind, "RemoveInstances")

    @rule()
    def start_afresh(self) -> None:
        process_store.cache_clear()
        self.forgot = self.forgot or self.world.cloud.inside.lag.is_on

    @rule(seconds=st.sampled_from([1, 30, 120, WINDOW]))
    def pass_time(self, seconds: float) -> None:
        self.world.cloud.clock.advance(seconds)

    @rule(seconds=st.sampled_from([30, 300, 86_400]))
    def follow(self, seconds: float) -> None:
        if self.world.outcomes:
            self.world.follow(seconds)

    @rule(number=st.integers(1, SIZE), state=st.sampled_from(["Protected", "Standby", "InService"]))
    def change(self, number: int, state: str) -> None:
        instance = self.world.cloud.group.instances.get(f"i-{number:04}")
        if instance and instance.lifecycle_state in ("Protected", "Standby", "InService"):
            instance.lifecycle_state = state

    def record(self, outcome: dict[str, Any]) -> None:
        assert outcome["status"] != "rejected"
        assert outcome["message"]
        said = Said(self.world.cloud.clock.now(), outcome)
        self.said.setdefault(outcome["requestId"], []).append(said)
        if not (
            self.forgot and outcome["status"] in NOTHING_DONE
        ):  # its own earlier deed, in no memory and no list yet
            assert lies([said], self.own(outcome["requestId"])) == []

    @invariant()
    def capacity_holds(self) -> None:
        """Instances that nothing removes, whatever others do to them just before a removal."""
        if hasattr(self, "world"):
            states = list(self.world.cloud.states().values())
            assert len(states) >= MIN_SIZE
            if not self.forgot:
                assert sum(state not in ("Removing", "Removing:Wait") for state in states) >= FLOOR

    def own(self, id: str) -> list[Did]:
        """What the cloud did for a message."""
        service = self.world.cloud.inside.service
        replies = [
            service.tokens.get(token_of("asg-1", id, n), (None, "", None))[2] for n in range(40)
        ]
        return [
            Did.of(service.activities[reply["ScalingActivityId"]]) for reply in replies if reply
        ]

    @invariant()
    def no_outcome_is_a_lie_later(self) -> None:
        """Where memory was lost, a message that comes again after its end is processed again."""
        for id, said in () if self.forgot else self.said.items():
            assert lies(said, self.own(id)) == []

    @invariant()
    def no_message_removes_more_than_it_requests_or_an_instance_twice(self) -> None:
        if not hasattr(self, "world"):
            return
        tokens = {token_of("asg-1", id, n): id for id in self.requested for n in range(40)}
        taken: dict[str, dict[str, list[str]]] = {}
        activities = self.world.cloud.inside.service.activities
        for call in self.world.cloud.inside.calls:
            if call.activity_id and call.action == "RemoveInstances":
                ids = activities[call.activity_id].requested_ids
                taken.setdefault(tokens[call.params["ClientToken"]], {})[call.activity_id] = ids
        for id, ids_by_activity in taken.items():
            all_ids = [one for ids in ids_by_activity.values() for one in ids]
            assert len(all_ids) == len(set(all_ids)) <= self.requested[id]

    @invariant()
    def the_budget_holds(self) -> None:
        if not hasattr(self, "world") or self.forgot:
            return
        past = [a for a in self.world.cloud.inside.service.activities.values() if a.requested_ids]
        for last in past:
            since = last.started_at - timedelta(seconds=WINDOW)
            spent = sum(
                len(a.requested_ids if a.status_code == "InProgress" else a.destroyed)
                for a in past
                if since < a.started_at <= last.started_at
            )
            assert spent <= BUDGET

    def teardown(self) -> None:
        self.stack.close()


TestLivingGroup = LivingGroup.TestCase
TestLivingGroup.settings = settings(
    max_examples=max(10, max_examples() // 4), stateful_step_count=20, deadline=None
)
