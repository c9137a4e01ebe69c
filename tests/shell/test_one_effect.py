"""Whatever is late, lost or killed: one effect for each message, never below MinSize, and no outcome lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import settings

from scalein.model import Count, Outcome, RemovalRequest
from scalein.progress import client_token, message_key
from scalein.reasons import Status
from tests.fakes import NOON, DrivenClock
from tests.simulated import MAX_LAG, Activities, Function, SimulatedEss, finals

SEEDS = max(30, settings.default.max_examples)


@dataclass
class Story:
    """Messages for one group, and what became of them."""

    ess: SimulatedEss
    function: Function
    requested: dict[str, int]

    def removals(self, id: str) -> list[Activities]:
        request = RemovalRequest("asg-1", id, Count(1))
        tokens = {client_token(message_key(request), number) for number in range(200)}
        return [one for one in self.ess.accepted if one.token in tokens]

    def check(self, min_size_holds: bool = True) -> None:
        if min_size_holds:
            assert self.ess.lowest >= self.ess.min_size
        for id, requested in self.requested.items():
            removed = [one for activity in self.removals(id) for one in activity.instance_ids]
            assert len(removed) == len(set(removed)) <= requested, (id, requested, len(removed))
            for outcome in self.function.outcomes[id]:
                self.check_truth(id, outcome)

    def check_truth(self, id: str, outcome: Outcome) -> None:
        """What a final outcome says of the message against what the cloud did for it."""
        by_id = {one.id: one for one in self.ess.accepted}
        own = self.removals(id)
        removed = {one for activity in own for one in activity.instance_ids}
        said = (outcome.status.value, outcome.message)
        if outcome.status in (Status.REMOVED, Status.PARTLY_REMOVED, Status.FAILED):
            assert outcome.ending is not None
            assert set(outcome.ending.removed) <= removed, said
            assert not removed & {one for one, _ in outcome.ending.stayed}, said
            assert all(by_id[one].ends_at <= self.ess.clock.now() for one in outcome.scaling_activity_ids), said
        if outcome.status in (Status.NOTHING_TO_REMOVE, Status.REFUSED, Status.EXPIRED):
            assert not removed, said
        if outcome.status is Status.REMOVING:
            assert set(outcome.told) <= removed, said
            assert {by_id[one].id for one in outcome.scaling_activity_ids} <= {one.id for one in own}, said


def story(
    seed: int,
    ledger: str,
    follows_up: bool,
    desired: bool,
    lists: bool,
    history: bool,
    fault: Callable[[Random, int], str],
    messages: int = 1,
    flips: bool = False,
    kills: bool = False,
    activity_seconds: float = 20.0,
    **facts: Any,
) -> Story:
    chance, clock = Random(seed), DrivenClock(NOON)
    ess = SimulatedEss(clock, facts.get("size", 60), facts.get("min_size", 10), desired, activity_seconds)
    ess.lists_lag = lambda: chance.uniform(0, MAX_LAG) if lists else 0.0
    ess.history_lag = lambda: chance.uniform(0, MAX_LAG) if history else 0.0
    ess.fault = lambda: fault(chance, ess.calls)
    function = Function(ess, clock, ledger, follows_up, chance)
    if kills:
        function.kill = lambda step: chance.random() < (0.15 if step == "again" else 0.1)
    requested = {}
    for number in range(messages):
        id, count = f"m-{number}", chance.choice([1, 2, 5, 25, 40])
        requested[id] = count
        clock_now = clock.now()
        request = RemovalRequest("asg-1", id, Count(count), sent_at=clock_now)
        after = chance.uniform(0, 60)
        function.send(request, after)
        if chance.random() < 0.3:
            function.send(request, after + chance.uniform(0, 90))  # delivered twice
    if flips:
        for _ in range(400):
            function.run(10)
            ess.advance()
            ess.change(f"i-{chance.randrange(60):03}", chance.choice(["Standby", "InService", "InService"]))
    function.run()
    ess.clock.elapsed += 3_600
    ess.advance()
    return Story(ess, function, requested)


FAULTS: dict[str, Callable[[Random, int], str]] = {
    "nothing": lambda chance, call: "",
    "answer lost": lambda chance, call: "lost" if call == 1 else "",
    "killed before": lambda chance, call: "killed-before" if call == 1 else "",
    "killed after": lambda chance, call: "killed-after" if call == 1 else "",
}


@pytest.mark.parametrize("changed", [False, True], ids=["same selection", "changed selection"])
@pytest.mark.parametrize("desired", [False, True], ids=["no desired capacity", "desired capacity"])
@pytest.mark.parametrize(
    ("lists", "history"),
    [(False, False), (True, False), (False, True), (True, True)],
    ids=["present", "lists late", "history late", "both late"],
)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("follows_up", [False, True], ids=["trigger", "follow-ups"])
@pytest.mark.parametrize("ledger", ["none", "memory", "redis"])
def test_one_message_has_one_effect(
    ledger: str, follows_up: bool, fault: str, lists: bool, history: bool, desired: bool, changed: bool
) -> None:
    for seed in range(max(3, SEEDS // 15)):
        found = story(seed, ledger, follows_up, desired, lists, history, FAULTS[fault], flips=changed)
        found.check()


def at_random(chance: Random, call: int) -> str:
    return chance.choice(["", "", "", "", "lost", "unsent", "killed-before", "killed-after", "throttled"])


@pytest.mark.parametrize("desired", [False, True])
def test_many_messages_with_a_shared_ledger_have_one_effect_each(desired: bool) -> None:
    for seed in range(SEEDS):
        found = story(seed, "redis", True, desired, True, True, at_random, messages=6, flips=seed % 2 == 0, kills=True)
        found.check()
        for id, outcomes in found.function.outcomes.items():
            assert len(finals(outcomes, True)) >= 1, (seed, id, [one.status.value for one in outcomes])
